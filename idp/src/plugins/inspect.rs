//! What a plugin file is, for the administrator who is about to pin it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::{env, io, process};

use plugin_api::abi::MAJOR;
use plugin_api::message::Description;
use serde::Serialize;

use super::error::LoadError;
use super::verify::Image;
use super::{load, running};

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
}

/// Loads the file and asks it what it is. This runs its code: do it in a command that ends, never in a server.
///
/// # Errors
/// Why it cannot be a plugin of this server.
pub fn inspect(path: &Path) -> Result<Inspection, LoadError> {
    let image = Image::read(path)?;
    let dir = own_folder(path)?;
    let table = image.private_copy(path, &dir).and_then(|copy| load::table(path, &copy));
    // What is mapped stays mapped; a copy that remains in a temporary folder harms nobody.
    if let Err(error) = fs::remove_dir_all(&dir) {
        tracing::debug!(%error, dir = %dir.display(), "the copy stays");
    }
    let table = table?;
    let description = running::describe(path, table)?;
    Ok(Inspection {
        path: path.to_owned(),
        sha256: image.sha256,
        contract: format!("{MAJOR}.{}", table.minor()),
        description,
    })
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
