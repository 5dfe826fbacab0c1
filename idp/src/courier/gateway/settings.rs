//! Gateways as the administrator writes them down: each a URL, or a table.

use std::{collections::BTreeMap, path::PathBuf};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, de::IntoDeserializer};
use serde_json::Value;
use url::Url;

use crate::{config::ConfigError, sms::Guard};

/// How SMS leave.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sms {
    /// The one gateway: `smpp://user:password@host:port`, `smpps://…`, `http://…` or `https://…` (Kannel's `sendsms`), or
    /// `file:DIR`; `file:outbox` when there is none.
    pub url: String,
    /// Several, in the order in which they are tried, instead. An entry is such a URL or a table of [`GatewayConfig`]'s
    /// fields.
    #[serde(deserialize_with = "list")]
    pub gateways: Vec<GatewayConfig>,
    /// The sender of gateways that have no `from` of their own: a number with `+`, a short number, or a name of at most 11
    /// characters.
    pub from: String,
    /// Whether a message whose number one gateway refuses is offered to the next.
    pub next_when_refused: bool,
    /// What keeps messages from being pumped.
    pub guard: Guard,
}

impl std::fmt::Debug for Sms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A URL may hold a password.
        f.debug_struct("Sms").field("gateways", &self.all().map(|(_, gateways)| gateways)).finish_non_exhaustive()
    }
}

impl Sms {
    /// The gateways, and the key that they come from.
    ///
    /// # Errors
    /// When both keys are set.
    pub fn all(&self) -> Result<(&'static str, Vec<GatewayConfig>), ConfigError> {
        match (self.url.as_str(), self.gateways.as_slice()) {
            ("", []) => Ok(("sms.url", vec![GatewayConfig::of("file:outbox")])),
            (url, []) => Ok(("sms.url", vec![GatewayConfig::of(url)])),
            ("", several) => Ok(("sms.gateways", several.to_vec())),
            _ => {
                Err(ConfigError::Value { key: "sms.gateways", reason: "`sms.url` is set as well; keep one".to_owned() })
            }
        }
    }
}

/// One SMS gateway. `smpp:` and `smpps:` speak SMPP 3.4; `http:` and `https:` are a template when `headers`, `body`, `form`
/// or `id` is there, or the URL has places, else `sendsms` as Kannel has it; `file:` writes files.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// `smpp://HOST:PORT`, `smpps://…`, `http://…`, `https://…` or `file:DIR`. User and password may stand in it,
    /// percent-encoded. Of a template, path and query may hold places, such as `{to}`.
    pub url: String,
    /// What it is called in logs, metrics and the database; default: scheme, host and port.
    #[serde(default)]
    pub name: Option<String>,
    /// The sender: a number with `+`, a short number, or a name of at most 11 characters.
    #[serde(default)]
    pub from: String,
    /// Who we are to it, where the URL does not say so.
    #[serde(default)]
    pub user: Option<String>,
    /// The secret for it, where the URL does not hold it.
    #[serde(default)]
    pub password: Option<String>,
    /// A file that holds the secret, instead.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// PEM file of a certificate authority to trust besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// SMPP: `system_type` of the bind.
    #[serde(default)]
    pub system_type: String,
    /// SMPP: messages that may be without an answer at once; 1 to 1000.
    #[serde(default = "default_window")]
    pub window: usize,
    /// SMPP: silence, in seconds, after which the SMSC is asked whether it is there; 1 to 3600.
    #[serde(default = "default_enquire_seconds")]
    pub enquire_seconds: u64,
    /// Template: `POST`, `PUT` or `GET`. `sendsms`: `POST`, with header fields as Kannel has them, or `GET`.
    #[serde(default)]
    pub method: Option<String>,
    /// Template: header fields; their values may hold `{user}`, `{password}` and `{id}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Template: what is sent as JSON; a table, or JSON as a text. Its texts may hold places.
    #[serde(default)]
    pub body: Option<Value>,
    /// Template: what is sent as a form (`application/x-www-form-urlencoded`), instead.
    #[serde(default)]
    pub form: Option<BTreeMap<String, String>>,
    /// Template: where in the JSON answer the gateway's name of the message is (JSON pointer, RFC 6901).
    #[serde(default)]
    pub id: Option<String>,
    /// Template: statuses that say that the message, or its number, is no good.
    #[serde(default = "default_refused")]
    pub refused: Vec<u16>,
    /// Template: statuses from 500 on that say for certain that the message was not taken.
    #[serde(default = "default_not_taken")]
    pub not_taken: Vec<u16>,
    /// Template: how the gateway reports what became of a message.
    #[serde(default)]
    pub report: Option<ReportConfig>,
}

