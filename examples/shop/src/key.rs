//! The shop's own signing key, with which it proves to the provider that it is the shop (RFC 7523, `private_key_jwt`).

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode, get_current_timestamp,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use openidconnect::CsrfToken;
use serde_json::json;

/// How long an assertion can be used, in seconds.
const ASSERTION_LIFE: u64 = 60;

/// A private key for ES256, and the public half that the provider knows.
pub(crate) struct ClientKey {
    private: EncodingKey,
    /// What the client registration holds in `jwks.keys`; its `kid` is the RFC 7638 thumbprint.
    pub(crate) public: Jwk,
}

impl ClientKey {
    /// Reads a private key: PEM, PKCS#8, P-256.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let told = |e: &dyn std::fmt::Display| format!("cannot use the key {}: {e}", file.display());
        let pem = std::fs::read(file).map_err(|e| told(&e))?;
        let private = EncodingKey::from_ec_pem(&pem).map_err(|e| told(&e))?;
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256).map_err(|e| told(&e))?;
        public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256).map_err(|e| told(&e))?);
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { private, public })
    }

    /// Writes a new private key that only its owner can read. An existing file is never replaced.
    pub(crate) fn make(file: &Path) -> Result<(), String> {
        let told = |e: &dyn std::fmt::Display| format!("cannot make the key {}: {e}", file.display());
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|e| told(&e))?;
        let text = STANDARD.encode(der.as_ref());
        let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
        for (at, character) in text.chars().enumerate() {
            if at > 0 && at % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END PRIVATE KEY-----\n");
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(|e| told(&e))?;
        out.write_all(pem.as_bytes()).map_err(|e| told(&e))
    }

    /// Proof, good once and for a minute, that the bearer is `client_id` (RFC 7523 §3). The issuer is the one audience.
    pub(crate) fn assertion(&self, client_id: &str, issuer: &str) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid.clone_from(&self.public.common.key_id);
        let now = get_current_timestamp();
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": issuer,
            "jti": CsrfToken::new_random().secret(), "iat": now, "exp": now + ASSERTION_LIFE,
        });
        encode(&header, &claims, &self.private)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use jsonwebtoken::{DecodingKey, Validation, decode};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_made_key_signs_what_its_public_half_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.pem");
        ClientKey::make(&file).unwrap();
        let key = ClientKey::read(&file).unwrap();
        let token = key.assertion("shop", "http://localhost:8080").unwrap();
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&["http://localhost:8080"]);
        rules.set_issuer(&["shop"]);
        let read = decode::<Value>(&token, &DecodingKey::from_jwk(&key.public).unwrap(), &rules).unwrap();
        assert_eq!(read.claims["sub"], "shop");
        assert_eq!(read.header.kid, key.public.common.key_id);
        assert_ne!(token, key.assertion("shop", "http://localhost:8080").unwrap(), "each assertion has its own jti");
    }

    #[test]
    fn an_existing_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.pem");
        ClientKey::make(&file).unwrap();
        let before = std::fs::read(&file).unwrap();
        assert!(ClientKey::make(&file).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }

    #[test]
    fn a_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.pem");
        ClientKey::make(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
