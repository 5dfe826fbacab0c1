//! The suite string: `OCRA-1:HOTP-<hash>-<digits>:[C-]QFxx[-PH][-Snnn][-Tg]` (RFC 6287 §6).

use std::{fmt, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::OcraError;

/// Hash function of the HMAC, or of the PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Hash {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "SHA1" => Some(Self::Sha1),
            "SHA256" => Some(Self::Sha256),
            "SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// Format of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `A`: letters and digits.
    Alphanumeric,
    /// `N`: decimal digits.
    Numeric,
    /// `H`: hexadecimal digits.
    Hexadecimal,
}

/// Length of a time step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeStep(u64);

impl TimeStep {
    /// Number of whole steps since 1970 at `unix_seconds`.
    ///
    /// # Errors
    /// For the suite element `T0H`.
    pub fn at(self, unix_seconds: u64) -> Result<u64, OcraError> {
        let step = NonZeroU64::new(self.0).ok_or(OcraError::ZeroTimeStep)?;
        Ok(unix_seconds / step)
    }

    /// Length in seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

/// Why a text is not a suite.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SuiteError {
    /// Not three parts with a colon between, or not version 1.
    #[error("an OCRA suite reads OCRA-1:HOTP-<hash>-<digits>:<inputs>")]
    Shape,
    /// The middle part.
    #[error("the function must be HOTP-SHA1, -SHA256 or -SHA512 with 0 or 4 to 10 digits")]
    Function,
    /// The inputs.
    #[error("the inputs must be [C-]Q<A|N|H><04..64>[-P<hash>][-S<nnn>][-T<step>], in this order")]
    Inputs,
}

/// A parsed suite that remembers its exact text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Suite {
    text: String,
    hash: Hash,
    digits: u32,
    counter: bool,
    format: Format,
    question_max: usize,
    pin: Option<Hash>,
    session: Option<usize>,
    time: Option<TimeStep>,
}

impl Suite {
    /// The text as it was agreed, and as it is MACed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Hash of the HMAC.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Digits of the answer; 0 stands for the whole HMAC.
    pub fn digits(&self) -> u32 {
        self.digits
    }

    /// Whether a counter is an input.
    pub fn has_counter(&self) -> bool {
        self.counter
    }

    /// Format of each party's question.
    pub fn question_format(&self) -> Format {
        self.format
    }

    /// Greatest length of *each party's* question; a mutual exchange concatenates two of them.
    pub fn question_max(&self) -> usize {
        self.question_max
    }

    /// Hash of the PIN, if a PIN is an input.
    pub fn pin(&self) -> Option<Hash> {
        self.pin
    }

    /// Bytes of session information, if it is an input.
    pub fn session(&self) -> Option<usize> {
        self.session
    }

    /// Time step, if time is an input.
    pub fn time_step(&self) -> Option<TimeStep> {
        self.time
    }

    /// Whether the suite can sign (RFC 6287 §7.3): signatures have no session information.
    pub fn can_sign(&self) -> bool {
        self.session.is_none()
    }
}

impl FromStr for Suite {
    type Err = SuiteError;

    fn from_str(text: &str) -> Result<Self, SuiteError> {
        let mut parts = text.split(':');
        let (Some("OCRA-1"), Some(function), Some(inputs), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SuiteError::Shape);
        };
        let (hash, digits) = parse_function(function).ok_or(SuiteError::Function)?;
        let mut suite = Self {
            text: text.to_owned(),
            hash,
            digits,
            counter: false,
            format: Format::Numeric,
            question_max: 0,
            pin: None,
            session: None,
            time: None,
        };
        suite.take_inputs(inputs).ok_or(SuiteError::Inputs)?;
        Ok(suite)
    }
}

impl Suite {
    fn take_inputs(&mut self, inputs: &str) -> Option<()> {
        let mut elements = inputs.split('-').peekable();
        self.counter = elements.next_if_eq(&"C").is_some();
        (self.format, self.question_max) = parse_question(elements.next()?)?;
        if let Some(pin) = elements.next_if(|element| element.starts_with('P')) {
            self.pin = Some(Hash::parse(pin.strip_prefix('P')?)?);
        }
        if let Some(session) = elements.next_if(|element| element.starts_with('S')) {
            self.session = Some(parse_session(session.strip_prefix('S')?)?);
        }
        if let Some(time) = elements.next_if(|element| element.starts_with('T')) {
            self.time = Some(parse_time(time.strip_prefix('T')?)?);
        }
        elements.next().is_none().then_some(())
    }
}

fn parse_function(text: &str) -> Option<(Hash, u32)> {
    let (hash, digits) = text.strip_prefix("HOTP-")?.split_once('-')?;
    let digits = match digits {
        "0" => 0,
        _ => plain_number(digits).filter(|digits| (4..=10).contains(digits))?,
    };
    Some((Hash::parse(hash)?, u32::try_from(digits).ok()?))
}

/// `QN08`; the RFC's own examples also write `QH8`.
fn parse_question(text: &str) -> Option<(Format, usize)> {
    let mut rest = text.strip_prefix('Q')?.chars();
    let format = match rest.next()? {
        'A' => Format::Alphanumeric,
        'N' => Format::Numeric,
        'H' => Format::Hexadecimal,
        _ => return None,
    };
    let length = rest.as_str();
    let max = (length.len() <= 2).then(|| digits_only(length))??;
    (4..=64).contains(&max).then_some((format, max))
}

/// Three digits. A bare `S`, as one implementation writes, is not in the RFC's grammar.
fn parse_session(length: &str) -> Option<usize> {
    (length.len() == 3).then(|| digits_only(length))?.filter(|length| *length > 0)
}

fn parse_time(text: &str) -> Option<TimeStep> {
    let unit = text.chars().last()?;
    let number = plain_number(text.strip_suffix(unit)?)? as u64;
    match unit {
        'S' if (1..=59).contains(&number) => Some(TimeStep(number)),
        'M' if (1..=59).contains(&number) => Some(TimeStep(number * 60)),
        'H' if number <= 48 => Some(TimeStep(number * 3600)),
        _ => None,
    }
}

/// A number without sign and without a leading zero.
fn plain_number(text: &str) -> Option<usize> {
    (text == "0" || !text.starts_with('0')).then(|| digits_only(text))?
}

fn digits_only(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Suite({})", self.text)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Suite {
    type Error = SuiteError;

    fn try_from(text: String) -> Result<Self, SuiteError> {
        text.parse()
    }
}

impl From<Suite> for String {
    fn from(suite: Suite) -> Self {
        suite.text
    }
}
