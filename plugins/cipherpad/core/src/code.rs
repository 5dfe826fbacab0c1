//! The activation code: 16 Crockford base32 characters (80 bits) and a check character.
//!
//! The check character is one more base32 character, the sum of α^(i+1)·c_i over GF(32) with x⁵+x²+1. All factors
//! differ, so every single wrong character and every swap of any two is noticed; Crockford's own modulo-37 symbols
//! (`*~$=U`) would not survive in a link or be easy to dictate.

use std::{fmt, str::FromStr};

use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    keys::{self, Secret},
    typed,
};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS: usize = 16;

/// Why a text is not an activation code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodeError {
    /// A character outside the alphabet.
    #[error("an activation code has letters and digits only, and never the letter U")]
    Character,
    /// Not 17 characters.
    #[error("an activation code has 17 characters, {0} were given")]
    Length(usize),
    /// The check character does not fit.
    #[error("the activation code has a typing mistake")]
    Check,
}

/// An activation code. Wiped when dropped, never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ActivationCode([u8; SYMBOLS]);

impl ActivationCode {
    /// Makes a code of 10 random bytes.
    pub fn from_random(random: [u8; 10]) -> Self {
        let wide = random.iter().fold(0u128, |wide, byte| (wide << 8) | u128::from(*byte));
        let mut symbols = [0; SYMBOLS];
        for (index, symbol) in symbols.iter_mut().rev().enumerate() {
            *symbol = (wide >> (5 * index)).to_le_bytes()[0] & 31;
        }
        Self(symbols)
    }

    /// For people: `7K3M-9QXA-…-C`, four groups of four and the check character.
    pub fn grouped(&self) -> String {
        let mut text = String::with_capacity(SYMBOLS + 5);
        for (index, symbol) in self.0.iter().chain([&check(&self.0)]).enumerate() {
            if index > 0 && index % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(*symbol & 31)]));
        }
        text
    }

    /// The pre-shared key of the agreement: HKDF-SHA-256 of the 16 canonical characters. All that the server keeps.
    pub fn psk(&self) -> Secret {
        let mut ascii = self.0.map(|symbol| ALPHABET[usize::from(symbol & 31)]);
        let psk = keys::derive(None, &ascii, &[b"enum-cipherpad/1 psk"]);
        ascii.zeroize();
        psk
    }
}

impl FromStr for ActivationCode {
    type Err = CodeError;

    /// Forgiving: any case, spaces and dashes anywhere, `I` and `L` for 1, `O` for 0.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let mut symbols: Vec<u8> = text
            .chars()
            .filter(|c| !typed::is_filler(*c))
            .map(symbol)
            .collect::<Option<_>>()
            .ok_or(CodeError::Character)?;
        let length = symbols.len();
        let given = symbols.pop().ok_or(CodeError::Length(0))?;
        let code = Self(symbols.try_into().map_err(|_| CodeError::Length(length))?);
        if check(&code.0) == given { Ok(code) } else { Err(CodeError::Check) }
    }
}

fn symbol(c: char) -> Option<u8> {
    let c = typed::ascii_digit(c).unwrap_or(c).to_ascii_uppercase();
    let c = match c {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    ALPHABET.iter().position(|symbol| char::from(*symbol) == c).and_then(|index| u8::try_from(index).ok())
}

fn check(symbols: &[u8; SYMBOLS]) -> u8 {
    symbols.iter().rev().fold(0, |sum, symbol| times_alpha(sum ^ symbol))
}

fn times_alpha(value: u8) -> u8 {
    let doubled = value << 1;
    if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActivationCode(…)")
    }
}
