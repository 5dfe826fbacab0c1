//! What the provider's log of receipts says, and whether it may be believed.
//!
//! A leaf of the log is the receipt as it was handed out: the bytes of the compact JWS. A head, the state of the log at
//! one time, is a JWS of its own, with `typ` `enum-receipt-head+jwt`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

use crate::{
    Claims, Expected, ReceiptError,
    signature::{signed, verify},
    tree::{self, Hash},
};

/// `typ` of a head.
pub const HEAD_TYPE: &str = "enum-receipt-head+jwt";

/// How long after its `iat` a receipt is in the log at the latest, in seconds. Usually it is a second.
pub const LOGGED_WITHIN_S: i64 = 3600;

/// The state of the log at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Issuer: whose log it is.
    pub iss: String,
    /// When this was said. Unix seconds.
    pub iat: i64,
    /// Receipts in the log.
    pub size: u64,
    /// Root of the tree of their hashes; base64url in JSON.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub root: Hash,
}

/// That a receipt is in the log, as `/receipts/log/proof` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Its number, from 0.
    pub index: u64,
    /// Siblings from the leaf up (RFC 6962 §2.1.1), in the state that was asked for; base64url in JSON.
    #[serde(serialize_with = "as_texts", deserialize_with = "from_texts")]
    pub path: Vec<Hash>,
    /// How the log stands now, signed: what the path leads to, where no earlier state was asked for.
    pub head: String,
}

/// That the log continues an older state, as `/receipts/log/consistency` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Receipts in the older state.
    pub from: u64,
    /// RFC 6962 §2.1.2; base64url in JSON.
    #[serde(serialize_with = "as_texts", deserialize_with = "from_texts")]
    pub path: Vec<Hash>,
    /// The newer head, signed.
    pub head: String,
}

/// A receipt that is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// What it says.
    pub claims: Claims,
    /// Its number in the log, from 0.
    pub index: u64,
    /// The state of the log that it was found in.
    pub head: Head,
}

/// As [`verify`], and that the receipt is in the log of the same provider.
///
/// # Errors
/// Why it proves nothing.
pub fn verify_logged(
    jwks: &Value,
    receipt: &str,
    proof: &Proof,
    expected: &Expected<'_>,
) -> Result<Logged, ReceiptError> {
    let claims = verify(jwks, receipt, expected)?;
    let head = verify_head(jwks, &proof.head, Some(&claims.iss))?;
    if leads_to(receipt, proof, &head) {
        Ok(Logged { claims, index: proof.index, head })
    } else {
        Err(ReceiptError::NotInLog)
    }
}

/// As [`verify`], and that the receipt is as old as it says: it is in the log as that stood when somebody kept the head
/// `kept`. The proof has to be about that state (`/receipts/log/proof?jti=…&size=SIZE`, SIZE being that of `kept`); what the
/// provider says of the log today is not believed for it.
///
/// # Errors
/// [`ReceiptError::BackDated`] when the receipt had to be in that state by its date, and is not shown to be;
/// [`ReceiptError::TooNew`] when it need not be in there, so that nothing is shown. The others say why nothing is proven.
pub fn verify_dated(
    jwks: &Value,
    receipt: &str,
    proof: &Proof,
    kept: &str,
    expected: &Expected<'_>,
) -> Result<Logged, ReceiptError> {
    let claims = verify(jwks, receipt, expected)?;
    let kept = verify_head(jwks, kept, Some(&claims.iss))?;
    if leads_to(receipt, proof, &kept) {
        return Ok(Logged { claims, index: proof.index, head: kept });
    }
    let had_to_be_there = claims.iat.saturating_add(LOGGED_WITHIN_S) < kept.iat;
    Err(if had_to_be_there { ReceiptError::BackDated } else { ReceiptError::TooNew })
}

fn leads_to(receipt: &str, proof: &Proof, head: &Head) -> bool {
    tree::is_included(&tree::leaf(receipt.as_bytes()), proof.index, head.size, &proof.path, &head.root)
}

/// Reads a head that the provider has signed.
///
/// # Errors
/// Why it proves nothing; [`ReceiptError::NotInLog`] when it is of another provider's log.
pub fn verify_head(jwks: &Value, head: &str, issuer: Option<&str>) -> Result<Head, ReceiptError> {
    let head: Head = signed(jwks, HEAD_TYPE, head)?;
    if issuer.is_some_and(|issuer| issuer != head.iss) { Err(ReceiptError::NotInLog) } else { Ok(head) }
}

/// Whether the log continues the state of a head that somebody has kept; returns the older and the newer one.
///
/// # Errors
/// [`ReceiptError::NotGrown`] when it is not shown: a provider that cannot show it for the size of the head that was kept has
/// altered its log. [`ReceiptError::OtherState`] when the answer is about something else. The others say why nothing is
/// proven.
pub fn verify_grown(jwks: &Value, kept: &str, growth: &Growth) -> Result<(Head, Head), ReceiptError> {
    let kept = verify_head(jwks, kept, None)?;
    let head = verify_head(jwks, &growth.head, Some(&kept.iss))?;
    if growth.from != kept.size {
        return Err(ReceiptError::OtherState { asked: growth.from, kept: kept.size });
    }
    if tree::is_continued(kept.size, &kept.root, head.size, &head.root, &growth.path) {
        Ok((kept, head))
    } else {
        Err(ReceiptError::NotGrown)
    }
}

fn as_text<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(hash))
}

fn as_texts<S: Serializer>(path: &[Hash], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(path.iter().map(|hash| BASE64_URL_SAFE_NO_PAD.encode(hash)))
}

fn from_text<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
    read(&String::deserialize(from)?).ok_or_else(|| D::Error::custom("not 32 bytes in base64url"))
}

fn from_texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Hash>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| read(text).ok_or_else(|| D::Error::custom("not 32 bytes in base64url"))).collect()
}

fn read(text: &str) -> Option<Hash> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_base64url_of_32_bytes_and_nothing_else() {
        let text = serde_json::json!({ "iss": "i", "iat": 1, "size": 0, "root": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" });
        assert_eq!(serde_json::from_value::<Head>(text.clone()).map(|head| head.root).ok(), Some(tree::empty()));
        for root in [
            "",
            "47DEQpj8HBSa",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFV",
        ] {
            let mut other = text.clone();
            other["root"] = root.into();
            assert!(serde_json::from_value::<Head>(other).is_err(), "{root}");
        }
    }
}
