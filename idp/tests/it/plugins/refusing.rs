//! Files that do not get in, and plugins that do not run: each time it is said why, and what to do.

use std::fs;

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{Place, text};
use crate::{
    on_both_databases,
    support::{database::Database, http, publisher::Publisher},
};

on_both_databases! {
    what_was_altered_in_the_database_does_not_run,
    whose_key_is_trusted_no_more_does_not_run,
    permissions_are_asked_for_and_granted,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_nobody_vouches_for() {
    let place = Place::new(Database::sqlite()).await;
    let file = text(&place.publisher.beast("lamb.so", &[r#"ID="lamb""#]));
    let signature = format!("{file}.minisig");
    place.admin.is_told(&["install", &file], &["it is unsigned", "lamb.so.minisig", "enum-idp plugin sign"]);

    let stranger = Publisher::new(&place.provider.dir);
    stranger.signs(file.as_ref());
    place.admin.is_told(&["install", &file], &[stranger.key_id(), "not trusted", "plugins.trusted_keys"]);

    place.publisher.signs(file.as_ref());
    let genuine = fs::read_to_string(&signature).unwrap();
    fs::write(&signature, genuine.replace("a test's build", "somebody's build")).unwrap();
    place.admin.is_told(&["install", &file], &[place.publisher.key_id(), "altered", "from the publisher again"]);
    fs::write(&signature, "not a signature").unwrap();
    place.admin.is_told(&["install", &file], &["the form that minisign writes"]);
    fs::write(&signature, genuine).unwrap();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, [&bytes[..], b"more"].concat()).unwrap();
    place.admin.is_told(&["install", &file], &[place.publisher.key_id(), "altered"]);
    fs::write(&file, bytes).unwrap();
    place.admin.does(&["install", &file]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_files_that_are_no_plugins() {
    let place = Place::new(Database::sqlite()).await;
    let script = place.provider.dir.join("script.so");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    for (file, words) in [
        (script, "not a shared library"),
        (place.publisher.beast("none.so", &["NO_SYMBOL"]), "does not export `enum_plugin_v1`"),
        (place.publisher.beast("major.so", &["WRONG_MAJOR"]), "rebuild it against the plugin-api"),
        (place.publisher.beast("aborts.so", &["ABORTS"]), "rebuild it with `panic = \"unwind\"`"),
        (place.publisher.beast("texts.so", &[r#"TEXTS="{}""#]), "its description cannot be used"),
    ] {
        place.admin.is_told(&["install", &text(&place.publisher.signed(file))], &[words]);
    }
    place.admin.is_told(&["install", "/nowhere/x.so"], &["there is no such file"]);
    place.admin.is_told(&["enable", "nobody"], &["no plugin nobody is installed", "enum-idp plugin list"]);
}

async fn what_was_altered_in_the_database_does_not_run(database: Database) {
    let direct = database.connect().await;
    let place = Place::new(database).await;
    place.enables_cipherpad().await;
    let zeros = match direct.get_database_backend() {
        sea_orm::DbBackend::Sqlite => "zeroblob(5000)",
        _ => r"'\x00'::bytea",
    };
    direct.execute_unprepared(&format!("UPDATE plugin_file SET bytes = {zeros}")).await.unwrap();
    place.admin.does(&["disable", "cipherpad"]);
    place.admin.is_told(&["enable", "cipherpad"], &["altered after it was installed", "install it again"]);
    // Whoever can write to the database can also say that it is enabled.
    direct.execute_unprepared("UPDATE plugin SET enabled = true").await.unwrap();
    let place = place.restarts().await;
    assert!(place.provider.app.plugins.factor("cipherpad").is_none());
    has_failures(&place, 1).await;

    place.admin.does(&["install", &place.cipherpad("")]);
    place.follows(|provider| provider.app.plugins.factor("cipherpad").is_some()).await;
    has_failures(&place, 0).await;
}

async fn whose_key_is_trusted_no_more_does_not_run(database: Database) {
    let place = Place::new(database).await;
    place.enables_cipherpad().await;
    let place = place.restarts_as(vec!["merchant"], "").await;
    assert!(place.provider.app.plugins.factor("cipherpad").is_none());
    has_failures(&place, 1).await;
    assert_eq!(place.admin.does(&["list"])[0]["trusted"], false);
    place.admin.is_told(&["enable", "cipherpad"], &[place.publisher.key_id(), "not trusted", "plugins.trusted_keys"]);
    place.admin.does(&["disable", "cipherpad"]);
}

/// What operators see; it is written within a second of the look at the catalog.
async fn has_failures(place: &Place, failures: u32) {
    let address = place.provider.origin.join("/metrics").unwrap();
    let line = format!("enum_plugins_failed {failures}\n");
    tokio::time::timeout(super::SECONDS, async {
        while !http::send(hyper::Method::GET, &address, &[], String::new()).await.text().contains(&line) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the number of failures is told");
}

async fn permissions_are_asked_for_and_granted(database: Database) {
    let place = Place::new(database).await;
    let file = place.publisher.beast("lamb.so", &[r#"ID="lamb""#, r#"PERMISSIONS="\"store\",\"http\"""#]);
    let installed = place.admin.does(&["install", &text(&place.publisher.signed(file))]);
    assert_eq!((&installed["permissions"], &installed["granted"]), (&json!(["store", "http"]), &json!([])));
    place.admin.is_told(&["enable", "lamb"], &["were not granted: store, http", "--grant http:https://api.example"]);
    place.admin.is_told(&["enable", "lamb", "--grant-all"], &["were not granted: http;", "name each origin"]);
    place.admin.is_told(&["enable", "lamb", "--grant", "secret"], &["does not ask for the permission `secret`"]);
    for nonsense in ["http", "http:http://api.example", "everything", "http:https://api.example/path"] {
        place.admin.is_told(&["enable", "lamb", "--grant-all", "--grant", nonsense], &["cannot be granted"]);
    }
    let enabled = place.admin.does(&["enable", "lamb", "--grant-all", "--grant", "http:https://API.example:443"]);
    assert_eq!(enabled["granted"], json!(["store", "http:https://api.example"]));
    let listed = &place.admin.does(&["list"])[0];
    assert_eq!((&listed["permissions"], &listed["granted"]), (&json!(["store", "http"]), &enabled["granted"]));
    place.follows(|provider| provider.app.plugins.factor("lamb").is_some()).await;
    place.admin.is_told(&["remove", "lamb"], &["it is enabled", "enum-idp plugin disable lamb"]);
    place.admin.is_told(&["enable", "lamb", "--isolation", "thread"], &["in_process = true"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_id_is_not_in_both_lists() {
    let place = Place::new(Database::sqlite()).await;
    let trusted = place.publisher.trusted(false);
    let place = place.restarts_as(vec!["merchant", "cipherpad"], &format!("trusted_keys = [{trusted}]")).await;
    place.admin.does(&["install", &place.cipherpad("")]);
    place.admin.is_told(&["enable", "cipherpad"], &["plugins.enabled", "take it out there first"]);
}
