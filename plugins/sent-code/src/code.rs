//! The code: how it comes about, and how a typed one is compared with it.

use std::fmt;
use std::ops::RangeInclusive;

use plugin_api::{Error, Result};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// How many digits a code may have. At six, five guesses hit one time in 200 000; more than ten nobody copies without a
/// slip.
pub const DIGITS: RangeInclusive<usize> = 6..=10;
/// Longest input that is looked at, in bytes: ten digits with something between any two of them.
const LONGEST_INPUT: usize = 64;
/// Bytes from here on would make the digits 0 to 5 more likely than the others.
const UNBIASED: u8 = 250;

/// The number of digits that an administrator has set.
///
/// # Errors
/// When no code has so many; names the setting.
pub fn check_digits(digits: u8) -> Result<usize> {
    let wanted = usize::from(digits);
    if DIGITS.contains(&wanted) {
        return Ok(wanted);
    }
    Err(Error::failed(format!("digits: a code has {} to {} digits, not {digits}", DIGITS.start(), DIGITS.end())))
}

/// Decimal digits; leading zeros belong to it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

impl Code {
    /// A code of so many digits, each as likely as any other, whatever the digits around it.
    ///
    /// # Errors
    /// When fewer of the bytes than that are usable: less than once in 10^29 calls.
    pub fn from_random(random: &[u8; 32], digits: usize) -> Result<Self> {
        let usable = random.iter().filter(|&&byte| byte < UNBIASED);
        let code: String = usable.map(|byte| char::from(b'0' + byte % 10)).take(digits).collect();
        if code.len() == digits {
            return Ok(Self(code));
        }
        Err(Error::failed("cx.random has too few usable bytes"))
    }

    /// For the message, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// How many digits it has.
    pub fn digits(&self) -> usize {
        self.0.len()
    }

    /// Whether `typed` could be a code of this length at all.
    pub fn has_form(&self, typed: &str) -> bool {
        digits(typed).is_some_and(|typed| typed.len() == self.digits())
    }

    /// Whether `typed` is this code, in constant time for all that have its length.
    pub fn is(&self, typed: &str) -> bool {
        digits(typed).is_some_and(|typed| typed.as_bytes().ct_eq(self.0.as_bytes()).into())
    }
}

/// The digits of what was typed, without spaces and dashes of any sort; `None` if there is anything else. Digits of other
/// scripts are something else: a message has none, so that nobody copies them.
fn digits(typed: &str) -> Option<String> {
    let is_filler = |c: char| c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    if typed.len() > LONGEST_INPUT {
        return None;
    }
    typed.chars().filter(|&c| !is_filler(c)).map(|c| c.is_ascii_digit().then_some(c)).collect()
}

impl TryFrom<String> for Code {
    type Error = &'static str;

    /// A state that holds no code must not be answered by no code.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_code = DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_code { Ok(Self(text)) } else { Err("a code has 6 to 10 digits") }
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn code(text: &str) -> Code {
        text.to_owned().try_into().unwrap()
    }

    /// Bytes are independent and uniform, so it is enough to look at one: over all its values each digit comes up equally
    /// often, or none does.
    #[test]
    fn every_digit_is_equally_likely_in_every_place() {
        for place in 0..10 {
            let mut count = [0; 10];
            let mut skipped = 0;
            for byte in 0..=u8::MAX {
                let mut random = [1; 32];
                random[place] = byte;
                // What follows tells a skipped byte from a digit.
                random[place + 1] = 249;
                let code = Code::from_random(&random, 10).unwrap();
                let digits: Vec<usize> = code.expose().bytes().map(|digit| usize::from(digit - b'0')).collect();
                assert!(digits[..place].iter().all(|&digit| digit == 1));
                match byte {
                    0..250 => count[digits[place]] += 1,
                    _ => skipped += 1,
                }
                assert!(byte < 250 || digits[place] == 9);
            }
            assert_eq!((count, skipped), ([25; 10], 6), "place {place}");
        }
    }

    #[test]
    fn leading_zeros_stay() {
        let mut random = [0; 32];
        random[5] = 7;
        assert_eq!(Code::from_random(&random, 6).unwrap().expose(), "000007");
        assert_eq!(Code::from_random(&random, 10).unwrap().expose(), "0000070000");
        assert!(code("000007").is("000007") && !code("000007").is("7"));
    }

    #[test]
    fn randomness_that_yields_no_code_is_an_error_and_no_short_code() {
        let mut random = [255; 32];
        random[..5].fill(3);
        assert!(Code::from_random(&random, 6).is_err());
        random[31] = 4;
        assert_eq!(Code::from_random(&random, 6).unwrap().expose(), "333334");
    }

    #[test]
    fn spaces_and_dashes_do_not_matter_and_everything_else_does() {
        let code = code("012345");
        for right in ["012345", " 012 345\n", "012-345", "0 1 2 3 4 5", "012\u{a0}345", "012–345", "012\u{2212}345"] {
            assert!(code.is(right) && code.has_form(right), "{right:?}");
        }
        let odd = ["", "-", "12345", "0123456", "012345x", "0x12345", "012.345", "+012345", "012345\0"];
        let other_scripts = ["٠١٢٣٤٥", "０１２３４５"];
        for wrong in odd.into_iter().chain(other_scripts) {
            assert!(!code.is(wrong) && !code.has_form(wrong), "{wrong:?}");
        }
        assert!(!code.is("543210") && code.has_form("543210"));
        assert!(!code.is(&format!("012345{}", " ".repeat(100))));
    }

    #[test]
    fn what_is_no_code_is_not_read_back() {
        for text in ["", "12345", "12345678901", "12345x", "١٢٣"] {
            assert!(Code::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        assert!(serde_json::from_str::<Code>("\"\"").is_err());
        assert_eq!(serde_json::to_string(&code("000123")).unwrap(), "\"000123\"");
    }

    #[test]
    fn it_is_not_printed_by_accident() {
        assert_eq!(format!("{:?}", code("123456")), "Code(…)");
    }
}
