//! Configuration: one TOML file, every key also as `ENUM_SECTION__KEY` in the environment.
//!
//! An unknown key is an error that names the key: a misspelt limit must not be a missing limit.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer};
use toml::{Table, Value};
use url::Url;

use crate::courier::gateway::settings::Sms;
use crate::plugins::{PluginConfig, signature::TrustedKey, this_program};
use crate::proxies::Proxies;

mod area;
mod backchannel;
mod device;
mod dpop;
mod environment;
mod notices;

pub use area::Area;
pub use backchannel::Backchannel;
pub use device::Device;
pub use dpop::Dpop;
pub use notices::Notices;

/// Why the configuration cannot be used; says which key and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing or unreadable.
    #[error("cannot read the configuration {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {reason}")]
    Syntax {
        /// Which file.
        path: String,
        /// Line, column and what was expected.
        reason: String,
    },
    /// A key that does not exist, or a value of the wrong kind.
    #[error("configuration: {0}")]
    Key(String),
    /// A value that makes no sense.
    #[error("configuration key `{key}`: {reason}")]
    Value {
        /// Which key.
        key: &'static str,
        /// What is wrong, and what to write instead.
        reason: String,
    },
}

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Public base URL without a trailing slash. `https`, or `http` on loopback.
    pub issuer: String,
    /// Address to listen on.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Where the embedded database, the master key and private copies of plugins live.
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`; default: embedded in `data_dir`.
    #[serde(default)]
    pub database_url: Option<String>,
    /// JSON array of client metadata (RFC 7591) with `client_id` and, where it has one, `client_secret`.
    #[serde(default)]
    pub clients_file: Option<PathBuf>,
    /// Mail.
    #[serde(default)]
    pub mail: Mail,
    /// SMS.
    #[serde(default)]
    pub sms: Sms,
    /// Plugins.
    #[serde(default)]
    pub plugins: Plugins,
    /// Life times and limits.
    #[serde(default)]
    pub limits: Limits,
    /// The personal area.
    #[serde(default)]
    pub account: Area,
    /// Requests that relying parties send without a browser.
    #[serde(default)]
    pub backchannel: Backchannel,
    /// Proxies in front of us.
    #[serde(default)]
    pub proxy: Proxies,
    /// Where network addresses are.
    #[serde(default)]
    pub places: Places,
    /// What people are told about attempts to prove that they are themselves.
    #[serde(default)]
    pub notices: Notices,
    /// Devices without a browser.
    #[serde(default)]
    pub device: Device,
    /// Proofs of possession.
    #[serde(default)]
    pub dpop: Dpop,
}

/// Where network addresses are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Places {
    /// File in MaxMind's format, of cities or countries. Without one no address has a place.
    pub database: Option<PathBuf>,
}

/// How mail leaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `smtp://user:password@host:port`, `smtps://…`, or `file:DIR`. `smtp` demands STARTTLS unless `?tls=none` is given
    /// for a host on loopback.
    pub url: String,
    /// Sender, such as `E-num <no-reply@id.example>`.
    pub from: String,
    /// PEM file of a certificate authority to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Mail {
    fn default() -> Self {
        Self { url: "file:outbox".into(), from: "E-num <no-reply@localhost>".into(), ca_file: None }
    }
}

/// Which plugin files are loaded: those that are listed here, and those of the catalog that are enabled there. Nothing
/// else ever is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plugins {
    /// Files that are loaded when the server starts. An entry is `"PATH@SHA256"` or a table of [`PluginConfig`]'s fields.
    #[serde(deserialize_with = "plugin_list")]
    pub enabled: Vec<PluginConfig>,
    /// Publishers whose plugins the catalog takes. An entry is the second line of a `.pub` file, or a table
    /// `{ key, name, in_process }`.
    #[serde(deserialize_with = "key_list")]
    pub trusted_keys: Vec<TrustedKey>,
    /// The program that plugins with a process of their own run in; tests have another than themselves.
    #[serde(skip)]
    pub program: PathBuf,
}

impl Default for Plugins {
    fn default() -> Self {
        Self { enabled: Vec::new(), trusted_keys: Vec::new(), program: this_program() }
    }
}

