//! What enrolments hold, and what plugins have stored, from one data version to another: inside the transaction that also
//! switches builds, so that there is never a moment at which the two do not fit.
//!
//! Of two builds the one with the higher data version knows both, and is asked in either direction.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugin_api::message::{Enrols, Migrate, Migrated as Reply, Migrating, Scope, method};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde_json::Value;

use super::{Catalog, CatalogError, StoreError, plugin};
use crate::plugins::running::Running;
use crate::plugins::services::Subject;
use crate::seal::Seal;
use crate::store::enrolment::{self, PageStep, stored_version};
use crate::store::{self, Tx, plugin_data};

/// Values that a plugin is asked about at once, and rows that are held in memory.
const PAGE: u64 = 256;

/// How many values were migrated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// Rows of people's enrolments, those that wait or have ended included.
    pub enrolments: u64,
    /// Entries of the plugin's store.
    pub stored: u64,
}

impl Migrated {
    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// What there is to migrate, and who does it.
#[derive(Clone)]
pub(super) struct Migration {
    id: String,
    to: u32,
    /// Who migrates from a data version.
    by: BTreeMap<u32, Arc<Running>>,
    /// How the build that wrote them enrols.
    enrols: Enrols,
    seal: Arc<Seal>,
}

impl Catalog {
    /// Finds who can migrate what is there now to the data version of `next`, the build that is to run. `old` is the row
    /// as it was, whose builds may be the ones that know.
    ///
    /// # Errors
    /// When nobody can.
    pub(super) async fn migration(
        &self,
        old: &plugin::Model,
        enrols: Enrols,
        next: &Arc<Running>,
    ) -> Result<Migration, CatalogError> {
        let db = self.source.db.read();
        let to = next.manifest().data_version;
        let mut by = BTreeMap::new();
        for from in versions(db, &old.id).await? {
            if from != to && !by.contains_key(&from) {
                let knows = if from < to { next.clone() } else { self.who_knows(from, to, old).await? };
                by.insert(from, knows);
            }
        }
        Ok(Migration { id: old.id.clone(), to, by, enrols, seal: self.source.seal.clone() })
    }

    /// Starts the build among those of `row` that knows data version `from`.
    async fn who_knows(&self, from: u32, to: u32, row: &plugin::Model) -> Result<Arc<Running>, CatalogError> {
        let previous = row.previous_sha256.clone().map(|sha256| plugin::Model {
            sha256,
            settings_version: row.previous_settings.unwrap_or(row.settings_version),
            ..row.clone()
        });
        for row in [Some(row.clone()), previous].into_iter().flatten() {
            let manifest = self.known(&row).await?.manifest;
            if manifest.data_version >= from {
                let settings = self.settings_of(&row).await?;
                return self.try_out(&row, None, settings).await.map_err(|why| unfit(&row.id, format!(
                    "what is there has data version {from}; its build {} could migrate it to {to} and does not start: \
                     {why}",
                    manifest.version
                )));
            }
        }
        let why = format!(
            "what is there has data version {from}, which this build could not read, for it has {to}; use a build of at \
             least data version {from}"
        );
        Err(unfit(&row.id, why))
    }
}

impl Migration {
    /// Keeps others from writing, if there is anything to migrate. Comes first in the transaction, for those who enrol
    /// touch enrolments and then the catalog.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn prepare(&self, tx: &Tx) -> Result<(), StoreError> {
        if self.by.is_empty() { Ok(()) } else { plugin::hold_writers(tx).await }
    }

    /// Migrates everything, after [`Migration::prepare`].
    ///
    /// # Errors
    /// When the plugin cannot; then the transaction must not commit.
    pub(super) async fn run(&self, tx: &Tx) -> Result<Option<Migrated>, CatalogError> {
        let mut done = Migrated::default();
        for (from, by) in &self.by {
            done.enrolments += self.enrolments(tx, *from, by).await?;
            done.stored += self.stored(tx, *from, by).await?;
        }
        if versions(tx, &self.id).await?.iter().any(|version| *version != self.to) {
            // Somebody enrolled between the look and the lock.
            return Err(StoreError::Conflict(plugin::RECORD).into());
        }
        Ok(Some(done).filter(|done| !done.is_nothing()))
    }

    async fn enrolments(&self, tx: &Tx, from: u32, by: &Arc<Running>) -> Result<u64, CatalogError> {
        let (mut count, mut after) = (0, String::new());
        loop {
            let rows = enrolment::of_version(tx, &self.id, stored_version(from), &after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(count) };
            after.clone_from(&last.id);
            let states: Vec<State> = rows.iter().map(|row| self.state(row)).collect::<Result<_, _>>()?;
            let values = states.iter().map(State::to_plugin).collect();
            let new = self.ask(by, from, values).await?;
            let mut migrated = Vec::with_capacity(rows.len());
            for ((row, state), value) in rows.into_iter().zip(states).zip(new) {
                let sealed = self.seal.record_json("enrolment", &row.id, &state.with(value)?)?;
                migrated.push((row, sealed));
            }
            count += migrated.len() as u64;
            enrolment::migrate(tx, migrated, stored_version(self.to)).await?;
        }
    }

