//! Receipts: a signed statement that a person approved one transaction, which anyone can verify offline with our
//! published keys.
//!
//! A receipt is a compact JWS with `typ` `enum-receipt+jwt`. `transaction_hash` is the SHA-256, in hexadecimal digits, of
//! the canonical JSON of `transaction`: members sorted by name, no white space, strings escaped only where JSON demands it,
//! integers in decimal digits (RFC 8785, save that integers beyond 2^53 keep all their digits). `evidence_hash` is the same
//! over what the factor declared as its evidence.

use std::collections::BTreeMap;

use plugin_api::message::Transaction;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{client::Client, subject};
use crate::{
    app::App,
    error::Internal,
    keys::jws::{Alg, JwsError, PublicKey, Unverified},
};

/// `typ` of a receipt.
pub const TYPE: &str = "enum-receipt+jwt";

/// The only purpose that leaves receipts.
const PURPOSE: &str = "payment";

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer: whose keys to verify it with.
    pub iss: String,
    /// `client_id` of the relying party that asked.
    pub aud: String,
    /// The account, under the same subject as in the ID token (pairwise if the client is registered so).
    pub sub: String,
    /// When it was approved. Unix seconds.
    pub iat: i64,
    /// Identifier of the confirmation.
    pub jti: String,
    /// What the challenge was for: `payment`.
    pub purpose: String,
    /// What was shown, signed and approved.
    pub transaction: Transaction,
    /// See the module's description.
    pub transaction_hash: String,
    /// Id of the factor plugin that was answered.
    pub factor: String,
    /// Authentication context that was reached.
    pub acr: String,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// What the factor said of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// See the module's description.
    pub evidence_hash: String,
}

/// What [`sign`] needs.
#[derive(Clone, Debug)]
pub struct Receipt<'a> {
    /// Identifier of the confirmation.
    pub confirmation_id: String,
    /// Who approved.
    pub account_id: String,
    /// What.
    pub transaction: &'a Transaction,
    /// With which factor.
    pub factor: String,
    /// What it reached.
    pub acr: String,
    /// How.
    pub amr: &'a [String],
    /// With which device.
    pub device: Option<String>,
    /// What the factor's verdict rests on.
    pub evidence: &'a Value,
}

/// Signs a receipt for `client`.
///
/// # Errors
/// When signing fails.
pub fn sign(app: &App, client: &Client, receipt: Receipt<'_>) -> Result<String, Internal> {
    let claims = Claims {
        iss: app.config.issuer.clone(),
        aud: client.client_id.clone(),
        sub: subject::subject(&app.seal, client, &receipt.account_id),
        iat: app.clock.seconds(),
        jti: receipt.confirmation_id,
        purpose: PURPOSE.to_owned(),
        transaction: receipt.transaction.clone(),
        transaction_hash: transaction_hash(receipt.transaction),
        factor: receipt.factor,
        acr: receipt.acr,
        amr: receipt.amr.to_vec(),
        device: receipt.device,
        evidence_hash: hash(&canonical(receipt.evidence)),
    };
    app.keys.sign(Alg::Es256, TYPE, &claims)
}

