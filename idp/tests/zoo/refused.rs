//! Files that must not become plugins: each refused with the words that an administrator needs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use enum_idp::plugins::{Isolation, LoadError, PluginConfig, Plugins};
use serde_json::json;

use crate::den::{Den, ROOMS, example, inspect, inspected, pinned, sha256, within};

/// Loads one plugin that must be refused, with the same words in both rooms. The text always names the file.
fn refused(den: &Den, config: &PluginConfig) -> (LoadError, String) {
    let [(_, text), apart] = ROOMS.map(|room| refused_in(room, den, config));
    assert_eq!(text, apart.1);
    apart
}

fn refused_in(room: Isolation, den: &Den, config: &PluginConfig) -> (LoadError, String) {
    let error = Plugins::load(&[within(room, config.clone())], &den.private()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("plugin {}: ", config.path.display())), "{text}");
    (error, text)
}

fn refused_beast(defines: &[&str]) -> (LoadError, String) {
    let den = Den::new();
    refused(&den, &pinned(&den.beast(defines)))
}

#[test]
fn a_missing_file() {
    let den = Den::new();
    let (error, text) = refused(&den, &PluginConfig::new(den.path("none.so"), "0".repeat(64)));
    assert!(matches!(error, LoadError::Missing { .. }), "{error:?}");
    assert!(text.contains("there is no such file; correct `path`"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read() {
    let den = Den::new();
    fs::create_dir(den.path("folder.so")).unwrap();
    let (error, _) = refused(&den, &PluginConfig::new(den.path("folder.so"), "0".repeat(64)));
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error:?}");
}

#[test]
fn a_pin_that_is_none() {
    let den = Den::new();
    let (error, text) = refused(&den, &PluginConfig::new(den.file("a.so", b"a"), "sha256:abc"));
    assert!(matches!(error, LoadError::BadPin { .. }), "{error:?}");
    assert!(text.contains("enum-idp plugin inspect"), "{text}");
}

#[test]
fn a_file_that_was_altered_after_it_was_pinned() {
    let den = Den::new();
    let path = den.lamb();
    let config = inspected(&path);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let (error, text) = refused(&den, &config);
    assert!(matches!(error, LoadError::Altered { .. }), "{error:?}");
    assert!(text.contains(&config.sha256) && text.contains(&sha256(&path)), "{text}");
    assert!(text.contains("Put the expected file back; or"), "{text}");
    assert!(!den.private().exists(), "nothing of it was copied, let alone loaded");
}

#[test]
fn files_that_are_no_libraries() {
    let den = Den::new();
    let whole = fs::read(den.lamb()).unwrap();
    let mut foreign = whole.clone();
    foreign[18] ^= 0x55;
    let files: [(&str, &[u8]); 5] = [
        ("empty.so", b""),
        ("text.so", b"#!/bin/sh\necho plugin\n"),
        ("foreign.so", &foreign),
        ("cut-in-half.so", &whole[..whole.len() / 2]),
        ("cut-in-header.so", &whole[..40]),
    ];
    for (name, bytes) in files {
        let (error, text) = refused(&den, &pinned(&den.file(name, bytes)));
        assert!(matches!(error, LoadError::NotALibrary { .. }), "{name}: {error:?}");
        assert!(text.contains("build or copy it again"), "{text}");
    }
}

#[test]
fn every_truncation_of_a_library_is_refused_or_loads_and_none_ends_the_process() {
    let den = Den::new();
    let whole = fs::read(den.lamb()).unwrap();
    let path = den.path("cut.so");
    for length in (0..whole.len()).step_by(97) {
        fs::write(&path, &whole[..length]).unwrap();
        match Plugins::load(&[pinned(&path)], &den.private()) {
            Err(LoadError::NotALibrary { .. }) => {}
            // Only the sections behind the last segment are missing: debuggers read them, loaders do not.
            Ok(plugins) => assert!(plugins.factor("lamb").is_some(), "{length}"),
            Err(other) => panic!("{length}: {other}"),
        }
    }
}

#[test]
fn a_library_without_the_symbol() {
    let (error, text) = refused_beast(&["NO_SYMBOL"]);
    assert!(matches!(error, LoadError::NoSymbol { .. }), "{error:?}");
    assert!(text.contains("enum_plugin_v1") && text.contains("export_factor!"), "{text}");
}

#[test]
fn tables_that_do_not_fit() {
    for (define, words) in [
        ("NULL_TABLE", "returned no table"),
        ("WRONG_MAGIC", "starts with 0x7f454c46 instead of 0x454e554d"),
        ("WRONG_MAJOR", "version 2 of the plugin contract and this server speaks version 1"),
        ("SHORT_TABLE", "has 16 bytes"),
        ("ABORTS", "rebuild it with `panic = \"unwind\"`"),
        ("NO_CALL", "has no `call` function"),
    ] {
        let (error, text) = refused_beast(&[define]);
        assert!(matches!(error, LoadError::Incompatible { .. }), "{define}: {error:?}");
        assert!(text.contains(words), "{define}: {text}");
    }
}

#[test]
fn descriptions_that_cannot_be_used() {
    for (define, words) in [
        ("DESCRIBES_NONSENSE", "its reply does not have the expected shape"),
        (r#"ID="../../etc""#, "manifest.id `../../etc` must be"),
        (r#"TEXTS="{}""#, "texts.en has no `name`"),
        (r#"SCHEMA="{\"type\":7}""#, "settings_schema is no JSON Schema"),
    ] {
        let (error, text) = refused_beast(&[define]);
        assert!(matches!(error, LoadError::BadDescription { .. }), "{define}: {error:?}");
        assert!(text.contains(words), "{define}: {text}");
    }
}

#[test]
fn a_plugin_that_hangs_when_it_is_asked_what_it_is() {
    let (error, text) = refused_beast(&["DESCRIBES_FOR_EVER"]);
    assert!(matches!(error, LoadError::Hangs { .. }), "{error:?}");
    assert!(text.contains("`describe` did not return within 10 s"), "{text}");
}

/// In a thread of the server these would end the server, or its start: that is what processes are for.
#[test]
fn libraries_that_break_as_soon_as_they_are_loaded() {
    for (start, how) in [("abort()", "signal 6"), ("*(volatile int *)8 = 1", "signal 11"), ("exit(7)", "exit code 7")] {
        let den = Den::new();
        let path = den.beast(&[&format!("STARTS_WITH={start}")]);
        let (error, text) = refused_in(Isolation::Process, &den, &pinned(&path));
        assert!(matches!(error, LoadError::Dies { .. }), "{start}: {error:?}");
        assert!(text.contains(&format!("its process ended during `load` ({how})")), "{start}: {text}");
        assert_eq!(inspect(&path).unwrap_err().to_string(), text, "{start}");
    }
}

#[test]
fn a_library_that_hangs_as_soon_as_it_is_loaded() {
    let den = Den::new();
    let error = inspect(&den.beast(&["STARTS_WITH=for (;;) sleep(1000)"])).unwrap_err();
    assert!(matches!(error, LoadError::Hangs { .. }), "{error:?}");
    assert!(error.to_string().contains("`load` did not return within 10 s"), "{error}");
}

#[test]
fn a_plugin_that_dies_when_it_is_created() {
    let den = Den::new();
    let (error, text) = refused_in(Isolation::Process, &den, &pinned(&den.beast(&["CREATE_ABORTS"])));
    assert!(matches!(error, LoadError::Dies { .. }), "{error:?}");
    assert!(text.contains("its process ended during `create` (signal 6)"), "{text}");
}

#[test]
fn a_program_that_cannot_be_started() {
    let den = Den::new();
    let mut config = inspected(&den.lamb());
    config.program = den.path("none");
    let (error, _) = refused_in(Isolation::Process, &den, &config);
    assert!(matches!(error, LoadError::NoProcess { .. }), "{error:?}");
    // One that knows nothing of plugins ends without a word.
    config.program = "/bin/true".into();
    let (error, text) = refused_in(Isolation::Process, &den, &config);
    assert!(matches!(error, LoadError::Dies { .. }), "{error:?}");
    assert!(text.contains("exit code 0"), "{text}");
}

#[test]
fn a_plugin_that_asks_for_what_is_not_offered() {
    let (error, text) = refused_beast(&[r#"PERMISSIONS="\"log\",\"mail\"""#]);
    assert!(matches!(error, LoadError::UnknownService { .. }), "{error:?}");
    assert!(text.contains("`mail`"), "{text}");
}

#[test]
fn grants_that_are_missing_or_not_asked_for() {
    let (error, text) = refused_beast(&[r#"PERMISSIONS="\"log\",\"http\"""#]);
    assert!(matches!(error, LoadError::Grants { .. }), "{error:?}");
    assert!(text.contains("name the origins"), "{text}");
    let den = Den::new();
    let mut config = inspected(&den.lamb());
    config.grants = vec!["http:https://api.example".to_owned()];
    let (error, text) = refused(&den, &config);
    assert!(matches!(error, LoadError::Grants { .. }), "{error:?}");
    assert!(text.contains("does not ask for"), "{text}");
}

#[test]
fn settings_that_the_schema_refuses() {
    let den = Den::new();
    let mut config = inspected(&den.lamb());
    config.settings = json!({ "colour": "s3cret" });
    let (error, text) = refused(&den, &config);
    assert!(matches!(error, LoadError::Settings { .. }), "{error:?}");
    assert!(text.contains("there is no setting `colour`") && !text.contains("s3cret"), "{text}");
    config.settings = json!("s3cret");
    let (_, text) = refused(&den, &config);
    assert!(text.contains("/: value is not of type \"object\"") && !text.contains("s3cret"), "{text}");
}

#[test]
fn settings_that_the_plugin_refuses() {
    let (error, text) = refused_beast(&["CREATE_REFUSES"]);
    assert!(matches!(error, LoadError::Settings { .. }), "{error:?}");
    assert!(text.contains("the moon is not full"), "{text}");
}

#[test]
fn a_plugin_that_forgets_to_create_itself() {
    let (error, _) = refused_beast(&["CREATE_FORGETS"]);
    assert!(matches!(error, LoadError::Settings { .. }), "{error:?}");
}

#[test]
fn a_plugin_that_panics_when_it_is_created() {
    let den = Den::new();
    let mut config = pinned(&example("panics"));
    config.settings = json!({ "on_start": true });
    let (error, text) = refused(&den, &config);
    assert!(matches!(error, LoadError::Settings { .. }), "{error:?}");
    assert!(text.contains("the plugin panicked"), "{text}");
}

#[test]
fn limits_that_make_no_sense() {
    let den = Den::new();
    let config = inspected(&den.lamb());
    for (key, changed) in [
        ("threads", PluginConfig { threads: 0, ..config.clone() }),
        ("queue", PluginConfig { queue: 0, ..config.clone() }),
        ("deadline_ms", PluginConfig { deadline_ms: 60_001, ..config.clone() }),
    ] {
        let (error, text) = refused(&den, &changed);
        assert!(matches!(error, LoadError::BadLimit { .. }), "{error:?}");
        assert!(text.contains(&format!("`{key}`")), "{text}");
    }
}

#[test]
fn two_plugins_of_one_id() {
    let den = Den::new();
    let configs = [inspected(&den.lamb()), inspected(&den.lamb())];
    let error = Plugins::load(&configs, &den.private()).unwrap_err();
    assert!(matches!(error, LoadError::Taken { .. }), "{error:?}");
    assert!(error.to_string().contains("the id `lamb`"), "{error}");
}

#[test]
fn a_folder_for_copies_that_cannot_be_made() {
    let den = Den::new();
    // One that no other test has loaded: what is mapped already needs no copy.
    let config = inspected(&den.beast(&[r#"ID="ewe""#]));
    let error = Plugins::load(&[config], &den.file("a-file", b"").join("private")).unwrap_err();
    assert!(matches!(error, LoadError::NoCopy { .. }), "{error:?}");
}

#[test]
fn only_the_server_can_write_to_what_it_loads() {
    let den = Den::new();
    let config = inspected(&den.beast(&[r#"ID="ram""#]));
    Plugins::load(std::slice::from_ref(&config), &den.private()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&den.private()), 0o700);
    let copies: Vec<_> = fs::read_dir(den.private()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(copies, [den.private().join(format!("{}.so", config.sha256))]);
    assert_eq!(mode(&copies[0]), 0o600);
}

#[test]
fn inspection_names_hash_and_manifest() {
    let den = Den::new();
    let path = den.lamb();
    let seen = serde_json::to_value(inspect(&path).unwrap()).unwrap();
    assert_eq!(seen["sha256"], json!(sha256(&path)));
    assert_eq!(seen["contract"], json!("1.0"));
    // Every kernel that we support can build these two; Landlock is said to be there or not.
    assert_eq!(seen["walls"]["limits"], json!("in_force"));
    assert_eq!(seen["walls"]["seccomp"], json!("in_force"));
    assert!(!seen["walls"]["landlock"].is_null());
    assert_eq!(seen["description"]["manifest"]["id"], json!("lamb"));
    assert!(matches!(inspect(&den.path("none.so")), Err(LoadError::Missing { .. })));
}
