//! The C header against the Rust types: a C compiler is asked for every size, offset and number.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

use plugin_api::Status;
use plugin_api::abi::{LAYOUT, MAGIC, MAJOR, MINOR};

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
