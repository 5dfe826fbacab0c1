//! Room 4: the host of plugins.
//!
//! A plugin file becomes a running plugin on one path only: named in the configuration with its sha256 → read once →
//! compared with the pin → written to a private copy → checked as a library → loaded → its table checked → described →
//! its settings checked → created on a lane of threads of its own. Whatever stops it on the way is a [`LoadError`] that
//! says what to do. Nothing is ever found by searching a directory.
//!
//! Libraries are never unloaded: the system keeps them mapped in many cases anyway, and a stray thread of a plugin would
//! run into nothing.

mod breaker;
pub mod catalog;
mod child;
mod elf;
mod entry;
mod error;
mod follow;
mod handle;
mod inspect;
mod lane;
mod load;
mod room;
mod running;
mod services;
pub mod signature;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use plugin_api::message::{Kind, Purpose};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use self::child::run as run_as_host;
pub use self::child::{Wall, Walls};
pub use self::entry::{Ground, Refused};
pub use self::error::{CallError, LoadError};
use self::follow::Followed;
pub use self::follow::{Source, State};
pub use self::handle::{FactorHandle, ServiceHandle};
pub use self::inspect::{Inspection, inspect, inspect_with};
use self::running::Running;
pub use self::services::{BadGrant, Grants, Means, Subject};

/// One entry of the configuration's list of plugins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginConfig {
    /// The shared library.
    pub path: PathBuf,
    /// Its SHA-256 in hexadecimal digits: what `enum-idp plugin inspect` prints.
    pub sha256: String,
    /// Settings, as the plugin's schema describes them.
    #[serde(default = "no_settings")]
    pub settings: Value,
    /// Threads that serve its calls, 1 to 64; as many processes, if it has processes of its own.
    #[serde(default = "default_threads")]
    pub threads: usize,
    /// Calls that may wait for a thread; any further one is refused as busy.
    #[serde(default = "default_queue")]
    pub queue: usize,
    /// Milliseconds after which a call is given up and its thread written off.
    #[serde(default = "default_deadline_ms")]
    pub deadline_ms: u64,
    /// Where its code runs. For an entry of the configuration this is a thread unless it says otherwise: who pins a
    /// file by its hash in the configuration vouches for it.
    #[serde(default)]
    pub isolation: Isolation,
    /// Origins that it may talk to, where it asks for `http` without saying which: `http:https://api.example`, or
    /// `http-private:http://10.0.0.5:8080`. What it asks for in so many words is granted by its being here.
    #[serde(default)]
    pub grants: Vec<String>,
    /// The program whose role `plugin-host` a plugin with a process of its own runs in: this very program, unless a
    /// test is the one that loads.
    #[serde(skip, default = "this_program")]
    pub program: PathBuf,
}

/// Where a plugin's code runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// In threads of the server. It can reach all that the server can, and what ends it ends the server.
    #[default]
    Thread,
    /// In processes of its own, one for each lane: without network, without files, killed at the deadline.
    Process,
}

/// The kernel's name for the file that is running, which holds even when an upgrade has replaced it on disk.
pub(crate) fn this_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

fn no_settings() -> Value {
    json!({})
}

fn default_threads() -> usize {
    2
}

fn default_queue() -> usize {
    512
}

fn default_deadline_ms() -> u64 {
    5000
}

impl PluginConfig {
    /// A plugin with the defaults: no settings, two threads, a queue of 512, a deadline of five seconds.
    pub fn new(path: impl Into<PathBuf>, sha256: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            sha256: sha256.into(),
            settings: no_settings(),
            threads: default_threads(),
            queue: default_queue(),
            deadline_ms: default_deadline_ms(),
            isolation: Isolation::default(),
            grants: Vec::new(),
            program: this_program(),
        }
    }
}

/// The plugins that are running: those of the configuration in its order, then those of the catalog by their ids.
#[derive(Debug)]
pub struct Plugins {
    running: ArcSwap<Vec<Arc<Running>>>,
    /// Those of the configuration.
    pinned: Vec<Arc<Running>>,
    followed: tokio::sync::Mutex<Followed>,
}

impl Plugins {
    /// As [`Plugins::load_with`], for a host without data.
    ///
    /// # Errors
    /// The first plugin that cannot be loaded, and what to do about it.
    pub fn load(configs: &[PluginConfig], private_dir: &Path) -> Result<Self, LoadError> {
        Self::load_with(configs, private_dir, &Means::bare())
    }

    /// Loads every plugin of the list. Blocks while plugins start, which may use their services: call it before the server
    /// listens, and not on a thread of the runtime.
    ///
    /// `private_dir` is created with mode 0700 and holds the copies that are loaded.
    ///
    /// # Errors
    /// The first plugin that cannot be loaded, and what to do about it.
    pub fn load_with(configs: &[PluginConfig], private_dir: &Path, means: &Means) -> Result<Self, LoadError> {
        let mut running: Vec<Arc<Running>> = Vec::new();
        for config in configs {
            let plugin = Running::load(config, private_dir, means)?;
            running::no_clash(&config.path, &plugin, &running)?;
            tracing::info!(
                plugin = plugin.id(),
                version = plugin.description().manifest.version,
                sha256 = plugin.sha256(),
                "plugin loaded"
            );
            running.push(Arc::new(plugin));
        }
        Ok(Self::with_pinned(running))
    }

    /// A host without plugins.
    pub fn none() -> Self {
        Self::with_pinned(Vec::new())
    }

    fn with_pinned(pinned: Vec<Arc<Running>>) -> Self {
        Self { running: ArcSwap::from_pointee(pinned.clone()), pinned, followed: tokio::sync::Mutex::default() }
    }

    /// Whether the configuration's list has a plugin of this id.
    pub fn is_pinned(&self, id: &str) -> bool {
        self.pinned.iter().any(|plugin| plugin.id() == id)
    }

    /// The factor of this id.
    pub fn factor(&self, id: &str) -> Option<FactorHandle> {
        self.factors().into_iter().find(|factor| factor.id() == id)
    }

    /// Every factor.
    pub fn factors(&self) -> Vec<FactorHandle> {
        self.of(Kind::Factor).map(FactorHandle::new).collect()
    }

    /// Factors that can serve this purpose.
    pub fn factors_for(&self, purpose: Purpose) -> Vec<FactorHandle> {
        self.factors().into_iter().filter(|factor| factor.manifest().purposes.contains(&purpose)).collect()
    }

    /// Every service.
    pub fn services(&self) -> Vec<ServiceHandle> {
        self.of(Kind::Service).map(ServiceHandle::new).collect()
    }

    /// The service of this id.
    pub fn service(&self, id: &str) -> Option<ServiceHandle> {
        self.services().into_iter().find(|service| service.id() == id)
    }

    /// The service that owns this type of `authorization_details`.
    pub fn service_for(&self, details_type: &str) -> Option<ServiceHandle> {
        self.services().into_iter().find(|service| service.manifest().details_types.iter().any(|t| t == details_type))
    }

    /// Every type of `authorization_details` that some service owns: `authorization_details_types_supported`.
    pub fn details_types(&self) -> Vec<String> {
        self.services().iter().flat_map(|service| service.manifest().details_types.clone()).collect()
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = Arc<Running>> {
        let running = self.running.load_full();
        let wanted: Vec<_> = running.iter().filter(|plugin| plugin.manifest().kind == kind).cloned().collect();
        wanted.into_iter()
    }
}
