//! Randomness, passed in.

use std::{fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// The generator could not deliver; nothing may be issued without it.
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random generator failed: {0}")]
pub struct EntropyError(String);

type Fill = dyn Fn(&mut [u8]) -> Result<(), EntropyError> + Send + Sync;

/// Where random bytes come from.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

impl Entropy {
    /// The operating system's generator.
    pub fn system() -> Self {
        Self(Arc::new(|out| {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
            getrandom::fill(out).map_err(|error| EntropyError(error.to_string()))
        }))
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut out = [0; N];
        (self.0)(&mut out)?;
        Ok(out)
    }

    /// 256 random bits, base64url: for tokens, codes and cookies.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn token(&self) -> Result<String, EntropyError> {
        Ok(BASE64_URL_SAFE_NO_PAD.encode(self.bytes::<32>()?))
    }

    /// 127 random bits, base64url: for identifiers that are not secret. They begin with a letter, so that no command takes
    /// one for an option.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn id(&self) -> Result<String, EntropyError> {
        let mut bytes = self.bytes::<16>()?;
        bytes[0] &= 0x7f;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Longest identifier, in bytes. Ours have 22; those of other makes may be longer.
const LONGEST_ID: usize = 64;

/// Whether a text could be an identifier, such as [`Entropy::id`] makes: whatever somebody sends, the database is asked for
/// nothing else.
pub fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn no_identifier_looks_like_an_option() {
        for byte in 0..=u8::MAX {
            let entropy = Entropy(Arc::new(move |out| {
                out.fill(byte);
                Ok(())
            }));
            let id = entropy.id().unwrap();
            assert!(id.starts_with(|first: char| first.is_ascii_alphabetic()) && is_id(&id), "{id}");
        }
    }
}
