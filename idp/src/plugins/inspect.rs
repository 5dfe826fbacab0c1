//! What a plugin file is, for the administrator who is about to pin it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::{env, io, process};

use plugin_api::abi::MAJOR;
use plugin_api::message::Description;
use serde::Serialize;

use super::child::Walls;
use super::error::LoadError;
use super::room::Apart;
use super::verify::Image;
use super::{running, this_program};

/// What `enum-idp plugin inspect` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file in hexadecimal digits: the pin for the configuration.
    pub sha256: String,
    /// Version of the contract that it was built for, such as `1.0`.
    pub contract: String,
    /// What it says of itself.
    pub description: Description,
    /// What held it in while it was asked: the same as will hold a plugin in that has processes of its own.
    pub walls: Walls,
}

/// Loads the file in a process of its own and asks it what it is: a file that hangs or crashes is an error like any other.
///
/// # Errors
/// Why it cannot be a plugin of this server.
pub fn inspect(path: &Path) -> Result<Inspection, LoadError> {
    inspect_with(path, &this_program())
}

/// [`inspect`] with another program for the role `plugin-host` than the one that is running.
///
/// # Errors
/// Why it cannot be a plugin of this server.
pub fn inspect_with(path: &Path, program: &Path) -> Result<Inspection, LoadError> {
    probe(path, &Image::read(path)?, program)
}

/// What these bytes say of themselves. `name` is what errors name, and the path of the inspection.
pub(super) fn probe(name: &Path, image: &Image, program: &Path) -> Result<Inspection, LoadError> {
    let dir = own_folder(name)?;
    let seen = Apart::open(name, image, program, &dir).and_then(|mut apart| {
        let reply = apart.describe()?;
        Ok(Inspection {
            path: name.to_owned(),
            sha256: image.sha256.clone(),
            contract: format!("{MAJOR}.{}", apart.hello.minor),
            description: running::described(name, &reply)?,
            walls: apart.hello.walls,
        })
    });
    if let Err(error) = fs::remove_dir_all(&dir) {
        tracing::warn!(%error, dir = %dir.display(), "the copy stays");
    }
    seen
}

/// A new folder that nobody else can write to. One that is there already may be somebody else's trap.
fn own_folder(path: &Path) -> Result<PathBuf, LoadError> {
    let mut number = 0;
    loop {
        let dir = env::temp_dir().join(format!("enum-idp-inspect-{}-{number}", process::id()));
        match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(LoadError::NoCopy { path: path.to_owned(), copy: dir, source }),
        }
    }
}
