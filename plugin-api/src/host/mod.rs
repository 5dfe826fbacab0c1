//! What a plugin may ask of its host.
//!
//! Every service but the log and the texts needs a permission: the manifest asks for it
//! ([`crate::message::permission`]), an administrator grants it. Without the grant a call is [`Error::Denied`], on a host
//! that is older than the service [`Error::Unsupported`]. Calls block, within the time that the host gives the plugin's
//! own call.

mod http;
mod secret;
mod store;
mod text;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::http::{HttpCall, Response};
pub use self::secret::Secret;
pub use self::store::{Entry, Store};
use crate::abi::Host;
use crate::error::{Error, Result, Status};
use crate::message::{LogLine, host_method};

/// Longest reply that the SDK takes from a host.
const REPLY_LIMIT: usize = 1 << 20;

impl Host {
    /// Writes one line, without secrets, to the server's log under the plugin's name.
    ///
    /// `level` is `error`, `warn`, `info` or `debug`. An old host that keeps no log is no reason to fail, so there is
    /// nothing to return.
    pub fn log(&self, level: &str, message: impl Into<String>) {
        let line = LogLine { level: level.to_owned(), message: message.into() };
        if let Ok(json) = serde_json::to_vec(&line) {
            self.call_raw(host_method::LOG, &json, REPLY_LIMIT);
        }
    }

    /// Sends any message to the host: for services that this version of the SDK has no method for.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the host does not know the method, [`Error::Denied`] when it does not allow it.
    pub fn call(&self, method: &str, json: &[u8]) -> Result<Vec<u8>> {
        let reply = self.call_raw(method, json, REPLY_LIMIT);
        let text = || String::from_utf8_lossy(&reply.bytes).into_owned();
        match Status::from_code(reply.status) {
            Some(Status::Ok) if reply.overflowed => Err(Error::failed("the host's reply is too long")),
            Some(Status::Ok) => Ok(reply.bytes),
            Some(Status::Unknown) => Err(Error::Unsupported),
            Some(Status::Denied) => Err(Error::Denied(text())),
            Some(Status::Error) => Err(Error::Failed(text())),
            Some(Status::Panicked) | None => Err(Error::failed("the host failed")),
        }
    }

    /// One message of the contract, there and back.
    fn ask<Q: Serialize, A: DeserializeOwned>(&self, method: &str, request: &Q) -> Result<A> {
        let json = serde_json::to_vec(request).map_err(|error| Error::malformed("the request to the host", &error))?;
        serde_json::from_slice(&self.call(method, &json)?).map_err(|error| Error::malformed("the host's reply", &error))
    }
}
