//! Compact JWS (RFC 7515) and public JWKs (RFC 7517): the few lines that every token here goes through.
//!
//! The algorithm comes from the key, never from the token's header: the header's `alg` must repeat it, and `none`, HMAC
//! keys, keys by reference (`jku`, `x5c`) and critical extensions have no meaning here, nor has an embedded key (`jwk`) but in
//! a proof of possession. Keys are parsed once.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// Signature algorithms that E-num knows (RFC 7518 §3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alg {
    /// ECDSA, P-256, SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5, SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS, SHA-256. Accepted from clients, not used by us.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519. Accepted from clients, not used by us.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Alg {
    /// The name in headers and metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa].into_iter().find(|alg| alg.name() == name)
    }
}

/// Why a token is not accepted: for the log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JwsError {
    /// Not three base64url parts with JSON where JSON belongs.
    #[error("not a compact JWS")]
    Malformed,
    /// `alg` is not the key's, `typ` is not the expected one, or there is a `crit`.
    #[error("unacceptable header: {0}")]
    Header(&'static str),
    /// No key of this `kid`.
    #[error("no such key")]
    UnknownKey,
    /// The signature does not belong to this key and text.
    #[error("wrong signature")]
    Signature,
    /// A claim is missing or of the wrong JSON type.
    #[error("unacceptable claims: {0}")]
    Claims(String),
}

/// The header's members that matter here.
#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    /// Must repeat the key's algorithm.
    pub alg: String,
    /// Which key.
    #[serde(default)]
    pub kid: Option<String>,
    /// What kind of token.
    #[serde(default)]
    pub typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

/// A token taken apart and not yet believed.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// The header as it claims to be.
    pub header: Header,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a compact JWS apart.
    ///
    /// # Errors
    /// When it is malformed, too long, or has a `crit` (RFC 7515 §4.1.11).
    pub fn parse(text: &'a str) -> Result<Self, JwsError> {
        if text.len() > LONGEST {
            return Err(JwsError::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        if payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        let header: Header = decode_json(header)?;
        if header.crit.is_some() {
            return Err(JwsError::Header("crit"));
        }
        Ok(Self { header, signed, payload, signature })
    }

    /// The key that the header brings along (RFC 7515 §4.1.3). It says nothing of who has signed: only a proof that somebody
    /// has this very key has any use for it.
    ///
    /// # Errors
    /// When there is none.
    pub fn embedded_key(&self) -> Result<Value, JwsError> {
        #[derive(Deserialize)]
        struct Embedded {
            jwk: Value,
        }
        let header = self.signed.split_once('.').map_or(self.signed, |(header, _)| header);
        decode_json(header).map(|Embedded { jwk }| jwk).map_err(|_| JwsError::Header("jwk"))
    }

    /// Checks the signature with `key` and reads the claims.
    ///
    /// # Errors
    /// When the header names another algorithm than the key's, the signature is wrong, or the claims are of other types.
    pub fn verify<T: DeserializeOwned>(&self, key: &PublicKey) -> Result<T, JwsError> {
        if self.header.alg != key.alg.name() {
            return Err(JwsError::Header("alg is not the key's"));
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| JwsError::Malformed)?;
        key.parsed.verify_sig(self.signed.as_bytes(), &signature).map_err(|_| JwsError::Signature)?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(self.payload).map_err(|_| JwsError::Malformed)?;
        serde_json::from_slice(&claims).map_err(|error| JwsError::Claims(error.to_string()))
    }
}

fn decode_json<T: DeserializeOwned>(part: &str) -> Result<T, JwsError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwsError::Malformed)
}

/// Assembles a compact JWS; `sign` gets the bytes to be signed.
///
/// # Errors
/// When the claims cannot be written as JSON, or `sign` fails.
pub(super) fn assemble<E: From<serde_json::Error>>(
    alg: Alg,
    kid: &str,
    typ: &str,
    claims: &impl Serialize,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Alg,
        kid: &'a str,
        typ: &'a str,
    }
    let mut text = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Header { alg, kid, typ })?);
    text.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut text);
    let signature = sign(text.as_bytes())?;
    text.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(text)
}

/// A public key, parsed, with the one algorithm it is for.
#[derive(Debug)]
pub struct PublicKey {
    /// The only algorithm that it verifies.
    pub alg: Alg,
    /// Its `kid`, if it has one.
    pub kid: Option<String>,
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// Reads a public JWK. `default_alg` is used where the key does not name its own and its type allows several.
    ///
    /// # Errors
    /// One sentence on what is wrong with it.
    pub fn from_jwk(jwk: &Value, default_alg: Option<Alg>) -> Result<Self, String> {
        let jwk = jwk.as_object().ok_or("a key must be a JSON object")?;
        if ["d", "k", "p", "q", "dp", "dq", "qi"].iter().any(|private| jwk.contains_key(*private)) {
            return Err("the key is private or symmetric: give only its public part".to_owned());
        }
        if jwk.get("use").is_some_and(|used| used != "sig") {
            return Err("`use` must be `sig`".to_owned());
        }
        let alg = alg_of(jwk, default_alg)?;
        let parsed = match alg {
            Alg::Es256 => parse_ec(jwk)?,
            Alg::EdDsa => ParsedPublicKey::new(&ED25519, bytes(jwk, "x")?).map_err(|_| "not an Ed25519 point")?,
            Alg::Rs256 => rsa(jwk)?.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).map_err(|_| NOT_RSA)?,
            Alg::Ps256 => rsa(jwk)?.to_parsed_public_key(&RSA_PSS_2048_8192_SHA256).map_err(|_| NOT_RSA)?,
        };
        Ok(Self { alg, kid: jwk.get("kid").and_then(Value::as_str).map(str::to_owned), parsed })
    }
}

