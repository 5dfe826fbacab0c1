//! E-num's receipt: a JWS that anyone with the provider's published keys can verify, offline, today or in ten years.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;

/// What was approved, as the person saw it. Amounts are whole minor units: 1050 with two digits is 10.50.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) payee_account: String,
    pub(crate) payee_name: String,
    pub(crate) amount_minor: u64,
    pub(crate) minor_digits: u8,
    pub(crate) currency: String,
    pub(crate) reference: String,
    pub(crate) description: String,
}

/// The claims that a shop needs. The receipt also holds `transaction_hash` and `evidence_hash`, for a dispute.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) sub: String,
    pub(crate) iat: u64,
    pub(crate) jti: String,
    pub(crate) transaction: Transaction,
    pub(crate) factor: String,
    pub(crate) acr: String,
}

/// Who must have issued a receipt, for whom, about what.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) sub: &'a str,
    pub(crate) transaction: &'a Transaction,
}

/// `acr` of an approval that covers payee and amount.
pub(crate) const PAYMENT: &str = "urn:enum:acr:payment";
const TYPE: &str = "enum-receipt+jwt";
const ALGORITHMS: [Algorithm; 3] = [Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA];

/// Checks signature, type, issuer, audience, person, transaction and strength.
pub(crate) fn verify(receipt: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<Receipt, String> {
    let header = decode_header(receipt).map_err(|e| format!("the receipt cannot be read: {e}"))?;
    if header.typ.as_deref() != Some(TYPE) {
        return Err(format!("the receipt is not of type {TYPE}"));
    }
    if !ALGORITHMS.contains(&header.alg) {
        return Err(format!("the receipt is signed by {:?}, which is not accepted", header.alg));
    }
    let key = header.kid.as_deref().and_then(|kid| keys.find(kid)).ok_or("the receipt's key is not published")?;
    let key = DecodingKey::from_jwk(key).map_err(|e| format!("the receipt's key cannot be used: {e}"))?;
    let mut rules = Validation::new(header.alg);
    // A receipt has no end: it says what happened.
    rules.validate_exp = false;
    rules.set_required_spec_claims(&["iss", "aud", "sub"]);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    rules.sub = Some(expected.sub.to_owned());
    let receipt =
        decode::<Receipt>(receipt, &key, &rules).map_err(|e| format!("the receipt does not hold: {e}"))?.claims;
    if receipt.transaction != *expected.transaction {
        return Err("the receipt is about another payment".into());
    }
    if receipt.acr != PAYMENT {
        return Err(format!("the receipt is of strength {}, not {PAYMENT}", receipt.acr));
    }
    Ok(receipt)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use jsonwebtoken::{EncodingKey, Header, encode, jwk::Jwk};
    use serde_json::{Value, json};

    use super::*;
    use crate::key::ClientKey;

    fn key() -> (EncodingKey, Jwk) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("provider.pem");
        ClientKey::make(&file).unwrap();
        let private = EncodingKey::from_ec_pem(&std::fs::read(&file).unwrap()).unwrap();
        (private, ClientKey::read(&file).unwrap().public)
    }

    fn paid() -> Transaction {
        Transaction {
            payee_account: "Z123456789012".into(),
            payee_name: "Demo Shop".into(),
            amount_minor: 1050,
            minor_digits: 2,
            currency: "WMZ".into(),
            reference: "order-1".into(),
            description: "A mug".into(),
        }
    }

    fn claims() -> Value {
        json!({
            "iss": "http://id", "aud": "shop", "sub": "me", "iat": 1, "jti": "c-1", "factor": "cipherpad", "acr": PAYMENT,
            "transaction_hash": "-", "evidence_hash": "-",
            "transaction": {
                "payee_account": "Z123456789012", "payee_name": "Demo Shop", "amount_minor": 1050, "minor_digits": 2,
                "currency": "WMZ", "reference": "order-1", "description": "A mug",
            },
        })
    }

    fn verdict(typ: &str, claims: &Value) -> Result<Receipt, String> {
        let (private, public) = key();
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(typ.into());
        header.kid.clone_from(&public.common.key_id);
        let token = encode(&header, claims, &private).unwrap();
        let transaction = paid();
        let expected = Expected { issuer: "http://id", client_id: "shop", sub: "me", transaction: &transaction };
        verify(&token, &JwkSet { keys: vec![public] }, &expected)
    }

    #[test]
    fn the_receipt_of_this_payment_holds() {
        let receipt = verdict(TYPE, &claims()).unwrap();
        assert_eq!((receipt.jti.as_str(), receipt.factor.as_str()), ("c-1", "cipherpad"));
    }

    #[test]
    fn a_receipt_about_anything_else_is_refused() {
        for (pointer, other) in [
            ("/iss", json!("http://elsewhere")),
            ("/aud", json!("another-shop")),
            ("/sub", json!("you")),
            ("/acr", json!("urn:enum:acr:2")),
            ("/transaction/amount_minor", json!(1049)),
            ("/transaction/minor_digits", json!(3)),
            ("/transaction/currency", json!("WMR")),
            ("/transaction/payee_account", json!("Z123456789013")),
            ("/transaction/payee_name", json!("Demo Shop.")),
            ("/transaction/reference", json!("order-2")),
            ("/transaction/description", json!("Two mugs")),
        ] {
            let mut claims = claims();
            *claims.pointer_mut(pointer).unwrap() = other;
            assert!(verdict(TYPE, &claims).is_err(), "{pointer} was changed and the receipt accepted");
        }
    }

    #[test]
    fn another_kind_of_token_is_no_receipt() {
        assert!(verdict("JWT", &claims()).unwrap_err().contains("type"));
    }

    #[test]
    fn a_key_that_is_not_published_does_not_count() {
        let (private, public) = key();
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.into());
        header.kid.clone_from(&public.common.key_id);
        let token = encode(&header, &claims(), &private).unwrap();
        let transaction = paid();
        let expected = Expected { issuer: "http://id", client_id: "shop", sub: "me", transaction: &transaction };
        assert!(verify(&token, &JwkSet { keys: vec![key().1] }, &expected).is_err());
        // The same key id over another key: the signature decides.
        let mut impostor = key().1;
        impostor.common.key_id = public.common.key_id;
        assert!(verify(&token, &JwkSet { keys: vec![impostor] }, &expected).is_err());
    }
}
