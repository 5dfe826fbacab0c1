//! Mobile numbers: written by people, kept in E.164, shown in international form.

use phonenumber::{Mode, PhoneNumber, Type, metadata::DATABASE};

/// What is wrong with a number: the key of a text.
pub(super) type Complaint = &'static str;

/// Reads a number with its country code. Numbers that cannot be a mobile phone, or that cost the sender extra, are
/// refused.
pub(super) fn parse(text: &str) -> Result<PhoneNumber, Complaint> {
    let text = text.trim();
    // `00` is how much of the world dials out.
    let written = text.strip_prefix("00").map_or_else(|| text.to_owned(), |rest| format!("+{rest}"));
    if !written.starts_with('+') {
        return Err("invalid_phone_country");
    }
    let number = phonenumber::parse(None, &written).map_err(|_| "invalid_phone")?;
    let can_be_mobile = matches!(number.number_type(&DATABASE), Type::Mobile | Type::FixedLineOrMobile);
    if number.extension().is_some() || !number.is_valid() || !can_be_mobile {
        return Err("invalid_phone");
    }
    Ok(number)
}

/// `+84912345678`: the form that is stored and that gateways take.
pub(super) fn e164(number: &PhoneNumber) -> String {
    number.format().mode(Mode::E164).to_string()
}

/// `+84 912 345 678`: the form that people compare. Takes a stored number; one that does not parse is shown as it is.
pub(super) fn international(stored: &str) -> String {
    phonenumber::parse(None, stored)
        .map_or_else(|_| stored.to_owned(), |number| number.format().mode(Mode::International).to_string())
}

/// `+84 ••• ••• 678`: enough to recognise one's own number.
pub(super) fn masked(stored: &str) -> String {
    let shown = international(stored);
    let digits = shown.chars().filter(char::is_ascii_digit).count();
    let country = shown.split(' ').next().unwrap_or_default().chars().filter(char::is_ascii_digit).count();
    let mut seen = 0;
    shown
        .chars()
        .map(|character| {
            if !character.is_ascii_digit() {
                return character;
            }
            seen += 1;
            if seen <= country.min(3) || seen + 3 > digits { character } else { '•' }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn stored(text: &str) -> Result<String, Complaint> {
        parse(text).map(|number| e164(&number))
    }

    #[test]
    fn spellings_of_one_number_are_one() {
        for text in ["+84 912 345 678", "+84912345678", "0084-912-345-678", " +84 (0)912 345 678 "] {
            assert_eq!(stored(text).unwrap(), "+84912345678", "{text}");
        }
        assert_eq!(stored("+7 (912) 345-67-89").unwrap(), "+79123456789");
        assert_eq!(stored("+44 7911 123456").unwrap(), "+447911123456");
        assert_eq!(stored("+1 202-555-0143").unwrap(), "+12025550143", "cannot be told from a landline");
    }

    #[test]
    fn what_cannot_get_a_message_is_refused() {
        assert_eq!(stored("0912345678"), Err("invalid_phone_country"));
        assert_eq!(stored(""), Err("invalid_phone_country"));
        for text in
            ["+", "+84", "+84 12", "+abc", "+44 20 7946 0018", "+44 909 8790000", "+1 800 555 0199", "+999 123456789"]
        {
            assert_eq!(stored(text), Err("invalid_phone"), "{text}");
        }
        assert_eq!(stored(&format!("+{}", "9".repeat(5000))), Err("invalid_phone"));
    }

    #[test]
    fn a_number_is_shown_for_comparison_and_masked() {
        assert_eq!(international("+84912345678"), "+84 912 345 678");
        assert_eq!(masked("+84912345678"), "+84 ••• ••• 678");
        assert!(!masked("+79123456789").contains("912"));
    }
}
