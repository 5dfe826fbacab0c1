//! Sealing and signing on aws-lc-rs, with every key parsed once.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest as sha256};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// 32 random bytes as base64url: a code, a token, an identifier.
pub(crate) fn random_text() -> Result<String, Error> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// SHA-256: what the store keeps of a code or token.
pub(crate) fn digest(text: &str) -> Vec<u8> {
    sha256(&SHA256, text.as_bytes()).as_ref().to_vec()
}

/// AES-256-GCM for what travels in the browser, HMAC for challenges.
pub(crate) struct Sealer {
    key: LessSafeKey,
    challenges: hmac::Key,
}

impl Sealer {
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut key = [0; 32];
        rand::fill(&mut key)?;
        let challenges = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?;
        Ok(Self { key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key)?), challenges })
    }

    pub(crate) fn seal<T: Serialize>(&self, value: &T) -> Result<String, Error> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        let mut body = serde_json::to_vec(value)?;
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body)?;
        let mut sealed = nonce.to_vec();
        sealed.append(&mut body);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    pub(crate) fn open<T: DeserializeOwned>(&self, sealed: &str) -> Result<T, Error> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed)?;
        let (nonce, body) = bytes.split_at_mut_checked(NONCE_LEN).ok_or("sealed value too short")?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        Ok(serde_json::from_slice(self.key.open_in_place(nonce, Aad::empty(), body)?)?)
    }

    /// Eight digits that stay the same until the account's challenge number moves on.
    pub(crate) fn challenge(&self, account: i64, number: i64) -> String {
        let tag = hmac::sign(&self.challenges, format!("{account}/{number}").as_bytes());
        let value = tag.as_ref().iter().take(8).fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        (10_000_000 + value % 90_000_000).to_string()
    }
}

/// ES256 signatures in JWS compact form.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
    random: rand::SystemRandom,
    header: String,
}

impl Signer {
    /// `kid` in the header of what it signs.
    pub(crate) const KEY_ID: &str = "load";

    pub(crate) fn generate() -> Result<Self, Error> {
        Ok(Self {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            random: rand::SystemRandom::new(),
            header: URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{}"}}"#, Self::KEY_ID)),
        })
    }

    /// Uncompressed point: 0x04, x, y.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(crate) fn sign(&self, claims: &Value) -> Result<String, Error> {
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims)?));
        let signature = self.pair.sign(&self.random, token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Ok(token)
    }
}

/// The other side of [`Signer`].
pub(crate) struct Verifier(ParsedPublicKey);

impl Verifier {
    /// `point`: uncompressed P-256 point.
    pub(crate) fn new(point: &[u8]) -> Result<Self, Error> {
        Ok(Self(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)?))
    }

    /// The claims, if the signature holds. Nothing else is looked at.
    pub(crate) fn verify(&self, token: &str) -> Result<Value, Error> {
        let (signed, signature) = token.rsplit_once('.').ok_or("not a JWS")?;
        self.0.verify_sig(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature)?)?;
        let (_, claims) = signed.split_once('.').ok_or("not a JWS")?;
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use serde_json::json;

    #[test]
    fn a_sealed_value_opens_and_an_altered_one_does_not() {
        let sealer = Sealer::generate().unwrap();
        let text = sealer.seal(&"hello").unwrap();
        assert_eq!(sealer.open::<String>(&text).unwrap(), "hello");
        let altered = if text.starts_with('A') { text.replacen('A', "B", 1) } else { format!("A{}", &text[1..]) };
        assert!(sealer.open::<String>(&altered).is_err());
    }

    #[test]
    fn a_signature_holds_for_its_own_key_only() {
        let (one, other) = (Signer::generate().unwrap(), Signer::generate().unwrap());
        let token = one.sign(&json!({ "sub": "7" })).unwrap();
        assert_eq!(Verifier::new(one.public_key()).unwrap().verify(&token).unwrap()["sub"], "7");
        assert!(Verifier::new(other.public_key()).unwrap().verify(&token).is_err());
    }

    #[test]
    fn a_challenge_has_eight_digits_and_follows_its_number() {
        let sealer = Sealer::generate().unwrap();
        assert_eq!(sealer.challenge(1, 1).len(), 8);
        assert_eq!(sealer.challenge(1, 1), sealer.challenge(1, 1));
        assert_ne!(sealer.challenge(1, 1), sealer.challenge(1, 2));
    }
}
