//! Currencies of ISO 4217 that card payments are taken in, with the digits behind their point.

/// Code and minor digits. The amendments of the standard that change a number of digits are years apart.
pub const CURRENCIES: [(&str, u8); 44] = [
    ("AED", 2),
    ("AMD", 2),
    ("AUD", 2),
    ("AZN", 2),
    ("BHD", 3),
    ("BRL", 2),
    ("BYN", 2),
    ("CAD", 2),
    ("CHF", 2),
    ("CLP", 0),
    ("CNY", 2),
    ("CZK", 2),
    ("DKK", 2),
    ("EUR", 2),
    ("GBP", 2),
    ("GEL", 2),
    ("HKD", 2),
    ("HUF", 2),
    ("IDR", 2),
    ("ILS", 2),
    ("INR", 2),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KGS", 2),
    ("KRW", 0),
    ("KWD", 3),
    ("KZT", 2),
    ("MDL", 2),
    ("MXN", 2),
    ("MYR", 2),
    ("NOK", 2),
    ("NZD", 2),
    ("OMR", 3),
    ("PHP", 2),
    ("PLN", 2),
    ("RUB", 2),
    ("SEK", 2),
    ("SGD", 2),
    ("THB", 2),
    ("TND", 3),
    ("USD", 2),
    ("VND", 0),
    ("ZAR", 2),
];

/// Digits behind the point of a currency; `None` if it is not taken.
pub fn minor_digits(code: &str) -> Option<u8> {
    CURRENCIES.iter().find(|(known, _)| *known == code).map(|(_, digits)| *digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_capital_letters_each_once_and_in_order() {
        assert!(CURRENCIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, digits) in CURRENCIES {
            assert!(code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) && digits <= 3, "{code}");
        }
        assert_eq!([minor_digits("AUD"), minor_digits("JPY"), minor_digits("KWD")], [Some(2), Some(0), Some(3)]);
        // The last one begins with a Cyrillic letter.
        assert!(["aud", "XXX", "WMZ", "", "АUD"].into_iter().all(|code| minor_digits(code).is_none()));
    }
}
