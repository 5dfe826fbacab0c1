//! OCRA, the OATH challenge–response algorithm (RFC 6287), whole.
//!
//! The suite string is part of what is MACed, byte for byte: `QH8` and `QH08` mean the same and give different
//! answers. A [`Suite`] therefore keeps the text that it was parsed from and never normalises it.

mod question;
mod suite;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use thiserror::Error;

pub use question::Question;
pub use suite::{Format, Hash, Suite, SuiteError, TimeStep};

/// Why an answer cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OcraError {
    /// The suite names an input that was not given.
    #[error("the suite needs {0}, and none was given")]
    Missing(&'static str),
    /// An input was given that the suite does not name.
    #[error("{0} was given, and the suite has no place for it")]
    Unexpected(&'static str),
    /// The question has characters that its format does not allow.
    #[error("the question is not {0}")]
    QuestionFormat(&'static str),
    /// The question is empty or longer than the suite allows.
    #[error("the question must have 1 to {max} characters, it has {found}")]
    QuestionLength {
        /// Upper bound of the suite.
        max: usize,
        /// Characters found.
        found: usize,
    },
    /// The digest of the PIN is not as long as its hash.
    #[error("the PIN digest must have {expected} bytes")]
    PinLength {
        /// Bytes that the suite's hash has.
        expected: usize,
    },
    /// The session information is longer than the suite allows.
    #[error("the session information is longer than {max} bytes")]
    SessionLength {
        /// Upper bound of the suite.
        max: usize,
    },
    /// `T0H` is a valid suite element that defines no step, so no step can be counted.
    #[error("the suite's time step is zero")]
    ZeroTimeStep,
}

/// The inputs beside the key. Each must be present exactly when the suite names it.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// `C`: eight bytes, big-endian.
    pub counter: Option<u64>,
    /// `Q`.
    pub question: &'a Question,
    /// `P`: the raw digest of the PIN, see [`Suite::pin_digest`].
    pub pin_digest: Option<&'a [u8]>,
    /// `S`: padded on the left with zero bytes to the suite's length, as the RFC's reference program does.
    pub session: Option<&'a [u8]>,
    /// `T`: number of time steps since 1970, see [`TimeStep::at`].
    pub time: Option<u64>,
}

impl<'a> Inputs<'a> {
    /// Inputs with a question alone.
    pub fn of(question: &'a Question) -> Self {
        Self { counter: None, question, pin_digest: None, session: None, time: None }
    }
}

impl Suite {
    /// Computes the answer under `key`: decimal digits, or for truncation 0 the whole HMAC in lower-case hex.
    ///
    /// # Errors
    /// If the inputs are not those that the suite names.
    pub fn answer(&self, key: &[u8], inputs: &Inputs<'_>) -> Result<String, OcraError> {
        let data = self.data_input(inputs)?;
        let mac = self.hash().hmac(key, &data);
        Ok(match self.digits() {
            0 => hex::encode(mac),
            digits => truncate(&mac, digits),
        })
    }

    /// The digest of a PIN as this suite's `P` wants it, or `None` if the suite has no `P`.
    pub fn pin_digest(&self, pin: &str) -> Option<Vec<u8>> {
        self.pin().map(|hash| hash.digest(pin.as_bytes()))
    }

    /// RFC 6287 §5.1: suite, a zero byte, then `C | Q | P | S | T`, where absent ones take no bytes.
    fn data_input(&self, inputs: &Inputs<'_>) -> Result<Vec<u8>, OcraError> {
        let mut data = Vec::with_capacity(256);
        data.extend_from_slice(self.as_str().as_bytes());
        data.push(0);
        if let Some(counter) = paired(self.has_counter().then_some(()), inputs.counter, "a counter")? {
            data.extend_from_slice(&counter.1.to_be_bytes());
        }
        data.extend_from_slice(inputs.question.bytes());
        if let Some((hash, digest)) = paired(self.pin(), inputs.pin_digest, "a PIN digest")? {
            if digest.len() != hash.len() {
                return Err(OcraError::PinLength { expected: hash.len() });
            }
            data.extend_from_slice(digest);
        }
        if let Some((length, session)) = paired(self.session(), inputs.session, "session information")? {
            let padding = length.checked_sub(session.len()).ok_or(OcraError::SessionLength { max: length })?;
            data.resize(data.len() + padding, 0);
            data.extend_from_slice(session);
        }
        if let Some((_, steps)) = paired(self.time_step(), inputs.time, "a time")? {
            data.extend_from_slice(&steps.to_be_bytes());
        }
        Ok(data)
    }
}

/// Pairs what the suite wants with what was given; one without the other is an error.
fn paired<W, G>(wanted: Option<W>, given: Option<G>, what: &'static str) -> Result<Option<(W, G)>, OcraError> {
    match (wanted, given) {
        (Some(wanted), Some(given)) => Ok(Some((wanted, given))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(OcraError::Missing(what)),
        (None, Some(_)) => Err(OcraError::Unexpected(what)),
    }
}

impl Hash {
    /// Length of the output in bytes.
    // There is no such thing as an empty hash.
    #[expect(clippy::len_without_is_empty, reason = "a hash is never empty")]
    pub fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, data),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, data),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, data),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let Ok(mac) = <M as KeyInit>::new_from_slice(key) else { unreachable!("HMAC takes keys of every length") };
    mac.chain_update(data).finalize().into_bytes().to_vec()
}

/// RFC 4226 §5.3: 31 bits at an offset that the last byte names, as `digits` decimal digits.
///
/// Ten digits never begin with more than 2, since the value has 31 bits.
fn truncate(mac: &[u8], digits: u32) -> String {
    let offset = usize::from(mac.last().copied().unwrap_or(0) & 15);
    let word = mac.iter().skip(offset).take(4).fold(0u32, |word, byte| (word << 8) | u32::from(*byte));
    let value = u64::from(word & 0x7fff_ffff) % 10u64.pow(digits);
    format!("{value:0width$}", width = digits as usize)
}
