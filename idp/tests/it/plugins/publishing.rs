//! What a publisher does at the command line, with or without minisign itself.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

fn run(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_enum-idp"))
        .arg("plugin")
        .args(arguments)
        .arg("--json")
        .current_dir(dir)
        .output()
        .unwrap()
}

#[track_caller]
fn done(dir: &Path, arguments: &[&str]) -> Value {
    let output = run(dir, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_key_is_made_and_signs() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    fs::write(dir.join("a.plugin.so"), "anything").unwrap();
    let key = done(dir, &["keygen", "--out", "acme"]);
    assert_eq!(fs::metadata(dir.join("acme.key")).unwrap().permissions().mode() & 0o777, 0o600);
    let public = fs::read_to_string(dir.join("acme.pub")).unwrap();
    assert_eq!(public.lines().nth(1).unwrap(), key["key"], "what a configuration takes");
    let signed = done(dir, &["sign", "a.plugin.so", "--key", "acme.key", "--comment", "version 1"]);
    assert_eq!(signed["signature"], "a.plugin.so.minisig");
    let text = fs::read_to_string(dir.join("a.plugin.so.minisig")).unwrap();
    assert_eq!(text.lines().nth(2).unwrap(), "trusted comment: version 1");

    let again = run(dir, &["keygen", "--out", "acme"]);
    assert_eq!(again.status.code(), Some(1), "a key is never overwritten");
    assert_eq!(fs::read_to_string(dir.join("acme.pub")).unwrap(), public);
}

#[test]
fn an_encrypted_key_needs_its_password() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    fs::write(dir.join("a.so"), "anything").unwrap();
    fs::write(dir.join("password"), "correct horse\n").unwrap();
    fs::write(dir.join("other"), "battery staple\n").unwrap();
    done(dir, &["keygen", "--out", "acme", "--password-file", "password"]);
    for refused in
        [&["sign", "a.so", "--key", "acme.key"][..], &["sign", "a.so", "--key", "acme.key", "--password-file", "other"]]
    {
        let output = run(dir, refused);
        assert_eq!(output.status.code(), Some(1), "{refused:?}");
        assert!(!dir.join("a.so.minisig").exists());
    }
    done(dir, &["sign", "a.so", "--key", "acme.key", "--password-file", "password"]);
    assert!(dir.join("a.so.minisig").exists());
}
