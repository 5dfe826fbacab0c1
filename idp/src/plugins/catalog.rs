//! The catalog: what administrators do with plugin files. Servers follow by themselves.
//!
//! Whatever could keep a plugin from running is found out here, where somebody reads it: a build is started on trial,
//! with the settings that it is to have, before the catalog says that it should run.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use plugin_api::message::Manifest;
use serde::Serialize;
use serde_json::Value;

use super::entry::{self, Entry, Refused};
use super::error::LoadError;
use super::follow::Source;
use super::signature::{self, SignatureError, TrustedKey};
use super::{Isolation, PluginConfig, inspect_with};
use crate::clock::{Clock, Millis};
use crate::seal::SealError;
use crate::store::{self, Change, StoreError, enrolment::stored_version, plugin, plugin_data};

mod error;
mod examine;
mod grants;
mod listed;
mod migrate;
pub(super) mod secrets;
mod settings;
mod trial;
mod upgrade;

pub use error::CatalogError;
pub use listed::{Limits, Listed, Seen};
pub use migrate::Migrated;
use migrate::Migration;
pub use secrets::NewSecret;

/// What an administrator may say when a plugin is enabled.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Permissions to grant, such as `store` or `http:https://api.example`.
    pub grants: Vec<String>,
    /// Grants whatever it asks for in so many words.
    pub grant_all: bool,
    /// Where it runs; by default as the publisher's key allows.
    pub isolation: Option<Isolation>,
    /// Settings to take effect with it. Secrets that they leave out stay.
    pub settings: Option<Value>,
    /// Secrets among the settings.
    pub secrets: Vec<NewSecret>,
    /// What it may take up.
    pub limits: WantedLimits,
}

/// What a plugin may take up, where an administrator wants something else than before.
#[derive(Clone, Copy, Debug, Default)]
pub struct WantedLimits {
    /// Threads that serve its calls, 1 to 64; as many processes, if it has processes of its own.
    pub threads: Option<u32>,
    /// Calls that may wait for a thread, 1 to 10 000.
    pub queue: Option<u32>,
    /// Milliseconds after which a call is given up, 1 to 60 000.
    pub deadline_ms: Option<u32>,
}

impl WantedLimits {
    fn apply(self, row: &mut plugin::Model) {
        row.threads = self.threads.map(i64::from).or(row.threads);
        row.queue = self.queue.map(i64::from).or(row.queue);
        row.deadline_ms = self.deadline_ms.map(i64::from).or(row.deadline_ms);
    }
}

/// What one transaction changes.
#[derive(Default)]
struct Changed {
    file: Option<plugin::file::Model>,
    changes: Vec<Change>,
    /// Files that nothing refers to any more.
    dropped: Vec<String>,
    migration: Option<Migration>,
}

impl Changed {
    fn of(changes: Vec<Change>) -> Self {
        Self { changes, ..Self::default() }
    }
}

/// The catalog, as an administrator uses it.
#[derive(Debug)]
pub struct Catalog {
    source: Source,
    clock: Clock,
    pinned: Vec<PluginConfig>,
}

impl Catalog {
    /// `pinned` is the configuration's list, whose plugins the catalog must leave alone.
    pub fn new(source: Source, clock: Clock, pinned: Vec<PluginConfig>) -> Self {
        Self { source, clock, pinned }
    }

    fn keys(&self) -> &[TrustedKey] {
        &self.source.ground.keys
    }

    /// Verifies a file and adds it to the catalog. It runs when it is enabled.
    ///
    /// # Errors
    /// Why it is not taken.
    pub async fn install(&self, path: &Path, signature: Option<&Path>) -> Result<Listed, CatalogError> {
        let examined = self.examine(path, signature)?;
        let id = examined.manifest.id.clone();
        let seen = plugin::revision(self.source.db.read()).await?;
        if let Some(row) = plugin::by_id(self.source.db.read(), &id).await? {
            if row.sha256 != examined.file.sha256 {
                let why = format!("another build of it is installed; use `enum-idp plugin upgrade {id} FILE`");
                return Err(CatalogError::Unfit { id, why });
            }
            // The same file once more, which also repairs one that was altered in the database.
            let changed = Changed { file: Some(examined.file), ..Changed::of(vec![plugin::saving(row)]) };
            self.change(seen, changed).await?;
            return self.listed(&id).await;
        }
        let row = plugin::Model {
            id: id.clone(),
            enabled: false,
            sha256: examined.file.sha256.clone(),
            previous_sha256: None,
            isolation: "key".to_owned(),
            granted: "[]".to_owned(),
            settings_version: 0,
            previous_settings: None,
            data_version: stored_version(examined.manifest.data_version),
            changed_at: self.clock.now(),
            threads: None,
            queue: None,
            deadline_ms: None,
        };
        let changed = Changed { file: Some(examined.file), ..Changed::of(vec![plugin::adding(row)]) };
        self.change(seen, changed).await?;
        self.listed(&id).await
    }

