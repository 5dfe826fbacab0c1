//! `plugin-api/README.md`, walked through: from nothing to a signed, enabled factor that somebody logs in with.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{EMAIL, SECRET, gets_in, registers, sets};
use crate::{
    on_both_databases,
    support::{database::Database, plugins::target_dir, program::Program, provider::Provider},
};

on_both_databases! {
    a_new_factor_is_built_signed_enabled_and_signs_somebody_in,
}

/// Runs a command of the program that needs no configuration; gives what it printed.
fn enum_idp(arguments: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_enum-idp")).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Runs cargo in the new crate. All such builds share a directory, so that only the first is a whole one.
fn cargo(crate_dir: &Path, command: &str) {
    let done = Command::new(std::env::var("CARGO").expect("cargo runs the tests"))
        .args([command, "--offline", "--quiet"])
        .current_dir(crate_dir)
        .env("CARGO_TARGET_DIR", built_in())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "cargo {command}: {said}");
}

fn built_in() -> PathBuf {
    target_dir().join("plugin-new")
}

async fn a_new_factor_is_built_signed_enabled_and_signs_somebody_in(database: Database) {
    let dir = database.dir();
    let at = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    // The two tests have a name each, so that neither takes the other's library away.
    let name = if database.url.starts_with("sqlite") { "my-word" } else { "my-other-word" };
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let plugin_api = checkout.join("plugin-api");
    enum_idp(&["plugin", "new", name, "--dir", &at(""), "--plugin-api", plugin_api.to_str().unwrap()]);
    let crate_dir = dir.join(name);
    // Offline there is no choosing of versions: those that this workspace was built with are at hand.
    std::fs::copy(checkout.join("Cargo.lock"), crate_dir.join("Cargo.lock")).unwrap();
    cargo(&crate_dir, "test");
    cargo(&crate_dir, "build");

    let library = format!("lib{}_factor.so", name.replace('-', "_"));
    let file = at(&library);
    std::fs::copy(built_in().join("debug").join(&library), &file).unwrap();
    let key: Value =
        serde_json::from_str(&enum_idp(&["plugin", "keygen", "--out", &at("publisher"), "--json"])).unwrap();
    let trusted = format!("trusted_keys = ['{}']\n", key["key"].as_str().unwrap());
    enum_idp(&["plugin", "sign", &file, "--key", &at("publisher.key")]);

    let program = Program::new(&database);
    let refused = program.runs(&["plugin", "install", &file]);
    assert!(!refused.success, "nobody trusts its publisher yet");
    program.changes("[plugins]\n", &format!("[plugins]\n{trusted}"));
    program.succeeds(&["plugin", "install", &file]);
    program.succeeds(&["plugin", "enable", name]);

    let provider = Provider::starts_with(database, &trusted).await;
    let mut ann = provider.stranger();
    registers(&provider, &mut ann, name).await;
    sets(&mut ann, SECRET).await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
    assert!(!gets_in(&provider, "kettle orbit walnut jizz").await);
    assert!(gets_in(&provider, SECRET).await);
    assert_eq!(provider.enrolment_of(EMAIL).await.factor, name);
}