fn plugin_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PluginConfig>, D::Error> {
    let entries = Vec::<Value>::deserialize(deserializer)?;
    entries.into_iter().map(plugin_entry).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

fn plugin_entry(entry: Value) -> Result<PluginConfig, String> {
    let Value::String(text) = entry else {
        return entry.try_into().map_err(|error: toml::de::Error| format!("plugins.enabled: {}", one_line(&error)));
    };
    let (path, sha256) = text.rsplit_once('@').ok_or_else(|| {
        format!("plugins.enabled: {text:?} must be PATH@SHA256; `enum-idp plugin inspect PATH` prints the SHA-256")
    })?;
    Ok(PluginConfig::new(path, sha256))
}

fn key_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TrustedKey>, D::Error> {
    let entries = Vec::<Value>::deserialize(deserializer)?;
    entries.into_iter().map(key_entry).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

fn key_entry(entry: Value) -> Result<TrustedKey, String> {
    match entry {
        Value::String(text) => TrustedKey::parse(&text),
        table => table.try_into().map_err(|error: toml::de::Error| one_line(&error)),
    }
    .map_err(|error| format!("plugins.trusted_keys: {error}"))
}

/// Life times (seconds) and counts. Each has a ceiling that policy may not pass.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long a challenge is accepted; at most 300 (RTS Art. 4).
    pub challenge_seconds: i64,
    /// How long the page that asks who somebody is takes a passkey: 60 to 1800.
    pub nameless_seconds: i64,
    /// How long an authorization code lives; at most 60.
    pub code_seconds: i64,
    /// How long an access token lives.
    pub access_token_seconds: i64,
    /// How long a refresh family lives, however often it is rotated.
    pub refresh_seconds: i64,
    /// How long a browser stays signed in.
    pub session_seconds: i64,
    /// Consecutive failures after which an enrolment is disabled until it is activated again: 3 to 20.
    pub failures_until_disabled: i32,
    /// Challenges an address block may ask for in a minute.
    pub challenges_per_minute: u32,
    /// Wrong answers for one e-mail address within 15 minutes after which a new visit begins with a bot check; three times
    /// as many from one address block.
    pub failures_until_check: u32,
    /// Challenges for one e-mail address in a minute.
    pub email_challenges_per_minute: u32,
    /// Challenges that one client may cause in a minute.
    pub client_challenges_per_minute: u32,
    /// Codes that one method of one person is sent in an hour: 1 to 60.
    pub codes_per_hour: u32,
    /// The same in a day: 1 to 200.
    pub codes_per_day: u32,
    /// Registrations an address block may begin in an hour.
    pub registrations_per_hour: u32,
    /// Recoveries that one account may begin within 30 days: 1 to 20.
    pub recoveries_per_30_days: u32,
    /// How long a recovery waits between its link and its effect, in hours: 0 to 720. Recovery codes do not wait.
    pub recovery_wait_hours: u32,
    /// For how long nothing is recovered after the owner has stopped a recovery, in days: 1 to 90.
    pub recovery_lock_days: u32,
    /// Answers to the security question of one account in a day, right ones included: 1 to 20.
    pub recovery_answers_per_day: u32,
    /// Recoveries that an address block may ask for in an hour.
    pub recovery_visits_per_hour: u32,
    /// Requests to support about one account in a day: 1 to 20.
    pub support_requests_per_day: u32,
    /// How long a request to support waits for administrators, and is kept once it was decided, in days: 1 to 365.
    pub support_keep_days: u32,
    /// Notices about unusual proofs that one account gets in a day, from each node: 1 to 100.
    pub unusual_notices_per_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            challenge_seconds: 180,
            nameless_seconds: 600,
            code_seconds: 60,
            access_token_seconds: 600,
            refresh_seconds: 30 * 24 * 3600,
            session_seconds: 12 * 3600,
            failures_until_disabled: 20,
            challenges_per_minute: 60,
            failures_until_check: 5,
            email_challenges_per_minute: 30,
            client_challenges_per_minute: 6_000,
            codes_per_hour: 5,
            codes_per_day: 20,
            registrations_per_hour: 20,
            recoveries_per_30_days: 3,
            recovery_wait_hours: 24,
            recovery_lock_days: 7,
            recovery_answers_per_day: 5,
            recovery_visits_per_hour: 20,
            support_requests_per_day: 3,
            support_keep_days: 30,
            unusual_notices_per_day: 5,
        }
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

impl Config {
    /// Reads `path`, lays the environment's `ENUM_…` over it and checks every value.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown, or a value makes no sense.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::File { path: path.display().to_string(), source })?;
        let environment = std::env::vars().filter(|(name, _)| name.starts_with("ENUM_")).collect();
        Self::parse(&text, &path.display().to_string(), environment)
    }

    /// As [`Config::load`], from the text of the file and a given environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &str, environment: BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut table: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        environment::lay_over(&mut table, environment)?;
        table.try_into::<Self>().map_err(|error| ConfigError::Key(one_line(&error)))?.check()
    }

    fn check(mut self) -> Result<Self, ConfigError> {
        let wrong = |key, reason: &str| ConfigError::Value { key, reason: reason.to_owned() };
        self.issuer.truncate(self.issuer.trim_end_matches('/').len());
        let issuer = Url::parse(&self.issuer).map_err(|error| wrong("issuer", &error.to_string()))?;
        let loopback = matches!(issuer.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if issuer.scheme() != "https" && !(issuer.scheme() == "http" && loopback) {
            return Err(wrong("issuer", "must be an https URL (http is for localhost only)"));
        }
        if issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(wrong("issuer", "must have no query and no fragment (OpenID Connect Discovery §3)"));
        }
        if issuer.path() != "/" {
            return Err(wrong("issuer", "must have no path: E-num serves a whole origin"));
        }
        let limits = &self.limits;
        for (key, value, allowed, reason) in [
            ("limits.challenge_seconds", limits.challenge_seconds, 30..=300, "must be 30 to 300"),
            ("limits.nameless_seconds", limits.nameless_seconds, 60..=1800, "must be 60 to 1800"),
            ("limits.code_seconds", limits.code_seconds, 10..=60, "must be 10 to 60"),
            ("limits.failures_until_disabled", limits.failures_until_disabled.into(), 3..=20, "must be 3 to 20"),
            ("limits.codes_per_hour", limits.codes_per_hour.into(), 1..=60, "must be 1 to 60"),
            ("limits.codes_per_day", limits.codes_per_day.into(), 1..=200, "must be 1 to 200"),
            ("limits.recoveries_per_30_days", limits.recoveries_per_30_days.into(), 1..=20, "must be 1 to 20"),
            ("limits.recovery_wait_hours", limits.recovery_wait_hours.into(), 0..=720, "must be 0 to 720"),
            ("limits.recovery_lock_days", limits.recovery_lock_days.into(), 1..=90, "must be 1 to 90"),
            ("limits.recovery_answers_per_day", limits.recovery_answers_per_day.into(), 1..=20, "must be 1 to 20"),
            ("limits.support_requests_per_day", limits.support_requests_per_day.into(), 1..=20, "must be 1 to 20"),
            ("limits.support_keep_days", limits.support_keep_days.into(), 1..=365, "must be 1 to 365"),
            ("limits.unusual_notices_per_day", limits.unusual_notices_per_day.into(), 1..=100, "must be 1 to 100"),
            ("limits.access_token_seconds", limits.access_token_seconds, 60..=3600, "must be 60 to 3600"),
            ("limits.refresh_seconds", limits.refresh_seconds, 60..=i64::MAX, "must be at least 60"),
            ("limits.session_seconds", limits.session_seconds, 60..=i64::MAX, "must be at least 60"),
        ] {
            if !allowed.contains(&value) {
                return Err(wrong(key, reason));
            }
        }
        self.account.check()?;
        self.notices.check()?;
        self.backchannel.check()?;
        self.device.check()?;
        self.dpop.check()?;
        self.sms.guard.check().map_err(|reason| wrong("sms.guard.prices", &reason))?;
        Ok(self)
    }

    /// The database to use.
    pub fn database_url(&self) -> String {
        self.database_url.clone().unwrap_or_else(|| crate::store::embedded_url(&self.data_dir))
    }

    /// Whether browsers reach us over TLS: cookies are then `Secure` and carry the `__Host-` prefix.
    pub fn is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// Absolute URL of one of our own paths; links are never made from request headers.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

