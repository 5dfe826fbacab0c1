//! What a stored number says of itself.

use phonenumber::{Type, metadata::DATABASE};

/// Digits of a number that its neighbours share.
const PREFIX_DIGITS: usize = 7;

/// Country and type of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// ISO 3166-1 alpha-2, where the number belongs to one country.
    pub(super) country: Option<String>,
    /// As [`kind`] names it.
    pub(super) kind: &'static str,
}

/// Reads a number in E.164; `None` if it is none.
pub(super) fn read(e164: &str) -> Option<Number> {
    let number = phonenumber::parse(None, e164).ok()?;
    let country = number.country().id().map(|id| id.as_ref().to_owned());
    Some(Number { country, kind: kind(number.number_type(&DATABASE)) })
}

/// The name of a type in the settings.
pub(super) fn kind(of: Type) -> &'static str {
    match of {
        Type::Mobile => "mobile",
        Type::FixedLineOrMobile => "fixed_line_or_mobile",
        Type::FixedLine => "fixed_line",
        Type::TollFree => "toll_free",
        Type::PremiumRate => "premium_rate",
        Type::SharedCost => "shared_cost",
        Type::Voip => "voip",
        Type::PersonalNumber => "personal_number",
        Type::Pager => "pager",
        Type::Uan => "uan",
        Type::Voicemail => "voicemail",
        _ => "other",
    }
}

/// `+8491234`: country code and what follows, seven digits together.
pub(super) fn prefix(e164: &str) -> String {
    e164.chars().take(1 + PREFIX_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_number_tells_its_country_and_type() {
        for (e164, country, kind) in [
            ("+84912345678", "VN", "mobile"),
            ("+447400123456", "GB", "mobile"),
            ("+12025550143", "US", "fixed_line_or_mobile"),
            ("+442079460018", "GB", "fixed_line"),
            ("+449098790000", "GB", "premium_rate"),
            ("+445600123456", "GB", "voip"),
            ("+447640123456", "GB", "pager"),
        ] {
            let number = read(e164).unwrap();
            assert_eq!((number.country.as_deref(), number.kind), (Some(country), kind), "{e164}");
        }
        assert_eq!(read("nonsense"), None);
        assert_eq!((prefix("+84912345678"), prefix("")), ("+8491234".to_owned(), String::new()));
    }
}
