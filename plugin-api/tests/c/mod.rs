//! Plugins in C: compiled here, loaded here.
#![expect(unsafe_code, reason = "loading a library cannot be made safe; each block says what it relies on")]

use std::mem::forget;
use std::path::{Path, PathBuf};
use std::process::Command;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use plugin_api::abi::{Plugin, SYMBOL};

/// What a C plugin of ours must bear without a word from the compiler.
const STRICT: [&str; 7] = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-shared"];

/// Compiles `source` (relative to this crate) with the headers in `include`.
pub(crate) fn compiled(name: &str, source: &str, include: &str, flags: &[&str]) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c");
    std::fs::create_dir_all(&dir).unwrap();
    let library = dir.join(format!("lib{name}.so"));
    let done = Command::new("cc")
        .args(STRICT)
        .args(flags)
        .arg("-I")
        .arg(here.join(include))
        .arg("-o")
        .args([&library, &here.join(source)])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    library
}

/// The table of a library that this test has compiled. It stays loaded.
pub(crate) fn table(library: &Path) -> &'static Plugin {
    // SAFETY: the file was compiled a moment ago from sources of this repository, which have no constructors.
    let loaded = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_LOCAL) }.unwrap();
    // SAFETY: the contract reserves this name for a function of this type.
    let entry = *unsafe { loaded.get::<extern "C" fn() -> *const Plugin>(SYMBOL) }.unwrap();
    forget(loaded);
    // SAFETY: never unloaded, so that the static table lives for ever; the sources keep the contract, which is what is
    // being tested: a breach that crashes is a failed test.
    unsafe { Plugin::from_ptr(entry()) }.unwrap()
}
