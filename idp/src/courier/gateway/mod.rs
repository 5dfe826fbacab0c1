//! SMS gateways, in the order of the configuration, and what happens when one of them does not take a message.
//!
//! The next gateway gets a message only when it is certain that the one before has not taken it: no connection, a session
//! that was not there, a refusal that is not about the message. When a message has left and nobody said what became of it,
//! it is given up and not sent again, neither here nor elsewhere: codes live for minutes and can be asked for again by whoever
//! needs one, while a second one costs money and confuses. Likewise when only some parts of it were taken.

use std::{path::Path, sync::Arc};

use reqwest::{Client, redirect};
use tokio::{sync::watch, task::JoinSet};

use super::{
    Parcel,
    file::FileTransport,
    transport::{SendError, wrong},
};
use crate::{
    clock::{Clock, Millis, SECOND},
    config::ConfigError,
    entropy::Entropy,
    store::sms_part::Taken,
};

mod alphabet;
pub mod counts;
pub mod delivery;
mod http;
mod kannel;
mod parts;
pub(super) mod report;
mod rest;
pub mod settings;
mod smpp;
mod template;

use counts::{Counts, Outcome};
use delivery::Form;
use http::HttpGateway;
use kannel::Kannel;
use report::Reports;
use rest::Rest;
use settings::{GatewayConfig, Sms as Settings};
use smpp::Smpp;

/// After this no further gateway is tried, so that an attempt comes to its end within its time.
const NO_OTHER_AFTER: Millis = 45 * SECOND;

/// A message, as a gateway sees it.
#[derive(Clone, Copy)]
struct Sms<'p> {
    /// 32 hexadecimal digits, the same for each attempt.
    id: &'p str,
    /// A number in E.164.
    to: &'p str,
    text: &'p str,
    /// Where to report what became of it.
    delivery_url: &'p str,
}

impl Sms<'_> {
    /// Tells the parts of this text from those of others to the same phone.
    fn reference(&self) -> u8 {
        self.id.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }
}

/// Why a gateway did not take a message. The texts are for logs: no content, no number, no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    /// It certainly has not got it, for reasons that are not the message's.
    Unavailable(String),
    /// It certainly does not want it: the number is no good.
    Refused(String),
    /// It may have got it, or has a part of it.
    Unanswered(String),
}

impl Refusal {
    fn into_text(self) -> String {
        let (Self::Unavailable(text) | Self::Refused(text) | Self::Unanswered(text)) = self;
        text
    }
}

/// All gateways.
#[derive(Debug)]
pub(super) struct Gateways {
    list: Vec<Gateway>,
    refused_goes_on: bool,
    clock: Clock,
    counts: Counts,
    /// Where reports are taken; a token comes behind it.
    delivery: String,
}

#[derive(Debug)]
struct Gateway {
    name: String,
    way: Way,
    reports: Option<Form>,
    rest: Rest,
}

#[derive(Debug)]
enum Way {
    File(FileTransport),
    Http(HttpGateway),
    Kannel(Kannel),
    Smpp(Arc<Smpp>),
}