/// How a delivery report reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportConfig {
    /// Where the state is: a JSON pointer into the body, or the name of a field of the form or the query behind a `/`.
    pub state: String,
    /// States that say that it arrived.
    pub delivered: Vec<String>,
    /// States that say that it never will.
    pub undelivered: Vec<String>,
}

impl std::fmt::Debug for GatewayConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayConfig").field("name", &self.label()).finish_non_exhaustive()
    }
}

fn default_window() -> usize {
    10
}

fn default_enquire_seconds() -> u64 {
    30
}

fn default_refused() -> Vec<u16> {
    vec![400, 422]
}

fn default_not_taken() -> Vec<u16> {
    vec![503]
}

/// A list of which each entry is a URL or a table.
///
/// # Errors
/// When an entry is neither, or a table has keys that do not exist.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<GatewayConfig>, D::Error> {
    let entry = |entry: toml::Value| match entry {
        toml::Value::String(url) => Ok(GatewayConfig::of(&url)),
        table => GatewayConfig::deserialize(table.into_deserializer())
            .map_err(|error: toml::de::Error| format!("sms.gateways: {}", error.message())),
    };
    let entries = Vec::<toml::Value>::deserialize(deserializer)?;
    entries.into_iter().map(entry).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

impl GatewayConfig {
    /// A gateway of which only the URL is known.
    pub fn of(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            name: None,
            from: String::new(),
            user: None,
            password: None,
            password_file: None,
            ca_file: None,
            system_type: String::new(),
            window: default_window(),
            enquire_seconds: default_enquire_seconds(),
            method: None,
            headers: BTreeMap::new(),
            body: None,
            form: None,
            id: None,
            refused: default_refused(),
            not_taken: default_not_taken(),
            report: None,
        }
    }

    /// The scheme of the URL.
    pub(super) fn scheme(&self) -> &str {
        self.url.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// Whether it says itself what is sent.
    pub(super) fn is_template(&self) -> bool {
        let says = [self.body.is_some(), self.form.is_some(), self.id.is_some(), self.url.contains('{')];
        says.contains(&true) || !self.headers.is_empty()
    }

    /// What it is called: without user and password.
    pub(super) fn label(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        match Url::parse(&self.url) {
            Ok(url) if url.has_host() && url.scheme() != "file" => {
                let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
                format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
            }
            _ => self.scheme().to_owned(),
        }
    }

    /// # Errors
    /// Why it is none; does not repeat it, since a password may stand in it.
    pub(super) fn url(&self) -> Result<Url, String> {
        let url = Url::parse(&self.url).map_err(|error| format!("`url` is not a URL: {error}"))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err("`url` names no host".to_owned());
        }
        Ok(url)
    }

    /// The host, without the brackets of an IPv6 address.
    ///
    /// # Errors
    /// As [`GatewayConfig::url`].
    pub(super) fn host(&self) -> Result<String, String> {
        let url = self.url()?;
        Ok(url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned())
    }

    /// Who we are to it; empty where nothing says so.
    ///
    /// # Errors
    /// When it is given twice or is not UTF-8.
    pub(super) fn user(&self) -> Result<String, String> {
        let url = self.url()?;
        once("user", self.user.clone(), decoded(url.username())?)
    }

    /// The secret for it; empty where nothing says so.
    ///
    /// # Errors
    /// When it is given twice, is not UTF-8, or its file cannot be read.
    pub(super) fn password(&self) -> Result<String, String> {
        let url = self.url()?;
        let from_file = self.password_file.as_ref().map(|path| {
            std::fs::read_to_string(path)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| format!("`password_file` {}: {error}", path.display()))
        });
        if from_file.is_some() && self.password.is_some() {
            return Err("`password` and `password_file`: give one".to_owned());
        }
        let set = from_file.transpose()?.or_else(|| self.password.clone());
        once("password", set, decoded(url.password().unwrap_or_default())?)
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| "user or password in `url` is not UTF-8".to_owned())
}

