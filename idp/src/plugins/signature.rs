//! Who vouches for a plugin file: signatures as minisign makes them.
//!
//! Only the prehashed algorithm (`ED`, Ed25519 over BLAKE2b-512) is accepted, and the trusted comment under its own
//! signature is part of what is verified. Keys and signatures of `minisign` and of `enum-idp plugin keygen|sign` are
//! interchangeable.

use std::{fmt, io::Cursor};

use base64::{Engine, prelude::BASE64_STANDARD};
use blake2::{Blake2b256, Digest};
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use minisign_verify::{Error as Flaw, PublicKey, Signature};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Number that names a key pair, as minisign prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct KeyId(u64);

impl KeyId {
    /// From the base64 text of a key or of a signature: two bytes name the algorithm, eight the key (little-endian).
    fn of(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok()?;
        let id = bytes.get(2..)?.first_chunk::<8>()?;
        Some(Self(u64::from_le_bytes(*id)))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

/// A publisher whose plugins may be installed and run.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct TrustedKey {
    key: PublicKey,
    id: KeyId,
    /// Who it is, for people.
    pub name: Option<String>,
    /// Whether this publisher's plugins may run inside the server's own process.
    pub in_process: bool,
}

/// As it stands in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: String,
    name: Option<String>,
    #[serde(default)]
    in_process: bool,
}

impl TryFrom<Written> for TrustedKey {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let trusted = Self::parse(&written.key)?;
        Ok(Self { name: written.name, in_process: written.in_process, ..trusted })
    }
}

impl TrustedKey {
    /// From the second line of a `.pub` file, such as `RWQ…`. Its plugins run in processes of their own.
    ///
    /// # Errors
    /// What was found instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let key = PublicKey::from_base64(text.trim()).ok().zip(KeyId::of(text));
        let (key, id) = key.ok_or_else(|| {
            format!("{text:?} is no minisign public key: write the second line of the publisher's .pub file, `RW…`")
        })?;
        Ok(Self { key, id, name: None, in_process: false })
    }

    /// What minisign calls it.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Display for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({name})", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

/// Why nobody vouches for a file. Display says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The text is not what minisign writes.
    #[error("its signature does not have the form that minisign writes; ask the publisher for the .minisig file again")]
    Malformed,
    /// Signed without prehashing.
    #[error(
        "it is signed in minisign's legacy form, without prehashing; sign it again with `enum-idp plugin sign` or a \
         present minisign"
    )]
    Legacy,
    /// Nobody whom the administrator trusts.
    #[error(
        "it is signed with the key {0}, which is not trusted; if you trust this publisher, add their public key to \
         `plugins.trusted_keys`"
    )]
    UnknownKey(KeyId),
    /// File, trusted comment or signature were changed, or belong to something else.
    #[error(
        "it is not what the key {0} has signed: the file, its trusted comment or its signature was altered; get both \
         from the publisher again"
    )]
    Altered(KeyId),
}

/// A signature that holds.
#[derive(Debug)]
pub struct Vouched<'k> {
    /// By whom.
    pub key: &'k TrustedKey,
    /// What the publisher says of the file, under the signature.
    pub comment: String,
}

/// Verifies the text of a `.minisig` file over `bytes`.
///
/// # Errors
/// Why it does not hold.
pub fn verify<'k>(trusted: &'k [TrustedKey], bytes: &[u8], text: &str) -> Result<Vouched<'k>, SignatureError> {
    let signature = Signature::decode(text).map_err(|_| SignatureError::Malformed)?;
    let id = text.lines().nth(1).and_then(KeyId::of).ok_or(SignatureError::Malformed)?;
    let mut flaw = SignatureError::UnknownKey(id);
    // Key ids are chosen by whoever makes a key: two trusted keys may well have the same.
    for key in trusted.iter().filter(|key| key.id == id) {
        match key.key.verify(bytes, &signature, false) {
            Ok(()) => return Ok(Vouched { key, comment: signature.trusted_comment().to_owned() }),
            Err(Flaw::UnexpectedAlgorithm) => flaw = SignatureError::Legacy,
            Err(_) => flaw = SignatureError::Altered(id),
        }
    }
    Err(flaw)
}

