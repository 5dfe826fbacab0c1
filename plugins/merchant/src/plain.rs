//! Texts of a relying party that a person will read before approving: they must look like what they are.

use unicode_normalization::is_nfc;

/// [`check`] of a text that has to be there.
///
/// # Errors
/// For the developer who sent it, beginning with `field`.
pub fn required(field: &str, text: &str, most_characters: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{field}: must not be empty"));
    }
    optional(field, text, most_characters)
}

/// [`check`] of a text that may be empty.
///
/// # Errors
/// As [`required`].
pub fn optional(field: &str, text: &str, most_characters: usize) -> Result<(), String> {
    check(text, most_characters).map_err(|e| format!("{field}: {e}"))
}

/// Whether `text` can be shown as it is.
///
/// # Errors
/// A sentence for the developer who sent it: too long, spaces where they cannot be seen, not in Unicode's normal form C (two
/// ways to write one letter are two texts that look the same), or characters that are invisible, change the direction of
/// writing, or break the line.
pub fn check(text: &str, most_characters: usize) -> Result<(), String> {
    if text.chars().count() > most_characters {
        return Err(format!("must have at most {most_characters} characters"));
    }
    if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
        return Err("must not begin or end with a space, or hold two in a row".into());
    }
    if let Some(c) = text.chars().find(|&c| is_deceptive(c)) {
        return Err(format!("must not hold the character U+{:04X}", u32::from(c)));
    }
    if is_nfc(text) { Ok(()) } else { Err("must be in Unicode's normal form C".into()) }
}

/// Characters that a reader cannot see, or that make the text around them look different. The zero-width joiners are
/// among them although some languages write with them: in a payee's name they hide more than they help.
fn is_deceptive(c: char) -> bool {
    let invisible = matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFF}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}');
    let turns_direction = matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}');
    // Line and paragraph separators and every space but the ordinary one.
    let odd_space = c.is_whitespace() && c != ' ';
    // No two readers agree on what these look like.
    let private = matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}');
    c.is_control() || invisible || turns_direction || odd_space || private
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_texts_of_any_language_pass() {
        for text in [
            "",
            "Demo Shop",
            "Магазин «Ёлка»",
            "Cửa hàng số 1",
            "お店",
            "متجر",
            "חנות",
            "Zażółć & Söhne, №5 – 100 %",
            "☕ café",
        ] {
            assert_eq!(check(text, 64), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_deceives_the_eye_is_refused() {
        for text in [
            "Demo\nShop",
            "Demo\0",
            "Demo\u{7f}",
            "Demo\u{85}",
            "\u{202e}pohS",
            "Demo\u{200b}Shop",
            "\u{2066}x\u{2069}",
            "Demo\u{a0}Shop",
            "\u{feff}Demo",
            "Demo\u{2028}Shop",
            "Demo\u{3164}",
            "De\u{ad}mo",
            "De\u{2065}mo",
            "Demo\u{e0041}",
            "\u{e000}",
            " Demo",
            "Demo ",
            "Demo  Shop",
            "\tDemo",
            "\u{61c}Demo",
            // É as two characters, and a sign that stands for another letter.
            "Cafe\u{301}",
            "5 k\u{212a}",
        ] {
            assert!(check(text, 64).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(check(&"ы".repeat(64), 64), Ok(()));
        assert!(check(&"ы".repeat(65), 64).is_err());
    }
}