const NOT_RSA: &str = "not an RSA key of 2048 to 8192 bits";

fn alg_of(jwk: &Map<String, Value>, default: Option<Alg>) -> Result<Alg, String> {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let possible: &[Alg] = match (member("kty"), member("crv")) {
        ("EC", "P-256") => &[Alg::Es256],
        ("OKP", "Ed25519") => &[Alg::EdDsa],
        ("RSA", _) => &[Alg::Rs256, Alg::Ps256],
        (kty, crv) => return Err(format!("keys of type {kty:?} {crv:?} are not supported")),
    };
    let wanted = match jwk.get("alg") {
        Some(named) => {
            Some(named.as_str().and_then(Alg::parse).ok_or_else(|| format!("`alg` {named} is not supported"))?)
        }
        None => default.filter(|alg| possible.contains(alg)),
    };
    let alg = wanted.unwrap_or(possible[0]);
    if possible.contains(&alg) { Ok(alg) } else { Err(format!("{} does not fit the type of the key", alg.name())) }
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, String> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` is missing"))?;
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("`{name}` is not base64url"))
}

fn parse_ec(jwk: &Map<String, Value>) -> Result<ParsedPublicKey, String> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != 32 || y.len() != 32 {
        return Err("`x` and `y` must be 32 bytes each".to_owned());
    }
    let point = [&[4_u8][..], &x, &y].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| "not a point of P-256".to_owned())
}

fn rsa(jwk: &Map<String, Value>) -> Result<RsaPublicKeyComponents<Vec<u8>>, String> {
    let (n, e) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    // The library looks at the size only when it verifies; the owner of a key should hear of it when it is loaded.
    if (256..=1024).contains(&n.len()) && n[0] != 0 {
        Ok(RsaPublicKeyComponents { n, e })
    } else {
        Err(NOT_RSA.to_owned())
    }
}

/// The JWK thumbprint of an EC, RSA or OKP key (RFC 7638, RFC 8037 §2), base64url: our `kid`s.
pub fn thumbprint(jwk: &Value) -> String {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    // Values are base64url or registered names: nothing in them needs escaping. The order is RFC 7638's.
    let names: &[&str] = match member("kty") {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => &["e", "kty", "n"],
    };
    let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":\"{}\"", member(name))).collect();
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{{{}}}", members.join(","))))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let jwk = json!({
            "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZ\
                  CiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZ\
                  gnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBni\
                  Iqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        });
        assert_eq!(thumbprint(&jwk), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_thumbprint_of_ed25519_is_that_of_rfc_8037() {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        assert_eq!(thumbprint(&jwk), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_signature_of_rfc_7515_a3_is_accepted_and_no_other() {
        let key = PublicKey::from_jwk(
            &json!({
                "kty": "EC", "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
            }),
            None,
        )
        .unwrap();
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let claims: Value = Unverified::parse(token).unwrap().verify(&key).unwrap();
        assert_eq!(claims["iss"], "joe");
        let zero = format!("{}.{}", token.rsplit_once('.').unwrap().0, BASE64_URL_SAFE_NO_PAD.encode([0; 64]));
        let verdict = Unverified::parse(&zero).unwrap().verify::<Value>(&key);
        assert_eq!(verdict.unwrap_err(), JwsError::Signature, "r = s = 0 (CVE-2022-21449)");
    }

    #[test]
    fn keys_that_are_not_what_they_say_are_refused() {
        let told = |jwk: Value| PublicKey::from_jwk(&jwk, None).unwrap_err();
        assert!(told(json!({"kty": "oct", "k": "c2VjcmV0"})).contains("private or symmetric"));
        assert!(told(json!({"kty": "EC", "crv": "P-384", "x": "", "y": ""})).contains("not supported"));
        assert!(told(json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"})).contains("32 bytes"));
        assert!(told(json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"})).contains("2048"));
        assert!(told(json!({"kty": "RSA", "alg": "HS256", "n": "AQAB", "e": "AQAB"})).contains("not supported"));
        assert!(told(json!({"kty": "RSA", "alg": "ES256", "n": "AQAB", "e": "AQAB"})).contains("does not fit"));
    }
}