    /// Lets an installed plugin run on every node, once all that there is of it is in the data version of its build.
    ///
    /// # Errors
    /// Why it would not run.
    pub async fn enable(&self, id: &str, wishes: Wishes) -> Result<Listed, CatalogError> {
        self.not_pinned(id)?;
        let seen = plugin::revision(self.source.db.read()).await?;
        let old = self.row(id).await?;
        let known = self.known(&old).await?;
        let granted = grants::granted(&old, &known.manifest, &wishes.grants, wishes.grant_all)?;
        let mut row = plugin::Model { enabled: true, granted, changed_at: self.clock.now(), ..old.clone() };
        wishes.limits.apply(&mut row);
        if let Some(isolation) = wishes.isolation {
            word(isolation).clone_into(&mut row.isolation);
        }
        let settings = self.wanted_settings(&old, &known.schema, wishes.settings, &wishes.secrets).await?;
        settings.name_in(&mut row);
        let running = self.try_out(&row, None, settings.value).await?;
        row.data_version = stored_version(known.manifest.data_version);
        let migration = self.migration(&old, known.manifest.enrols, &running).await?;
        let changes = settings.added.into_iter().chain([plugin::saving(row)]).collect();
        let migrated = self.change(seen, Changed { changes, migration: Some(migration), ..Changed::default() }).await?;
        Ok(Listed { migrated, ..self.listed(id).await? })
    }

    /// Lets a plugin run no more. Its settings and people's enrolments stay.
    ///
    /// # Errors
    /// When there is no such plugin.
    pub async fn disable(&self, id: &str) -> Result<Listed, CatalogError> {
        let seen = plugin::revision(self.source.db.read()).await?;
        let row = plugin::Model { enabled: false, changed_at: self.clock.now(), ..self.row(id).await? };
        self.change(seen, Changed::of(vec![plugin::saving(row)])).await?;
        self.listed(id).await
    }

    /// Forgets a disabled plugin, its files, its settings and what it has stored. People's enrolments stay.
    ///
    /// # Errors
    /// When it is enabled, or there is no such plugin.
    pub async fn remove(&self, id: &str) -> Result<(), CatalogError> {
        let seen = plugin::revision(self.source.db.read()).await?;
        let row = self.row(id).await?;
        if row.enabled {
            let why = format!("it is enabled; run `enum-idp plugin disable {id}` first");
            return Err(CatalogError::Unfit { id: id.to_owned(), why });
        }
        let files: Vec<String> = [Some(row.sha256), row.previous_sha256].into_iter().flatten().collect();
        let id = id.to_owned();
        let forgotten = self.source.db.write(move |tx| {
            Box::pin(async move {
                plugin::raising(seen).apply(tx).await?;
                plugin::remove(tx, &id).await?;
                plugin_data::remove_all(tx, &id).await?;
                for sha256 in files {
                    plugin::remove_file(tx, &sha256).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        Ok(forgotten.await?)
    }

    /// Everything that is installed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<Listed>, CatalogError> {
        let (mut all, mut seen) = (Vec::new(), self.seen().await?);
        for row in plugin::all(self.source.db.read()).await? {
            let nodes = seen.remove(&row.id).unwrap_or_default();
            all.push(Listed { nodes, ..self.describe(row).await? });
        }
        Ok(all)
    }

    /// Makes changes, and tells every node that there are some.
    async fn change(&self, seen: Millis, changed: Changed) -> Result<Option<Migrated>, CatalogError> {
        let changed = Arc::new(changed);
        let work = self.source.db.write(move |tx| {
            Box::pin(async move {
                if let Some(migration) = &changed.migration {
                    migration.prepare(tx).await?;
                }
                plugin::raising(seen).apply(tx).await?;
                if let Some(file) = &changed.file {
                    plugin::add_file(tx, file.clone()).await?;
                }
                store::apply(tx, changed.changes.clone()).await?;
                for sha256 in &changed.dropped {
                    plugin::remove_file(tx, sha256).await?;
                }
                match &changed.migration {
                    Some(migration) => migration.run(tx).await,
                    None => Ok(None),
                }
            })
        });
        let changed = work.await;
        self.source.ground.means.settle().await;
        changed
    }

    async fn row(&self, id: &str) -> Result<plugin::Model, CatalogError> {
        let row = plugin::by_id(self.source.db.read(), id).await?;
        row.ok_or_else(|| CatalogError::Unknown(id.to_owned()))
    }
}

fn parsed<T: serde::de::DeserializeOwned>(sha256: &str, json: &str) -> Result<T, CatalogError> {
    serde_json::from_str(json).map_err(|error| unreadable(sha256, &error).into())
}

fn unreadable(sha256: &str, error: &dyn Display) -> StoreError {
    StoreError::Unreadable { table: "plugin_file", id: sha256.to_owned(), reason: error.to_string() }
}

fn word(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Thread => "thread",
        Isolation::Process => "process",
    }
}
