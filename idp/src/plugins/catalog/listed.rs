//! What the catalog says of a plugin.

use plugin_api::message::Manifest;

use super::{Catalog, CatalogError, Serialize, entry, parsed, plugin, word};

/// One installed plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Id of its manifest.
    pub id: String,
    /// Version of the build that runs when it is enabled.
    pub version: String,
    /// Whether it should run.
    pub enabled: bool,
    /// SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
    /// The key that signed it, as minisign names it.
    pub key: String,
    /// Who that is, according to the configuration.
    pub publisher: Option<String>,
    /// Whether that key is trusted now. If not, no server starts it.
    pub trusted: bool,
    /// `thread` or `process`; `none` when its key is not trusted for what the catalog says.
    pub isolation: String,
    /// Host services that it asks for.
    pub permissions: Vec<String>,
    /// Those that were granted.
    pub granted: Vec<String>,
    /// Version of its settings; 0 when none were ever set.
    pub settings_version: i64,
    /// Version of the build that a rollback returns to.
    pub previous_version: Option<String>,
}

impl Catalog {
    pub(super) async fn listed(&self, id: &str) -> Result<Listed, CatalogError> {
        self.describe(self.row(id).await?).await
    }

    pub(super) async fn describe(&self, row: plugin::Model) -> Result<Listed, CatalogError> {
        let db = self.source.db.read();
        let head = plugin::file_head(db, &row.sha256).await?;
        let head = head.ok_or_else(|| super::unreadable(&row.sha256, &"the file is gone"))?;
        let manifest: Manifest = parsed(&row.sha256, &head.manifest)?;
        let previous = match &row.previous_sha256 {
            Some(sha256) => plugin::file_head(db, sha256).await?,
            None => None,
        };
        let previous = previous.map(|head| parsed::<Manifest>(&head.sha256, &head.manifest)).transpose()?;
        // Which of several keys of one id has signed, only the signature tells; here any of them will do.
        let key = self.keys().iter().find(|key| key.id().to_string() == head.key_id);
        let isolation = key.and_then(|key| entry::isolation(&row.isolation, key).ok());
        Ok(Listed {
            version: manifest.version,
            enabled: row.enabled,
            key: head.key_id,
            publisher: key.and_then(|key| key.name.clone()),
            trusted: key.is_some(),
            isolation: isolation.map_or("none", word).to_owned(),
            permissions: manifest.permissions,
            granted: entry::granted_list(&row),
            settings_version: row.settings_version,
            previous_version: previous.map(|manifest| manifest.version),
            id: row.id,
            sha256: row.sha256,
        })
    }
}
