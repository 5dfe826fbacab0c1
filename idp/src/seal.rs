//! What keeps secrets unreadable at rest and in the browser's hands.
//!
//! One 256-bit master key; HKDF-SHA256 makes a key per use. Records are AES-256-GCM with the record's identity as
//! associated data, so that a ciphertext moved to another row or table does not open. State that travels through the
//! browser is sealed likewise, with purpose, expiry and the browser's binding under the tag. Tokens and codes are stored
//! as keyed hashes, so that a stolen database holds nothing that can be presented.

use std::{fmt, path::Path};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{clock::Millis, entropy::Entropy};

const NONCE: usize = 12;
/// What travels is padded to a multiple of this, in bytes.
const STEP: usize = 128;

/// Why something could not be sealed or opened. Says nothing of the content.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Altered, made under another key, for another purpose, another record or another browser.
    #[error("sealed data does not open here")]
    Foreign,
    /// Opened, but too old.
    #[error("sealed data has expired")]
    Expired,
    /// Could not be made.
    #[error("sealing failed: {0}")]
    Broken(String),
}

/// Why the master key is not available.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or written.
    #[error("master key file {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others can read the file.
    #[error("master key file {0} can be read by others: run `chmod 600` on it")]
    Open(String),
    /// Not 32 bytes of hexadecimal.
    #[error("the master key in {0} must be 64 hexadecimal digits")]
    Malformed(String),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] crate::entropy::EntropyError),
}

/// The master key's descendants.
pub struct Seal {
    records: LessSafeKey,
    travel: LessSafeKey,
    hashes: Zeroizing<[u8; 32]>,
    challenges: Zeroizing<[u8; 32]>,
    chain: Zeroizing<[u8; 32]>,
    check: String,
    entropy: Entropy,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Derives all keys from `master`.
    ///
    /// # Errors
    /// When a key cannot be set up.
    pub fn new(master: &[u8; 32], entropy: Entropy) -> Result<Self, SealError> {
        let derive = |label: &str| -> Result<Zeroizing<[u8; 32]>, SealError> {
            let mut key = Zeroizing::new([0; 32]);
            Hkdf::<Sha256>::new(Some(b"enum-idp/1"), master)
                .expand(label.as_bytes(), key.as_mut())
                .map_err(|error| SealError::Broken(error.to_string()))?;
            Ok(key)
        };
        let aead = |label: &str| -> Result<LessSafeKey, SealError> {
            UnboundKey::new(&AES_256_GCM, derive(label)?.as_ref())
                .map(LessSafeKey::new)
                .map_err(|error| SealError::Broken(error.to_string()))
        };
        Ok(Self {
            records: aead("records")?,
            travel: aead("travel")?,
            hashes: derive("hashes")?,
            challenges: derive("challenges")?,
            chain: derive("chain")?,
            check: hex::encode(&derive("check")?[..8]),
            entropy,
        })
    }

    /// A value to store beside the data, so that a start with another master key is noticed at once.
    pub fn check_value(&self) -> &str {
        &self.check
    }

    /// Seals `plain` for the record `table`/`id`.
    ///
    /// # Errors
    /// When the generator or the cipher fails.
    pub fn record(&self, table: &str, id: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.lock(&self.records, &parts(&["record", table, id]), plain)
    }

    /// Opens what [`Seal::record`] sealed for the same record.
    ///
    /// # Errors
    /// [`SealError::Foreign`] when it was sealed for anything else or altered.
    pub fn open_record(&self, table: &str, id: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        unlock(&self.records, &parts(&["record", table, id]), sealed)
    }

    /// [`Seal::record`] of a value as JSON.
    ///
    /// # Errors
    /// As [`Seal::record`].
    pub fn record_json<T: Serialize>(&self, table: &str, id: &str, value: &T) -> Result<Vec<u8>, SealError> {
        let plain = Zeroizing::new(serde_json::to_vec(value).map_err(|error| SealError::Broken(error.to_string()))?);
        self.record(table, id, &plain)
    }

