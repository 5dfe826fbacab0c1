//! The HTTP side of an activation: `POST {url}/enrol/cipherpad`, twice.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use ureq::Agent;
use url::{Host, Url};

const REPLY_LIMIT: u64 = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why the server could not be asked, or did not agree.
#[derive(Debug, Error)]
pub(crate) enum WireError {
    #[error("{0} is not an address of a provider: write it as https://id.example")]
    Url(String),
    #[error("{0} is not encrypted: use https (http is for this computer alone)")]
    Plain(String),
    #[error("{0} cannot be reached ({1}): check the address and the network")]
    Unreachable(String, ureq::Error),
    #[error("the server refused: {0}. If the code is old or was used, order a new one on the site")]
    Refused(String),
    #[error("{0} does not answer as an E-num provider does (status {1}): check the address")]
    Stranger(String, u16),
    #[error("the server's reply makes no sense: is this program too old?")]
    Reply,
}

/// One message of the pad.
#[derive(Serialize)]
struct Message<'a> {
    email: &'a str,
    input: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

/// What the server says.
#[derive(Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// Go on with this.
    Ask {
        /// For the pad.
        data: Value,
        /// To be sent back as it is.
        state: String,
    },
    /// Activated.
    Pass,
    /// Anything else is a refusal.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// A provider.
pub(crate) struct Provider {
    agent: Agent,
    base: String,
}

impl Provider {
    /// Checks the address: https, or http on a loopback address.
    pub(crate) fn new(address: &str) -> Result<Self, WireError> {
        let bad = || WireError::Url(address.to_owned());
        let url = Url::parse(address).map_err(|_| bad())?;
        let host = url.host().ok_or_else(bad)?;
        let loopback = is_loopback(&host);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(WireError::Plain(address.to_owned())),
            _ => return Err(bad()),
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(bad());
        }
        // A redirect would take the activation to an address that nobody typed.
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(TIMEOUT));
        if loopback {
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        Ok(Self { agent, base: url.as_str().trim_end_matches('/').to_owned() })
    }

    /// The address without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends one message of the agreement.
    pub(crate) fn enrol(&self, email: &str, message: &impl Serialize, state: Option<&str>) -> Result<Reply, WireError> {
        let input = serde_json::to_value(message).and_then(serde_json::from_value).map_err(|_| WireError::Reply)?;
        let address = format!("{}/enrol/cipherpad", self.base);
        let unreachable = |error| WireError::Unreachable(self.base.clone(), error);
        let mut response = self.agent.post(&address).send_json(Message { email, input, state }).map_err(unreachable)?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(REPLY_LIMIT).read_to_vec().map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| WireError::Reply);
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) if refusal.error_description.is_empty() => Err(WireError::Refused(refusal.error)),
            Ok(refusal) => Err(WireError::Refused(refusal.error_description)),
            Err(_) => Err(WireError::Stranger(self.base.clone(), status.as_u16())),
        }
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
