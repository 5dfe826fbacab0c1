//! The section `backchannel`: requests that relying parties send without a browser (CIBA).

use serde::Deserialize;

use super::ConfigError;

/// Life times and limits of backchannel requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backchannel {
    /// How long a request waits for its person where the relying party wishes nothing else: 60 to `longest_seconds`.
    pub expiry_seconds: i64,
    /// The longest that a relying party can wish (`requested_expiry`): 60 to 3600.
    pub longest_seconds: i64,
    /// Least seconds between two polls: 1 to 60.
    pub interval_seconds: i64,
    /// Requests that may wait for one account at once: 1 to 50. What is more reaches nobody.
    pub waiting_per_account: u32,
    /// Requests that reach one account in an hour, from all relying parties: 1 to 1000.
    pub account_per_hour: u32,
    /// Requests of one relying party by one hint in an hour: 1 to 1000.
    pub client_and_account_per_hour: u32,
    /// Requests of one relying party in a minute, from each node.
    pub client_per_minute: u32,
    /// Whether relying parties may be notified at addresses that are not public, and by plain HTTP on this machine.
    pub private_endpoints: bool,
}

impl Default for Backchannel {
    fn default() -> Self {
        Self {
            expiry_seconds: 300,
            longest_seconds: 900,
            interval_seconds: 5,
            waiting_per_account: 5,
            account_per_hour: 30,
            client_and_account_per_hour: 10,
            client_per_minute: 600,
            private_endpoints: false,
        }
    }
}

impl Backchannel {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, value, allowed, reason) in [
            ("backchannel.longest_seconds", self.longest_seconds, 60..=3600, "must be 60 to 3600"),
            (
                "backchannel.expiry_seconds",
                self.expiry_seconds,
                60..=self.longest_seconds,
                "must be 60 to backchannel.longest_seconds",
            ),
            ("backchannel.interval_seconds", self.interval_seconds, 1..=60, "must be 1 to 60"),
            ("backchannel.waiting_per_account", self.waiting_per_account.into(), 1..=50, "must be 1 to 50"),
            ("backchannel.account_per_hour", self.account_per_hour.into(), 1..=1000, "must be 1 to 1000"),
            (
                "backchannel.client_and_account_per_hour",
                self.client_and_account_per_hour.into(),
                1..=1000,
                "must be 1 to 1000",
            ),
        ] {
            if !allowed.contains(&value) {
                return Err(ConfigError::Value { key, reason: reason.to_owned() });
            }
        }
        Ok(())
    }
}