impl Gateways {
    /// `delivery` is the URL of the endpoint for reports, with a slash at its end.
    ///
    /// # Errors
    /// Which gateway cannot be used, and why.
    pub(super) fn new(settings: &Settings, delivery: String, clock: Clock) -> Result<Self, ConfigError> {
        let (key, configs) = settings.all()?;
        let mut list = Vec::<Gateway>::with_capacity(configs.len());
        for mut config in configs {
            if config.from.is_empty() {
                config.from.clone_from(&settings.from);
            }
            let name = config.label();
            if list.iter().any(|gateway| gateway.name == name) {
                return Err(wrong(key, &format!("two gateways are called {name}; give one a `name`")));
            }
            let made = Way::of(&config).map_err(|reason| wrong(key, &format!("{name}: {reason}")))?;
            let reports = match &made {
                Way::Kannel(_) => Some(Form::Kannel),
                Way::Http(_) => config.report.clone().map(Form::Written),
                Way::File(_) | Way::Smpp(_) => None,
            };
            warn_if_readable(&config, &name);
            list.push(Gateway { name, way: made, reports, rest: Rest::default() });
        }
        let counts = Counts::default();
        Ok(Self { list, refused_goes_on: settings.next_when_refused, clock, counts, delivery })
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How the reports of this gateway read, if it reports over HTTP.
    pub(super) fn form_of_reports(&self, name: &str) -> Option<&Form> {
        self.list.iter().find(|gateway| gateway.name == name)?.reports.as_ref()
    }

    /// Keeps sessions up until `stop` becomes true.
    pub(super) async fn run(&self, reports: &Reports, entropy: &Entropy, stop: &watch::Receiver<bool>) {
        let mut sessions = JoinSet::new();
        for gateway in &self.list {
            if let Way::Smpp(smpp) = &gateway.way {
                let (smpp, name) = (smpp.clone(), gateway.name.clone());
                let (reports, entropy, stop) = (reports.clone(), entropy.clone(), stop.clone());
                sessions.spawn(async move { smpp.run(&name, reports, entropy, stop).await });
            }
        }
        while sessions.join_next().await.is_some() {}
    }

    /// Hands a message to the first gateway that takes it.
    pub(super) async fn send(&self, parcel: &Parcel) -> Result<Taken, SendError> {
        let delivery_url = format!("{}{}", self.delivery, parcel.delivery_token);
        let message = &parcel.message;
        let sms = Sms { id: &parcel.id, to: &message.to, text: &message.text, delivery_url: &delivery_url };
        let began = self.clock.now();
        let mut refused = None;
        let mut last = "there is no gateway".to_owned();
        for gateway in self.in_order(began) {
            if self.clock.now() - began > NO_OTHER_AFTER {
                break;
            }
            match self.attempt(gateway, parcel, &sms).await {
                Ok(names) => return Ok(Taken { gateway: gateway.name.clone(), names }),
                Err(Refusal::Unavailable(error)) => last = format!("{}: {error}", gateway.name),
                Err(Refusal::Refused(error)) => {
                    let error = format!("{}: {error}", gateway.name);
                    if !self.refused_goes_on {
                        return Err(SendError::Permanent(error));
                    }
                    refused = Some(error);
                }
                Err(Refusal::Unanswered(error)) => {
                    return Err(SendError::Permanent(format!("{}: {error}; it is not sent twice", gateway.name)));
                }
            }
        }
        Err(refused.map_or(SendError::Temporary(last), SendError::Permanent))
    }

    /// Those that do not rest; when all do, all of them.
    fn in_order(&self, now: Millis) -> Vec<&Gateway> {
        let awake: Vec<&Gateway> = self.list.iter().filter(|gateway| !gateway.rest.rests(now)).collect();
        if awake.is_empty() { self.list.iter().collect() } else { awake }
    }

    async fn attempt(&self, gateway: &Gateway, parcel: &Parcel, sms: &Sms<'_>) -> Result<Vec<String>, Refusal> {
        let result = gateway.way.send(parcel, sms).await;
        let outcome = match &result {
            Ok(_) => Outcome::Accepted,
            Err(Refusal::Refused(_)) => Outcome::Refused,
            Err(Refusal::Unavailable(_)) => Outcome::Unavailable,
            Err(Refusal::Unanswered(_)) => Outcome::Unanswered,
        };
        self.counts.add(&gateway.name, outcome);
        match outcome {
            Outcome::Unavailable | Outcome::Unanswered => {
                let rests = gateway.rest.failed(self.clock.now());
                tracing::warn!(gateway = gateway.name, ?result, rests, "courier: a gateway did not take a message");
            }
            _ => gateway.rest.answered(),
        }
        result
    }
}

impl Way {
    fn of(config: &GatewayConfig) -> Result<Self, String> {
        match config.scheme() {
            "file" => FileTransport::new(&config.url).map(Self::File),
            "smpp" | "smpps" => Smpp::new(config).map(|smpp| Self::Smpp(Arc::new(smpp))),
            "http" | "https" if config.is_template() => {
                HttpGateway::new(config, client(config.ca_file.as_deref())?).map(Self::Http)
            }
            "http" | "https" => Kannel::new(config, client(config.ca_file.as_deref())?).map(Self::Kannel),
            other => {
                Err(format!("`{other}:` is not known here; write smpp://…, smpps://…, http://…, https://… or file:DIR"))
            }
        }
    }

    /// The names of its parts, as far as anything will be reported of them.
    async fn send(&self, parcel: &Parcel, sms: &Sms<'_>) -> Result<Vec<String>, Refusal> {
        match self {
            Self::File(file) => match file.send(parcel).await {
                Ok(()) => Ok(Vec::new()),
                Err(SendError::Temporary(error) | SendError::Permanent(error)) => Err(Refusal::Unavailable(error)),
            },
            Self::Http(http) => http.send(sms).await.map(|name| vec![name]),
            Self::Kannel(kannel) => kannel.send(sms).await.map(|()| vec![String::new()]),
            Self::Smpp(smpp) => smpp.send(sms).await,
        }
    }
}

/// For requests to gateways. A connection serves one message: of one that was kept and is gone, nobody could tell whether
/// the message has left.
fn client(ca_file: Option<&Path>) -> Result<Client, String> {
    Client::builder()
        .use_preconfigured_tls(crate::tls::client(ca_file)?)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent("enum-idp")
        .connect_timeout(http::CONNECT_WITHIN)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| format!("requests cannot be sent: {error}"))
}

/// Messages and passwords go to it as they are.
fn warn_if_readable(config: &GatewayConfig, name: &str) {
    let host = config.host().unwrap_or_default();
    let near = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if matches!(config.scheme(), "smpp" | "http") && !near {
        tracing::warn!(
            gateway = name,
            "courier: codes and the password go to this gateway unencrypted; use TLS or a tunnel"
        );
    }
}

#[cfg(test)]
mod tests;
