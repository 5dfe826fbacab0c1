//! Settings: every set of them is a version, and any version can be returned to.

use serde_json::Value;

use super::{Catalog, CatalogError, Change, Millis, entry, parsed, plugin};

/// What stands in place of a secret where settings are shown.
const HIDDEN: &str = "***";

impl Catalog {
    /// Settings in force, with what the schema marks as `writeOnly` hidden.
    ///
    /// # Errors
    /// When there is no such plugin, or its settings do not open.
    pub async fn settings(&self, id: &str) -> Result<(i64, Value), CatalogError> {
        let row = self.row(id).await?;
        let mut settings = self.settings_of(&row).await?;
        let head = plugin::file_head(self.source.db.read(), &row.sha256).await?;
        let schema = head.map_or(Ok(Value::Null), |head| parsed(&row.sha256, &head.settings_schema))?;
        hide(&schema, &mut settings);
        Ok((row.settings_version, settings))
    }

    /// Versions of the settings and when each was set (Unix milliseconds), newest first.
    ///
    /// # Errors
    /// When there is no such plugin.
    pub async fn settings_versions(&self, id: &str) -> Result<Vec<(i64, Millis)>, CatalogError> {
        let row = self.row(id).await?;
        Ok(plugin::settings_versions(self.source.db.read(), &row.id).await?)
    }

    /// Puts settings in force, in place of all that there were. Says their version.
    ///
    /// # Errors
    /// Why the plugin does not take them; then the old ones stay.
    pub async fn set_settings(&self, id: &str, settings: Value) -> Result<i64, CatalogError> {
        let seen = plugin::revision(self.source.db.read()).await?;
        let (version, added) = self.new_settings(id, &settings).await?;
        let old = self.row(id).await?;
        let row = plugin::Model { settings_version: version, changed_at: self.clock.now(), ..old };
        self.try_out(&row, None, settings).await?;
        self.change(seen, None, vec![added, plugin::saving(row)], Vec::new()).await?;
        Ok(version)
    }

    /// Returns to an earlier version of the settings.
    ///
    /// # Errors
    /// When there is no such version, or the present build does not take it.
    pub async fn restore_settings(&self, id: &str, version: i64) -> Result<i64, CatalogError> {
        let seen = plugin::revision(self.source.db.read()).await?;
        let old = self.row(id).await?;
        if plugin::settings(self.source.db.read(), id, version).await?.is_none() {
            let why = format!("there is no version {version} of its settings; `--list` shows those that there are");
            return Err(CatalogError::Unfit { id: id.to_owned(), why });
        }
        let row = plugin::Model { settings_version: version, changed_at: self.clock.now(), ..old };
        let settings = self.settings_of(&row).await?;
        self.try_out(&row, None, settings).await?;
        self.change(seen, None, vec![plugin::saving(row)], Vec::new()).await?;
        Ok(version)
    }

    /// A next version, sealed and not yet written.
    pub(super) async fn new_settings(&self, id: &str, settings: &Value) -> Result<(i64, Change), CatalogError> {
        let versions = plugin::settings_versions(self.source.db.read(), id).await?;
        let version = versions.first().map_or(0, |(version, _)| *version) + 1;
        let record = entry::settings_record(id, version);
        let sealed = self.source.seal.record_json("plugin_settings", &record, settings)?;
        let created_at = self.clock.now();
        let row = plugin::settings::Model { plugin_id: id.to_owned(), version, sealed, created_at };
        Ok((version, plugin::adding_settings(row)))
    }
}

/// Secrets are written and never read again.
fn hide(schema: &Value, settings: &mut Value) {
    let (Some(known), Some(settings)) = (schema["properties"].as_object(), settings.as_object_mut()) else { return };
    for (name, value) in settings {
        match known.get(name) {
            Some(schema) if schema["writeOnly"] == true => *value = HIDDEN.into(),
            Some(schema) => hide(schema, value),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        let schema = json!({ "properties": {
            "url": { "type": "string" },
            "password": { "type": "string", "writeOnly": true },
            "inner": { "type": "object", "properties": { "token": { "writeOnly": true } } },
        } });
        let mut settings = json!({ "url": "u", "password": "p", "inner": { "token": [1, 2], "other": 1 } });
        hide(&schema, &mut settings);
        assert_eq!(settings, json!({ "url": "u", "password": "***", "inner": { "token": "***", "other": 1 } }));
    }
}
