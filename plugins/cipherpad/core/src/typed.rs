//! Digits as people type them: any script, with spaces and dashes in between.

/// Zeros of the decimal digits of the Basic Multilingual Plane (Unicode category Nd); nine more follow each.
const ZEROS: [u32; 37] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

/// The ASCII digit that a decimal digit of any script stands for.
pub fn ascii_digit(c: char) -> Option<char> {
    let point = u32::from(c);
    let value = ZEROS.iter().find_map(|zero| point.checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// Whether a character only separates or is not seen at all: white space of every width, dashes, marks of direction.
pub fn is_filler(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '\u{00AD}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// ASCII digits of a typed number of digits, or `None` if it holds anything else than digits and fillers.
pub fn digits(text: &str) -> Option<String> {
    text.chars().filter(|c| !is_filler(*c)).map(ascii_digit).collect()
}
