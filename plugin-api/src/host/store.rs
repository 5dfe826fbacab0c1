//! Data that a plugin keeps. Permission `store`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::abi::Host;
use crate::error::{Error, Result};
use crate::message::{
    Scope, StoreGot, StoreKey, StoreListed, StorePut, StoreQuery, StoreSwap, StoreSwapped, host_method,
};

/// A plugin's own data, sealed by the host and durable once a call is back. Made by [`Host::store`].
///
/// Keys have 1 to 128 bytes, values at most 64 KiB as JSON. What a step decides is not undone with it: a call here takes
/// effect at once, even if the step's verdict never commits. What belongs to one enrolment is better kept in its state.
///
/// # Errors
/// Every method: [`Error::Denied`] without the permission, and for [`Scope::Account`] in a call that is about nobody
/// (`start`, `check`, `migrate`, a service's); [`Error::Failed`] when the key, the value or the host's storage does not
/// allow it.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    host: Host,
    scope: Scope,
    expires_at: Option<i64>,
}

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<T> {
    /// As it was put.
    pub value: T,
    /// Rises with every change of the key: hand it to [`Store::swap`] or [`Store::take`].
    pub version: u64,
}

impl Host {
    /// The plugin's data in this scope: its own as a whole, or that of the account which the present call is about.
    pub fn store(&self, scope: Scope) -> Store {
        Store { host: *self, scope, expires_at: None }
    }
}

impl Store {
    /// What is put from here on is forgotten at this time, Unix milliseconds, such as `cx.expires_at`.
    #[must_use]
    pub fn until(self, expires_at: i64) -> Self {
        Self { expires_at: Some(expires_at), ..self }
    }

    /// What is kept under `key`; `None` when there is nothing, or no longer.
    ///
    /// # Errors
    /// See [`Store`]; also when the value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Entry<T>>> {
        let StoreGot { entry } = self.host.ask(host_method::STORE_GET, &self.at(key))?;
        entry
            .map(|entry| {
                let value = serde_json::from_value(entry.value)
                    .map_err(|error| Error::malformed("the stored value", &error))?;
                Ok(Entry { value, version: entry.version })
            })
            .transpose()
    }

    /// Puts a value, whatever was there.
    ///
    /// # Errors
    /// See [`Store`].
    pub fn put<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<()> {
        let value = json(value)?;
        let request = StorePut { scope: self.scope, key: key.to_owned(), value, expires_at: self.expires_at };
        self.host.ask(host_method::STORE_PUT, &request)
    }

    /// Puts a value if the key is still as it was read: at this `version`, or not there at all for `None`. Says whether
    /// it did; if not, somebody else was first, here or on another machine.
    ///
    /// # Errors
    /// See [`Store`]; also for a value that is `null` in JSON, which the contract takes for [`Store::take`].
    pub fn swap<T: Serialize + ?Sized>(&self, key: &str, version: Option<u64>, value: &T) -> Result<bool> {
        match json(value)? {
            Value::Null => Err(Error::failed("null cannot be swapped in")),
            value => self.swapped(key, version, Some(value)),
        }
    }

    /// Forgets the key if it is still at this version. Says whether it did: of many who take a one-time code, one does.
    ///
    /// # Errors
    /// See [`Store`].
    pub fn take(&self, key: &str, version: u64) -> Result<bool> {
        self.swapped(key, Some(version), None)
    }

    /// Forgets the key, whatever is there.
    ///
    /// # Errors
    /// See [`Store`].
    pub fn delete(&self, key: &str) -> Result<()> {
        self.host.ask(host_method::STORE_DELETE, &self.at(key))
    }

    /// Up to 100 keys that begin with `prefix`, in the order of their bytes; those behind the key `after` to go on.
    ///
    /// # Errors
    /// See [`Store`].
    pub fn list(&self, prefix: &str, after: Option<&str>) -> Result<StoreListed> {
        let request = StoreQuery { scope: self.scope, prefix: prefix.to_owned(), after: after.map(str::to_owned) };
        self.host.ask(host_method::STORE_LIST, &request)
    }

    fn at(&self, key: &str) -> StoreKey {
        StoreKey { scope: self.scope, key: key.to_owned() }
    }

    fn swapped(&self, key: &str, version: Option<u64>, value: Option<Value>) -> Result<bool> {
        let expires_at = if value.is_some() { self.expires_at } else { None };
        let request = StoreSwap { scope: self.scope, key: key.to_owned(), version, value, expires_at };
        let StoreSwapped { swapped } = self.host.ask(host_method::STORE_SWAP, &request)?;
        Ok(swapped)
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::malformed("the value", &error))
}
