//! Devices without a browser (RFC 8628).

use serde::Deserialize;

use super::ConfigError;

/// How long their codes live, and how often they are asked about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Device {
    /// How long a device waits for its person, in seconds: 60 to 1800.
    pub code_seconds: i64,
    /// How long it waits between two questions whether there is an answer, in seconds: 2 to 60.
    pub interval_seconds: i64,
    /// Codes that an address block may type in an hour: 5 to 1000.
    pub tries_per_hour: u32,
    /// Codes that all address blocks together may type in an hour: 100 to 1000000.
    pub tries_in_all_per_hour: u32,
    /// Devices that an address block may begin to link in a minute: 1 to 10000.
    pub requests_per_minute: u32,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            code_seconds: 600,
            interval_seconds: 5,
            tries_per_hour: 30,
            tries_in_all_per_hour: 10_000,
            requests_per_minute: 30,
        }
    }
}

impl Device {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, value, allowed, reason) in [
            ("device.code_seconds", self.code_seconds, 60..=1800, "must be 60 to 1800"),
            ("device.interval_seconds", self.interval_seconds, 2..=60, "must be 2 to 60"),
            ("device.tries_per_hour", self.tries_per_hour.into(), 5..=1000, "must be 5 to 1000"),
            (
                "device.tries_in_all_per_hour",
                self.tries_in_all_per_hour.into(),
                100..=1_000_000,
                "must be 100 to 1000000",
            ),
            ("device.requests_per_minute", self.requests_per_minute.into(), 1..=10_000, "must be 1 to 10000"),
        ] {
            if !allowed.contains(&value) {
                return Err(ConfigError::Value { key, reason: reason.to_owned() });
            }
        }
        Ok(())
    }
}
