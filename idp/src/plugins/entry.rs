//! From a row of the catalog to a running plugin. Nothing that the database says is believed: hash and signature are
//! verified at every start, against the keys that are trusted now.

use std::path::PathBuf;
use std::sync::Arc;

use plugin_api::message::Manifest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::error::LoadError;
use super::running::Running;
use super::signature::{self, KeyId, SignatureError, TrustedKey};
use super::verify::Image;
use super::{Isolation, PluginConfig};
use crate::seal::Seal;
use crate::store::{StoreError, plugin};

/// What this node brings to every start.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Publishers whose plugins may run.
    pub keys: Arc<[TrustedKey]>,
    /// Where the copies that are loaded lie.
    pub private_dir: PathBuf,
    /// The program whose role `plugin-host` plugins with a process of their own run in.
    pub program: PathBuf,
}

/// Why a plugin of the catalog does not start. Display says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The bytes are gone.
    #[error("its file is missing from the catalog; install it again from the publisher's file")]
    NoFile,
    /// The bytes are not those that were installed.
    #[error(
        "its file was altered after it was installed: its sha256 is {actual}, and {expected} was installed; find out who \
         can write to the database, then install it again from the publisher's file"
    )]
    Altered {
        /// What was installed.
        expected: String,
        /// What was found.
        actual: String,
    },
    /// Nobody who is trusted vouches for it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Its publisher may not run code in this process.
    #[error(
        "it should run in the server's threads, and its key {0} is not trusted for that; enable it with `--isolation \
         process`, or set `in_process = true` for this key in `plugins.trusted_keys`"
    )]
    NotInProcess(KeyId),
    /// It asks for more than was granted.
    #[error("it asks for permissions that were not granted: {0}; grant them with `--grant`, or `--grant-all`")]
    NotGranted(String),
    /// What the catalog says of it cannot be used here.
    #[error("{0}")]
    Unreadable(String),
    /// It cannot be loaded, or does not take its settings.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// A plugin of the catalog with all that it needs to start.
pub(super) struct Entry {
    row: plugin::Model,
    image: Image,
    signature: String,
    settings: Value,
}

impl Entry {
    pub(super) fn new(row: plugin::Model, file: plugin::file::Model, settings: Value) -> Self {
        Self { row, image: Image::from_bytes(file.bytes), signature: file.signature, settings }
    }

    /// Reads what a row names. `Ok(None)` when its file is not there.
    pub(super) async fn of(
        db: &impl ConnectionTrait,
        seal: &Seal,
        row: plugin::Model,
    ) -> Result<Option<Self>, StoreError> {
        let settings = settings(db, seal, &row.id, row.settings_version).await?;
        let file = plugin::file(db, &row.sha256).await?;
        Ok(file.map(|file| Self::new(row, file, settings)))
    }

    /// Verifies it and starts it. Blocks.
    pub(super) fn start(self, ground: &Ground) -> Result<Running, Refused> {
        if self.image.sha256 != self.row.sha256 {
            return Err(Refused::Altered { expected: self.row.sha256, actual: self.image.sha256 });
        }
        let key = signature::verify(&ground.keys, self.image.bytes(), &self.signature)?.key;
        let isolation = isolation(&self.row.isolation, key)?;
        let name = PathBuf::from(&self.row.id);
        let config = PluginConfig {
            isolation,
            settings: self.settings,
            program: ground.program.clone(),
            ..PluginConfig::new(&name, &self.row.sha256)
        };
        let running = Running::from_image(&name, &self.image, &config, &ground.private_dir)?;
        if running.id() != self.row.id {
            let why = format!("its manifest names it `{}`", running.id());
            return Err(LoadError::BadDescription { path: name, why }.into());
        }
        granted(running.manifest(), &granted_list(&self.row))?;
        Ok(running)
    }
}

/// Where a plugin runs: as its row says, within what its publisher's key is trusted for.
pub(super) fn isolation(wanted: &str, key: &TrustedKey) -> Result<Isolation, Refused> {
    match wanted {
        "process" => Ok(Isolation::Process),
        "thread" if !key.in_process => Err(Refused::NotInProcess(key.id())),
        "thread" => Ok(Isolation::Thread),
        _ if key.in_process => Ok(Isolation::Thread),
        _ => Ok(Isolation::Process),
    }
}

/// Opens one version of a plugin's settings; version 0 stands for none.
pub(super) async fn settings(
    db: &impl ConnectionTrait,
    seal: &Seal,
    id: &str,
    version: i64,
) -> Result<Value, StoreError> {
    if version == 0 {
        return Ok(json!({}));
    }
    let unreadable =
        |reason: String| StoreError::Unreadable { table: "plugin_settings", id: settings_record(id, version), reason };
    let row = plugin::settings(db, id, version).await?.ok_or_else(|| unreadable("it is gone".to_owned()))?;
    seal.open_record_json("plugin_settings", &settings_record(id, version), &row.sealed)
        .map_err(|error| unreadable(error.to_string()))
}

/// What a version of settings is sealed as.
pub(super) fn settings_record(id: &str, version: i64) -> String {
    format!("{id}/{version}")
}

/// Names of the granted permissions. A row that does not parse grants nothing.
pub(super) fn granted_list(row: &plugin::Model) -> Vec<String> {
    serde_json::from_str(&row.granted).unwrap_or_default()
}

/// Every permission that it asks for must have been granted.
pub(super) fn granted(manifest: &Manifest, granted: &[String]) -> Result<(), Refused> {
    let missing: Vec<&str> =
        manifest.permissions.iter().filter(|name| !granted.contains(name)).map(String::as_str).collect();
    if missing.is_empty() { Ok(()) } else { Err(Refused::NotGranted(missing.join(", "))) }
}
