//! The store of the host in memory.

use std::collections::BTreeMap;

use serde_json::Value;

use super::State;
use crate::error::{Error, Result};
use crate::factor::{reply, request};
use crate::message::{
    StoreEntry, StoreGot, StoreKey, StoreListed, StorePut, StoreQuery, StoreSwap, StoreSwapped, host_method, permission,
};

/// Longest key, in bytes.
const KEY_LIMIT: usize = 128;
/// Longest value, in bytes of JSON.
const VALUE_LIMIT: usize = 64 << 10;
/// Most keys in a list.
const LIST_LIMIT: usize = 100;

/// What is stored, by account (none for what is the plugin's own) and key.
#[derive(Default)]
pub(super) struct Entries {
    entries: BTreeMap<(Option<String>, String), Kept>,
    /// The last version that was given out: never twice the same, also for a key that was forgotten in between.
    version: u64,
}

struct Kept {
    entry: StoreEntry,
    expires_at: Option<i64>,
}

impl Entries {
    pub(super) fn get(&self, owner: Option<&str>, key: &str, now: i64) -> StoreGot {
        let kept = self.entries.get(&(owner.map(str::to_owned), key.to_owned()));
        StoreGot { entry: kept.filter(|kept| kept.lives(now)).map(|kept| kept.entry.clone()) }
    }

    pub(super) fn put(&mut self, owner: Option<String>, key: String, value: Value, expires_at: Option<i64>) {
        self.version += 1;
        let entry = StoreEntry { value, version: self.version };
        self.entries.insert((owner, key), Kept { entry, expires_at });
    }

    fn list(&self, owner: Option<&str>, query: &StoreQuery, now: i64) -> StoreListed {
        let mut keys = self
            .entries
            .iter()
            .filter(|((of, _), kept)| of.as_deref() == owner && kept.lives(now))
            .map(|((_, key), _)| key)
            .filter(|key| key.starts_with(&query.prefix) && query.after.as_ref().is_none_or(|after| *key > after));
        let listed = keys.by_ref().take(LIST_LIMIT).cloned().collect();
        StoreListed { keys: listed, more: keys.next().is_some() }
    }
}

impl Kept {
    fn lives(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

impl State {
    /// The services of the store; anything else is unknown.
    pub(super) fn store(&mut self, method: &str, json: &[u8]) -> Result<Vec<u8>> {
        match method {
            host_method::STORE_GET => {
                let StoreKey { scope, key } = self.stores(json)?;
                fits_key(&key)?;
                reply(&self.entries.get(Self::owner(scope)?.as_deref(), &key, self.now))
            }
            host_method::STORE_PUT => {
                let StorePut { scope, key, value, expires_at } = self.stores(json)?;
                fits_key(&key)?;
                fits_value(&value)?;
                self.entries.put(Self::owner(scope)?, key, value, expires_at);
                reply(&())
            }
            host_method::STORE_SWAP => {
                let asked = self.stores(json)?;
                let swapped = self.swap(asked)?;
                reply(&StoreSwapped { swapped })
            }
            host_method::STORE_DELETE => {
                let StoreKey { scope, key } = self.stores(json)?;
                fits_key(&key)?;
                self.entries.entries.remove(&(Self::owner(scope)?, key));
                reply(&())
            }
            host_method::STORE_LIST => {
                let query: StoreQuery = self.stores(json)?;
                reply(&self.entries.list(Self::owner(query.scope)?.as_deref(), &query, self.now))
            }
            _ => Err(Error::Unsupported),
        }
    }

    fn stores<T: serde::de::DeserializeOwned>(&self, json: &[u8]) -> Result<T> {
        self.permitted(permission::STORE)?;
        request(json)
    }

    fn swap(&mut self, StoreSwap { scope, key, version, value, expires_at }: StoreSwap) -> Result<bool> {
        fits_key(&key)?;
        let owner = Self::owner(scope)?;
        if self.entries.get(owner.as_deref(), &key, self.now).entry.map(|entry| entry.version) != version {
            return Ok(false);
        }
        match value {
            Some(value) => {
                fits_value(&value)?;
                self.entries.put(owner, key, value, expires_at);
            }
            None => {
                self.entries.entries.remove(&(owner, key));
            }
        }
        Ok(true)
    }
}

fn fits_key(key: &str) -> Result<()> {
    if (1..=KEY_LIMIT).contains(&key.len()) {
        return Ok(());
    }
    Err(Error::failed(format!("a key has 1 to {KEY_LIMIT} bytes")))
}

fn fits_value(value: &Value) -> Result<()> {
    if value.to_string().len() <= VALUE_LIMIT {
        return Ok(());
    }
    Err(Error::failed(format!("a value has at most {VALUE_LIMIT} bytes")))
}
