//! The number-question: 8 digits (by policy 6 or 7), the first from 1 to 9, shown in two groups.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::typed;

/// How many digits a challenge has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Digits {
    /// 6 digits.
    Six,
    /// 7 digits.
    Seven,
    /// 8 digits.
    #[default]
    Eight,
}

impl Digits {
    /// All lengths that policy may choose.
    pub const ALL: [Self; 3] = [Self::Six, Self::Seven, Self::Eight];

    /// As a number.
    pub fn count(self) -> usize {
        usize::from(u8::from(self))
    }

    /// Smallest number of this length; there are nine times as many numbers of it.
    fn lowest(self) -> u32 {
        10u32.pow(u32::from(u8::from(self)) - 1)
    }
}

impl From<Digits> for u8 {
    fn from(digits: Digits) -> Self {
        match digits {
            Digits::Six => 6,
            Digits::Seven => 7,
            Digits::Eight => 8,
        }
    }
}

impl TryFrom<u8> for Digits {
    type Error = ChallengeError;

    fn try_from(count: u8) -> Result<Self, ChallengeError> {
        Self::ALL.into_iter().find(|digits| u8::from(*digits) == count).ok_or(ChallengeError::Policy)
    }
}

/// Why a text is not a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChallengeError {
    /// Something else than digits, spaces and dashes.
    #[error("the number from the site has digits only")]
    NotDigits,
    /// Not as long as agreed at activation.
    #[error("the number from the site has {expected} digits, {found} were given")]
    Length {
        /// As agreed.
        expected: usize,
        /// As found.
        found: usize,
    },
    /// No challenge starts with 0: this keeps numeric OCRA questions distinct.
    #[error("the number from the site never starts with 0")]
    LeadingZero,
    /// A length that policy cannot choose.
    #[error("a challenge has 6, 7 or 8 digits")]
    Policy,
}

/// A challenge: ASCII digits of a length that policy allows, the first not 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Challenge(String);

impl Challenge {
    /// Derives a challenge from 32 random bytes.
    ///
    /// The first 16 bytes as a number, modulo how many challenges there are. The bias is below 2^-100: 128 bits over
    /// fewer than 2^27 values.
    pub fn derive(random: &[u8; 32], digits: Digits) -> Self {
        let wide = random.iter().take(16).fold(0u128, |wide, byte| (wide << 8) | u128::from(*byte));
        let lowest = u128::from(digits.lowest());
        Self((lowest + wide % (9 * lowest)).to_string())
    }

    /// Parses what somebody typed: spaces of every width, dashes and digits of every script become ASCII digits once,
    /// here.
    ///
    /// # Errors
    /// If anything else is in it, or the length is not the agreed one.
    pub fn parse(text: &str, digits: Digits) -> Result<Self, ChallengeError> {
        let ascii = typed::digits(text).ok_or(ChallengeError::NotDigits)?;
        let (expected, found) = (digits.count(), ascii.len());
        if found != expected {
            return Err(ChallengeError::Length { expected, found });
        }
        if ascii.starts_with('0') {
            return Err(ChallengeError::LeadingZero);
        }
        Ok(Self(ascii))
    }

    /// Bare digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many digits.
    pub fn digits(&self) -> Digits {
        match self.0.len() {
            6 => Digits::Six,
            7 => Digits::Seven,
            _ => Digits::Eight,
        }
    }

    /// Two groups, `5871 5204`; of an odd length the first group is the longer.
    pub fn grouped(&self) -> String {
        let (first, second) = self.0.split_at(self.0.len().div_ceil(2));
        format!("{first} {second}")
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bare digits of any length that policy may choose; stored and signed values come this way.
impl TryFrom<String> for Challenge {
    type Error = ChallengeError;

    fn try_from(text: String) -> Result<Self, ChallengeError> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ChallengeError::NotDigits);
        }
        let digits = u8::try_from(text.len()).map_err(|_| ChallengeError::Policy).and_then(Digits::try_from)?;
        Self::parse(&text, digits)
    }
}

impl From<Challenge> for String {
    fn from(challenge: Challenge) -> Self {
        challenge.0
    }
}
