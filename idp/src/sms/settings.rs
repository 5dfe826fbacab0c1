//! What an administrator sets of the guard: `[sms.guard]`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Limits on text messages, against whoever has them sent for the money that some networks pay for traffic. A limit of 0
/// is none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// Countries (ISO 3166-1 alpha-2, such as `VN`) whose numbers get messages; all if empty.
    pub countries: Vec<String>,
    /// Types of numbers that get messages, as [`super::number::kind`] names them.
    pub types: Vec<String>,
    /// Messages to one number in an hour.
    pub number_per_hour: u32,
    /// The same in a day.
    pub number_per_day: u32,
    /// Messages to numbers with the same first seven digits in an hour.
    pub prefix_per_hour: u32,
    /// The same in a day.
    pub prefix_per_day: u32,
    /// Messages that one block of network addresses causes in an hour.
    pub block_per_hour: u32,
    /// The same in a day.
    pub block_per_day: u32,
    /// Messages to one account in an hour.
    pub account_per_hour: u32,
    /// The same in a day.
    pub account_per_day: u32,
    /// Messages in all in an hour.
    pub all_per_hour: u32,
    /// The same in a day.
    pub all_per_day: u32,
    /// What messages may cost in all in an hour, in the unit of `prices`.
    pub spend_per_hour: u32,
    /// The same in a day.
    pub spend_per_day: u32,
    /// What a message costs at most, all its parts together, in whole units of your choice (cents, say): by the first digits
    /// of its number, with `+`, of which the longest that fit count; `default` for all others.
    pub prices: BTreeMap<String, u32>,
    /// How many codes are sent to a prefix before their use is judged.
    pub least_sample: u32,
    /// Percentage of them that has to be used; below it nothing more is sent to the prefix for a while.
    pub least_used_percent: u32,
    /// For how many minutes.
    pub open_minutes: u32,
    /// How many are then sent on trial; when half of them are used, all is as before.
    pub trial: u32,
    /// Whom to tell by mail when a prefix is closed or a limit over all messages is reached.
    pub alert_to: Option<String>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            countries: Vec::new(),
            types: vec!["mobile".to_owned(), "fixed_line_or_mobile".to_owned()],
            number_per_hour: 10,
            number_per_day: 30,
            prefix_per_hour: 200,
            prefix_per_day: 1_000,
            block_per_hour: 120,
            block_per_day: 600,
            account_per_hour: 10,
            account_per_day: 30,
            all_per_hour: 10_000,
            all_per_day: 100_000,
            spend_per_hour: 0,
            spend_per_day: 0,
            prices: BTreeMap::new(),
            least_sample: 50,
            least_used_percent: 20,
            open_minutes: 60,
            trial: 10,
            alert_to: None,
        }
    }
}

/// The price of all numbers that have none of their own.
const DEFAULT: &str = "default";

impl Guard {
    /// Whether a limit on what is spent can be kept.
    ///
    /// # Errors
    /// What is wrong with `prices`.
    pub fn check(&self) -> Result<(), String> {
        let is_prefix = |key: &str| {
            key.strip_prefix('+').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        };
        if let Some(key) = self.prices.keys().find(|key| *key != DEFAULT && !is_prefix(key)) {
            return Err(format!("{key} is neither `default` nor the first digits of numbers, with +"));
        }
        if [self.spend_per_hour, self.spend_per_day].into_iter().any(|most| i32::try_from(most).is_err()) {
            return Err("counts at most 2147483647 in an hour or a day: choose a larger unit".to_owned());
        }
        let most = [self.spend_per_hour, self.spend_per_day].into_iter().filter(|most| *most > 0).min();
        let Some(most) = most else { return Ok(()) };
        if !self.prices.contains_key(DEFAULT) {
            return Err("must have a `default`, since a limit is set on what is spent".to_owned());
        }
        match self.prices.iter().find(|(_, price)| **price == 0 || **price > most) {
            Some((key, _)) => Err(format!("that of {key} must be at least 1, and no more than the limit")),
            None => Ok(()),
        }
    }

    /// What a message to this number costs; 0 where no prices are set.
    pub(super) fn price_of(&self, e164: &str) -> u32 {
        let fitting = self.prices.iter().filter(|(prefix, _)| e164.starts_with(prefix.as_str()));
        let longest = fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, price)| *price);
        longest.or_else(|| self.prices.get(DEFAULT).copied()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(spend_per_day: u32, prices: &[(&str, u32)]) -> Guard {
        let prices = prices.iter().map(|(prefix, price)| ((*prefix).to_owned(), *price)).collect();
        Guard { spend_per_day, prices, ..Guard::default() }
    }

    #[test]
    fn the_longest_prefix_says_the_price() {
        let guard = guard(0, &[("default", 5), ("+84", 7), ("+8491", 9), ("+1", 1)]);
        for (number, price) in [("+84912345678", 9), ("+84812345678", 7), ("+12025550143", 1), ("+447400123456", 5)] {
            assert_eq!(guard.price_of(number), price, "{number}");
        }
        assert_eq!(Guard::default().price_of("+12025550143"), 0);
    }

    #[test]
    fn prices_that_keep_no_limit_are_refused() {
        assert_eq!(guard(0, &[]).check(), Ok(()));
        assert_eq!(guard(100, &[("default", 5), ("+84", 100)]).check(), Ok(()));
        for (wrong, why) in [
            (guard(100, &[]), "default"),
            (guard(100, &[("+84", 1)]), "default"),
            (guard(100, &[("default", 0)]), "at least 1"),
            (guard(100, &[("default", 1), ("+84", 101)]), "no more than"),
            (guard(1 << 31, &[("default", 1)]), "larger unit"),
            (guard(0, &[("84", 1)]), "with +"),
            (guard(0, &[("+", 1)]), "with +"),
            (guard(0, &[("+84x", 1)]), "with +"),
        ] {
            assert!(wrong.check().is_err_and(|told| told.contains(why)), "{:?}", wrong.prices);
        }
    }
}
