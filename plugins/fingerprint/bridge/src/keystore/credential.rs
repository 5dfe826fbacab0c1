//! One key: of one site, one user there, and one finger here.

use std::borrow::Cow;

use passkey_authenticator::PasskeyAccessor;
use passkey_crypto::{CoseKey, coset::CborSerializable as _};
use passkey_types::{CredentialExtensions, Passkey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::finger::Finger;

/// A key with what it is for. It has no `Debug`, since it holds a secret.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credential {
    #[serde(with = "text")]
    id: Vec<u8>,
    rp_id: String,
    #[serde(with = "text")]
    user_handle: Vec<u8>,
    user_name: String,
    /// COSE key in CBOR.
    key: Secret,
    counter: u32,
    finger: Finger,
    /// Unix seconds.
    pub created_at: u64,
    /// Unix seconds.
    pub last_used_at: Option<u64>,
    #[serde(skip)]
    cose: CoseKey,
}

#[derive(Clone)]
struct Secret(Zeroizing<Vec<u8>>);

impl Credential {
    /// What the authenticator made, for a finger, at a time (Unix seconds); `None` if the key cannot be written down or
    /// belongs to no user.
    pub(crate) fn new(made: Passkey, user_name: String, finger: Finger, now: u64) -> Option<Self> {
        Some(Self {
            id: made.credential_id.into(),
            rp_id: made.rp_id,
            user_handle: made.user_handle?.into(),
            user_name,
            key: Secret(Zeroizing::new(made.key.clone().to_vec().ok()?)),
            counter: made.counter.unwrap_or_default(),
            finger,
            created_at: now,
            last_used_at: None,
            cose: made.key,
        })
    }

    /// The finger that it asks for.
    pub(crate) fn finger(&self) -> Finger {
        self.finger
    }

    /// Whether it is the key of this user of this site.
    pub(crate) fn is_of(&self, rp_id: &str, user_handle: &[u8]) -> bool {
        self.rp_id == rp_id && self.user_handle == user_handle
    }

    /// Whether it would stand in the place of another.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        other.is_of(&self.rp_id, &self.user_handle) && self.finger == other.finger
    }

    /// Makes the key that the file holds usable; false if it is none.
    pub(crate) fn unpack(&mut self) -> bool {
        let Ok(cose) = CoseKey::from_slice(&self.key.0) else { return false };
        self.cose = cose;
        true
    }
}

impl PasskeyAccessor for Credential {
    fn key(&self) -> Cow<'_, CoseKey> {
        Cow::Borrowed(&self.cose)
    }

    fn credential_id(&self) -> &[u8] {
        &self.id
    }

    fn rp_id(&self) -> &str {
        &self.rp_id
    }

    fn user_handle(&self) -> Option<&[u8]> {
        Some(&self.user_handle)
    }

    fn username(&self) -> Option<&str> {
        Some(&self.user_name)
    }

    fn user_display_name(&self) -> Option<&str> {
        None
    }

    fn counter(&self) -> Option<u32> {
        Some(self.counter)
    }

    fn set_counter(&mut self, counter: u32) {
        self.counter = counter;
    }

    fn extensions(&self) -> Cow<'_, CredentialExtensions> {
        Cow::Owned(CredentialExtensions::default())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer).map(|bytes| Self(Zeroizing::new(bytes)))
    }
}

/// Bytes as base64url.
mod text {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    use serde::{Deserialize as _, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        BASE64_URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}
