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
    /// Siblings from the leaf up (RFC 6962 §2.1.1); base64url in JSON.
    #[serde(serialize_with = "as_texts", deserialize_with = "from_texts")]
    pub path: Vec<Hash>,
    /// The head that it leads to, signed.
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

impl Logged {
    /// Whether the receipt was put into the log later than its date allows: it claims to be older than a head that
    /// somebody has kept, by more than [`LOGGED_WITHIN_S`], and is not among the receipts of that head.
    pub fn is_back_dated(&self, kept: &Head) -> bool {
        self.claims.iat.saturating_add(LOGGED_WITHIN_S) < kept.iat && self.index >= kept.size
    }
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
    if !tree::is_included(&tree::leaf(receipt.as_bytes()), proof.index, head.size, &proof.path, &head.root) {
        return Err(ReceiptError::NotInLog);
    }
    Ok(Logged { claims, index: proof.index, head })
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
/// [`ReceiptError::NotGrown`]: the two heads together prove that the provider has altered its log. The others say why
/// nothing is proven.
pub fn verify_grown(jwks: &Value, kept: &str, growth: &Growth) -> Result<(Head, Head), ReceiptError> {
    let kept = verify_head(jwks, kept, None)?;
    let head = verify_head(jwks, &growth.head, Some(&kept.iss))?;
    // The path is for another pair of states: it says nothing about these.
    let is_about = growth.from == kept.size;
    if is_about && tree::is_continued(kept.size, &kept.root, head.size, &head.root, &growth.path) {
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
    use crate::Transaction;

    fn logged(iat: i64, index: u64) -> Logged {
        let transaction = Transaction {
            payee_account: String::new(),
            payee_name: String::new(),
            amount_minor: 1,
            minor_digits: 2,
            currency: String::new(),
            reference: String::new(),
            description: String::new(),
        };
        let claims = Claims {
            iss: String::new(),
            aud: String::new(),
            sub: String::new(),
            iat,
            jti: String::new(),
            purpose: String::new(),
            transaction_hash: transaction.hash(),
            transaction,
            factor: String::new(),
            acr: String::new(),
            amr: Vec::new(),
            device: None,
            evidence_hash: String::new(),
        };
        Logged { claims, index, head: head(0, 100) }
    }

    fn head(iat: i64, size: u64) -> Head {
        Head { iss: String::new(), iat, size, root: tree::empty() }
    }

    #[test]
    fn a_receipt_of_an_earlier_date_than_its_place_allows_is_found_out() {
        let kept = head(1_000_000, 10);
        for (iat, index, back_dated) in [
            (1_000_000 - LOGGED_WITHIN_S - 1, 10, true),
            (1_000_000 - LOGGED_WITHIN_S - 1, 9, false),
            (1_000_000 - LOGGED_WITHIN_S, 10, false),
            (1_000_001, 10, false),
            (i64::MIN, 10, true),
            (i64::MAX, 10, false),
        ] {
            assert_eq!(logged(iat, index).is_back_dated(&kept), back_dated, "{iat} {index}");
        }
    }

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
