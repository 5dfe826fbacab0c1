//! Signatures of the provider, and what is checked of every receipt.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::Jwk};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Claims, ReceiptError, TYPE};

/// Who must have issued a receipt, and for whom; what is `None` is left to the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: Option<&'a str>,
    /// The relying party.
    pub client_id: Option<&'a str>,
}

/// Verifies a receipt with a JWK Set (RFC 7517 §5): type, signature, parties, and that the transaction has the hash that
/// it names. Keys that were retired since are still in the provider's set.
///
/// # Errors
/// Why it proves nothing.
pub fn verify(jwks: &Value, receipt: &str, expected: &Expected<'_>) -> Result<Claims, ReceiptError> {
    let claims: Claims = signed(jwks, TYPE, receipt)?;
    let differs = |expected: Option<&str>, named: &str| expected.is_some_and(|expected| expected != named);
    if differs(expected.issuer, &claims.iss) || differs(expected.client_id, &claims.aud) {
        return Err(ReceiptError::Parties { issuer: claims.iss, client_id: claims.aud });
    }
    if claims.transaction.hash() != claims.transaction_hash {
        return Err(ReceiptError::Hash);
    }
    Ok(claims)
}

/// The claims of a compact JWS of type `typ` that one of the keys has signed. Only ES256, which the provider signs with:
/// the header cannot choose.
pub(crate) fn signed<T: DeserializeOwned>(jwks: &Value, typ: &'static str, text: &str) -> Result<T, ReceiptError> {
    let malformed = |reason: String| ReceiptError::Malformed { expected: typ, reason };
    let header = decode_header(text).map_err(|error| malformed(error.to_string()))?;
    if header.typ.as_deref() != Some(typ) {
        return Err(malformed("its `typ` is another".to_owned()));
    }
    if header.crit.is_some() {
        return Err(malformed("it has a `crit` header".to_owned()));
    }
    if header.alg != Algorithm::ES256 {
        return Err(malformed(format!("it is signed by {:?}", header.alg)));
    }
    let keys = jwks.get("keys").and_then(Value::as_array).ok_or_else(|| ReceiptError::Keys("no `keys`".to_owned()))?;
    // Only the key that is named is read: a set may hold keys of types that are not known here.
    let named = |jwk: &&Value| header.kid.is_some() && jwk.get("kid").and_then(Value::as_str) == header.kid.as_deref();
    let jwk = keys.iter().find(named).ok_or(ReceiptError::Signature)?;
    let unusable = |reason: String| ReceiptError::Keys(reason);
    let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(|error| unusable(error.to_string()))?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| unusable(error.to_string()))?;
    let mut rules = Validation::new(Algorithm::ES256);
    // It has no end: it says what happened. Whom it is from and for is compared by the caller.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let claims: Value = decode(text, &key, &rules).map_err(|_| ReceiptError::Signature)?.claims;
    serde_json::from_value(claims).map_err(|error| malformed(error.to_string()))
}
