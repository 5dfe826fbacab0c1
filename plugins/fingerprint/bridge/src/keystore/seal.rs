//! The keystore's seal: AES-256-GCM under a key that is derived (HKDF-SHA256) from a file beside the keystore and from the
//! machine's identifier.
//!
//! A copy of the keystore alone, in a backup or on another machine, stays shut. Whoever can run programs as its owner, or is
//! root, can open it: a file cannot do better.

use std::path::Path;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeystoreError;
use crate::{private_file, surroundings};

const INFO: &[u8] = b"enum-bridge/keystore/1";
const SECRET_BYTES: usize = 32;

/// What lies on the disk.
#[derive(Serialize, Deserialize)]
struct Envelope {
    /// Version of the form.
    enum_bridge: u32,
    /// Whether the machine's identifier is part of the key. A machine that gets one later still opens the file.
    machine: bool,
    /// Base64, 12 bytes.
    nonce: String,
    /// Base64, with the tag.
    sealed: String,
}

const VERSION: u32 = 1;

/// The secret beside the keystore; made at first use.
pub(super) struct Seal(Zeroizing<Vec<u8>>);

impl Seal {
    pub(super) fn open(path: &Path) -> Result<Self, KeystoreError> {
        let fail = |doing| move |error| KeystoreError::Io(doing, path.to_owned(), error);
        if let Some(secret) = private_file::read(path).map_err(fail("read"))? {
            return if secret.len() == SECRET_BYTES { Ok(Self(secret)) } else { Err(KeystoreError::Shut(path.into())) };
        }
        let secret =
            Zeroizing::new(surroundings::random::<SECRET_BYTES>().map_err(|_| KeystoreError::Random)?.to_vec());
        private_file::replace(path, &secret).map_err(fail("write"))?;
        Ok(Self(secret))
    }

    pub(super) fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, KeystoreError> {
        let machine = surroundings::machine_id();
        let nonce = surroundings::random::<NONCE_LEN>().map_err(|_| KeystoreError::Random)?;
        let mut sealed = plain.to_vec();
        self.key(machine.as_deref())
            .and_then(|key| {
                let aad = Aad::from(about(machine.is_some()));
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()
            })
            .ok_or(KeystoreError::Random)?;
        let envelope = Envelope {
            enum_bridge: VERSION,
            machine: machine.is_some(),
            nonce: BASE64_STANDARD.encode(nonce),
            sealed: BASE64_STANDARD.encode(&sealed),
        };
        serde_json::to_vec(&envelope).map_err(|_| KeystoreError::Random)
    }

    /// `None` if this is not what this seal made on this machine.
    pub(super) fn unseal(&self, file: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let envelope: Envelope = serde_json::from_slice(file).ok().filter(|e: &Envelope| e.enum_bridge == VERSION)?;
        let machine = surroundings::machine_id().filter(|_| envelope.machine);
        let nonce = Nonce::try_assume_unique_for_key(&BASE64_STANDARD.decode(&envelope.nonce).ok()?).ok()?;
        let mut sealed = Zeroizing::new(BASE64_STANDARD.decode(&envelope.sealed).ok()?);
        let key = self.key(machine.as_deref())?;
        let plain = key.open_in_place(nonce, Aad::from(about(envelope.machine)), &mut sealed).ok()?.len();
        sealed.truncate(plain);
        Some(sealed)
    }

    fn key(&self, machine: Option<&str>) -> Option<LessSafeKey> {
        let derived = Salt::new(HKDF_SHA256, machine.unwrap_or_default().as_bytes()).extract(&self.0);
        let key: UnboundKey = derived.expand(&[INFO], &AES_256_GCM).ok()?.into();
        Some(LessSafeKey::new(key))
    }
}

fn about(machine: bool) -> [u8; 2] {
    [1, u8::from(machine)]
}
