//! Which transport a URL names.

use crate::config::{ConfigError, Mail, Sms};

use super::{Parcel, file::FileTransport, smtp::SmtpTransport};

/// Why an attempt failed. The text is for the log and the outbox: no content, no address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SendError {
    /// May work later.
    Temporary(String),
    /// Will never work for this message.
    Permanent(String),
}

/// A way out.
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
        "file" => file("mail.url", &mail.url),
        "smtp" | "smtps" => SmtpTransport::new(mail).map(Transport::Smtp),
        other => {
            Err(wrong("mail.url", &format!("`{other}:` is not known here; write smtp://…, smtps://… or file:DIR")))
        }
    }
}

pub(super) fn sms(sms: &Sms) -> Result<Transport, ConfigError> {
    match scheme(&sms.url) {
        "file" => file("sms.url", &sms.url),
        other => Err(wrong("sms.url", &format!("`{other}:` is not known here; write file:DIR"))),
    }
}

fn file(key: &'static str, url: &str) -> Result<Transport, ConfigError> {
    FileTransport::new(url).map(Transport::File).map_err(|reason| wrong(key, &reason))
}

fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

pub(super) fn wrong(key: &'static str, reason: &str) -> ConfigError {
    ConfigError::Value { key, reason: reason.to_owned() }
}
