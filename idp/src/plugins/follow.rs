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
use crate::clock::{Clock, MINUTE, Millis};
use crate::entropy::Entropy;
use crate::pages::Pages;
use crate::seal::Seal;
use crate::store::enrolment::{self, stored_version};
use crate::store::{Db, StoreError, plugin};

/// A plugin that did not start is tried again after so long, for the reason may have been this node's.
const AGAIN: Duration = Duration::from_mins(1);
/// A node says at least so often what it runs.
const SAYS_EVERY: Duration = Duration::from_secs(30);
/// What a node said so long ago is told no more.
pub(super) const FORGOTTEN_AFTER: Millis = 2 * MINUTE;

/// What a node knows of the catalog.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Revision that was followed last.
    revision: Option<i64>,
    running: BTreeMap<String, (Build, Arc<Running>)>,
    failed: BTreeMap<String, Failure>,
    speaker: Speaker,
}

/// What tells administrators what this node runs.
#[derive(Debug, Default)]
struct Speaker {
    /// Made when it first speaks.
    node: Option<String>,
    /// When it last spoke.
    said: Option<Instant>,
    /// That there was nothing to say, is all that it said.
    nothing: bool,
    /// It could not, and that was logged.
    mute: bool,
}

/// What has to be started anew when it changes.
#[derive(Clone, Debug, PartialEq)]
struct Build {
    sha256: String,
    isolation: String,
    granted: String,
    settings_version: i64,
    limits: [Option<i64>; 3],
}

impl Build {
    fn of(row: &plugin::Model) -> Self {
        Self {
            sha256: row.sha256.clone(),
            isolation: row.isolation.clone(),
            granted: row.granted.clone(),
            settings_version: row.settings_version,
            limits: [row.threads, row.queue, row.deadline_ms],
        }
    }
}

#[derive(Debug)]
struct Failure {
    at: Instant,
    build: Build,
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
        let first = followed.revision.is_none();
        let changed = followed.revision != Some(revision) || due;
        if changed {
            self.catch_up(&mut followed, source, pages).await?;
            followed.revision = Some(revision);
        }
        if first {
            // A command looks once and is no node: only who looks again says what it runs.
            self.says_what_it_cannot_read(source).await?;
        } else if changed || followed.speaker.said.is_none_or(|at| at.elapsed() >= SAYS_EVERY) {
            followed.says_what_it_runs(source).await;
        }
        let failed = followed.failed.iter().map(|(id, failure)| (id.clone(), failure.why.clone())).collect();
        Ok(State { changed, failed })
    }

    /// Revision of the catalog that was followed last.
    pub async fn revision(&self) -> Option<i64> {
        self.followed.lock().await.revision
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
                    failed.insert(id, Failure { at: Instant::now(), build, why });
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

    /// Enrolments that a build of the configuration is not handed, for another has written them.
    async fn says_what_it_cannot_read(&self, source: &Source) -> Result<(), StoreError> {
        for plugin in &self.pinned {
            let (id, own) = (plugin.id(), plugin.manifest().data_version);
            let versions = enrolment::data_versions(source.db.read(), id).await?;
            let foreign: i64 =
                versions.iter().filter(|(version, _)| *version != stored_version(own)).map(|(_, rows)| rows).sum();
            if foreign > 0 {
                tracing::warn!(
                    plugin = id,
                    enrolments = foreign,
                    data_version = own,
                    "enrolments have another data version than the pinned build and cannot be used; take it out of \
                     `plugins.enabled` and run it from the catalog, which migrates them (`enum-idp plugin install` and \
                     `enable`)"
                );
            }
        }
        Ok(())
    }

    fn publish(&self, followed: &BTreeMap<String, (Build, Arc<Running>)>) {
        let followed = followed.values().map(|(_, running)| running.clone());
        self.running.store(Arc::new(self.pinned.iter().cloned().chain(followed).collect()));
    }
}

impl Followed {
    /// For administrators, who see it in `plugin list`. That it cannot be written changes nothing for anybody else.
    async fn says_what_it_runs(&mut self, source: &Source) {
        let said = self.try_to_say(source).await;
        if let Err(error) = &said
            && !self.speaker.mute
        {
            tracing::warn!(%error, "what this node runs could not be written down");
        }
        self.speaker.mute = said.is_err();
    }

    async fn try_to_say(&mut self, source: &Source) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let node = match &self.speaker.node {
            Some(node) => node.clone(),
            None => self.speaker.node.insert(node_name()?).clone(),
        };
        // Of real time, by which those who read it judge.
        let now = Clock::system().now();
        let row = |plugin: &String, build: &Build, why: Option<&String>| plugin::node::Model {
            node: node.clone(),
            plugin: plugin.clone(),
            sha256: build.sha256.clone(),
            settings_version: build.settings_version,
            state: if why.is_some() { "failed" } else { "running" }.to_owned(),
            why: why.cloned(),
            seen_at: now,
        };
        let failure = |id: &String| self.failed.get(id).map(|failure| &failure.why);
        let running = self.running.iter().map(|(id, (build, _))| row(id, build, failure(id)));
        let down = self.failed.iter().filter(|(id, _)| !self.running.contains_key(*id));
        let rows: Vec<_> =
            running.chain(down.map(|(id, failure)| row(id, &failure.build, Some(&failure.why)))).collect();
        let nothing = rows.is_empty();
        if nothing && self.speaker.nothing {
            self.speaker.said = Some(Instant::now());
            return Ok(());
        }
        let said = source
            .db
            .write(move |tx| Box::pin(async move { plugin::node::say(tx, &node, rows, now - FORGOTTEN_AFTER).await }));
        said.await?;
        self.speaker.nothing = nothing;
        self.speaker.said = Some(Instant::now());
        Ok(())
    }
}

/// The machine's name, and something that tells two nodes on it apart.
fn node_name() -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = hex::encode(Entropy::system().bytes::<4>()?);
    Ok(if host.trim().is_empty() { own } else { format!("{}-{own}", host.trim()) })
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
