//! The store: what a plugin keeps, of its own as a whole or of the account that a call is about.
//!
//! For an address without an account the same statements are run as for one with, about rows that are not there; what is
//! put is kept until the call is over. So a plugin behaves alike, takes as long, and leaves nothing.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plugin_api::message::{
    Scope, StoreEntry, StoreGot, StoreKey, StoreListed, StorePut, StoreQuery, StoreSwap, StoreSwapped, permission,
};
use serde_json::Value;

use super::Refusal;
use super::call::Call;
use super::present::{Kept, Scratch, Subject, scratch};
use crate::clock::Millis;
use crate::store::plugin_data::{self, Model, Place};
use crate::store::{StoreError, Tx, plugin, plugin_call};

const KEY_LIMIT: usize = 128;
/// Longest value, in bytes of JSON.
const VALUE_LIMIT: usize = 64 << 10;
/// Values of one plugin for one account.
const ACCOUNT_LIMIT: u64 = 1000;
/// Values of one plugin in all. Counted now and then, so that several nodes can overrun it a little.
const PLUGIN_LIMIT: u64 = 100_000;
/// Keys in one listing.
const PAGE: usize = 100;
/// How long a count of a plugin's values is relied upon.
const COUNT_AGAIN: Duration = Duration::from_secs(10);

/// How many values a plugin had when they were counted, and those that were put since.
#[derive(Debug, Default)]
pub(super) struct Filling {
    counted: Option<Instant>,
    values: u64,
}

/// Where a request leads.
#[derive(Clone)]
struct Aim {
    place: Place,
    /// Nothing is kept there: it is for an address without an account.
    decoy: bool,
}

pub(super) fn get(call: &mut Call<'_>, StoreKey { scope, key }: StoreKey) -> Result<StoreGot, Refusal> {
    let aim = aim(call, scope, &key)?;
    let now = call.means.clock.now();
    let found = call.asks(plugin_data::find(call.means.db.read(), &aim.place, now))?;
    let entry = match found {
        Some(row) => Some(opened(call, &aim.place, &row)?),
        None if aim.decoy => scratch(|kept| alive(kept, &key, now).map(|kept| entry(kept.value.clone(), kept.version))),
        None => None,
    };
    Ok(StoreGot { entry })
}

pub(super) fn put(call: &mut Call<'_>, request: StorePut) -> Result<(), Refusal> {
    let StorePut { scope, key, value, expires_at } = request;
    let aim = aim(call, scope, &key)?;
    let row = row(call, &aim.place, &value, expires_at)?;
    has_room(call, &aim.place)?;
    match write(call, &aim, Write::Put(row))? {
        Written::Done => {}
        Written::Full => return Err(account_is_full()),
        Written::Not | Written::OutOfStep => return Err(of_another_version()),
    }
    if aim.decoy {
        let now = call.means.clock.now();
        scratch(|kept| {
            let version = kept.get(&key).map_or(now, |before| before.version + 1);
            kept.insert(key, Kept { value, version, expires_at });
        });
    }
    Ok(())
}

pub(super) fn swap(call: &mut Call<'_>, request: StoreSwap) -> Result<StoreSwapped, Refusal> {
    let StoreSwap { scope, key, version, value, expires_at } = request;
    let aim = aim(call, scope, &key)?;
    // A version that no row can have is one that somebody else has replaced.
    let seen = version.map(|version| i64::try_from(version).unwrap_or(-1));
    let row = value.as_ref().map(|value| row(call, &aim.place, value, expires_at)).transpose()?;
    if seen.is_none() && row.is_some() {
        has_room(call, &aim.place)?;
    }
    let written = write(call, &aim, Write::Swap(seen, row))?;
    if aim.decoy {
        let now = call.means.clock.now();
        let next = value.map(|value| Kept { value, version: now, expires_at });
        return Ok(StoreSwapped { swapped: scratch(|kept| swap_in(kept, key, seen, next, now)) });
    }
    match written {
        Written::Done => Ok(StoreSwapped { swapped: true }),
        Written::Not => Ok(StoreSwapped { swapped: false }),
        Written::Full => Err(account_is_full()),
        Written::OutOfStep => Err(of_another_version()),
    }
}

pub(super) fn delete(call: &mut Call<'_>, StoreKey { scope, key }: StoreKey) -> Result<(), Refusal> {
    let aim = aim(call, scope, &key)?;
    match write(call, &aim, Write::Delete)? {
        Written::Done | Written::Full => {}
        Written::Not | Written::OutOfStep => return Err(of_another_version()),
    }
    if aim.decoy {
        scratch(|kept| kept.remove(&key));
    }
    Ok(())
}

