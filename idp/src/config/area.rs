//! The section `account`: the personal area.

use serde::Deserialize;

use super::ConfigError;

/// How long the personal area stays open, what it leads to can be undone, and browsers are remembered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Area {
    /// A proof so old still opens the area: 30 to 3600.
    pub fresh_seconds: i64,
    /// It closes after so long without a click: 60 to 3600.
    pub idle_seconds: i64,
    /// It closes after so long in any case: 300 to 43200.
    pub stay_seconds: i64,
    /// A proof so old, of the account's highest level, still allows changes: 30 to 900.
    pub change_seconds: i64,
    /// For so many days an earlier main address can be restored: 1 to 30.
    pub restore_days: i64,
    /// For so many hours after a change of the number codes by text message confirm no payment, recoveries without a recovery
    /// code wait, and the number is not changed again: 0 to 720.
    pub phone_cooldown_hours: i64,
    /// So many days pass between the wish to have an account deleted and its deletion: 0 to 90.
    pub deletion_wait_days: i64,
    /// So many browsers are remembered of one account: 1 to 100.
    pub devices: usize,
    /// For so many days without a proof: 7 to 400.
    pub device_days: i64,
}

impl Default for Area {
    fn default() -> Self {
        Self {
            fresh_seconds: 600,
            idle_seconds: 600,
            stay_seconds: 3600,
            change_seconds: 300,
            restore_days: 7,
            phone_cooldown_hours: 72,
            deletion_wait_days: 7,
            devices: 20,
            device_days: 180,
        }
    }
}

impl Area {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, value, allowed, reason) in [
            ("account.fresh_seconds", self.fresh_seconds, 30..=3600, "must be 30 to 3600"),
            ("account.idle_seconds", self.idle_seconds, 60..=3600, "must be 60 to 3600"),
            ("account.stay_seconds", self.stay_seconds, 300..=43_200, "must be 300 to 43200"),
            ("account.change_seconds", self.change_seconds, 30..=900, "must be 30 to 900"),
            ("account.restore_days", self.restore_days, 1..=30, "must be 1 to 30"),
            ("account.deletion_wait_days", self.deletion_wait_days, 0..=90, "must be 0 to 90"),
            ("account.phone_cooldown_hours", self.phone_cooldown_hours, 0..=720, "must be 0 to 720"),
            ("account.devices", self.devices.try_into().unwrap_or(i64::MAX), 1..=100, "must be 1 to 100"),
            ("account.device_days", self.device_days, 7..=400, "must be 7 to 400"),
        ] {
            if !allowed.contains(&value) {
                return Err(ConfigError::Value { key, reason: reason.to_owned() });
            }
        }
        Ok(())
    }
}