/// With the key, which stands on a line of its own.
fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::notice::choice::Mail;

    const SMALL: &str = "issuer = 'http://localhost:8080'\ndata_dir = 'data'\n";

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::parse(text, "test.toml", environment)
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let config = parse(
            SMALL,
            &[
                ("ENUM_MAIL__URL", "smtps://mail.example"),
                ("ENUM_LIMITS__CHALLENGE_SECONDS", "60"),
                ("ENUM_PLUGINS__ENABLED", "a.so@00,b.so@11"),
                ("ENUM_PROXY__TRUSTED", "127.0.0.1,10.0.0.0/8"),
                ("ENUM_PLACES__DATABASE", "/var/lib/enum/city.mmdb"),
                ("ENUM_NOTICES__SMS", "true"),
                ("ENUM_NOTICES__FAILED_PER_DAY", "7"),
                ("ENUM_NOTICES__LOGIN", "all"),
                ("ENUM_MASTER_KEY", "is not a setting"),
            ],
        )
        .unwrap();
        assert_eq!(config.mail.url, "smtps://mail.example");
        assert_eq!(config.limits.challenge_seconds, 60);
        let notices = &config.notices;
        assert_eq!((notices.sms, notices.failed_per_day, notices.login), (true, 7, Mail::All));
        assert_eq!(config.proxy.trusted.len(), 2);
        assert_eq!(config.places.database.as_deref(), Some(Path::new("/var/lib/enum/city.mmdb")));
        assert_eq!(config.plugins.enabled.len(), 2);
        assert_eq!(config.plugins.enabled[1].sha256, "11");
    }

    #[test]
    fn a_key_is_trusted_as_a_text_or_as_a_table() {
        let key = "RWSzRBWWCihoDld1E6iNgRRT31BWFRfA8WpHWe9asLdsLyyk3hBNQHaj";
        let text = format!(
            "{SMALL}[plugins]\ntrusted_keys = ['{key}', {{ key = '{key}', name = 'ACME', in_process = true }}]"
        );
        let keys = parse(&text, &[]).unwrap().plugins.trusted_keys;
        assert_eq!((keys[0].in_process, keys[0].name.as_deref()), (false, None));
        assert_eq!((keys[1].in_process, keys[1].name.as_deref()), (true, Some("ACME")));
        let listed = parse(SMALL, &[("ENUM_PLUGINS__TRUSTED_KEYS", &format!("{key},{key}"))]).unwrap();
        assert_eq!(listed.plugins.trusted_keys.len(), 2);
        for wrong in ["'RWx'", "7", &format!("{{ key = '{key}', inprocess = true }}")] {
            let told = parse(&format!("{SMALL}[plugins]\ntrusted_keys = [{wrong}]"), &[]).unwrap_err().to_string();
            assert!(told.contains("plugins.trusted_keys"), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let told = |text: &str, environment: &[(&str, &str)]| parse(text, environment).unwrap_err().to_string();
        assert!(told(&format!("{SMALL}mial = 1"), &[]).contains("mial"));
        assert!(told(SMALL, &[("ENUM_MIAL__URL", "x")]).contains("mial"));
        assert!(told(SMALL, &[("ENUM_LIMITS__CODE_SECONDS", "long")]).contains("limits.code_seconds"));
        assert!(told("issuer = 'http://id.example'\ndata_dir = 'd'", &[]).contains("https"));
        assert!(told("issuer = 'https://id.example/sub'\ndata_dir = 'd'", &[]).contains("path"));
        assert!(told("data_dir = 'd'", &[]).contains("issuer"));
        assert!(told(&format!("{SMALL}[proxy]\ntrusted = ['localhost']"), &[]).contains("proxy.trusted"));
        for wrong in ["failed_per_day = 0", "done_per_day = 501", "sms_per_day = 51", "login = 'sometimes'"] {
            let key = wrong.split(' ').next().unwrap();
            assert!(told(&format!("{SMALL}[notices]\n{wrong}"), &[]).contains(key), "{wrong}");
        }
        assert!(told(&format!("{SMALL}[limits]\nchallenge_seconds = 301"), &[]).contains("challenge_seconds"));
        assert!(told(&format!("{SMALL}[plugins]\nenabled = ['x.so']"), &[]).contains("PATH@SHA256"));
    }
}