pub(super) fn list(call: &mut Call<'_>, query: StoreQuery) -> Result<StoreListed, Refusal> {
    let StoreQuery { scope, prefix, after } = query;
    call.is_about(&subject(scope, &prefix));
    call.needs(permission::STORE)?;
    let after = after.filter(|after| *after >= prefix);
    for text in [&prefix].into_iter().chain(&after) {
        legal(text)?;
    }
    let (account, decoy) = owner(call, scope)?;
    let from =
        Place { plugin: call.caller().plugin.clone(), account, key: after.clone().unwrap_or_else(|| prefix.clone()) };
    let now = call.means.clock.now();
    let limit = PAGE as u64 + 1;
    let mut keys = call.asks(plugin_data::keys(call.means.db.read(), &from, after.is_some(), now, limit))?;
    if decoy {
        keys = scratch(|kept| kept.keys().filter(|key| alive(kept, key, now).is_some()).cloned().collect());
        keys.retain(|key| if after.is_some() { *key > from.key } else { *key >= from.key });
    }
    let ends = keys.iter().position(|key| !key.starts_with(&prefix)).unwrap_or(keys.len());
    keys.truncate(ends);
    let more = keys.len() > PAGE;
    keys.truncate(PAGE);
    Ok(StoreListed { keys, more })
}

/// Finds out where a request leads, and whether the plugin may go there.
fn aim(call: &mut Call<'_>, scope: Scope, key: &str) -> Result<Aim, Refusal> {
    call.is_about(&subject(scope, key));
    call.needs(permission::STORE)?;
    if key.is_empty() {
        return Err(Refusal::failed("a key has at least one byte"));
    }
    legal(key)?;
    let (account, decoy) = owner(call, scope)?;
    Ok(Aim { place: Place { plugin: call.caller().plugin.clone(), account, key: key.to_owned() }, decoy })
}

fn subject(scope: Scope, key: &str) -> String {
    match scope {
        Scope::Plugin => format!("plugin:{key}"),
        Scope::Account => format!("account:{key}"),
    }
}

fn legal(key: &str) -> Result<(), Refusal> {
    if key.len() > KEY_LIMIT {
        return Err(Refusal::failed(format!("a key has at most {KEY_LIMIT} bytes")));
    }
    if key.chars().any(char::is_control) {
        return Err(Refusal::failed("a key has no control characters"));
    }
    Ok(())
}

/// Whose rows a scope means, and whether that is an address without an account.
fn owner(call: &Call<'_>, scope: Scope) -> Result<(String, bool), Refusal> {
    match (scope, &call.about) {
        (Scope::Plugin, _) => Ok((String::new(), false)),
        (Scope::Account, Subject::Account(id)) => Ok((id.clone(), false)),
        (Scope::Account, Subject::Decoy(id)) => Ok((id.clone(), true)),
        (Scope::Account, Subject::Nobody | Subject::Migration) => {
            Err(Refusal::denied("this call is about no account, so that there is no data of one"))
        }
    }
}

fn account_is_full() -> Refusal {
    Refusal::failed(format!("there are {ACCOUNT_LIMIT} values of this account, and there may be no more"))
}

fn of_another_version() -> Refusal {
    Refusal::failed("what is there was written by a build of another data version")
}

fn entry(value: Value, version: i64) -> StoreEntry {
    StoreEntry { value, version: u64::try_from(version).unwrap_or_default() }
}

fn opened(call: &Call<'_>, place: &Place, row: &Model) -> Result<StoreEntry, Refusal> {
    if row.data_version != call.caller().data_version {
        return Err(of_another_version());
    }
    let value = call.means.seal.open_record_json(plugin_data::RECORD, &place.record(), &row.sealed);
    value.map(|value| entry(value, row.version)).map_err(|error| {
        tracing::error!(plugin = place.plugin, key = place.key, %error, "what a plugin keeps cannot be read");
        Refusal::failed("what is there cannot be read")
    })
}

/// The row that keeps a value.
fn row(call: &Call<'_>, place: &Place, value: &Value, expires_at: Option<Millis>) -> Result<Model, Refusal> {
    let length = value.to_string().len();
    if length > VALUE_LIMIT {
        return Err(Refusal::failed(format!("the value has {length} bytes as JSON, and may have {VALUE_LIMIT}")));
    }
    let sealed = call.means.seal.record_json(plugin_data::RECORD, &place.record(), value).map_err(|error| {
        tracing::error!(plugin = place.plugin, %error, "a value cannot be sealed");
        Refusal::failed("the value cannot be sealed")
    })?;
    let Place { plugin, account, key } = place.clone();
    let now = call.means.clock.now();
    let data_version = call.caller().data_version;
    Ok(Model { plugin, account, key, data_version, sealed, version: now, expires_at, updated_at: now })
}

