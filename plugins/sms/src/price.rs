//! What a message costs, by the table of the settings.

use std::collections::BTreeMap;

use plugin_api::message::{Context, Fee, Price};
use plugin_api::{Error, Result};

/// Digits behind the decimal point of every fee: of one currency there must be one number of them.
const MINOR_DIGITS: u8 = 2;
/// Most digits before the point.
const MOST_WHOLE_DIGITS: usize = 9;

/// Fees for payments by currency, and how many logins are free.
#[derive(Debug)]
pub(crate) struct Prices {
    fees: BTreeMap<String, Fee>,
    /// For a transaction in a currency that is not in the table.
    otherwise: Option<Fee>,
    free_per_day: u32,
}

impl Prices {
    /// From the settings: decimals by currency, and the currency whose fee holds for the others (none, where it is empty).
    ///
    /// # Errors
    /// Names the setting that makes no sense.
    pub(crate) fn new(fees: &BTreeMap<String, String>, default_currency: &str, free_per_day: u32) -> Result<Self> {
        let fees = fees.iter().map(|(currency, amount)| Ok((currency.clone(), fee(currency, amount)?)));
        let fees = fees.collect::<Result<BTreeMap<_, _>>>()?;
        let otherwise = fees.get(default_currency).cloned();
        if otherwise.is_none() && !default_currency.is_empty() && !fees.is_empty() {
            return Err(Error::failed(format!("default_currency: there is no fee for {default_currency} in fees")));
        }
        if free_per_day == 0 {
            return Err(Error::failed("free_per_day: must be at least 1"));
        }
        Ok(Self { fees, otherwise, free_per_day })
    }

    /// A payment costs; what is not one is free, so many times a day. Whoever is about to pay nothing sees the table.
    pub(crate) fn of(&self, cx: &Context) -> Price {
        let Some(transaction) = &cx.transaction else {
            return Price {
                fee: None,
                free_per_day: Some(self.free_per_day),
                fees: self.fees.clone(),
                other_fee: self.otherwise.clone(),
            };
        };
        let fee = self.fees.get(&transaction.currency).or(self.otherwise.as_ref());
        Price { fee: fee.cloned(), ..Price::default() }
    }
}

fn fee(currency: &str, amount: &str) -> Result<Fee> {
    let wrong = || {
        Error::failed(format!("fees: {amount:?} for {currency} must be a decimal above zero with at most two decimals"))
    };
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > MOST_WHOLE_DIGITS || fraction.len() > MINOR_DIGITS.into() {
        return Err(wrong());
    }
    let amount_minor = format!("{whole}{fraction:0<2}").parse().map_err(|_| wrong())?;
    let fee = Fee { amount_minor, minor_digits: MINOR_DIGITS, currency: currency.to_owned() };
    let price = Price { fee: Some(fee.clone()), ..Price::default() };
    price.check().map_err(|why| Error::failed(format!("fees: {amount:?} for {currency}: {why}")))?;
    Ok(fee)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn minor(amount: &str) -> Option<u64> {
        fee("WMZ", amount).ok().map(|fee| fee.amount_minor)
    }

    #[test]
    fn amounts_are_exact_decimals() {
        for (amount, expected) in [("0.05", 5), ("1.5", 150), ("2", 200), ("999999999.99", 99_999_999_999)] {
            assert_eq!(minor(amount), Some(expected), "{amount}");
        }
        for wrong in ["", "0", "0.00", "-1", "+1", "1.", ".5", "1.005", "1,5", "1e3", "1 ", "1234567890", "1.5.0"] {
            assert_eq!(minor(wrong), None, "{wrong:?}");
        }
        assert!(fee("", "1").is_err() && fee("A LONG CURRENCY", "1").is_err());
    }

    #[test]
    fn the_default_is_one_of_the_table() {
        let fees = BTreeMap::from([("WMZ".to_owned(), "0.05".to_owned())]);
        assert!(Prices::new(&fees, "WMR", 5).is_err() && Prices::new(&fees, "WMZ", 0).is_err());
        assert!(Prices::new(&fees, "", 5).unwrap().otherwise.is_none());
        assert!(Prices::new(&BTreeMap::new(), "WMZ", 5).unwrap().fees.is_empty());
    }
}
