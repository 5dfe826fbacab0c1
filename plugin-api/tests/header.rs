//! The C header against the Rust types: it is generated from them, and a C compiler is asked for every size, offset and
//! number of what is checked in.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

use plugin_api::Status;
use plugin_api::abi::{LAYOUT, MAGIC, MAJOR, MINOR};

/// The header as the types have it now.
fn generated() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(here.join("tests/header/cbindgen.toml")).unwrap();
    config.header = Some(include_str!("header/preamble.h").trim_end().to_owned());
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(here.join("src/abi.rs"))
        .with_src(here.join("src/error.rs"))
        .with_src(here.join("tests/header/symbol.rs"))
        .generate()
        .unwrap();
    let mut header = Vec::new();
    bindings.write(&mut header);
    // The generator can begin a variant with its enum's name only, and these have a shorter one.
    String::from_utf8(header).unwrap().replace("ENUM_STATUS_", "ENUM_")
}

#[test]
fn the_header_is_the_generated_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/enum_plugin.h");
    let generated = generated();
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&file, &generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(&file).unwrap();
    assert!(checked_in == generated, "run this with UPDATE_HEADER=1 if that is what you want:\n{generated}");
}

#[test]
fn the_header_is_cxx_too() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/include/enum_plugin.h");
    let compiled = Command::new("c++")
        .args(["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c++", file])
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

const PROGRAM: &str = r#"
#include "enum_plugin.h"
#include <stdio.h>
int main(void) {
  printf("%zu %zu %zu %zu ", sizeof(enum_bytes), sizeof(enum_sink), sizeof(enum_host), sizeof(enum_plugin));
  printf("%zu %zu ", offsetof(enum_bytes, len), offsetof(enum_sink, write));
  printf("%zu %zu ", offsetof(enum_host, ctx), offsetof(enum_host, call));
  printf("%zu %zu %zu %zu ", offsetof(enum_plugin, major), offsetof(enum_plugin, minor), offsetof(enum_plugin, size),
         offsetof(enum_plugin, unwinds));
  printf("%zu %zu %zu\n", offsetof(enum_plugin, create), offsetof(enum_plugin, call), offsetof(enum_plugin, destroy));
  printf("%u %d %d\n", (unsigned)ENUM_MAGIC, ENUM_MAJOR, ENUM_MINOR);
  printf("%d %d %d %d %d\n", ENUM_OK, ENUM_ERROR, ENUM_UNKNOWN, ENUM_PANICKED, ENUM_DENIED);
  return 0;
}
"#;

fn joined<T: ToString>(numbers: &[T]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_header_and_the_rust_types_agree() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header");
    std::fs::create_dir_all(&dir).unwrap();
    let (source, program) = (dir.join("layout.c"), dir.join("layout"));
    std::fs::write(&source, PROGRAM).unwrap();
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/include");
    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", include, "-o"])
        .args([&program, &source])
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));

    let said = Command::new(&program).output().unwrap();
    let statuses = [Status::Ok, Status::Error, Status::Unknown, Status::Panicked, Status::Denied].map(Status::code);
    let expected = format!("{}\n{MAGIC} {MAJOR} {MINOR}\n{}\n", joined(&LAYOUT), joined(&statuses));
    assert_eq!(String::from_utf8(said.stdout).unwrap(), expected);
    assert!(statuses.iter().all(|&code| Status::from_code(code).map(Status::code) == Some(code)));
    assert_eq!(Status::from_code(5), None);
}
