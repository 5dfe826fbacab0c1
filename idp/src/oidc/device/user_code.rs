//! The code that a device shows and a person types (RFC 8628 §6.1): eight consonants, so that it spells no word, has nothing
//! that looks like a digit and is easy to type on any keyboard. That is 34 bits, for ten minutes, behind a limit on tries.

use crate::{app::App, entropy::EntropyError};

const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;
/// Bytes from here on would make some letters likelier than others.
const FAIR: u8 = 240;

/// A fresh code, without its hyphen.
///
/// # Errors
/// When the generator fails.
pub(super) fn fresh(app: &App) -> Result<String, EntropyError> {
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        for byte in app.entropy.bytes::<16>()?.into_iter().filter(|byte| *byte < FAIR).take(LENGTH - code.len()) {
            code.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        }
    }
    Ok(code)
}

/// As a device shows it: in two groups.
pub(super) fn shown(code: &str) -> String {
    code.split_at_checked(LENGTH / 2).map_or_else(|| code.to_owned(), |(one, other)| format!("{one}-{other}"))
}

/// The code that somebody has typed, in small or capital letters, with whatever they put between the groups. `None`: it cannot
/// be one.
pub(super) fn typed(text: &str) -> Option<String> {
    let code: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '.' | '_'))
        .map(|c| c.to_ascii_uppercase())
        .take(LENGTH + 1)
        .collect();
    let fits = code.len() == LENGTH && code.bytes().all(|byte| LETTERS.contains(&byte));
    fits.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_typed_as_people_type() {
        for text in ["BCDFGHJK", "bcdf-ghjk", " bcdf ghjk ", "BCDF\u{2013}GHJK", "b c d f.g_h-jk"] {
            assert_eq!(typed(text).as_deref(), Some("BCDFGHJK"), "{text}");
        }
        for text in ["", "BCDF", "BCDF-GHJKL", "ABCD-FGHJ", "BCDF-GHJ1", "БСDF-GHJK", &"B".repeat(10_000)] {
            assert_eq!(typed(text), None, "{text}");
        }
        assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
    }
}
