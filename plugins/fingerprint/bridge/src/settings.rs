//! Settings: a TOML file, and the command line over it.

use std::{fs, io, path::PathBuf, time::Duration};

use clap::Args;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

/// Where pages look for the bridge unless they are told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 17316;
const DEFAULT_FINGER_SECONDS: u64 = 60;
const LONGEST_FINGER_SECONDS: u64 = 300;

/// Why the settings are of no use.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] io::Error),
    #[error("{0}: {1}")]
    Form(PathBuf, #[source] Box<toml::de::Error>),
    #[error("`{0}` is no origin: write it as https://id.example, or http://localhost:8080 for a site on this computer")]
    Origin(String),
    #[error("no site may ask: give at least one --origin https://id.example, or `origins` in the settings file")]
    Nobody,
    #[error("finger_seconds must be from 1 to {LONGEST_FINGER_SECONDS}")]
    FingerSeconds,
}

/// Options of `enum-bridge run`.
#[derive(Args)]
pub(crate) struct RunOptions {
    /// Site that may ask for a finger, such as https://id.example; may be given more than once.
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Port on 127.0.0.1 and ::1; 0 takes a free one and says which.
    #[arg(long)]
    port: Option<u16>,
    /// Program that shows a title and a text on the desktop, such as notify-send; the terminal shows them in any case.
    #[arg(long, value_name = "PROGRAM")]
    notify_command: Option<String>,
    /// Settings file (TOML) with `origins`, `port`, `notify_command` (a list: program and arguments), `finger_seconds`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    origins: Vec<String>,
    port: Option<u16>,
    notify_command: Vec<String>,
    finger_seconds: Option<u64>,
}

/// Settings that were looked through.
pub(crate) struct Settings {
    /// Who may ask.
    pub origins: Vec<Origin>,
    /// Port of both loopback addresses.
    pub port: u16,
    /// Program and arguments; empty: none.
    pub notify_command: Vec<String>,
    /// How long a finger is waited for.
    pub finger_within: Duration,
}

/// A site's origin, in its one spelling (RFC 6454, section 6.2).
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    text: String,
    url: Url,
}

impl Origin {
    /// Exactly as a browser writes it; TLS, or a site on this computer.
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        let wrong = || SettingsError::Origin(text.to_owned());
        let url = Url::parse(text).map_err(|_| wrong())?;
        let origin = Self { text: text.to_owned(), url };
        let fits = match origin.url.scheme() {
            "https" => origin.url.domain().is_some(),
            "http" => origin.is_of_this_computer(),
            _ => false,
        };
        if fits && origin.url.origin().ascii_serialization() == text { Ok(origin) } else { Err(wrong()) }
    }

    /// As in the header `Origin`.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a site on this computer. No other may have `localhost` for its relying party: `passkey` 0.6.0, where it
    /// is told to allow that identifier, allows it to every origin.
    pub(crate) fn is_of_this_computer(&self) -> bool {
        self.url.domain() == Some("localhost")
    }

    /// As a URL.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

impl RunOptions {
    /// The file's settings, and over them those of the command line.
    pub(crate) fn settings(self) -> Result<Settings, SettingsError> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None => File::default(),
        };
        let origins: Vec<Origin> =
            file.origins.iter().chain(&self.origins).map(|text| Origin::parse(text)).collect::<Result<_, _>>()?;
        if origins.is_empty() {
            return Err(SettingsError::Nobody);
        }
        let seconds = file.finger_seconds.unwrap_or(DEFAULT_FINGER_SECONDS);
        if !(1..=LONGEST_FINGER_SECONDS).contains(&seconds) {
            return Err(SettingsError::FingerSeconds);
        }
        Ok(Settings {
            origins,
            port: self.port.or(file.port).unwrap_or(DEFAULT_PORT),
            notify_command: self.notify_command.map_or(file.notify_command, |program| vec![program]),
            finger_within: Duration::from_secs(seconds),
        })
    }
}

fn read(path: &PathBuf) -> Result<File, SettingsError> {
    let text = fs::read_to_string(path).map_err(|error| SettingsError::Read(path.clone(), error))?;
    toml::from_str(&text).map_err(|error| SettingsError::Form(path.clone(), Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling_and_no_path() {
        for good in ["https://id.example", "https://id.example:8443", "http://localhost", "http://localhost:8080"] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "https://id.example/",
            "https://id.example/login",
            "https://ID.example",
            "https://id.example:443",
            "https://user@id.example",
            "http://id.example",
            "https://192.0.2.1",
            "http://127.0.0.1:8080",
            "http://localhost.evil.example",
            "*",
            "null",
            "",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
