//! A text as the user data of one short message, or of several that a phone puts together again.
//!
//! GSM 7-bit where the text fits it, one septet an octet, else UTF-16 (`data_coding` 8). Longer texts carry the header of
//! 3GPP TS 23.040 §9.2.3.24.1 (8-bit reference). A part never ends inside an escape sequence or a surrogate pair.

use super::alphabet;

/// Parts that one message may have; more is a mistake, and each is paid for.
pub(super) const MOST: usize = 10;

/// Octets of the header of a part: its length, element 0, and reference, count and number.
const HEADER: [u8; 3] = [5, 0, 3];

/// How the octets are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// GSM 7-bit default alphabet, unpacked.
    Gsm7,
    /// UTF-16, big-endian; within the basic plane that is UCS-2.
    Ucs2,
}

impl Coding {
    /// Octets that a message alone holds, and one part of several beside its header.
    fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (140, 134),
        }
    }
}

/// The user data of all parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) coding: Coding,
    pub(super) parts: Vec<Vec<u8>>,
}

impl Encoded {
    /// Whether the parts begin with a header.
    pub(super) fn has_headers(&self) -> bool {
        self.parts.len() > 1
    }
}

/// What one short message could say of the text, and how.
pub(super) fn coding(text: &str) -> Coding {
    let mut septets = Vec::with_capacity(2);
    let fits = text.chars().all(|character| {
        septets.clear();
        alphabet::push(&mut septets, character)
    });
    if fits { Coding::Gsm7 } else { Coding::Ucs2 }
}

/// Encodes and, where it is too long for one message, splits. `reference` tells the parts of one text from those of
/// another.
///
/// # Errors
/// How many parts it would take, when there are more than [`MOST`].
pub(super) fn encode(text: &str, reference: u8) -> Result<Encoded, usize> {
    let coding = coding(text);
    let characters: Vec<Vec<u8>> = text.chars().map(|character| octets(coding, character)).collect();
    let (alone, beside_header) = coding.room();
    if characters.iter().map(Vec::len).sum::<usize>() <= alone {
        return Ok(Encoded { coding, parts: vec![characters.concat()] });
    }
    let mut pieces: Vec<Vec<u8>> = vec![Vec::new()];
    for character in characters {
        match pieces.last_mut() {
            Some(piece) if piece.len() + character.len() <= beside_header => piece.extend(character),
            _ => pieces.push(character),
        }
    }
    let count = u8::try_from(pieces.len()).ok().filter(|count| usize::from(*count) <= MOST).ok_or(pieces.len())?;
    let with_header = |(number, piece): (u8, Vec<u8>)| [&HEADER[..], &[reference, count, number], &piece].concat();
    Ok(Encoded { coding, parts: (1..=count).zip(pieces).map(with_header).collect() })
}

fn octets(coding: Coding, character: char) -> Vec<u8> {
    let mut octets = Vec::with_capacity(4);
    match coding {
        Coding::Gsm7 => {
            alphabet::push(&mut octets, character);
        }
        Coding::Ucs2 => {
            let mut units = [0; 2];
            octets.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn lengths(text: &str) -> Vec<usize> {
        encode(text, 7).unwrap().parts.iter().map(Vec::len).collect()
    }

    #[test]
    fn what_fits_the_alphabet_takes_septets_and_all_else_two_octets_each() {
        assert_eq!(coding("Your code is 12345678 @ €5 [x]"), Coding::Gsm7);
        assert_eq!(coding("Ваш код 12345678"), Coding::Ucs2);
        assert_eq!(coding("Mã của bạn là 12345678"), Coding::Ucs2);
        assert_eq!(encode("Mã", 0).unwrap().parts, [[0x00, 0x4d, 0x00, 0xe3]]);
        assert_eq!(encode("😀", 0).unwrap().parts, [[0xd8, 0x3d, 0xde, 0x00]]);
    }

    #[test]
    fn a_text_is_split_where_it_no_longer_fits() {
        assert_eq!(lengths(&"a".repeat(160)), [160]);
        assert_eq!(lengths(&"a".repeat(161)), [6 + 153, 6 + 8]);
        assert_eq!(lengths(&"ж".repeat(70)), [140]);
        assert_eq!(lengths(&"ж".repeat(71)), [6 + 134, 6 + 8]);
        assert_eq!(lengths(&"€".repeat(80)), [160]);
        assert_eq!(lengths(""), [0]);
        assert_eq!(encode(&"a".repeat(1531), 0), Err(11), "eleven parts are not sent");
    }

    #[test]
    fn each_part_says_which_it_is() {
        let encoded = encode(&"a".repeat(400), 0xd4).unwrap();
        assert!(encoded.has_headers());
        let headers: Vec<&[u8]> = encoded.parts.iter().map(|part| &part[..6]).collect();
        assert_eq!(headers, [[5, 0, 3, 0xd4, 3, 1], [5, 0, 3, 0xd4, 3, 2], [5, 0, 3, 0xd4, 3, 3]]);
    }

    #[test]
    fn neither_an_escape_nor_a_surrogate_pair_is_cut() {
        let escaped = encode(&format!("{}€{}", "a".repeat(152), "b".repeat(60)), 0).unwrap();
        assert_eq!(escaped.parts[0].len(), 6 + 152, "the septet that is left over does not hold the euro sign");
        assert_eq!(escaped.parts[1][6..8], [0x1b, 0x65]);
        let paired = encode(&format!("{}😀{}", "ж".repeat(66), "ж".repeat(30)), 0).unwrap();
        assert_eq!(paired.parts[0].len(), 6 + 132);
        assert_eq!(paired.parts[1][6..10], [0xd8, 0x3d, 0xde, 0x00]);
    }

    proptest! {
        #[test]
        fn parts_put_together_are_the_text(text in "\\PC{0,600}", reference: u8) {
            let Ok(encoded) = encode(&text, reference) else { return Ok(()) };
            let skipped = if encoded.has_headers() { 6 } else { 0 };
            let whole: Vec<u8> = encoded.parts.iter().flat_map(|part| part[skipped..].to_vec()).collect();
            let expected: Vec<u8> = text.chars().flat_map(|character| octets(encoded.coding, character)).collect();
            prop_assert_eq!(whole, expected);
            for part in &encoded.parts {
                prop_assert!(part.len() <= encoded.coding.room().0);
                if encoded.coding == Coding::Ucs2 {
                    let units: Vec<u16> = part[skipped..].chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
                    prop_assert!(String::from_utf16(&units).is_ok(), "a part is text by itself");
                } else {
                    prop_assert_ne!(part.last(), Some(&0x1b));
                }
            }
        }
    }
}
