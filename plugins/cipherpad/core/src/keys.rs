//! The key that pad and server share, and the keys made of it.

use std::fmt;

use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::encoding;

/// A 256-bit secret: wiped when dropped, never shown by `Debug`.
///
/// Its serde form is base64url, for stores that seal what they are given.
#[derive(Clone, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(#[serde(with = "encoding")] [u8; 32]);

impl Secret {
    /// Wraps bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The shared key K with the keys derived from it. Serialised, it is K alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Secret", into = "Secret")]
pub struct Keys {
    root: Secret,
    auth: Secret,
    pay: Secret,
}

impl Keys {
    /// The keys that belong to K.
    pub fn from_root(root: Secret) -> Self {
        let auth = expand(root.expose(), b"enum-cipherpad/1 auth");
        let pay = expand(root.expose(), b"enum-cipherpad/1 pay");
        Self { root, auth, pay }
    }

    /// K itself: what a pad hides behind its PIN.
    pub fn root(&self) -> &Secret {
        &self.root
    }

    pub(crate) fn auth(&self) -> &[u8; 32] {
        self.auth.expose()
    }

    pub(crate) fn pay(&self) -> &[u8; 32] {
        self.pay.expose()
    }

    /// Key of the MACs that confirm an agreement.
    pub(crate) fn confirm(&self) -> Secret {
        expand(self.root.expose(), b"enum-cipherpad/1 confirm")
    }
}

impl From<Secret> for Keys {
    fn from(root: Secret) -> Self {
        Self::from_root(root)
    }
}

impl From<Keys> for Secret {
    fn from(keys: Keys) -> Self {
        keys.root
    }
}

/// 32 bytes for one purpose out of 32 uniform bytes (HKDF-SHA-256 with an empty salt).
pub fn expand(key: &[u8; 32], label: &[u8]) -> Secret {
    derive(None, key, &[label])
}

/// 32 bytes of HKDF-SHA-256.
pub(crate) fn derive(salt: Option<&[u8]>, ikm: &[u8], info: &[&[u8]]) -> Secret {
    let mut out = [0; 32];
    let Ok(()) = Hkdf::<Sha256>::new(salt, ikm).expand_multi_info(info, &mut out) else {
        unreachable!("HKDF-SHA-256 gives up to 8160 bytes")
    };
    let secret = Secret::new(out);
    out.zeroize();
    secret
}