/// The hash by which a receipt, the log and the merchant name a transaction.
pub fn transaction_hash(transaction: &Transaction) -> String {
    let Transaction { payee_account, payee_name, amount_minor, minor_digits, currency, reference, description } =
        transaction;
    // Every member, even where it is its default: adding one later changes the hash of nothing that exists.
    hash(&canonical(&serde_json::json!({
        "payee_account": payee_account,
        "payee_name": payee_name,
        "amount_minor": amount_minor,
        "minor_digits": minor_digits,
        "currency": currency,
        "reference": reference,
        "description": description,
    })))
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Canonical JSON, as the module describes it.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Vec<String> = sorted
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// Why a receipt proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReceiptError {
    /// Not signed by one of these keys, or not a receipt.
    #[error("this is not a receipt signed by one of these keys: {0}")]
    Signature(#[from] JwsError),
    /// The keys cannot be used.
    #[error("the key set cannot be used: {0}")]
    Keys(String),
    /// From somebody else.
    #[error("the receipt is from {0}")]
    Issuer(String),
    /// The transaction is not the one that was hashed.
    #[error("the transaction does not have the hash that the receipt names")]
    Hash,
}

/// Verifies a receipt with a JWK set: signature, type, hash, and issuer where one is expected.
///
/// # Errors
/// Why it proves nothing.
pub fn verify(jwks: &Value, text: &str, issuer: Option<&str>) -> Result<Claims, ReceiptError> {
    let token = Unverified::parse(text.trim())?;
    if token.header.typ.as_deref() != Some(TYPE) {
        return Err(JwsError::Header("typ is not that of a receipt").into());
    }
    let keys = jwks.get("keys").and_then(Value::as_array).ok_or_else(|| ReceiptError::Keys("no `keys`".to_owned()))?;
    let jwk = keys
        .iter()
        .find(|jwk| jwk.get("kid").and_then(Value::as_str).is_some_and(|kid| Some(kid) == token.header.kid.as_deref()))
        .ok_or(JwsError::UnknownKey)?;
    let claims: Claims = token.verify(&PublicKey::from_jwk(jwk, None).map_err(ReceiptError::Keys)?)?;
    if issuer.is_some_and(|issuer| issuer != claims.iss) {
        return Err(ReceiptError::Issuer(claims.iss));
    }
    if transaction_hash(&claims.transaction) != claims.transaction_hash {
        return Err(ReceiptError::Hash);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::{
        clock::Clock,
        entropy::Entropy,
        keys::Keys,
        seal::Seal,
        store::{Db, embedded_url},
    };

    fn claims() -> Claims {
        Claims {
            iss: "https://id.example".into(),
            aud: "shop".into(),
            sub: "p".into(),
            iat: 1,
            jti: "c".into(),
            purpose: PURPOSE.into(),
            transaction: transaction(),
            transaction_hash: transaction_hash(&transaction()),
            factor: "cipherpad".into(),
            acr: "urn:enum:acr:payment".into(),
            amr: vec!["otp".into()],
            device: None,
            evidence_hash: hash("null"),
        }
    }

    #[tokio::test]
    async fn a_receipt_is_verified_with_the_published_keys_alone() {
        let dir = tempfile::tempdir().unwrap();
        let seal = Seal::new(&[5; 32], Entropy::system()).unwrap();
        let db = Db::open(&embedded_url(dir.path())).await.unwrap();
        let keys = Keys::load(db, &seal, Clock::system()).await.unwrap();
        let signed = |typ: &str, claims: &Claims| keys.sign(Alg::Es256, typ, claims).unwrap();
        let receipt = signed(TYPE, &claims());
        keys.rotate(Alg::Es256, &seal).await.unwrap();
        let jwks: Value = serde_json::from_slice(&keys.jwks().body).unwrap();

        assert_eq!(verify(&jwks, &receipt, Some("https://id.example")).unwrap(), claims(), "after a rotation too");
        assert!(matches!(verify(&jwks, &receipt, Some("https://evil.example")), Err(ReceiptError::Issuer(_))));
        assert!(
            matches!(verify(&jwks, &signed("JWT", &claims()), None), Err(ReceiptError::Signature(_))),
            "an ID token"
        );
        let other = Claims { transaction: Transaction { amount_minor: 1, ..transaction() }, ..claims() };
        assert_eq!(verify(&jwks, &signed(TYPE, &other), None), Err(ReceiptError::Hash));
        assert!(verify(&json!({ "keys": [] }), &receipt, None).is_err());
        assert!(verify(&json!({}), &receipt, None).is_err());
        let (content, tag) = receipt.rsplit_once('.').unwrap();
        let (header, payload) = content.split_once('.').unwrap();
        for forged in [
            format!("{header}.{}.{tag}", payload.replace(&payload[10..11], "A")),
            format!("{header}.{payload}."),
            content.to_owned(),
        ] {
            assert!(verify(&jwks, &forged, None).is_err(), "{forged}");
        }
    }

    fn transaction() -> Transaction {
        Transaction {
            payee_account: "Z123456789012".into(),
            payee_name: "Tea \"& more\" Чай".into(),
            amount_minor: u64::MAX,
            minor_digits: 2,
            currency: "WMZ".into(),
            reference: String::new(),
            description: "two\nlines".into(),
        }
    }

    #[test]
    fn canonical_json_is_sorted_tight_and_exact() {
        let value = json!({ "b": [1, 2.5, null, true], "a": { "z": "\u{1f}\"\\/\n", "Z": u64::MAX } });
        assert_eq!(canonical(&value), r#"{"a":{"Z":18446744073709551615,"z":"\u001f\"\\/\n"},"b":[1,2.5,null,true]}"#);
    }

    #[test]
    fn the_hash_of_a_transaction_is_frozen() {
        let text = "{\"amount_minor\":18446744073709551615,\"currency\":\"WMZ\",\"description\":\"two\\nlines\",\
                    \"minor_digits\":2,\"payee_account\":\"Z123456789012\",\
                    \"payee_name\":\"Tea \\\"& more\\\" Чай\",\"reference\":\"\"}";
        assert_eq!(transaction_hash(&transaction()), hash(text));
    }

    #[test]
    fn every_member_changes_the_hash() {
        let original = transaction_hash(&transaction());
        let alterations: [fn(&mut Transaction); 7] = [
            |t| t.payee_account = "Z123456789013".into(),
            |t| t.payee_name.push('!'),
            |t| t.amount_minor -= 1,
            |t| t.minor_digits = 3,
            |t| t.currency = "WME".into(),
            |t| t.reference.push('1'),
            |t| t.description.push('.'),
        ];
        for alter in alterations {
            let mut changed = transaction();
            alter(&mut changed);
            assert_ne!(transaction_hash(&changed), original, "{changed:?}");
        }
    }
}
