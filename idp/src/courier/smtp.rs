//! Mail by SMTP (RFC 5321), through lettre.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message as Letter, Tokio1Executor,
    message::{Mailbox, MultiPart, SinglePart},
    transport::smtp::{
        client::{Certificate, Tls, TlsParameters},
        response::Severity,
    },
};
use url::Url;

use crate::config::{ConfigError, Mail};

use super::{
    Parcel,
    transport::{SendError, wrong},
};

const KEY: &str = "mail.url";
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// One server, its connections pooled.
pub(super) struct SmtpTransport {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl std::fmt::Debug for SmtpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SmtpTransport")
    }
}

/// How a connection is protected.
#[derive(Debug, PartialEq, Eq)]
enum Protection {
    /// `smtps:` TLS from the first byte (RFC 8314 §3.3).
    Implicit,
    /// `smtp:` STARTTLS, and no mail without it (RFC 3207).
    StartTls,
    /// `smtp:…?tls=none`, on loopback only.
    None,
}

impl SmtpTransport {
    pub(super) fn new(mail: &Mail) -> Result<Self, ConfigError> {
        // The URL holds a password: no error repeats it.
        let url = Url::parse(&mail.url).map_err(|error| wrong(KEY, &format!("is not a URL: {error}")))?;
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong(KEY, "names no host"))?.to_owned();
        let protection = protection(&url, &host)?;
        let from = mail
            .from
            .parse()
            .map_err(|error| wrong("mail.from", &format!("must look like `E-num <no-reply@id.example>`: {error}")))?;
        let (tls, port) = match protection {
            Protection::Implicit => (Tls::Wrapper(tls(&host, mail)?), 465),
            Protection::StartTls => (Tls::Required(tls(&host, mail)?), 587),
            Protection::None => (Tls::None, 25),
        };
        let server = builder(&url)?
            .port(url.port().unwrap_or(port))
            .tls(tls)
            .timeout(Some(COMMAND_TIMEOUT))
            .build::<Tokio1Executor>();
        Ok(Self { server, from })
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Result<(), SendError> {
        let letter = self.letter(parcel).map_err(SendError::Permanent)?;
        match self.server.send(letter).await {
            Ok(_) => Ok(()),
            Err(error) => Err(sort(&error, &parcel.message.to)),
        }
    }

    fn letter(&self, parcel: &Parcel) -> Result<Letter, String> {
        let message = &parcel.message;
        let to: Mailbox = message.to.parse().map_err(|_| "the recipient's address does not parse".to_owned())?;
        let written = UNIX_EPOCH + Duration::from_millis(u64::try_from(parcel.created_at).unwrap_or(0));
        let builder = Letter::builder()
            .from(self.from.clone())
            .to(to)
            .subject(message.subject.clone())
            .date(written)
            .message_id(Some(format!("<{}@{}>", parcel.id, self.from.email.domain())));
        let letter = match &message.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(message.text.clone(), html.clone())),
            None => builder.singlepart(SinglePart::plain(message.text.clone())),
        };
        letter.map_err(|error| format!("the mail cannot be put together: {error}"))
    }
}

