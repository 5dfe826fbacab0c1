//! Purses and their currencies.

use schemars::{Schema, SchemaGenerator, json_schema};

/// What a purse looks like: a capital letter, which says the currency, and 12 digits.
pub const PATTERN: &str = "^[A-Z][0-9]{12}$";

/// Purse letter and currency code: the only place that knows which belong together.
pub const CURRENCIES: [(char, &str); 13] = [
    ('B', "WMB"),
    ('E', "WME"),
    ('G', "WMG"),
    ('H', "WMH"),
    ('K', "WMK"),
    ('L', "WML"),
    ('P', "WMP"),
    ('R', "WMR"),
    ('U', "WMU"),
    ('V', "WMV"),
    ('X', "WMX"),
    ('Y', "WMY"),
    ('Z', "WMZ"),
];

/// Schema of a code of [`CURRENCIES`].
pub(crate) fn currency_codes(_: &mut SchemaGenerator) -> Schema {
    let codes: Vec<&str> = CURRENCIES.iter().map(|(_, code)| *code).collect();
    json_schema!({ "type": "string", "enum": codes, "description": "Code such as `WMZ`." })
}

/// Whether it is one of [`CURRENCIES`].
pub fn is_currency(code: &str) -> bool {
    CURRENCIES.iter().any(|(_, known)| *known == code)
}

/// Currency that the purse holds.
///
/// # Errors
/// A sentence for the developer who sent it: it is not a purse, or its letter names no currency.
pub fn currency_of(purse: &str) -> Result<&'static str, &'static str> {
    let mut characters = purse.chars();
    let letter = characters.next().unwrap_or_default();
    let digits = characters.as_str();
    if digits.len() != 12 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("must be a capital letter and 12 digits");
    }
    CURRENCIES
        .iter()
        .find(|(known, _)| *known == letter)
        .map(|(_, currency)| *currency)
        .ok_or("the letter names no currency")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_says_the_currency() {
        assert_eq!(currency_of("Z123456789012"), Ok("WMZ"));
        assert_eq!(currency_of("R000000000000"), Ok("WMR"));
    }

    #[test]
    fn what_is_no_purse_is_refused() {
        for purse in [
            "",
            "Z",
            "Z12345678901",
            "Z1234567890123",
            "z123456789012",
            "A123456789012",
            "123456789012Z",
            "Ζ123456789012",
            "Z12345678901２",
        ] {
            assert!(currency_of(purse).is_err(), "{purse:?} was taken");
        }
    }

    #[test]
    fn letters_and_currencies_are_one_to_one() {
        for (letter, currency) in CURRENCIES {
            assert_eq!(currency, format!("WM{letter}"));
            assert_eq!(CURRENCIES.iter().filter(|(other, _)| *other == letter).count(), 1);
        }
    }
}
