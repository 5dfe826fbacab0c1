//! Settings: every set of them is a version, and any version can be returned to.

use serde_json::Value;

use super::{Catalog, CatalogError, Change, Changed, Millis, NewSecret, entry, plugin, secrets};
use crate::plugins::services::secret::{places, split};

/// Settings that a build is to have.
pub(super) struct Wanted {
    pub(super) value: Value,
    /// Their version, if it is a new one.
    version: Option<i64>,
    /// What writes that version.
    pub(super) added: Option<Change>,
    /// Secrets of before that are among them, by JSON pointer.
    kept: Vec<String>,
    /// Settings of before as the build of before was given them.
    before: Value,
}

impl Wanted {
    pub(super) fn name_in(&self, row: &mut plugin::Model) {
        row.settings_version = self.version.unwrap_or(row.settings_version);
    }

    /// A secret that the build before was only given a reference to, and that another build would be `given` itself, for
    /// its schema describes it otherwise: whoever set it has not agreed to that.
    pub(super) fn laid_open(&self, given: &Value) -> Option<&str> {
        let by_reference = |pointer: &&String| self.before.pointer(pointer).is_some_and(Value::is_object);
        let mut kept = self.kept.iter().filter(by_reference);
        kept.find(|pointer| given.pointer(pointer).is_some_and(Value::is_string)).map(String::as_str)
    }
}

impl Catalog {
    /// Settings in force, with what the schema marks as `writeOnly` hidden.
    ///
    /// # Errors
    /// When there is no such plugin, or its settings do not open.
    pub async fn settings(&self, id: &str) -> Result<(i64, Value), CatalogError> {
        let row = self.row(id).await?;
        let mut settings = self.settings_of(&row).await?;
        let schema = self.known(&row).await?.schema;
        secrets::hide(&schema, &mut settings);
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

    /// Puts settings in force, in place of all that there were: but for secrets that they leave out, or that they say
    /// `***` of, which stay. Without `settings` only `new` secrets change. Says the version.
    ///
    /// # Errors
    /// Why the plugin does not take them; then the old ones stay.
    pub async fn set_settings(
        &self,
        id: &str,
        settings: Option<Value>,
        new: &[NewSecret],
    ) -> Result<i64, CatalogError> {
        let seen = plugin::revision(self.source.db.read()).await?;
        let old = self.row(id).await?;
        let schema = self.known(&old).await?.schema;
        let wanted = self.wanted_settings(&old, &schema, settings, new).await?;
        let mut row = plugin::Model { changed_at: self.clock.now(), ..old };
        wanted.name_in(&mut row);
        let version = row.settings_version;
        self.try_out(&row, None, wanted.value).await?;
        let changes = wanted.added.into_iter().chain([plugin::saving(row)]).collect();
        self.change(seen, Changed::of(changes)).await?;
        Ok(version)
    }

    /// The settings of `old`, or others in their place for a build with this schema.
    pub(super) async fn wanted_settings(
        &self,
        old: &plugin::Model,
        schema: &Value,
        settings: Option<Value>,
        new: &[NewSecret],
    ) -> Result<Wanted, CatalogError> {
        let value = self.settings_of(old).await?;
        let old_schema = self.known(old).await?.schema;
        let before = split(&old_schema, &value).0;
        if settings.is_none() && new.is_empty() {
            let kept = places(&old_schema, &value);
            return Ok(Wanted { value, version: None, added: None, kept, before });
        }
        // Settings that nobody has given are to stay: with their secrets as anybody sees them.
        let given = settings.unwrap_or_else(|| {
            let mut shown = value.clone();
            secrets::hide(&old_schema, &mut shown);
            shown
        });
        let (value, kept) = secrets::merged((&old_schema, &value), schema, given, new)
            .map_err(|why| CatalogError::Unfit { id: old.id.clone(), why })?;
        let (version, added) = self.new_settings(&old.id, &value).await?;
        Ok(Wanted { value, version: Some(version), added: Some(added), kept, before })
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
        self.change(seen, Changed::of(vec![plugin::saving(row)])).await?;
        Ok(version)
    }

    /// A next version, sealed and not yet written.
    async fn new_settings(&self, id: &str, settings: &Value) -> Result<(i64, Change), CatalogError> {
        let versions = plugin::settings_versions(self.source.db.read(), id).await?;
        let version = versions.first().map_or(0, |(version, _)| *version) + 1;
        let record = entry::settings_record(id, version);
        let sealed = self.source.seal.record_json("plugin_settings", &record, settings)?;
        let created_at = self.clock.now();
        let row = plugin::settings::Model { plugin_id: id.to_owned(), version, sealed, created_at };
        Ok((version, plugin::adding_settings(row)))
    }
}
