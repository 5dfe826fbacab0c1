//! The section `notices`: what people are told about attempts to prove that they are themselves.

use serde::Deserialize;

use super::ConfigError;
use crate::notice::choice::Mail;

/// Bounds of what people may choose, and what holds for whoever has not chosen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// Whether people may choose to be told by text message.
    pub sms: bool,
    /// Notices of one kind about what failed, for one account in a day: 1 to 50. Anybody can cause them.
    pub failed_per_day: u32,
    /// Notices of one kind about what succeeded, for one account in a day: 1 to 500.
    pub done_per_day: u32,
    /// Notices by text message, for one account in a day: 1 to 50. What is over goes to the main address.
    pub sms_per_day: u32,
    /// Who is told of a sign-in.
    pub login: Mail,
    /// Who is told of a sign-in that failed.
    pub login_failed: Mail,
    /// Who is told of a payment that was approved.
    pub payment: Mail,
    /// Who is told of a payment that was declined or failed.
    pub payment_failed: Mail,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            sms: false,
            failed_per_day: 5,
            done_per_day: 50,
            sms_per_day: 5,
            login: Mail::Off,
            login_failed: Mail::Off,
            payment: Mail::Off,
            payment_failed: Mail::Main,
        }
    }
}

impl Notices {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, value, allowed, reason) in [
            ("notices.failed_per_day", self.failed_per_day, 1..=50, "must be 1 to 50"),
            ("notices.done_per_day", self.done_per_day, 1..=500, "must be 1 to 500"),
            ("notices.sms_per_day", self.sms_per_day, 1..=50, "must be 1 to 50"),
        ] {
            if !allowed.contains(&value) {
                return Err(ConfigError::Value { key, reason: reason.to_owned() });
            }
        }
        Ok(())
    }
}