    /// Opens what [`Seal::record_json`] sealed.
    ///
    /// # Errors
    /// [`SealError::Foreign`] as [`Seal::open_record`], and when the JSON is of another shape.
    pub fn open_record_json<T: DeserializeOwned>(&self, table: &str, id: &str, sealed: &[u8]) -> Result<T, SealError> {
        let plain = Zeroizing::new(self.open_record(table, id, sealed)?);
        serde_json::from_slice(&plain).map_err(|_| SealError::Foreign)
    }

    /// Seals state that travels through a browser. `purpose` names the one slot that accepts it; `binding` is the
    /// browser's (or client's) own secret, empty where there is none.
    ///
    /// # Errors
    /// When the generator or the cipher fails.
    pub fn travel<T: Serialize>(
        &self,
        purpose: &str,
        binding: &str,
        expires_at: Millis,
        value: &T,
    ) -> Result<String, SealError> {
        let mut plain = Zeroizing::new(expires_at.to_be_bytes().to_vec());
        serde_json::to_writer(&mut *plain, value).map_err(|error| SealError::Broken(error.to_string()))?;
        // White space after JSON means nothing to its reader, and a length in steps tells little of the content.
        let padded = plain.len().next_multiple_of(STEP);
        plain.resize(padded, b' ');
        let sealed = self.lock(&self.travel, &parts(&["travel", purpose, binding]), &plain)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`Seal::travel`] sealed for the same purpose and binding.
    ///
    /// # Errors
    /// [`SealError::Foreign`] for anything else, [`SealError::Expired`] when `now` has reached the expiry.
    pub fn open_travel<T: DeserializeOwned>(
        &self,
        purpose: &str,
        binding: &str,
        now: Millis,
        sealed: &str,
    ) -> Result<T, SealError> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError::Foreign)?;
        let plain = Zeroizing::new(unlock(&self.travel, &parts(&["travel", purpose, binding]), &sealed)?);
        let (expiry, json) = plain.split_first_chunk::<8>().ok_or(SealError::Foreign)?;
        if now >= Millis::from_be_bytes(*expiry) {
            return Err(SealError::Expired);
        }
        serde_json::from_slice(json).map_err(|_| SealError::Foreign)
    }

    /// Keyed hash of a secret for storage and look-up; hexadecimal. Different purposes never meet.
    pub fn hash(&self, purpose: &str, secret: &str) -> String {
        hex::encode(mac(&self.hashes[..], &[purpose.as_bytes(), secret.as_bytes()]))
    }

    /// 32 bytes that are always the same for the same parts: derived challenges and decoys.
    pub fn derive(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.challenges[..], parts)
    }

    /// The link of an account log's hash chain.
    pub fn chain(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.chain[..], parts)
    }

    fn lock(&self, key: &LessSafeKey, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE] = self.entropy.bytes().map_err(|error| SealError::Broken(error.to_string()))?;
        let mut out = Vec::with_capacity(NONCE + plain.len() + AES_256_GCM.tag_len());
        out.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body)
            .map_err(|error| SealError::Broken(error.to_string()))?;
        out.append(&mut body);
        Ok(out)
    }
}

fn unlock(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Foreign)?;
    let mut body = body.to_vec();
    let plain = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut body)
        .map_err(|_| SealError::Foreign)?
        .len();
    body.truncate(plain);
    Ok(body)
}

