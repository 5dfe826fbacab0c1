//! What can go wrong between host and plugin.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a plugin could not be loaded. Display names the file, what is wrong, and what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no such file.
    #[error(
        "plugin {path}: there is no such file; correct `path` in the configuration, or build or install the plugin"
    )]
    Missing {
        /// As configured.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("plugin {path}: the file cannot be read ({source}); let the server's user read it")]
    Unreadable {
        /// As configured.
        path: PathBuf,
        /// From the system.
        source: io::Error,
    },
    /// Larger than any plugin should be.
    #[error("plugin {path}: the file has {size} bytes, and a plugin may have at most {limit}; strip or split it")]
    TooLarge {
        /// As configured.
        path: PathBuf,
        /// Bytes found.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The configured hash is not a SHA-256.
    #[error(
        "plugin {path}: `sha256` in the configuration is `{found}`, which is not 64 hexadecimal digits; set it to what \
         `enum-idp plugin inspect {path}` prints"
    )]
    BadPin {
        /// As configured.
        path: PathBuf,
        /// As configured.
        found: String,
    },
    /// The file is not the one that was pinned.
    #[error(
        "plugin {path}: the file was altered: its sha256 is {actual}, and the configuration expects {expected}. Put the \
         expected file back; or, if you replaced it on purpose, set `sha256` to what `enum-idp plugin inspect {path}` \
         prints"
    )]
    Altered {
        /// As configured.
        path: PathBuf,
        /// The pin.
        expected: String,
        /// What was found.
        actual: String,
    },
    /// Threads, queue or deadline make no sense.
    #[error("plugin {path}: `{key}` in the configuration is {found}, and must be {allowed}")]
    BadLimit {
        /// As configured.
        path: PathBuf,
        /// The configuration key.
        key: &'static str,
        /// As configured.
        found: u64,
        /// What would do.
        allowed: &'static str,
    },
    /// The private copy could not be made.
    #[error("plugin {path}: the private copy {copy} cannot be written ({source}); the server needs its own `data_dir`")]
    NoCopy {
        /// As configured.
        path: PathBuf,
        /// Where the copy should be.
        copy: PathBuf,
        /// From the system.
        source: io::Error,
    },
    /// Not a shared library of this machine, or only a part of one.
    #[error("plugin {path}: this is not a shared library that this machine can load: {why}; build or copy it again")]
    NotALibrary {
        /// As configured.
        path: PathBuf,
        /// What the file is instead.
        why: String,
    },
    /// A library without the one symbol.
    #[error(
        "plugin {path}: the library does not export `enum_plugin_v1`, so it is not an E-num plugin; a Rust plugin needs \
         `crate-type = [\"cdylib\"]` and `export_factor!` or `export_service!`"
    )]
    NoSymbol {
        /// As configured.
        path: PathBuf,
    },
    /// The table does not fit.
    #[error("plugin {path}: {why}")]
    Incompatible {
        /// As configured.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// It hung while starting.
    #[error("plugin {path}: `{step}` did not return within {seconds} s; the plugin hangs, report it to its author")]
    Hangs {
        /// As configured.
        path: PathBuf,
        /// What was asked of it.
        step: &'static str,
        /// How long it was given.
        seconds: u64,
    },
    /// Its process ended while it was starting.
    #[error("plugin {path}: its process ended during `{step}` ({how}); the plugin is broken, report it to its author")]
    Dies {
        /// As configured.
        path: PathBuf,
        /// What was asked of it.
        step: &'static str,
        /// What the system says of its end.
        how: String,
    },
    /// It describes itself in a way that cannot be used.
    #[error("plugin {path}: its description cannot be used: {why}; report it to the plugin's author")]
    BadDescription {
        /// As configured.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It wants something that this server does not offer.
    #[error(
        "plugin {path}: it asks for the host service `{service}`, which this server does not offer; use a newer server"
    )]
    UnknownService {
        /// As configured.
        path: PathBuf,
        /// What it asked for.
        service: String,
    },
    /// What it is granted cannot be, or is not what it asks for.
    #[error("plugin {path}: {why}")]
    Grants {
        /// As configured.
        path: PathBuf,
        /// What is wrong, and what to do about it.
        why: String,
    },
    /// Two plugins claim one thing.
    #[error("plugin {path}: {what} is already taken by an earlier plugin of the list; remove one of the two")]
    Taken {
        /// As configured.
        path: PathBuf,
        /// What both claim.
        what: String,
    },
    /// The settings are refused.
    #[error("plugin {path}: its settings are refused: {why}; correct the settings of this plugin")]
    Settings {
        /// As configured.
        path: PathBuf,
        /// By the schema, or by the plugin itself.
        why: String,
    },
    /// The system gave no process.
    #[error("plugin {path}: its process cannot be started ({source}); raise the limit on processes of this user")]
    NoProcess {
        /// As configured.
        path: PathBuf,
        /// From the system.
        source: io::Error,
    },
    /// The system gave no thread.
    #[error("plugin {path}: its threads cannot be started ({source}); raise the limit on threads of this user")]
    NoThreads {
        /// As configured.
        path: PathBuf,
        /// From the system.
        source: io::Error,
    },
}

/// Why a call of a plugin brought no result. For the log: the person is told that the method is unavailable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// All its threads are taken and the queue is full, or waiting for a thread took too long.
    #[error("the plugin is busy")]
    Busy,
    /// It did not answer before the deadline.
    #[error("the plugin did not answer in time")]
    Late,
    /// Its process ended: this is what the system says of it.
    #[error("the plugin's process ended ({0})")]
    Died(String),
    /// It failed too often, and is left alone for a while.
    #[error("the plugin is quarantined after repeated faults")]
    Quarantined,
    /// It does not know the method.
    #[error("the plugin does not know the method")]
    Unsupported,
    /// It did not allow the call.
    #[error("the plugin denied the call: {0}")]
    Denied(String),
    /// It said why it could not answer.
    #[error("the plugin failed: {0}")]
    Failed(String),
    /// It panicked.
    #[error("the plugin panicked")]
    Panicked,
    /// Its reply breaks the contract.
    #[error("the plugin broke the contract: {0}")]
    Malformed(String),
}

impl CallError {
    /// Whether the same call may well work a little later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Late | Self::Died(_) | Self::Quarantined)
    }

    /// Whether the breaker counts it. A plugin that says that it cannot, or that is in demand, is sound.
    pub(super) fn is_fault(&self) -> bool {
        matches!(self, Self::Late | Self::Died(_) | Self::Panicked | Self::Malformed(_))
    }
}
