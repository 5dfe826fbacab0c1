//! A browser with a security key, in software: for tests. It answers the options of a page as the page's script would, and
//! also as no honest browser or key would, so that what a server must refuse can be shown to it.
//!
//! Keys are ES256, attestation is `none` or `packed` (WebAuthn Level 2, §6.1, §6.5, §8.2, §8.7).
#![forbid(unsafe_code)]

mod authenticator_data;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// How browser and key behave. [`Manner::at`] is an honest pair.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the authenticator data or of the client data")]
pub struct Manner {
    /// Origin of the page that the browser is at.
    pub origin: String,
    /// RP ID that the key signs for; the one of the options if `None`.
    pub rp_id: Option<String>,
    /// Somebody touched the key.
    pub present: bool,
    /// The key has verified who.
    pub verified: bool,
    /// The key may be copied to other devices.
    pub synchronised: bool,
    /// The page is in a frame of another site.
    pub framed: bool,
    /// What the client data calls the ceremony; as it should if `None`.
    pub ceremony: Option<&'static str>,
    /// Signature counter to tell; the next one if `None`.
    pub counter: Option<u32>,
    /// User handle to tell in answers; the one that the key was made for if `None`.
    pub user: Option<Vec<u8>>,
    /// The maker who vouches for a new key; nobody if `None`.
    pub maker: Option<Maker>,
}

/// What a maker builds into all keys of a model, so that they can tell whose they are (§8.2, `packed`).
#[derive(Clone, Debug)]
pub struct Maker {
    /// AAGUID of the model.
    pub model: [u8; 16],
    /// Certificate of the attestation key, DER.
    pub certificate: Vec<u8>,
    /// The attestation key, P-256 in PKCS #8.
    pub key: Vec<u8>,
}

impl Manner {
    /// Honest, at this origin.
    pub fn at(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            rp_id: None,
            present: true,
            verified: true,
            synchronised: false,
            framed: false,
            ceremony: None,
            counter: None,
            user: None,
            maker: None,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The options lack something.
    #[error("the options have no `{0}`")]
    Options(&'static str),
    /// The generator or a signature failed.
    #[error("the key failed")]
    Crypto(#[from] aws_lc_rs::error::Unspecified),
    /// The maker's key is none.
    #[error("the maker's key cannot be read")]
    Maker(#[from] aws_lc_rs::error::KeyRejected),
}

/// One credential of the security key.
#[derive(Debug)]
pub struct Key {
    pair: EcdsaKeyPair,
    id: Vec<u8>,
    user: Vec<u8>,
    counter: u32,
}

impl Key {
    /// Answers options for `navigator.credentials.create`: a new key, and the JSON text of its `RegistrationResponseJSON`.
    ///
    /// # Errors
    /// When the options lack something.
    pub fn create(options: &str, manner: &Manner) -> Result<(Self, String), KeyError> {
        let options: Value = serde_json::from_str(options).unwrap_or_default();
        let mut id = vec![0; 32];
        SystemRandom::new().fill(&mut id)?;
        let user = bytes(&options["user"]["id"]).ok_or(KeyError::Options("user.id"))?;
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
        let key = Self { pair, id, user, counter: 0 };
        let rp_id = manner.rp_id.as_deref().or(options["rp"]["id"].as_str()).ok_or(KeyError::Options("rp.id"))?;
        let data = authenticator_data::with_key(rp_id, manner, manner.counter.unwrap_or(0), &key.id, &key.pair);
        let client_data = client_data(&options, "webauthn.create", manner)?;
        let attestation = match &manner.maker {
            None => authenticator_data::unattested(&data),
            Some(maker) => {
                let signed = [data.as_slice(), &authenticator_data::sha256(&client_data)].concat();
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &maker.key)?;
                let signature = pair.sign(&SystemRandom::new(), &signed)?;
                authenticator_data::attested(&data, signature.as_ref(), &maker.certificate)
            }
        };
        let response = json!({
            "attestationObject": text(&attestation),
            "clientDataJSON": text(&client_data),
            "transports": ["internal"],
        });
        let answer = key.credential(&response);
        Ok((key, answer))
    }

    /// Answers options for `navigator.credentials.get`, whether or not they name this key: the JSON text of an
    /// `AuthenticationResponseJSON`.
    ///
    /// # Errors
    /// When the options lack something.
    pub fn get(&mut self, options: &str, manner: &Manner) -> Result<String, KeyError> {
        let options: Value = serde_json::from_str(options).unwrap_or_default();
        self.counter += 1;
        let rp_id = manner.rp_id.as_deref().or(options["rpId"].as_str()).ok_or(KeyError::Options("rpId"))?;
        let data = authenticator_data::plain(rp_id, manner, manner.counter.unwrap_or(self.counter));
        let client_data = client_data(&options, "webauthn.get", manner)?;
        let signed = [data.as_slice(), &authenticator_data::sha256(&client_data)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed)?;
        Ok(self.credential(&json!({
            "authenticatorData": text(&data),
            "clientDataJSON": text(&client_data),
            "signature": text(signature.as_ref()),
            "userHandle": text(manner.user.as_ref().unwrap_or(&self.user)),
        })))
    }

    /// Its credential id in base64url.
    pub fn id(&self) -> String {
        text(&self.id)
    }

    fn credential(&self, response: &Value) -> String {
        let id = self.id();
        let all = json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response,
        });
        all.to_string()
    }
}

fn client_data(options: &Value, ceremony: &str, manner: &Manner) -> Result<Vec<u8>, KeyError> {
    let challenge = options["challenge"].as_str().ok_or(KeyError::Options("challenge"))?;
    let data = json!({
        "type": manner.ceremony.unwrap_or(ceremony),
        "challenge": challenge,
        "origin": manner.origin,
        "crossOrigin": manner.framed,
    });
    Ok(data.to_string().into_bytes())
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(value.as_str()?).ok()
}