/// Length-prefixed, so that no two lists of parts give the same bytes.
fn parts(parts: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 §2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Reads the master key: from `ENUM_MASTER_KEY`, else from a systemd credential `enum-master-key`, else from
/// `data_dir/master.key`, which is made (mode 0600, durable) when the data directory is new.
///
/// # Errors
/// When the key is malformed, unreadable, or readable by others.
pub fn master_key(data_dir: &Path, entropy: &Entropy) -> Result<Zeroizing<[u8; 32]>, MasterKeyError> {
    if let Ok(text) = std::env::var("ENUM_MASTER_KEY") {
        return parse_key(&text, "ENUM_MASTER_KEY");
    }
    if let Ok(credentials) = std::env::var("CREDENTIALS_DIRECTORY") {
        let path = Path::new(&credentials).join("enum-master-key");
        if path.exists() {
            return read_key(&path);
        }
    }
    let path = data_dir.join("master.key");
    if path.exists() {
        return read_key(&path);
    }
    let key = Zeroizing::new(entropy.bytes::<32>()?);
    write_key(&path, &key)?;
    Ok(key)
}

fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, MasterKeyError> {
    use std::os::unix::fs::PermissionsExt;
    let file = |source| MasterKeyError::File { path: path.display().to_string(), source };
    let mode = std::fs::metadata(path).map_err(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::Open(path.display().to_string()));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(file)?);
    parse_key(&text, &path.display().to_string())
}

fn parse_key(text: &str, place: &str) -> Result<Zeroizing<[u8; 32]>, MasterKeyError> {
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), key.as_mut()).map_err(|_| MasterKeyError::Malformed(place.to_owned()))?;
    Ok(key)
}

fn write_key(path: &Path, key: &[u8; 32]) -> Result<(), MasterKeyError> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let file = |source| MasterKeyError::File { path: path.display().to_string(), source };
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(file)?;
    writeln!(out, "{}", *Zeroizing::new(hex::encode(key))).map_err(file)?;
    out.sync_all().map_err(file)?;
    if let Some(dir) = path.parent() {
        std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(file)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn seal() -> Seal {
        Seal::new(&[7; 32], Entropy::system()).unwrap()
    }

    #[test]
    fn a_record_opens_only_as_itself() {
        let seal = seal();
        let sealed = seal.record("enrolment", "a", b"secret").unwrap();
        assert_eq!(seal.open_record("enrolment", "a", &sealed).unwrap(), b"secret");
        assert!(seal.open_record("enrolment", "b", &sealed).is_err(), "another row");
        assert!(seal.open_record("code", "a", &sealed).is_err(), "another table");
        let other = Seal::new(&[8; 32], Entropy::system()).unwrap();
        assert!(other.open_record("enrolment", "a", &sealed).is_err(), "another master key");
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(seal.open_record("enrolment", "a", &altered).is_err(), "byte {at}");
        }
    }

    #[test]
    fn travelling_state_opens_only_in_its_slot_browser_and_time() {
        let seal = seal();
        let sealed = seal.travel("interaction", "browser", 100, &"state").unwrap();
        assert_eq!(seal.open_travel::<String>("interaction", "browser", 99, &sealed).unwrap(), "state");
        assert!(matches!(seal.open_travel::<String>("consent", "browser", 99, &sealed), Err(SealError::Foreign)));
        assert!(matches!(seal.open_travel::<String>("interaction", "thief", 99, &sealed), Err(SealError::Foreign)));
        assert!(matches!(seal.open_travel::<String>("interaction", "browser", 100, &sealed), Err(SealError::Expired)));
        assert!(matches!(seal.open_travel::<String>("interaction", "browser", 99, "AAAA"), Err(SealError::Foreign)));
    }

    #[test]
    fn hashes_of_different_purposes_never_meet() {
        let seal = seal();
        assert_ne!(seal.hash("code", "x"), seal.hash("refresh", "x"));
        assert_ne!(seal.hash("co", "dex"), seal.hash("code", "x"));
    }

    #[test]
    fn a_master_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let made = master_key(dir.path(), &Entropy::system()).unwrap();
        assert_eq!(*made, *master_key(dir.path(), &Entropy::system()).unwrap());
        let path = dir.path().join("master.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(master_key(dir.path(), &Entropy::system()), Err(MasterKeyError::Open(_))));
    }
}
