//! From a row of the catalog to a running plugin. Nothing that the database says is believed: hash and signature are
//! verified at every start, against the keys that are trusted now.

use std::path::PathBuf;
use std::sync::Arc;

use plugin_api::message::permission;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::catalog::secrets;
use super::error::LoadError;
use super::running::Running;
use super::services::Means;
use super::services::grants::{Grants, Rights};
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
    /// What the services of plugins work with.
    pub means: Means,
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
    #[error("it asks for permissions that were not granted: {missing}; {help}")]
    NotGranted {
        /// By name.
        missing: String,
        /// What to do about it.
        help: &'static str,
    },
    /// A grant means nothing.
    #[error("{0}; disable it, and enable it again with the right grants")]
    BadGrant(String),
    /// What the catalog says of it cannot be used here.
    #[error("{0}")]
    Unreadable(String),
    /// It cannot be loaded, or does not take its settings.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl Refused {
    /// `missing` is asked for and was not granted.
    pub(super) fn not_granted(missing: &[&str]) -> Self {
        let help = if missing.contains(&permission::HTTP) {
            "for `http` name each origin that it may talk to, such as `--grant http:https://api.example` (or \
             `--grant http-private:http://10.0.0.5:8080` for one that is not public or not encrypted); grant the others \
             with `--grant`, or `--grant-all`"
        } else {
            "grant them with `--grant`, or `--grant-all`"
        };
        Self::NotGranted { missing: missing.join(", "), help }
    }
}

/// Least time that a build on trial has for a call, in milliseconds: it may be asked to migrate many values at once.
const ON_TRIAL_MS: u64 = 30_000;

/// A plugin of the catalog with all that it needs to start.
pub(super) struct Entry {
    row: plugin::Model,
    image: Image,
    signature: String,
    /// JSON text.
    schema: String,
    settings: Value,
    on_trial: bool,
}

impl Entry {
    pub(super) fn new(row: plugin::Model, file: plugin::file::Model, settings: Value) -> Self {
        let (signature, schema) = (file.signature, file.settings_schema);
        Self { row, image: Image::from_bytes(file.bytes), signature, schema, settings, on_trial: false }
    }

    /// For a start whose instance serves nobody.
    pub(super) fn on_trial(self) -> Self {
        Self { on_trial: true, ..self }
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
        let granted = granted_list(&self.row);
        let secrets = secrets::values(&self.schema, &self.settings);
        let name = PathBuf::from(&self.row.id);
        let mut config = PluginConfig {
            isolation,
            settings: self.settings,
            program: ground.program.clone(),
            ..PluginConfig::new(&name, &self.row.sha256)
        };
        limit(&mut config, &self.row);
        if self.on_trial {
            config.deadline_ms = config.deadline_ms.max(ON_TRIAL_MS);
        }
        let rights = Rights::Only(&granted);
        let running = Running::from_image(&name, &self.image, &config, &ground.private_dir, rights, &ground.means)
            .map_err(|error| without_secrets(error, &secrets))?;
        if running.id() != self.row.id {
            let why = format!("its manifest names it `{}`", running.id());
            return Err(LoadError::BadDescription { path: name, why }.into());
        }
        let grants = Grants::parse(&granted).map_err(|why| Refused::BadGrant(why.to_string()))?;
        let missing = grants.missing(&running.manifest().permissions);
        if missing.is_empty() { Ok(running) } else { Err(Refused::not_granted(&missing)) }
    }
}

/// The limits of the row, where it has some. Out of bounds they are refused like those of the configuration.
fn limit(config: &mut PluginConfig, row: &plugin::Model) {
    let size = |limit: i64| usize::try_from(limit).unwrap_or(0);
    config.threads = row.threads.map_or(config.threads, size);
    config.queue = row.queue.map_or(config.queue, size);
    config.deadline_ms = row.deadline_ms.map_or(config.deadline_ms, |limit| u64::try_from(limit).unwrap_or(0));
}

/// Why a plugin refuses its settings it says itself, and it may quote them.
fn without_secrets(error: LoadError, secrets: &[Zeroizing<String>]) -> LoadError {
    match error {
        LoadError::Settings { path, why } => LoadError::Settings { path, why: secrets::censored(why, secrets) },
        error => error,
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
