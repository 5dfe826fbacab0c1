//! What plugins may ask of this server, while it is calling them.
//!
//! Each plugin has its own [`HostServices`], which knows what was granted to it. A service other than `log` and `text` goes
//! through [`call::Call`]: only during a call, only as far as granted, only within the call's time, and written down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use plugin_api::Status;
use plugin_api::abi::Services;
use plugin_api::message::{Description, host_method};

mod audit;
mod call;
pub(super) mod grants;
mod http;
mod means;
mod present;
pub(super) mod secret;
mod store;
mod words;

pub use grants::{BadGrant, Grants};
pub use means::Means;
pub use present::Subject;
pub(super) use present::during;
pub(super) use words::{one_line, text};

use self::call::Call;
use self::means::Inner;
use self::secret::Secrets;
use self::store::Filling;

/// Why a service gives a plugin nothing. The text is for the plugin, and for whoever reads its log.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// It may not.
    Denied(String),
    /// It did not work.
    Failed(String),
}

impl Refusal {
    fn denied(why: impl Into<String>) -> Self {
        Self::Denied(why.into())
    }

    fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

/// What the audit trail says of the plugin.
#[derive(Clone, Debug)]
struct Caller {
    plugin: String,
    version: String,
    sha256: String,
    data_version: i32,
}

/// The services as one plugin sees them.
pub(super) struct HostServices {
    caller: Caller,
    texts: BTreeMap<String, BTreeMap<String, String>>,
    /// Neither this nor the means are held fast: a library is never unloaded, nor what was handed to it, and that must
    /// not keep secrets in memory, nor the database open.
    held: Weak<Held>,
    means: Weak<Inner>,
    filling: Mutex<Filling>,
}

/// What a plugin may do and have done for it, for as long as somebody holds it: whoever runs the plugin.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) grants: Grants,
    pub(super) secrets: Secrets,
}

impl HostServices {
    pub(super) fn new(description: &Description, sha256: &str, held: &Arc<Held>, means: &Means) -> Self {
        let manifest = &description.manifest;
        let caller = Caller {
            plugin: manifest.id.clone(),
            version: manifest.version.clone(),
            sha256: sha256.to_owned(),
            data_version: i32::try_from(manifest.data_version).unwrap_or(i32::MAX),
        };
        let (texts, held, means) = (description.texts.clone(), Arc::downgrade(held), means.loosely());
        Self { caller, texts, held, means, filling: Mutex::default() }
    }

    /// Id of the plugin.
    pub(super) fn plugin(&self) -> &str {
        &self.caller.plugin
    }
}

impl Services for HostServices {
    fn call(&self, method: &str, json: &[u8]) -> (Status, Vec<u8>) {
        let answered = match method {
            host_method::LOG => self.log(json),
            host_method::TEXT => self.text(json),
            host_method::STORE_GET => Call::serve(self, host_method::STORE_GET, json, store::get),
            host_method::STORE_PUT => Call::serve(self, host_method::STORE_PUT, json, store::put),
            host_method::STORE_SWAP => Call::serve(self, host_method::STORE_SWAP, json, store::swap),
            host_method::STORE_DELETE => Call::serve(self, host_method::STORE_DELETE, json, store::delete),
            host_method::STORE_LIST => Call::serve(self, host_method::STORE_LIST, json, store::list),
            host_method::HTTP_SEND => Call::serve(self, host_method::HTTP_SEND, json, http::send),
            host_method::SECRET_HMAC => Call::serve(self, host_method::SECRET_HMAC, json, secret::hmac),
            host_method::SECRET_REVEAL => Call::serve(self, host_method::SECRET_REVEAL, json, secret::reveal),
            _ => return (Status::Unknown, Vec::new()),
        };
        match answered {
            Ok(json) => (Status::Ok, json),
            Err(Refusal::Denied(why)) => (Status::Denied, why.into_bytes()),
            Err(Refusal::Failed(why)) => (Status::Error, why.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
