//! Amounts of money: exact decimals, never floating point.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::purse;

/// Digits behind the decimal point in every currency of [`crate::purse`].
pub const MINOR_DIGITS: u8 = 2;
/// What an amount looks like: no sign, no leading zeros, at most 12 digits before the point and at most two behind it.
pub const PATTERN: &str = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$";
const MOST_WHOLE_DIGITS: usize = 12;

/// An amount in the currency of a purse.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstructedAmount {
    /// Code such as `WMZ`.
    #[schemars(schema_with = "purse::currency_codes")]
    pub currency: String,
    /// Exact decimal such as `10.50`, as a string: JSON numbers are not exact everywhere.
    #[schemars(regex(pattern = PATTERN))]
    pub amount: String,
}

impl InstructedAmount {
    /// Minor units, if it is in `currency`; `field` is where it stands.
    ///
    /// # Errors
    /// For the developer who sent it.
    pub fn minor_units_of(&self, currency: &str, field: &str) -> Result<u64, String> {
        let minor = minor_units(&self.amount, MINOR_DIGITS).map_err(|e| format!("{field}.amount: {e}"))?;
        // An exact comparison: letters of another alphabet that look alike are not the currency.
        if self.currency == currency {
            Ok(minor)
        } else {
            Err(format!("{field}.currency: this purse holds {currency} and nothing else"))
        }
    }
}

/// Minor units of an amount such as `10.50` (1050), `10.5` (1050) or `10` (1000) in a currency with so many `digits` behind
/// the point. No sign, no leading zeros, at most 12 digits before the point.
///
/// # Errors
/// A sentence for the developer who sent it: it does not have that form, or is zero.
pub fn minor_units(amount: &str, digits: u8) -> Result<u64, String> {
    let digits = usize::from(digits);
    let form = || format!("must be decimal digits such as 10.50: no sign, no leading zeros, at most {digits} decimals");
    let (whole, fraction) = match amount.split_once('.') {
        Some((_, "")) => return Err(form()),
        Some(parts) => parts,
        None => (amount, ""),
    };
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || leading_zero || fraction.len() > digits {
        return Err(form());
    }
    // `parse` alone would take a sign.
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(form());
    }
    if whole.len() > MOST_WHOLE_DIGITS {
        return Err("must have at most 12 digits before the point".into());
    }
    // At most 16 digits: fits.
    let minor = format!("{whole}{fraction:0<digits$}").parse::<u64>().map_err(|_| form())?;
    if minor == 0 { Err("must not be zero".into()) } else { Ok(minor) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    /// Of a currency with two digits, as purses have.
    fn minor_units(amount: &str) -> Result<u64, String> {
        super::minor_units(amount, MINOR_DIGITS)
    }

    #[test]
    fn amounts_become_minor_units() {
        for (text, minor) in [
            ("10.50", 1050),
            ("10.5", 1050),
            ("10", 1000),
            ("0.01", 1),
            ("0.1", 10),
            ("999999999999.99", 99_999_999_999_999),
        ] {
            assert_eq!(minor_units(text), Ok(minor), "{text}");
        }
    }

    #[test]
    fn a_currency_has_its_own_number_of_decimals() {
        assert_eq!(super::minor_units("1250", 0), Ok(1250));
        assert_eq!(super::minor_units("1.234", 3), Ok(1234));
        assert_eq!(super::minor_units("1.2", 3), Ok(1200));
        assert!(super::minor_units("1.0", 0).is_err() && super::minor_units("1.2345", 3).is_err());
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "0",
            "0.0",
            "0.00",
            "-1",
            "+1",
            "01",
            "00.10",
            "1.",
            ".5",
            "1.005",
            "1e3",
            "1,50",
            "1 000",
            " 1",
            "1 ",
            "0x10",
            "NaN",
            "1.-5",
            "1.+5",
            "1.5.0",
            "1000000000000",
            "١",
            "１０",
            "1\u{200b}0",
            "99999999999999999999999",
        ] {
            assert!(minor_units(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn every_amount_survives_the_way_through_text(minor in 1_u64..=99_999_999_999_999) {
            let text = format!("{}.{:02}", minor / 100, minor % 100);
            prop_assert_eq!(minor_units(&text), Ok(minor));
        }

        #[test]
        fn other_texts_never_panic_and_never_gain_digits(text in "\\PC{0,20}") {
            if let Ok(minor) = minor_units(&text) {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                let shifts = 2 - text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                let digits = digits.parse::<u64>().unwrap();
                prop_assert_eq!(minor, digits * 10_u64.pow(u32::try_from(shifts).unwrap()));
            }
        }
    }
}
