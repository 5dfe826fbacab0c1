//! Requests that this server makes to addresses which others have named: what they may reach, and the clients that reach no
//! further. The address that a connection is made to is the one that was checked; redirects come back as they are, and no
//! proxy of the environment is asked.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect};
use url::{Host, Url};

pub mod address;

use address::{NotPublic, PublicNames};

/// Idle connections that are kept to one origin, and how long.
const IDLE: (usize, Duration) = (4, Duration::from_secs(30));

/// Where requests may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Addresses that anybody can reach, and those by TLS alone.
    Public,
    /// Any address.
    Private,
}

impl Reach {
    /// An address in place of a name is never looked up, so it is checked here.
    ///
    /// # Errors
    /// When the URL has an address that may not be reached.
    pub fn takes(self, url: &Url) -> Result<(), NotPublic> {
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => ip.into(),
            Some(Host::Ipv6(ip)) => ip.into(),
            _ => return Ok(()),
        };
        if self == Self::Private || address::is_public(ip) {
            return Ok(());
        }
        Err(NotPublic { name: url.host_str().unwrap_or_default().to_owned(), ip })
    }
}

/// Who sends requests.
#[derive(Debug)]
pub struct Clients {
    public: Client,
    private: Client,
}

/// Requests cannot be sent on this machine.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoClients(String);

impl Clients {
    /// Sets both up. Connects to nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, NoClients> {
        let failed = |error: &(dyn std::error::Error + 'static)| NoClients(address::innermost(error).to_string());
        let tls = crate::tls::client(None).map_err(NoClients)?;
        let client = || {
            Client::builder()
                .use_preconfigured_tls(tls.clone())
                .redirect(redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .user_agent("enum-idp")
                .pool_max_idle_per_host(IDLE.0)
                .pool_idle_timeout(IDLE.1)
        };
        let public = client().https_only(true).dns_resolver(Arc::new(PublicNames)).build();
        let private = client().build();
        Ok(Self { public: public.map_err(|error| failed(&error))?, private: private.map_err(|error| failed(&error))? })
    }

    /// The one that reaches so far.
    pub fn of(&self, reach: Reach) -> &Client {
        match reach {
            Reach::Public => &self.public,
            Reach::Private => &self.private,
        }
    }
}
