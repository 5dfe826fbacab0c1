//! The GSM 7-bit default alphabet with its extension table (3GPP TS 23.038 §6.2.1).

/// Says that the next septet is of the extension table.
const ESCAPE: u8 = 0x1b;

/// Each character at its place in the table; that of the escape holds a character that no text has.
const BASIC: &str = concat!(
    "@£$¥èéùìòÇ\nØø\rÅå",
    "Δ_ΦΓΛΩΠΨΣΘΞ\u{10ffff}ÆæßÉ",
    " !\"#¤%&'()*+,-./",
    "0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNO",
    "PQRSTUVWXYZÄÖÑÜ§",
    "¿abcdefghijklmno",
    "pqrstuvwxyzäöñüà"
);

const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

/// Appends the one or two septets of a character, each in an octet of its own. `false` when the alphabet has it not.
pub(super) fn push(septets: &mut Vec<u8>, character: char) -> bool {
    if character == '\u{10ffff}' {
        return false;
    }
    if let Some(place) = BASIC.chars().position(|basic| basic == character) {
        septets.extend(u8::try_from(place));
        return true;
    }
    let Some((_, place)) = EXTENSION.iter().find(|(extended, _)| *extended == character) else { return false };
    septets.extend([ESCAPE, *place]);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn septets(text: &str) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        text.chars().all(|character| push(&mut all, character)).then_some(all)
    }

    #[test]
    fn every_place_of_the_table_is_taken_once() {
        let places: Vec<char> = BASIC.chars().collect();
        assert_eq!(places.len(), 128);
        let distinct: std::collections::BTreeSet<_> = places.iter().collect();
        assert_eq!(distinct.len(), 128);
        assert_eq!(places.iter().position(|place| *place == '\u{10ffff}'), Some(usize::from(ESCAPE)));
    }

    #[test]
    fn characters_stand_where_the_standard_puts_them() {
        assert_eq!(septets("@$_"), Some(vec![0x00, 0x02, 0x11]));
        assert_eq!(septets("Code: 4711\r\n"), Some(b"Code: 4711\r\n".to_vec()));
        assert_eq!(septets("ÇÅåÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"), {
            Some(vec![
                0x09, 0x0e, 0x0f, 0x1c, 0x1d, 0x1e, 0x1f, 0x24, 0x40, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x7b, 0x7c,
                0x7d, 0x7e, 0x7f,
            ])
        });
        assert_eq!(septets("ΔΦΓΛΩΠΨΣΘΞ"), Some(vec![0x10, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a]));
    }

    #[test]
    fn the_extension_table_takes_two_septets() {
        assert_eq!(septets("€[]"), Some(vec![0x1b, 0x65, 0x1b, 0x3c, 0x1b, 0x3e]));
        assert_eq!(septets("^{}\\~|\u{c}").map(|all| all.len()), Some(14));
    }

    #[test]
    fn other_alphabets_are_not_in_it() {
        for text in ["код", "mã", "ç", "`", "\t", "😀", "\u{10ffff}", "\u{1b}", "А"] {
            assert_eq!(septets(text), None, "{text:?}");
        }
    }
}
