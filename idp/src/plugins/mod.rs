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
mod elf;
mod error;
mod handle;
mod inspect;
mod lane;
mod load;
mod running;
mod services;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use plugin_api::message::{Kind, Purpose};
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::error::{CallError, LoadError};
pub use self::handle::{FactorHandle, ServiceHandle};
pub use self::inspect::{Inspection, inspect};
use self::running::Running;

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
    /// Threads that serve its calls, 1 to 64.
    #[serde(default = "default_threads")]
    pub threads: usize,
    /// Calls that may wait for a thread; any further one is refused as busy.
    #[serde(default = "default_queue")]
    pub queue: usize,
    /// Milliseconds after which a call is given up and its thread written off.
    #[serde(default = "default_deadline_ms")]
    pub deadline_ms: u64,
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
        }
    }
}

/// The plugins that are running, in the order of the configuration.
#[derive(Debug)]
pub struct Plugins {
    running: ArcSwap<Vec<Arc<Running>>>,
}

impl Plugins {
    /// Loads every plugin of the list. Blocks while plugins start: call it before the server listens.
    ///
    /// `private_dir` is created with mode 0700 and holds the copies that are loaded.
    ///
    /// # Errors
    /// The first plugin that cannot be loaded, and what to do about it.
    pub fn load(configs: &[PluginConfig], private_dir: &Path) -> Result<Self, LoadError> {
        let mut running: Vec<Arc<Running>> = Vec::new();
        for config in configs {
            let plugin = Running::load(config, private_dir)?;
            running::no_clash(&config.path, &plugin, &running)?;
            tracing::info!(
                plugin = plugin.id(),
                version = plugin.description().manifest.version,
                sha256 = plugin.sha256(),
                "plugin loaded"
            );
            running.push(Arc::new(plugin));
        }
        Ok(Self { running: ArcSwap::from_pointee(running) })
    }

    /// A host without plugins.
    pub fn none() -> Self {
        Self { running: ArcSwap::from_pointee(Vec::new()) }
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