/// Why a key cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Making or writing failed.
    #[error("the key cannot be made: {0}")]
    Make(String),
    /// Not a key, an encrypted one without its password, or a wrong password.
    #[error("the secret key cannot be used: {0}")]
    Use(String),
    /// A comment is one line.
    #[error("the comment must be one line without control characters but tabs")]
    Comment,
}

/// A new key pair in minisign's text forms.
pub struct NewKey {
    /// What goes into the `.key` file.
    pub secret: Zeroizing<String>,
    /// What goes into the `.pub` file.
    pub public: String,
    /// What `plugins.trusted_keys` takes: the second line of the `.pub` file.
    pub trusted: String,
    /// What minisign calls it.
    pub id: String,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Makes a key pair, its secret half encrypted (scrypt, as minisign does) if a password is given.
///
/// # Errors
/// When the generator or the encryption fails.
pub fn keygen(password: Option<&str>) -> Result<NewKey, KeyError> {
    let failed = |error: minisign::PError| KeyError::Make(error.to_string());
    let pair = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let KeyPair { pk, sk } = pair.map_err(failed)?;
    let trusted = pk.to_base64();
    let id = KeyId::of(&trusted).ok_or_else(|| KeyError::Make("its public half does not parse".to_owned()))?;
    Ok(NewKey {
        secret: Zeroizing::new(sk.to_box(Some("minisign secret key")).map_err(failed)?.into_string()),
        public: pk.to_box().map_err(failed)?.into_string(),
        trusted,
        id: id.to_string(),
    })
}

/// Signs `bytes` with the text of a secret key file; gives the text of a `.minisig` file.
///
/// # Errors
/// When the key does not parse, or is encrypted and the password is missing or wrong.
pub fn sign(bytes: &[u8], secret: &str, password: Option<&str>, comment: &str) -> Result<String, KeyError> {
    if comment.chars().any(|c| c.is_control() && c != '\t') {
        return Err(KeyError::Comment);
    }
    let secret = match password {
        Some(_) => Zeroizing::new(secret.to_owned()),
        None => with_checksum(secret),
    };
    let secret = SecretKeyBox::from_string(&secret).and_then(|secret| open(secret, password));
    let secret = secret.map_err(|error| KeyError::Use(error.to_string()))?;
    minisign::sign(None, &secret, Cursor::new(bytes), Some(comment), Some("signature from enum-idp"))
        .map(minisign::SignatureBox::into_string)
        .map_err(|error| KeyError::Use(error.to_string()))
}

/// minisign leaves the checksum of a key that is not encrypted empty (`minisign -G -W`), and the library that reads it here
/// insists on one. Any other text is given back as it is.
fn with_checksum(secret: &str) -> Zeroizing<String> {
    /// Signature, key derivation and checksum algorithm, salt and costs of the derivation; key number, key, checksum.
    const LENGTH: usize = 2 + 2 + 2 + 32 + 8 + 8 + 8 + 64 + 32;
    const NUMBER: usize = 54;
    const CHECKSUM: usize = LENGTH - 32;
    let unchanged = Zeroizing::new(secret.to_owned());
    let Some((comment, key)) = secret.trim_end().split_once('\n') else { return unchanged };
    let Ok(mut key) = BASE64_STANDARD.decode(key.trim()).map(Zeroizing::new) else { return unchanged };
    if key.len() != LENGTH || key[CHECKSUM..].iter().any(|byte| *byte != 0) {
        return unchanged;
    }
    let sum = Blake2b256::new().chain_update(&key[..2]).chain_update(&key[NUMBER..CHECKSUM]).finalize();
    key[CHECKSUM..].copy_from_slice(&sum);
    Zeroizing::new(format!("{}\n{}\n", comment.trim_end(), BASE64_STANDARD.encode(&*key)))
}

fn open(secret: SecretKeyBox, password: Option<&str>) -> minisign::Result<SecretKey> {
    match password {
        Some(password) => SecretKey::from_box(secret, Some(password.to_owned())),
        None => SecretKey::from_unencrypted_box(secret),
    }
}

#[cfg(test)]
mod tests;
