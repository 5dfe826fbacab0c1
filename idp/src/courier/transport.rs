//! Which transport of mail a URL names.

use crate::config::{ConfigError, Mail};

use super::{Parcel, file::FileTransport, smtp::SmtpTransport};

/// Why an attempt failed. The text is for the log and the outbox: no content, no address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SendError {
    /// May work later.
    Temporary(String),
    /// Will never work for this message.
    Permanent(String),
}

/// A way out for mail.
#[derive(Debug)]
pub(super) enum Transport {
    File(FileTransport),
    Smtp(SmtpTransport),
}

impl Transport {
    pub(super) async fn send(&self, parcel: &Parcel) -> Result<(), SendError> {
        match self {
            Self::File(file) => file.send(parcel).await,
            Self::Smtp(smtp) => smtp.send(parcel).await,
        }
    }
}

pub(super) fn mail(mail: &Mail) -> Result<Transport, ConfigError> {
    match scheme(&mail.url) {
        "file" => FileTransport::new(&mail.url).map(Transport::File).map_err(|reason| wrong("mail.url", &reason)),
        "smtp" | "smtps" => SmtpTransport::new(mail).map(Transport::Smtp),
        other => {
            Err(wrong("mail.url", &format!("`{other}:` is not known here; write smtp://…, smtps://… or file:DIR")))
        }
    }
}

fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

pub(super) fn wrong(key: &'static str, reason: &str) -> ConfigError {
    ConfigError::Value { key, reason: reason.to_owned() }
}
