//! Keeps what runs equal to what the catalog says, without a restart.
//!
//! A node looks at the catalog's revision about once a second. When it has risen, new builds are started beside the old
//! ones, then the list of running plugins is swapped as a whole. Calls in flight hold the plugin that they began with; its
//! threads end when the last of them is done. What cannot be started leaves in place what was running.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Plugins;
use super::entry::{Entry, Ground, Refused};
use super::error::LoadError;
use super::running::{self, Running};
use crate::pages::Pages;
use crate::seal::Seal;
use crate::store::{Db, StoreError, plugin};

/// A plugin that did not start is tried again after so long, for the reason may have been this node's.
const AGAIN: Duration = Duration::from_mins(1);

/// What a node knows of the catalog.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Revision that was followed last.
    revision: Option<i64>,
    running: BTreeMap<String, (Build, Arc<Running>)>,
    failed: BTreeMap<String, Failure>,
}

/// What has to be started anew when it changes.
#[derive(Clone, Debug, PartialEq)]
struct Build {
    sha256: String,
    isolation: String,
    granted: String,
    settings_version: i64,
}

impl Build {
    fn of(row: &plugin::Model) -> Self {
        Self {
            sha256: row.sha256.clone(),
            isolation: row.isolation.clone(),
            granted: row.granted.clone(),
            settings_version: row.settings_version,
        }
    }
}

#[derive(Debug)]
struct Failure {
    at: Instant,
    why: String,
}

/// Where a node looks for what should run.
#[derive(Clone, Debug)]
pub struct Source {
    /// The catalog's database.
    pub db: Db,
    /// Opens settings.
    pub seal: Arc<Seal>,
    /// What this node brings to every start.
    pub ground: Ground,
}

/// How far a node is from what the catalog says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether the list of running plugins was changed just now.
    pub changed: bool,
    /// Enabled plugins that do not run here as they should, and why.
    pub failed: BTreeMap<String, String>,
}

impl Plugins {
    /// Brings what runs in line with the catalog, if that has changed since the last look.
    ///
    /// # Errors
    /// When the database fails; then what was running goes on.
    pub async fn follow(&self, source: &Source, pages: &Pages) -> Result<State, StoreError> {
        let mut followed = self.followed.lock().await;
        let revision = plugin::revision(source.db.read()).await?;
        let due = followed.failed.values().any(|failure| failure.at.elapsed() >= AGAIN);
        let changed = followed.revision != Some(revision) || due;
        if changed {
            self.catch_up(&mut followed, source, pages).await?;
            followed.revision = Some(revision);
        }
        let failed = followed.failed.iter().map(|(id, failure)| (id.clone(), failure.why.clone())).collect();
        Ok(State { changed, failed })
    }

    async fn catch_up(&self, followed: &mut Followed, source: &Source, pages: &Pages) -> Result<(), StoreError> {
        let rows: Vec<_> = plugin::all(source.db.read()).await?.into_iter().filter(|row| row.enabled).collect();
        let mut failed = BTreeMap::new();
        let mut next: BTreeMap<_, _> = followed.running.clone();
        next.retain(|id, _| rows.iter().any(|row| row.id == *id));
        for row in rows {
            let (id, build) = (row.id.clone(), Build::of(&row));
            if next.get(&id).is_some_and(|(is, _)| *is == build) {
                continue;
            }
            let others: Vec<_> = self.pinned.iter().chain(others(&next, &id)).cloned().collect();
            match start(source, row, &others, pages).await? {
                Ok(running) => {
                    said(&running, "plugin of the catalog started");
                    next.insert(id, (build, running));
                    // At once, for its pages have taken the place of the old ones.
                    self.publish(&next);
                }
                Err(refused) => {
                    let why = refused.to_string();
                    if followed.failed.get(&id).is_none_or(|before| before.why != why) {
                        tracing::error!(plugin = id, why, "an enabled plugin does not start");
                    }
                    failed.insert(id, Failure { at: Instant::now(), why });
                }
            }
        }
        self.publish(&next);
        for (id, (_, ended)) in &followed.running {
            if !next.contains_key(id) {
                pages.remove_plugin(id);
                said(ended, "plugin switched off");
            }
        }
        followed.running = next;
        followed.failed = failed;
        Ok(())
    }

    fn publish(&self, followed: &BTreeMap<String, (Build, Arc<Running>)>) {
        let followed = followed.values().map(|(_, running)| running.clone());
        self.running.store(Arc::new(self.pinned.iter().cloned().chain(followed).collect()));
    }
}

fn said(running: &Running, what: &str) {
    tracing::info!(plugin = running.id(), version = running.manifest().version, sha256 = running.sha256(), "{what}");
}

fn others<'r>(all: &'r BTreeMap<String, (Build, Arc<Running>)>, id: &'r str) -> impl Iterator<Item = &'r Arc<Running>> {
    all.iter().filter(move |(other, _)| *other != id).map(|(_, (_, running))| running)
}

/// Starts one plugin beside what is running. Its pages are there before it is.
async fn start(
    source: &Source,
    row: plugin::Model,
    others: &[Arc<Running>],
    pages: &Pages,
) -> Result<Result<Arc<Running>, Refused>, StoreError> {
    let id = row.id.clone();
    let entry = match Entry::of(source.db.read(), &source.seal, row).await {
        Ok(Some(entry)) => entry,
        Ok(None) => return Ok(Err(Refused::NoFile)),
        Err(error @ StoreError::Unreadable { .. }) => return Ok(Err(Refused::Unreadable(error.to_string()))),
        Err(error) => return Err(error),
    };
    let ground = source.ground.clone();
    let started = tokio::task::spawn_blocking(move || entry.start(&ground)).await;
    let started = started.unwrap_or_else(|_| Err(Refused::Unreadable("its start was broken off".to_owned())));
    Ok(started.and_then(|running| {
        running::no_clash(Path::new(&id), &running, others)?;
        pages
            .put_plugin(running.description())
            .map_err(|error| LoadError::BadDescription { path: id.into(), why: error.to_string() })?;
        Ok(Arc::new(running))
    }))
}
