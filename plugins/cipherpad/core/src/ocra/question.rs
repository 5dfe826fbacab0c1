//! The question: 128 bytes, padded on the right (RFC 6287 §5.1).

use super::{Format, OcraError, Suite};

const BYTES: usize = 128;

/// An encoded question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question([u8; BYTES]);

impl Question {
    /// A question from one party.
    ///
    /// # Errors
    /// If the text is not of the suite's format, is empty, or is longer than the suite allows.
    pub fn new(suite: &Suite, text: &str) -> Result<Self, OcraError> {
        check(suite, text)?;
        encode(suite.question_format(), text)
    }

    /// A question for mutual challenge–response (§7.2): the other party's question first. The server's response is
    /// over client then server question, the client's over server then client question. The suite bounds each of the
    /// two, not their concatenation.
    ///
    /// # Errors
    /// As for [`Question::new`], for either part.
    pub fn mutual(suite: &Suite, theirs: &str, ours: &str) -> Result<Self, OcraError> {
        check(suite, theirs)?;
        check(suite, ours)?;
        encode(suite.question_format(), &[theirs, ours].concat())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn check(suite: &Suite, text: &str) -> Result<(), OcraError> {
    let (good, expected): (fn(&u8) -> bool, _) = match suite.question_format() {
        Format::Numeric => (u8::is_ascii_digit, "decimal digits"),
        Format::Hexadecimal => (u8::is_ascii_hexdigit, "hexadecimal digits"),
        Format::Alphanumeric => (u8::is_ascii_alphanumeric, "letters and digits"),
    };
    if !text.as_bytes().iter().all(good) {
        return Err(OcraError::QuestionFormat(expected));
    }
    let (found, max) = (text.len(), suite.question_max());
    if found == 0 || found > max {
        return Err(OcraError::QuestionLength { max, found });
    }
    Ok(())
}

/// Encodes a checked text.
fn encode(format: Format, text: &str) -> Result<Question, OcraError> {
    let mut bytes = [0; BYTES];
    match format {
        Format::Alphanumeric => fill(&mut bytes, text.bytes()),
        Format::Hexadecimal => fill_nibbles(&mut bytes, hex_nibbles(text)?),
        // A number loses its leading zeros and is padded on the right: 1, 16 and 256 are one question. Cipherpad
        // challenges have a fixed length and never start with 0, which leaves no two alike.
        Format::Numeric => fill_nibbles(&mut bytes, decimal_nibbles(text)),
    }
    Ok(Question(bytes))
}

fn fill(bytes: &mut [u8], from: impl IntoIterator<Item = u8>) {
    for (to, from) in bytes.iter_mut().zip(from) {
        *to = from;
    }
}

fn fill_nibbles(bytes: &mut [u8], nibbles: Vec<u8>) {
    for (index, nibble) in nibbles.into_iter().enumerate().take(bytes.len() * 2) {
        bytes[index / 2] |= if index % 2 == 0 { nibble << 4 } else { nibble };
    }
}

fn hex_nibbles(text: &str) -> Result<Vec<u8>, OcraError> {
    let nibble = |c: char| c.to_digit(16).and_then(|n| u8::try_from(n).ok());
    text.chars().map(nibble).collect::<Option<_>>().ok_or(OcraError::QuestionFormat("hexadecimal digits"))
}

/// Nibbles of a decimal number, most significant first, without leading zeros.
fn decimal_nibbles(text: &str) -> Vec<u8> {
    let mut little_endian: Vec<u8> = Vec::new();
    for digit in text.bytes().map(|byte| byte - b'0') {
        let mut carry = digit;
        for nibble in &mut little_endian {
            let value = *nibble * 10 + carry;
            *nibble = value & 15;
            carry = value >> 4;
        }
        if carry > 0 {
            little_endian.push(carry);
        }
    }
    little_endian.reverse();
    little_endian
}