fn protection(url: &Url, host: &str) -> Result<Protection, ConfigError> {
    let mut wanted = None;
    for (name, value) in url.query_pairs() {
        if name != "tls" {
            return Err(wrong(KEY, &format!("`{name}` is not an option; the only one is `tls=none`")));
        }
        wanted = Some(value.into_owned());
    }
    match (url.scheme(), wanted.as_deref()) {
        ("smtps", None) => Ok(Protection::Implicit),
        ("smtp", None | Some("required")) => Ok(Protection::StartTls),
        ("smtp", Some("none")) if is_loopback(host) => Ok(Protection::None),
        ("smtp", Some("none")) => {
            Err(wrong(KEY, "`tls=none` is for a server on loopback only: mails carry links that sign people in"))
        }
        _ => Err(wrong(KEY, "`tls` may be `none` or `required`, and only with smtp://")),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Host and credentials, percent-decoded; everything else is set by the caller.
fn builder(url: &Url) -> Result<lettre::transport::smtp::AsyncSmtpTransportBuilder, ConfigError> {
    if url.username().is_empty() != url.password().is_none() {
        return Err(wrong(KEY, "needs both user and password (percent-encoded), or neither"));
    }
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_path("");
    let text = bare.as_str().replacen("smtps://", "smtp://", 1);
    AsyncSmtpTransport::<Tokio1Executor>::from_url(&text)
        .map_err(|_| wrong(KEY, "user or password is not valid percent-encoded UTF-8"))
}

fn tls(host: &str, mail: &Mail) -> Result<TlsParameters, ConfigError> {
    let mut parameters = TlsParameters::builder(host.trim_start_matches('[').trim_end_matches(']').to_owned());
    if let Some(path) = &mail.ca_file {
        let file = |reason: String| wrong("mail.ca_file", &format!("{}: {reason}", path.display()));
        let pem = std::fs::read(path).map_err(|error| file(error.to_string()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| file(error.to_string()))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build().map_err(|error| wrong(KEY, &format!("TLS cannot be set up: {error}")))
}

/// What the failure means for the message. Servers like to repeat the recipient's address: it is taken out.
fn sort(error: &lettre::transport::smtp::Error, to: &str) -> SendError {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        reason = format!("{reason}: {inner}");
        source = inner.source();
    }
    let reason: String = reason.replace(to, "<recipient>").chars().take(300).collect();
    let refused = error.status().is_some_and(|code| {
        // Authentication is our own matter (RFC 4954 §6): mail must outlive a mistyped password.
        let ours = [530, 534, 535, 538].contains(&u16::from(code));
        code.severity == Severity::PermanentNegativeCompletion && !ours
    });
    if refused { SendError::Permanent(reason) } else { SendError::Temporary(reason) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::courier::{Channel, Message};

    fn mail(url: &str) -> Mail {
        Mail { url: url.to_owned(), ..Mail::default() }
    }

    fn told(url: &str) -> String {
        SmtpTransport::new(&mail(url)).unwrap_err().to_string()
    }

    #[test]
    fn a_url_that_cannot_be_used_says_why_without_its_password() {
        assert!(told("smtp://u:hunter2@mail.example?tls=none").contains("loopback"));
        assert!(told("smtp://u@mail.example").contains("both user and password"));
        assert!(told("smtp://u:hunter2@mail.example?verify=no").contains("verify"));
        assert!(told("smtps://mail.example?tls=none").contains("tls"));
        assert!(!told("smtp://u:hunter2@mail.example?tls=none").contains("hunter2"));
        let missing = Mail { ca_file: Some("/nonexistent.pem".into()), ..mail("smtp://mail.example") };
        assert!(SmtpTransport::new(&missing).unwrap_err().to_string().contains("/nonexistent.pem"));
        let nobody = Mail { from: "nobody".into(), ..mail("smtp://mail.example") };
        assert!(SmtpTransport::new(&nobody).unwrap_err().to_string().contains("mail.from"));
    }

    #[tokio::test]
    async fn usable_urls_are_accepted() {
        for url in [
            "smtp://mail.example",
            "smtp://u:p%40ss@mail.example:2525",
            "smtps://u:p@mail.example",
            "smtp://localhost:2525?tls=none",
            "smtp://127.0.0.1:2525?tls=none",
            "smtp://[::1]:2525?tls=none",
        ] {
            assert!(SmtpTransport::new(&mail(url)).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_repeated_mail_is_the_same_mail() {
        let smtp = SmtpTransport::new(&mail("smtp://localhost?tls=none")).unwrap();
        let parcel = || Parcel {
            id: "00ff".into(),
            created_at: 1_800_000_000_000,
            delivery_token: String::new(),
            message: Message {
                effect: "e".into(),
                channel: Channel::Mail,
                to: "a@b.example".into(),
                subject: "Привет\r\nBcc: evil@b.example".into(),
                text: "текст".into(),
                html: Some("<p>текст</p>".into()),
            },
        };
        let letter = String::from_utf8(smtp.letter(&parcel()).unwrap().formatted()).unwrap();
        assert!(letter.contains("Message-ID: <00ff@localhost>"), "{letter}");
        assert!(letter.contains("Date: Fri, 15 Jan 2027"), "{letter}");
        assert!(letter.contains("multipart/alternative"), "{letter}");
        assert!(!letter.contains("\nBcc:"), "a subject cannot add headers: {letter}");
    }
}
