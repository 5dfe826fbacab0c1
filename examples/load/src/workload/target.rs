//! A server under load: where it is and how it is spoken to.

use std::net::SocketAddr;

use hyper::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::RelyingParty;
use crate::Error;
use crate::client::{Browser, Connection};

/// Paths of the endpoints.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) authorize: String,
    pub(crate) token: String,
    pub(crate) userinfo: String,
    pub(crate) push: String,
    pub(crate) keys: String,
    pub(crate) discovery: String,
    pub(crate) health: String,
}

impl Endpoints {
    /// Those of the floor. It has one fixed text for everything that is served from memory.
    pub(crate) fn of_floor() -> Self {
        let hello = || "/hello".to_owned();
        Self {
            authorize: "/authorize".to_owned(),
            token: "/token".to_owned(),
            userinfo: "/userinfo".to_owned(),
            push: "/par".to_owned(),
            keys: hello(),
            discovery: hello(),
            health: hello(),
        }
    }

    /// Those of a provider, from its discovery document.
    ///
    /// # Errors
    /// If it has none, or one without what the workloads need.
    pub(crate) async fn discover(connection: &mut Connection) -> Result<Self, Error> {
        let discovery = "/.well-known/openid-configuration";
        let reply = connection.send(Method::GET, discovery, &[], String::new()).await?;
        let document: Value = serde_json::from_slice(&reply.expect(StatusCode::OK)?)?;
        let path = |name: &str| -> Result<String, Error> {
            let address = document[name].as_str().ok_or_else(|| format!("discovery has no {name}"))?;
            Ok(Url::parse(address)?.path().to_owned())
        };
        Ok(Self {
            authorize: path("authorization_endpoint")?,
            token: path("token_endpoint")?,
            userinfo: path("userinfo_endpoint")?,
            push: path("pushed_authorization_request_endpoint")?,
            keys: path("jwks_uri")?,
            discovery: discovery.to_owned(),
            health: "/healthz".to_owned(),
        })
    }
}

/// One server and the relying party that uses it.
pub(crate) struct Target {
    /// Name in the tables.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its issuer, which is also the origin of its pages.
    pub(crate) issuer: Url,
    /// Its paths.
    pub(crate) endpoints: Endpoints,
    /// Who sends people there.
    pub(crate) client: RelyingParty,
}

impl Target {
    /// A new connection, not yet opened.
    pub(crate) fn connection(&self) -> Connection {
        Connection::new(self.address, self.issuer.authority())
    }

    /// A new browser.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.connection(), &self.issuer)
    }
}
