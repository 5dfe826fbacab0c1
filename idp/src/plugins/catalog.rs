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
use crate::store::{self, Change, StoreError, plugin};

mod error;
mod examine;
mod listed;
mod settings;

pub use error::CatalogError;
pub use listed::Listed;

/// What an administrator may say when a plugin is enabled.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Permissions to grant, by name.
    pub grants: Vec<String>,
    /// Grants whatever it asks for.
    pub grant_all: bool,
    /// Where it runs; by default as the publisher's key allows.
    pub isolation: Option<Isolation>,
    /// Settings to take effect with it.
    pub settings: Option<Value>,
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
            self.change(seen, Some(examined.file), vec![plugin::saving(row)], Vec::new()).await?;
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
            data_version: 0,
            changed_at: self.clock.now(),
        };
        self.change(seen, Some(examined.file), vec![plugin::adding(row)], Vec::new()).await?;
        self.listed(&id).await
    }

    /// Lets an installed plugin run on every node.
    ///
    /// # Errors
    /// Why it would not run.
    pub async fn enable(&self, id: &str, wishes: Wishes) -> Result<Listed, CatalogError> {
        self.not_pinned(id)?;
        let seen = plugin::revision(self.source.db.read()).await?;
        let mut row = self.row(id).await?;
        let manifest = self.manifest(&row).await?;
        row.granted = grants(&row, &manifest, &wishes.grants, wishes.grant_all)?;
        if let Some(isolation) = wishes.isolation {
            word(isolation).clone_into(&mut row.isolation);
        }
        let (settings, added) = match wishes.settings {
            Some(value) => {
                let (version, added) = self.new_settings(id, &value).await?;
                row.settings_version = version;
                (value, Some(added))
            }
            None => (self.settings_of(&row).await?, None),
        };
        row.enabled = true;
        may_read(&row, &manifest)?;
        row.data_version = row.data_version.max(version_of(&manifest));
        row.changed_at = self.clock.now();
        self.try_out(&row, None, settings).await?;
        let changes = added.into_iter().chain([plugin::saving(row)]).collect();
        self.change(seen, None, changes, Vec::new()).await?;
        self.listed(id).await
    }

    /// Lets a plugin run no more. Its settings and people's enrolments stay.
    ///
    /// # Errors
    /// When there is no such plugin.
    pub async fn disable(&self, id: &str) -> Result<Listed, CatalogError> {
        let seen = plugin::revision(self.source.db.read()).await?;
        let row = plugin::Model { enabled: false, changed_at: self.clock.now(), ..self.row(id).await? };
        self.change(seen, None, vec![plugin::saving(row)], Vec::new()).await?;
        self.listed(id).await
    }

    /// Replaces a plugin by another build of it, which an enabled one switches to at once.
    ///
    /// # Errors
    /// Why the new build is not taken; then the old one stays.
    pub async fn upgrade(
        &self,
        id: &str,
        path: &Path,
        signature: Option<&Path>,
        wishes: Wishes,
    ) -> Result<Listed, CatalogError> {
        let examined = self.examine(path, signature)?;
        let manifest = examined.manifest;
        if manifest.id != id {
            let why = format!("{} holds the plugin {}", path.display(), manifest.id);
            return Err(CatalogError::Unfit { id: id.to_owned(), why });
        }
        let seen = plugin::revision(self.source.db.read()).await?;
        let old = self.row(id).await?;
        if old.sha256 == examined.file.sha256 {
            let why = "this very build is installed already".to_owned();
            return Err(CatalogError::Unfit { id: id.to_owned(), why });
        }
        may_read(&old, &manifest)?;
        let (settings, added) = match wishes.settings {
            Some(value) => {
                let (version, added) = self.new_settings(id, &value).await?;
                (value, Some((version, added)))
            }
            None => (self.settings_of(&old).await?, None),
        };
        let dropped = old.previous_sha256.clone().filter(|sha256| *sha256 != examined.file.sha256);
        let mut row = plugin::Model {
            sha256: examined.file.sha256.clone(),
            previous_sha256: Some(old.sha256.clone()),
            granted: grants(&old, &manifest, &wishes.grants, wishes.grant_all)?,
            previous_settings: Some(old.settings_version),
            changed_at: self.clock.now(),
            ..old
        };
        if row.enabled {
            row.data_version = row.data_version.max(version_of(&manifest));
        }
        if let Some((version, _)) = &added {
            row.settings_version = *version;
        }
        self.try_out(&row, Some(examined.file.clone()), settings).await?;
        let changes = added.into_iter().map(|(_, added)| added).chain([plugin::saving(row)]).collect();
        self.change(seen, Some(examined.file), changes, dropped.into_iter().collect()).await?;
        self.listed(id).await
    }

    /// Returns to the build, and the settings, that were in force before the last upgrade. Another rollback undoes it.
    ///
    /// # Errors
    /// When there is none, or it would not run.
    pub async fn rollback(&self, id: &str) -> Result<Listed, CatalogError> {
        let seen = plugin::revision(self.source.db.read()).await?;
        let old = self.row(id).await?;
        let Some(previous) = old.previous_sha256.clone() else {
            let why = "there is no earlier build to return to".to_owned();
            return Err(CatalogError::Unfit { id: id.to_owned(), why });
        };
        let row = plugin::Model {
            sha256: previous,
            previous_sha256: Some(old.sha256.clone()),
            settings_version: old.previous_settings.unwrap_or(old.settings_version),
            previous_settings: Some(old.settings_version),
            changed_at: self.clock.now(),
            ..old
        };
        may_read(&row, &self.manifest(&row).await?)?;
        let settings = self.settings_of(&row).await?;
        self.try_out(&row, None, settings).await?;
        self.change(seen, None, vec![plugin::saving(row)], Vec::new()).await?;
        self.listed(id).await
    }

    /// Forgets a disabled plugin, its files and its settings. People's enrolments stay.
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
        let mut all = Vec::new();
        for row in plugin::all(self.source.db.read()).await? {
            all.push(self.describe(row).await?);
        }
        Ok(all)
    }

    /// Makes changes, and tells every node that there are some.
    async fn change(
        &self,
        seen: Millis,
        file: Option<plugin::file::Model>,
        changes: Vec<Change>,
        dropped: Vec<String>,
    ) -> Result<(), StoreError> {
        let file = file.map(Arc::new);
        let work = self.source.db.write(move |tx| {
            Box::pin(async move {
                plugin::raising(seen).apply(tx).await?;
                if let Some(file) = file {
                    plugin::add_file(tx, plugin::file::Model::clone(&file)).await?;
                }
                store::apply(tx, changes).await?;
                for sha256 in dropped {
                    plugin::remove_file(tx, &sha256).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        work.await
    }

    async fn row(&self, id: &str) -> Result<plugin::Model, CatalogError> {
        let row = plugin::by_id(self.source.db.read(), id).await?;
        row.ok_or_else(|| CatalogError::Unknown(id.to_owned()))
    }

    /// Starts a build and lets it go again.
    async fn try_out(
        &self,
        row: &plugin::Model,
        file: Option<plugin::file::Model>,
        settings: Value,
    ) -> Result<(), CatalogError> {
        let refused = |why| CatalogError::Refused { id: row.id.clone(), why };
        let file = match file {
            Some(file) => Some(file),
            None => plugin::file(self.source.db.read(), &row.sha256).await?,
        };
        let entry = Entry::new(row.clone(), file.ok_or_else(|| refused(Refused::NoFile))?, settings);
        let ground = self.source.ground.clone();
        let started = tokio::task::spawn_blocking(move || entry.start(&ground)).await;
        started.map_err(|error| refused(Refused::Unreadable(error.to_string())))?.map(drop).map_err(refused)
    }

    async fn manifest(&self, row: &plugin::Model) -> Result<Manifest, CatalogError> {
        let refused = |why| CatalogError::Refused { id: row.id.clone(), why };
        let head = plugin::file_head(self.source.db.read(), &row.sha256).await?;
        let head = head.ok_or_else(|| refused(Refused::NoFile))?;
        parsed(&row.sha256, &head.manifest)
    }

    async fn settings_of(&self, row: &plugin::Model) -> Result<Value, StoreError> {
        entry::settings(self.source.db.read(), &self.source.seal, &row.id, row.settings_version).await
    }
}

fn parsed<T: serde::de::DeserializeOwned>(sha256: &str, json: &str) -> Result<T, CatalogError> {
    serde_json::from_str(json).map_err(|error| unreadable(sha256, &error).into())
}

fn unreadable(sha256: &str, error: &dyn Display) -> StoreError {
    StoreError::Unreadable { table: "plugin_file", id: sha256.to_owned(), reason: error.to_string() }
}

/// What a plugin may use when all is done, as the row keeps it.
fn grants(row: &plugin::Model, manifest: &Manifest, more: &[String], all: bool) -> Result<String, CatalogError> {
    let unfit = |why: String| CatalogError::Unfit { id: row.id.clone(), why };
    if let Some(stray) = more.iter().find(|name| !manifest.permissions.contains(name)) {
        return Err(unfit(format!("it does not ask for the permission `{stray}`; leave it out")));
    }
    let before = entry::granted_list(row);
    let given: Vec<&String> =
        manifest.permissions.iter().filter(|name| all || more.contains(name) || before.contains(name)).collect();
    let given: Vec<String> = given.into_iter().cloned().collect();
    entry::granted(manifest, &given).map_err(|why| CatalogError::Refused { id: row.id.clone(), why })?;
    serde_json::to_string(&given).map_err(|error| unfit(error.to_string()))
}

/// A build must be able to read what enrolments were written by the builds before it.
fn may_read(row: &plugin::Model, manifest: &Manifest) -> Result<(), CatalogError> {
    if version_of(manifest) >= row.data_version {
        return Ok(());
    }
    let why = format!(
        "version {} writes enrolments of data version {}, and a build that ran here has written version {}, which it \
         could not read; use a build of at least that data version",
        manifest.version, manifest.data_version, row.data_version
    );
    Err(CatalogError::Unfit { id: row.id.clone(), why })
}

fn version_of(manifest: &Manifest) -> i32 {
    i32::try_from(manifest.data_version).unwrap_or(i32::MAX)
}

fn word(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Thread => "thread",
        Isolation::Process => "process",
    }
}
