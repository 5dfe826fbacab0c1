//! A plugin in a process of its own.
//!
//! Each lane of such a plugin is one child, which is this program in the role `plugin-host`, and one pair of sockets.
//! Only the child maps the library. One request is under way at a time; while it is, the plugin may ask the host. A child
//! that is late is killed, one that died is replaced: plugins keep no state between calls.

mod frame;
mod guest;
mod parent;
mod prints;
mod sandbox;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use self::guest::run;
pub(super) use self::parent::{ChildRoom, Guest, Lodgings};

/// Body of a `Load` frame.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    /// The private copy.
    copy: PathBuf,
    /// What its bytes must hash to: the child looks for itself.
    sha256: String,
}

/// Body of a `Hello` frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    /// Minor version of the contract that the plugin was built for.
    pub(super) minor: u16,
    /// What holds the process in.
    pub(super) walls: Walls,
}

/// What the kernel does to hold a plugin's process in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// Limits on memory, files and core dumps; no new privileges; nobody attaches; it dies with the server.
    pub limits: Wall,
    /// seccomp: no network, no programs, no processes, no writing to files.
    pub seccomp: Wall,
    /// Landlock: no files but the system's libraries; no TCP.
    pub landlock: Wall,
}

/// How far one of them holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wall {
    /// All of it.
    InForce,
    /// As far as this kernel knows of it.
    Partly,
    /// Not at all, for this reason.
    Missing(String),
}

impl Walls {
    /// Whether every wall stands, as far as the kernel knows how to build it.
    pub fn stand(&self) -> bool {
        [&self.limits, &self.seccomp, &self.landlock].into_iter().all(|wall| !matches!(wall, Wall::Missing(_)))
    }
}

/// Body of a `Refused` frame.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    NotALibrary(String),
    NoSymbol,
    Incompatible(String),
}