/// # Errors
/// When the plugin keeps as much as it may, and would keep more.
fn has_room(call: &Call<'_>, place: &Place) -> Result<(), Refusal> {
    let recent = {
        let filling = filling(call);
        filling.counted.is_some_and(|at| at.elapsed() < COUNT_AGAIN).then_some(filling.values)
    };
    let values = match recent {
        Some(values) if values < PLUGIN_LIMIT => values,
        _ => {
            let values = call.asks(plugin_data::count(call.means.db.read(), &place.plugin))?;
            *filling(call) = Filling { counted: Some(Instant::now()), values };
            values
        }
    };
    if values < PLUGIN_LIMIT {
        filling(call).values += 1;
        return Ok(());
    }
    // What is there already may be replaced.
    match call.asks(plugin_data::find(call.means.db.read(), place, call.means.clock.now()))? {
        Some(_) => Ok(()),
        None => Err(Refusal::failed(format!("the plugin keeps {PLUGIN_LIMIT} values, and may keep no more"))),
    }
}

fn filling<'c>(call: &Call<'c>) -> MutexGuard<'c, Filling> {
    call.services.filling.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is to be changed.
#[derive(Clone)]
enum Write {
    Put(Model),
    Swap(Option<i64>, Option<Model>),
    Delete,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq)]
enum Written {
    Done,
    /// What is there is of another version.
    Not,
    /// There are as many values of the account as there may be.
    Full,
    /// Nothing: a build of another data version has taken this one's place.
    OutOfStep,
}

/// Rolls back what a build wrote that no longer is the one to write.
const OUT_OF_STEP: &str = "data version of a plugin";

/// Makes a change and writes it down, in one transaction.
fn write(call: &mut Call<'_>, aim: &Aim, write: Write) -> Result<Written, Refusal> {
    let (done, failed) = (call.entry("ok"), call.entry("failed"));
    let (aim, now) = (aim.clone(), call.means.clock.now());
    let data_version = call.caller().data_version;
    let db = call.means.db.clone();
    let written = db.write(move |tx| {
        Box::pin(async move {
            let lost = !matches!(write, Write::Swap(..));
            let written = changed(tx, &aim, write, data_version, now).await?;
            let refused = written == Written::Full || (lost && written == Written::Not);
            plugin_call::adding(if refused { failed } else { done }).apply(tx).await?;
            Ok::<_, StoreError>(written)
        })
    });
    let written = call.asks(async {
        match written.await {
            Err(StoreError::Conflict(what)) if what == OUT_OF_STEP => Ok(Written::OutOfStep),
            written => written,
        }
    })?;
    if written != Written::OutOfStep {
        call.is_noted();
    }
    Ok(written)
}

async fn changed(
    tx: &Tx,
    Aim { place, decoy }: &Aim,
    write: Write,
    data_version: i32,
    now: Millis,
) -> Result<Written, StoreError> {
    let adds = matches!(&write, Write::Put(_) | Write::Swap(None, Some(_)));
    if adds
        && !place.account.is_empty()
        && plugin_data::count_of(tx, &place.plugin, &place.account, now).await? >= ACCOUNT_LIMIT
        && plugin_data::find(tx, place, now).await?.is_none()
    {
        return Ok(Written::Full);
    }
    if *decoy {
        // A statement of the same weight that finds nothing.
        plugin_data::forget(tx, place, data_version, None, now).await?;
        return Ok(Written::Done);
    }
    let done = match write {
        Write::Put(row) => plugin_data::putting(row, now).touches(tx).await?,
        Write::Swap(None, Some(row)) => plugin_data::adding(row, now).touches(tx).await?,
        Write::Swap(Some(seen), Some(row)) => plugin_data::replacing(row, seen, now).touches(tx).await?,
        Write::Swap(Some(seen), None) => plugin_data::forget(tx, place, data_version, Some(seen), now).await?,
        Write::Swap(None, None) => plugin_data::find(tx, place, now).await?.is_none(),
        Write::Delete => {
            plugin_data::forget(tx, place, data_version, None, now).await?
                || plugin_data::find(tx, place, now).await?.is_none()
        }
    };
    // After the write, for a migration locks what plugins keep before it touches the catalog.
    if done && plugin::data_version_held(tx, &place.plugin).await?.is_some_and(|there| there != data_version) {
        return Err(StoreError::Conflict(OUT_OF_STEP));
    }
    Ok(if done { Written::Done } else { Written::Not })
}

fn alive<'k>(kept: &'k Scratch, key: &str, now: Millis) -> Option<&'k Kept> {
    kept.get(key).filter(|kept| kept.expires_at.is_none_or(|at| at > now))
}

/// As a swap in the database.
fn swap_in(scratch: &mut Scratch, key: String, seen: Option<i64>, next: Option<Kept>, now: Millis) -> bool {
    let before = alive(scratch, &key, now).map(|kept| kept.version);
    if before != seen {
        return false;
    }
    match next {
        Some(next) => {
            let version = before.map_or(next.version, |before| before + 1);
            scratch.insert(key, Kept { version, ..next });
        }
        None => {
            scratch.remove(&key);
        }
    }
    true
}
