//! A build on trial: started with the settings that it is to have, before anything says that it should run.

use std::sync::Arc;

use plugin_api::message::method;
use serde_json::Value;

use super::{Catalog, CatalogError, Entry, LoadError, Manifest, Refused, StoreError, entry, parsed, plugin, secrets};
use crate::plugins::error::CallError;
use crate::plugins::running::Running;
use crate::plugins::services::Subject;

/// What the catalog knows of a build without starting it.
pub(super) struct Known {
    pub(super) manifest: Manifest,
    /// JSON Schema of its settings.
    pub(super) schema: Value,
}

impl Known {
    pub(super) fn of(sha256: &str, manifest: &str, schema: &str) -> Result<Self, CatalogError> {
        Ok(Self { manifest: parsed(sha256, manifest)?, schema: parsed(sha256, schema)? })
    }
}

impl Catalog {
    /// Starts a build, and asks it what it thinks of its settings. It runs for as long as the value lives.
    pub(super) async fn try_out(
        &self,
        row: &plugin::Model,
        file: Option<plugin::file::Model>,
        settings: Value,
    ) -> Result<Arc<Running>, CatalogError> {
        let refused = |why| CatalogError::Refused { id: row.id.clone(), why };
        let file = match file {
            Some(file) => Some(file),
            None => plugin::file(self.source.db.read(), &row.sha256).await?,
        };
        let file = file.ok_or_else(|| refused(Refused::NoFile))?;
        let hidden = secrets::values(&file.settings_schema, &settings);
        let entry = Entry::new(row.clone(), file, settings).on_trial();
        let ground = self.source.ground.clone();
        let started = tokio::task::spawn_blocking(move || entry.start(&ground)).await;
        // What it asked of the host is to be read in the audit, also if the command ends right after this.
        self.source.ground.means.settle().await;
        let running = started.map_err(|error| refused(Refused::Unreadable(error.to_string())))?.map_err(refused)?;
        let running = Arc::new(running);
        let checked = running.ask(method::CHECK_SETTINGS, &Subject::Nobody, running.settings(), |_, _: &Value| Ok(()));
        let checked = checked.await;
        self.source.ground.means.settle().await;
        match checked {
            Ok(_) | Err(CallError::Unsupported) => Ok(running),
            Err(error) => {
                let why = match error {
                    CallError::Failed(why) => why,
                    error => error.to_string(),
                };
                let path = row.id.clone().into();
                Err(refused(LoadError::Settings { path, why: secrets::censored(why, &hidden) }.into()))
            }
        }
    }

    pub(super) async fn known(&self, row: &plugin::Model) -> Result<Known, CatalogError> {
        let head = plugin::file_head(self.source.db.read(), &row.sha256).await?;
        let head = head.ok_or_else(|| CatalogError::Refused { id: row.id.clone(), why: Refused::NoFile })?;
        Known::of(&row.sha256, &head.manifest, &head.settings_schema)
    }

    pub(super) async fn settings_of(&self, row: &plugin::Model) -> Result<Value, StoreError> {
        entry::settings(self.source.db.read(), &self.source.seal, &row.id, row.settings_version).await
    }
}
