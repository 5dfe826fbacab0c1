//! A start that cannot succeed says exactly what is wrong and what to do, and ends with an error.

use std::os::unix::fs::PermissionsExt;

use crate::support::{database::Database, plugins, program::Program};

#[track_caller]
fn told(program: &Program, words: &[&str]) {
    let said = program.refuses_to_serve();
    for word in words {
        assert!(said.contains(word), "{word:?} is not said: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

fn program() -> (Database, Program) {
    let database = Database::sqlite();
    let program = Program::new(&database);
    (database, program)
}

fn plugin_path() -> String {
    plugins::pinned("cipherpad").rsplit_once('@').unwrap().0.to_owned()
}

#[test]
fn a_missing_plugin_file_is_named() {
    let (_database, program) = program();
    program.changes(&plugin_path(), "/nowhere/libcipherpad.so");
    told(&program, &["/nowhere/libcipherpad.so"]);
}

#[test]
fn a_plugin_file_that_was_altered_is_not_loaded() {
    let (database, program) = program();
    let altered = database.dir().join("altered.so");
    let mut bytes = std::fs::read(plugin_path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&altered, bytes).unwrap();
    program.changes(&plugin_path(), altered.to_str().unwrap());
    told(&program, &["altered.so", "sha256"]);
}

#[test]
fn a_file_that_is_no_plugin_is_not_loaded() {
    let (database, program) = program();
    let text = database.dir().join("text.so");
    std::fs::write(&text, "not a library").unwrap();
    let sha256 = {
        use sha2::{Digest, Sha256};
        hex::encode(Sha256::digest("not a library"))
    };
    program.changes(&plugins::pinned("cipherpad"), &format!("{}@{sha256}", text.display()));
    told(&program, &["text.so"]);
}

#[test]
fn an_unknown_key_is_named() {
    let (_database, program) = program();
    program.changes("issuer =", "isuser = 'x'\nissuer =");
    told(&program, &["isuser"]);
}

#[test]
fn a_bad_value_is_named() {
    let (_database, program) = program();
    program.changes("issuer = 'http://127.0.0.1:9'", "issuer = 'http://id.example'");
    told(&program, &["issuer", "https"]);
}

#[test]
fn a_missing_configuration_is_named() {
    let (_database, program) = program();
    std::fs::remove_file(&program.config).unwrap();
    told(&program, &["enum.toml"]);
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    let (database, program) = program();
    program.changes(&database.url, "postgres://enum:s3cret@127.0.0.1:1/enum");
    let said = program.refuses_to_serve();
    assert!(said.contains("127.0.0.1:1") && !said.contains("s3cret"), "{said}");
}

#[test]
fn a_bad_client_is_named_with_its_field() {
    let (database, program) = program();
    let clients = r#"[{"client_id":"shop","client_secret":"s","redirect_uris":["http://shop.example/"]}]"#;
    std::fs::write(database.dir().join("clients.json"), clients).unwrap();
    told(&program, &["clients.json", "shop", "redirect_uris"]);
}

#[test]
fn a_master_key_that_others_can_read_is_refused() {
    let (database, program) = program();
    program.succeeds(&["migrate"]);
    let key = database.dir().join("data/master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    told(&program, &["master.key", "chmod 600"]);
}

#[test]
fn another_master_key_than_the_database_s_is_noticed() {
    let (database, program) = program();
    program.succeeds(&["migrate"]);
    std::fs::remove_file(database.dir().join("data/master.key")).unwrap();
    told(&program, &["master key"]);
}

#[test]
fn an_address_in_use_is_named() {
    let (_database, program) = program();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    program.changes("listen = '127.0.0.1:9'", &format!("listen = '{address}'"));
    told(&program, &[&address]);
}
