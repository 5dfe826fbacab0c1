//! What the catalog says of a plugin.

use std::collections::BTreeMap;

use plugin_api::message::Manifest;

use super::{Catalog, CatalogError, Migrated, Millis, Serialize, StoreError, entry, parsed, plugin, word};
use crate::plugins::follow::FORGOTTEN_AFTER;

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
    /// Data version of the build: what enrolments, and what it has stored, are in.
    pub data_version: u32,
    /// What it may take up, where an administrator has said so.
    #[serde(skip_serializing_if = "Limits::are_the_hosts")]
    pub limits: Limits,
    /// What the change that was just made has migrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrated: Option<Migrated>,
    /// What each node has said of it in the last two minutes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Seen>,
}

/// Limits of a plugin; the host's own where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Threads, or processes.
    pub threads: Option<i64>,
    /// Calls that may wait.
    pub queue: Option<i64>,
    /// Milliseconds that a call may take.
    pub deadline_ms: Option<i64>,
}

impl Limits {
    fn are_the_hosts(&self) -> bool {
        *self == Self::default()
    }
}

/// A plugin on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Name that the node gave itself when it started.
    pub node: String,
    /// SHA-256 of the build that it runs, or that it should.
    pub sha256: String,
    /// Version of the settings likewise.
    pub settings_version: i64,
    /// `running` or `failed`.
    pub state: String,
    /// Why it failed.
    pub why: Option<String>,
    /// When the node said so, Unix milliseconds.
    pub seen_at: Millis,
}

impl Catalog {
    pub(super) async fn listed(&self, id: &str) -> Result<Listed, CatalogError> {
        self.describe(self.row(id).await?).await
    }

    /// What nodes have said of themselves lately, by plugin.
    pub(super) async fn seen(&self) -> Result<BTreeMap<String, Vec<Seen>>, StoreError> {
        let mut seen = BTreeMap::<_, Vec<_>>::new();
        for row in plugin::node::said_since(self.source.db.read(), self.clock.now() - FORGOTTEN_AFTER).await? {
            let plugin::node::Model { node, plugin, sha256, settings_version, state, why, seen_at } = row;
            seen.entry(plugin).or_default().push(Seen { node, sha256, settings_version, state, why, seen_at });
        }
        Ok(seen)
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
            data_version: manifest.data_version,
            limits: Limits { threads: row.threads, queue: row.queue, deadline_ms: row.deadline_ms },
            migrated: None,
            nodes: Vec::new(),
            id: row.id,
            sha256: row.sha256,
        })
    }
}