    fn state(&self, row: &enrolment::Model) -> Result<State, CatalogError> {
        let value = row.state(&self.seal)?;
        Ok(match (row.is_enrolling(), self.enrols) {
            (false, _) => State::Enrolment(value),
            (true, Enrols::Device) => State::Enrolling(value),
            (true, Enrols::Page) => State::Page(serde_json::from_value(value).map_err(|error| {
                StoreError::Unreadable { table: "enrolment", id: row.id.clone(), reason: error.to_string() }
            })?),
        })
    }

    async fn stored(&self, tx: &Tx, from: u32, by: &Arc<Running>) -> Result<u64, CatalogError> {
        let (mut count, mut after) = (0, None::<(String, String)>);
        loop {
            let behind = after.as_ref().map(|(account, key)| (account.as_str(), key.as_str()));
            let mut rows = plugin_data::page(tx, &self.id, behind, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(count) };
            after = Some((last.account.clone(), last.key.clone()));
            rows.retain(|row| row.data_version == stored_version(from));
            let mut values = Vec::with_capacity(rows.len());
            for row in &rows {
                let value = self.seal.open_record_json("plugin_data", &record(row), &row.sealed)?;
                let scope = if row.account.is_empty() { Scope::Plugin } else { Scope::Account };
                values.push(Migrating::Stored { scope, key: row.key.clone(), value });
            }
            let mut changes = Vec::with_capacity(rows.len());
            for (row, value) in rows.into_iter().zip(self.ask(by, from, values).await?) {
                let sealed = self.seal.record_json("plugin_data", &record(&row), &value)?;
                let data_version = stored_version(self.to);
                changes.push(plugin_data::saving(plugin_data::Model { data_version, sealed, ..row }));
            }
            count += changes.len() as u64;
            if !changes.is_empty() {
                store::apply(tx, changes).await?;
            }
        }
    }

    async fn ask(&self, by: &Arc<Running>, from: u32, values: Vec<Migrating>) -> Result<Vec<Value>, CatalogError> {
        let (to, count) = (self.to, values.len());
        if count == 0 {
            return Ok(Vec::new());
        }
        let request = Migrate { from, to, values };
        let build = &by.manifest().version;
        let failed = |why: String| {
            let why = format!(
                "its build {build} did not migrate from data version {from} to {to}: {why}; nothing was changed"
            );
            unfit(&self.id, why)
        };
        let reply: Reply = by
            .ask(method::MIGRATE, &Subject::Migration, &request, |_, _| Ok(()))
            .await
            .map_err(|error| failed(error.to_string()))?;
        if reply.values.len() == count {
            return Ok(reply.values);
        }
        Err(failed(format!("it was given {count} values and returned {}", reply.values.len())))
    }
}

/// Data versions of all that there is of a plugin.
async fn versions(db: &impl ConnectionTrait, id: &str) -> Result<Vec<u32>, StoreError> {
    let enrolments = enrolment::data_versions(db, id).await?.into_iter().map(|(version, _)| version);
    Ok(enrolments.chain(plugin::stored_versions(db, id).await?).map(i32::unsigned_abs).collect())
}

fn record(row: &plugin_data::Model) -> String {
    plugin_data::record(&row.plugin, &row.account, &row.key)
}

fn unfit(id: &str, why: String) -> CatalogError {
    CatalogError::Unfit { id: id.to_owned(), why }
}

/// What an enrolment's row holds.
enum State {
    Enrolment(Value),
    Enrolling(Value),
    /// Of which only the state is the plugin's.
    Page(PageStep),
}

impl State {
    fn to_plugin(&self) -> Migrating {
        match self {
            Self::Enrolment(value) => Migrating::Enrolment { value: value.clone() },
            Self::Enrolling(value) => Migrating::Enrolling { value: value.clone() },
            Self::Page(step) => Migrating::Enrolling { value: step.state.clone() },
        }
    }

    fn with(self, value: Value) -> Result<Value, StoreError> {
        match self {
            Self::Enrolment(_) | Self::Enrolling(_) => Ok(value),
            Self::Page(step) => serde_json::to_value(PageStep { state: value, ..step }).map_err(|error| {
                StoreError::Unreadable { table: "enrolment", id: String::new(), reason: error.to_string() }
            }),
        }
    }
}
