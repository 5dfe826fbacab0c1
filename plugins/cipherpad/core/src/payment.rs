//! Payee and amount as the answer covers them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::typed;

/// Why a text is not a payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PayeeError {
    /// Twelve digits alone: without its letter a purse of one currency could stand for that of another.
    #[error("the purse has no letter: add the letter of its currency, as in Z123456789012")]
    NoLetter,
    /// Anything else.
    #[error("a purse is a letter and 12 digits, as in Z123456789012")]
    Shape,
}

/// A purse: one capital letter, which names the currency, and 12 digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Payee(String);

impl Payee {
    /// The canonical text, such as `Z123456789012`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Payee {
    type Err = PayeeError;

    /// Takes lower-case letters, spaces, dashes and digits of every script.
    fn from_str(text: &str) -> Result<Self, PayeeError> {
        let mut rest = text.chars().filter(|c| !typed::is_filler(*c)).peekable();
        let letter = rest.next_if(char::is_ascii_alphabetic);
        let digits: String = rest.map(typed::ascii_digit).collect::<Option<_>>().ok_or(PayeeError::Shape)?;
        if digits.len() != 12 {
            return Err(PayeeError::Shape);
        }
        let letter = letter.ok_or(PayeeError::NoLetter)?;
        Ok(Self(format!("{}{digits}", letter.to_ascii_uppercase())))
    }
}

impl TryFrom<String> for Payee {
    type Error = PayeeError;

    fn try_from(text: String) -> Result<Self, PayeeError> {
        text.parse()
    }
}

impl From<Payee> for String {
    fn from(payee: Payee) -> Self {
        payee.0
    }
}

impl fmt::Display for Payee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Signs, exponents, letters, two separators, no digit on either side of the separator.
    #[error("write the amount as 10, 10.50 or 10,50, without signs and without grouping")]
    Shape,
    /// `1,000`: is it a thousand, or one with three decimals?
    #[error("the amount has more than {0} digits after the separator; do not group thousands")]
    Decimals(u8),
    /// `007`.
    #[error("the amount starts with a needless zero")]
    LeadingZero,
    /// Nothing to pay.
    #[error("the amount is zero")]
    Zero,
    /// Does not fit.
    #[error("the amount is too large")]
    Overflow,
}

/// An amount in minor units, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Amount(u64);

impl Amount {
    /// From minor units.
    ///
    /// # Errors
    /// For zero.
    pub fn from_minor(minor: u64) -> Result<Self, AmountError> {
        if minor == 0 { Err(AmountError::Zero) } else { Ok(Self(minor)) }
    }

    /// Parses what somebody typed, with `minor_digits` digits behind the point: `10`, `10.5`, `10,50`.
    ///
    /// # Errors
    /// For everything that could be read in two ways, and for zero.
    pub fn parse(text: &str, minor_digits: u8) -> Result<Self, AmountError> {
        let (whole, fraction) = split(text.trim())?;
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(AmountError::LeadingZero);
        }
        let missing =
            usize::from(minor_digits).checked_sub(fraction.len()).ok_or(AmountError::Decimals(minor_digits))?;
        // Bounded before padding, so that a strange number of minor digits cannot ask for memory.
        if whole.len() + usize::from(minor_digits) > 40 {
            return Err(AmountError::Overflow);
        }
        let minor = format!("{whole}{fraction}{}", "0".repeat(missing));
        Self::from_minor(minor.parse().map_err(|_| AmountError::Overflow)?)
    }

    /// Minor units.
    pub fn minor(self) -> u64 {
        self.0
    }

    /// For people: `10.50`.
    pub fn display(self, minor_digits: u8) -> String {
        let places = usize::from(minor_digits);
        let digits = format!("{:0width$}", self.0, width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

/// ASCII digits before and after the separator.
fn split(text: &str) -> Result<(String, String), AmountError> {
    let mut parts = text.split(['.', ',', '\u{066B}']);
    let number = |part: &str| {
        let digits: String = part.chars().map(typed::ascii_digit).collect::<Option<_>>()?;
        (!digits.is_empty()).then_some(digits)
    };
    let whole = parts.next().and_then(number).ok_or(AmountError::Shape)?;
    let fraction = match parts.next() {
        Some(part) => number(part).ok_or(AmountError::Shape)?,
        None => String::new(),
    };
    if parts.next().is_some() {
        return Err(AmountError::Shape);
    }
    Ok((whole, fraction))
}

impl TryFrom<u64> for Amount {
    type Error = AmountError;

    fn try_from(minor: u64) -> Result<Self, AmountError> {
        Self::from_minor(minor)
    }
}

impl From<Amount> for u64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}