fn once(key: &str, set: Option<String>, in_url: String) -> Result<String, String> {
    match set {
        Some(_) if !in_url.is_empty() => Err(format!("`{key}` stands in `url` as well")),
        Some(set) => Ok(set),
        None => Ok(in_url),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_gateway_is_called_by_where_it_is_and_never_by_its_secrets() {
        let label = |url: &str| GatewayConfig::of(url).label();
        assert_eq!(label("smpp://esme:hunter2@smsc.example:2775"), "smpp://smsc.example:2775");
        assert_eq!(label("https://u:hunter2@sms.example/send?key=hunter2"), "https://sms.example");
        assert_eq!(label("file:/var/spool/sms"), "file");
        let config = GatewayConfig::of("smpp://esme:hunter2@smsc.example");
        assert_eq!(format!("{config:?}"), "GatewayConfig { name: \"smpp://smsc.example\", .. }");
    }

    fn parse(text: &str) -> Result<Sms, String> {
        let table = format!("issuer = 'http://localhost:8080'\ndata_dir = 'd'\n{text}");
        let config = crate::config::Config::parse(&table, "test.toml", BTreeMap::new());
        config.map(|config| config.sms).map_err(|error| error.to_string())
    }

    #[test]
    fn gateways_are_a_list_of_urls_and_tables() {
        let sms = parse(
            "[sms]\nfrom = 'E-num'\n[[sms.gateways]]\nurl = 'https://sms.example'\nbody = { to = '{to}' }\n\
             report = { state = '/s', delivered = ['d'], undelivered = [] }\n[[sms.gateways]]\nurl = 'smpp://smsc.example'",
        );
        let (key, all) = sms.unwrap().all().unwrap();
        assert_eq!((key, all.len()), ("sms.gateways", 2));
        assert!(all[0].is_template() && !all[1].is_template());
        assert_eq!((all[1].window, all[1].enquire_seconds), (10, 30));
        let urls = parse("[sms]\ngateways = ['smpp://a', { url = 'file:x' }]").unwrap().all().unwrap().1;
        assert_eq!(urls.iter().map(GatewayConfig::label).collect::<Vec<_>>(), ["smpp://a", "file"]);
        assert_eq!(parse("").unwrap().all().unwrap().1[0].url, "file:outbox");
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_is_repeated() {
        assert!(parse("[sms]\ngateways = [{ url = 'file:x', pasword = 'x' }]").unwrap_err().contains("pasword"));
        assert!(parse("[sms]\ngateways = [{ name = 'x' }]").unwrap_err().contains("url"));
        let both = parse("[sms]\nurl = 'file:x'\ngateways = ['file:y']").unwrap();
        assert!(both.all().unwrap_err().to_string().contains("sms.url"));
        let shown = format!("{:?}", parse("[sms]\nurl = 'smpp://me:hunter2@smsc.example'").unwrap());
        assert!(shown.contains("smsc.example") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn user_and_password_come_from_one_place() {
        let config = GatewayConfig::of("smpp://e%40sme:p%2Fw@smsc.example");
        assert_eq!((config.user().unwrap().as_str(), config.password().unwrap().as_str()), ("e@sme", "p/w"));
        let twice = GatewayConfig { password: Some("x".into()), ..config.clone() };
        assert!(twice.password().unwrap_err().contains("as well"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "sécret\n").unwrap();
        let filed = GatewayConfig { password_file: Some(file), ..GatewayConfig::of("smpp://esme@smsc.example") };
        assert_eq!(filed.password().unwrap(), "sécret");
        let lost = GatewayConfig { password_file: Some("/nonexistent".into()), ..filed };
        assert!(lost.password().unwrap_err().contains("/nonexistent"));
    }
}
