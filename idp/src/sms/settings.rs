//! What an administrator sets of the guard: `[sms.guard]`.

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
            least_sample: 50,
            least_used_percent: 20,
            open_minutes: 60,
            trial: 10,
            alert_to: None,
        }
    }
}
