//! From one build of a plugin to another, and back.

use std::path::Path;

use super::{Catalog, CatalogError, Changed, Listed, Wishes, grants, plugin, trial::Known};
use crate::store::enrolment::stored_version;

impl Catalog {
    /// Replaces a plugin by another build of it, which an enabled one switches to at once. What enrolments hold, and what
    /// the plugin has stored, is migrated with it.
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
        let unfit = |why: String| CatalogError::Unfit { id: id.to_owned(), why };
        let examined = self.examine(path, signature)?;
        let (file, manifest) = (examined.file, examined.manifest);
        if manifest.id != id {
            return Err(unfit(format!("{} holds the plugin {}", path.display(), manifest.id)));
        }
        let seen = plugin::revision(self.source.db.read()).await?;
        let old = self.row(id).await?;
        if old.sha256 == file.sha256 {
            return Err(unfit("this very build is installed already".to_owned()));
        }
        let next = Known::of(&file.sha256, &file.manifest, &file.settings_schema)?;
        let settings = self.wanted_settings(&old, &next.schema, wishes.settings, &wishes.secrets).await?;
        let mut row = plugin::Model {
            sha256: file.sha256.clone(),
            previous_sha256: Some(old.sha256.clone()),
            granted: grants::granted(&old, &manifest, &wishes.grants, wishes.grant_all)?,
            previous_settings: Some(old.settings_version),
            changed_at: self.clock.now(),
            ..old.clone()
        };
        wishes.limits.apply(&mut row);
        settings.name_in(&mut row);
        let running = self.try_out(&row, Some(file.clone()), settings.value.clone()).await?;
        if let Some(pointer) = settings.laid_open(running.settings()) {
            return Err(unfit(format!(
                "the secret {pointer} of its settings, which the host has kept to itself, would be given to this build; \
                 if it shall have it, set it anew with `--secret {pointer}`"
            )));
        }
        row.data_version = stored_version(manifest.data_version);
        let enrols = self.known(&old).await?.manifest.enrols;
        let changed = Changed {
            dropped: old.previous_sha256.clone().filter(|sha256| *sha256 != file.sha256).into_iter().collect(),
            file: Some(file),
            changes: settings.added.into_iter().chain([plugin::saving(row)]).collect(),
            migration: Some(self.migration(&old, enrols, &running).await?),
        };
        let migrated = self.change(seen, changed).await?;
        Ok(Listed { migrated, ..self.listed(id).await? })
    }

    /// Returns to the build, and the settings, that were in force before the last upgrade; what there is is migrated back.
    /// Another rollback undoes it.
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
        let mut row = plugin::Model {
            sha256: previous,
            previous_sha256: Some(old.sha256.clone()),
            settings_version: old.previous_settings.unwrap_or(old.settings_version),
            previous_settings: Some(old.settings_version),
            changed_at: self.clock.now(),
            ..old.clone()
        };
        row.data_version = stored_version(self.known(&row).await?.manifest.data_version);
        let settings = self.settings_of(&row).await?;
        let running = self.try_out(&row, None, settings).await?;
        let enrols = self.known(&old).await?.manifest.enrols;
        let migration = Some(self.migration(&old, enrols, &running).await?);
        let migrated = self.change(seen, Changed { migration, ..Changed::of(vec![plugin::saving(row)]) }).await?;
        Ok(Listed { migrated, ..self.listed(id).await? })
    }
}
