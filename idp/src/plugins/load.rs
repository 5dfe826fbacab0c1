//! From a verified private copy to a table of functions: the only `unsafe` code of the server.
#![expect(unsafe_code, reason = "loading a library cannot be made safe; each block says what it relies on")]

use std::collections::HashMap;
use std::mem::forget;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use plugin_api::abi::{Plugin, SYMBOL};

use super::error::LoadError;
use super::verify::Image;

type Entry = extern "C" fn() -> *const Plugin;

/// Libraries that are mapped, by the SHA-256 of their files.
static MAPPED: Mutex<Option<HashMap<String, &'static Plugin>>> = Mutex::new(None);

/// The table of verified bytes, whose library is mapped once: other settings, or a return to this build, map nothing
/// again. `name` is what errors name.
pub(super) fn once(name: &Path, image: &Image, private_dir: &Path) -> Result<&'static Plugin, LoadError> {
    let mapped = || MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = mapped().as_ref().and_then(|all| all.get(&image.sha256).copied()) {
        return Ok(known);
    }
    // Not under the lock, for constructors run here. Of two at once both map it, which wastes memory and nothing else.
    let table = table(name, &image.private_copy(name, private_dir)?)?;
    mapped().get_or_insert_default().insert(image.sha256.clone(), table);
    Ok(table)
}

/// Loads `copy`, which must be a private file with verified bytes. `path` is what errors name.
///
/// The library stays for as long as the process runs.
pub(super) fn table(path: &Path, copy: &Path) -> Result<&'static Plugin, LoadError> {
    // Resolving everything now makes a missing symbol fail here rather than in the middle of somebody's login.
    // SAFETY: loading runs the library's constructors. The bytes are those that the administrator pinned, whole, and
    // nobody else can write to the copy; running what the administrator chose is the point.
    let library = unsafe { Library::open(Some(copy), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| LoadError::NotALibrary { path: path.to_owned(), why: reason(&error) })?;
    // SAFETY: the contract reserves this name for a function of this type.
    let entry = unsafe { library.get::<Entry>(SYMBOL) }.map(|symbol| *symbol);
    forget(library);
    let entry = entry.map_err(|_| LoadError::NoSymbol { path: path.to_owned() })?;
    // SAFETY: the library is never unloaded, so its static table lives for ever; that its functions keep the contract is
    // what the administrator vouches for by pinning it.
    unsafe { Plugin::from_ptr(entry()) }
        .map_err(|mismatch| LoadError::Incompatible { path: path.to_owned(), why: mismatch.to_string() })
}

/// What the system said: the error itself names only the function that failed.
fn reason(error: &libloading::Error) -> String {
    let said = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    if said.contains("failed to map segment") { format!("{said} (is `data_dir` mounted noexec?)") } else { said }
}
