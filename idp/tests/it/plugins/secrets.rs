//! Secrets among the settings go in and never come out, but to the plugin that they are for.

use serde_json::{Value, json};

use super::{Place, text};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    secrets_stay_until_they_are_replaced,
    what_is_wrong_with_settings_is_told_without_the_secrets,
    an_upgrade_does_not_get_at_what_the_host_keeps,
}

const PASSWORD: &str = "s3cret-of-the-gateway";
const WORD: &str = "s3cret-of-the-old-style";

/// What the errand that runs now says.
async fn told(place: &Place, what: &str, pointer: &str) -> Value {
    place.errand_says(&json!({ "word": "w" }), &[("do", what), ("pointer", pointer)]).await
}

async fn runs_with(place: &Place, version: i64) {
    place.looks().await;
    assert_eq!(place.catalog()[0]["settings_version"], version);
}

async fn secrets_stay_until_they_are_replaced(database: Database) {
    let place = Place::new(database).await;
    let first = place.settings("first.json", &json!({ "gateway": { "url": "u" }, "word": WORD }));
    place.admin.does(&["install", &place.errand("errand", "")]);
    let grants = ["--grant-all", "--grant", "http-private:http://127.0.0.1:9"];
    let enabling =
        [&["enable", "errand"][..], &grants, &["--settings", &first, "--secret", "/gateway/password"]].concat();
    place.admin.does_given(&enabling, &format!("{PASSWORD}\n"));
    place.follows(|provider| provider.app.plugins.factor("errand").is_some()).await;
    let reference = json!({ "secret": "/gateway/password" });
    let running = told(&place, "settings", "").await;
    assert_eq!((&running["gateway"]["password"], &running["word"]), (&reference, &json!(WORD)), "each in its style");
    assert_eq!(told(&place, "reveal", "/gateway/password").await, PASSWORD);
    let shown = place.admin.does(&["settings", "errand"]);
    let hidden = json!({ "gateway": { "url": "u", "password": "***" }, "word": "***" });
    assert_eq!(shown, json!({ "version": 1, "settings": hidden }));

    // What is shown can be edited and given back: nothing in it is lost.
    let mut edited = shown["settings"].clone();
    edited["gateway"]["url"] = "v".into();
    place.admin.does(&["settings", "errand", "--set", &place.settings("second.json", &edited)]);
    runs_with(&place, 2).await;
    assert_eq!(told(&place, "settings", "").await["gateway"]["url"], "v");
    assert_eq!(told(&place, "reveal", "/gateway/password").await, PASSWORD);
    let without = json!({ "gateway": { "url": "v" }, "word": null });
    place.admin.does(&["settings", "errand", "--set", &place.settings("third.json", &without)]);
    runs_with(&place, 3).await;
    assert_eq!(told(&place, "reveal", "/gateway/password").await, PASSWORD);
    assert_eq!(told(&place, "settings", "").await["word"], Value::Null, "`null` removes it");

    place.admin.does_given(&["settings", "errand", "--secret", "/gateway/password"], "another-s3cret\r\n");
    runs_with(&place, 4).await;
    assert_eq!(told(&place, "reveal", "/gateway/password").await, "another-s3cret");
    place.admin.does(&["settings", "errand", "--rollback", "1"]);
    runs_with(&place, 1).await;
    assert_eq!(told(&place, "reveal", "/gateway/password").await, PASSWORD, "a version comes back with its secrets");
    assert_eq!(told(&place, "settings", "").await["word"], WORD);

    let upgraded = place.admin.does(&["upgrade", "errand", &place.errand("errand", "2"), "--settings", &first]);
    runs_with(&place, upgraded["settings_version"].as_i64().unwrap()).await;
    assert_eq!(told(&place, "reveal", "/gateway/password").await, PASSWORD);
    let stored = enum_idp::store::plugin::settings(place.provider.app.db.read(), "errand", 1).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&stored.sealed).contains("s3cret"));
}

async fn what_is_wrong_with_settings_is_told_without_the_secrets(database: Database) {
    let place = Place::new(database).await;
    place.enables_errand(&[]).await;
    let refused = |settings: Value, words: &[&str]| {
        let path = place.settings("wrong.json", &settings);
        let said = place.admin.is_told_given(&["settings", "errand", "--set", &path], "", words);
        assert!(!said.contains("s3cret"), "{said}");
    };
    refused(json!({ "gateway": { "url": 7, "password": PASSWORD } }), &["its settings are refused", "/gateway"]);
    refused(json!({ "gateway": PASSWORD, "word": WORD }), &["its settings are refused", "/gateway"]);
    refused(json!({ "word": { "inner": WORD } }), &["its settings are refused", "/word"]);
    refused(json!({ "word": [WORD] }), &["its settings are refused", "/word"]);
    refused(json!({ "gateway": { "url": "u", "password": "***" } }), &["/gateway/password", "no earlier value"]);
    refused(json!({ "strange": WORD }), &["there is no setting `strange`"]);
    let told = format!("the gateway does not know {PASSWORD} of {WORD}");
    let gateway = json!({ "url": "u", "password": PASSWORD });
    for when in ["on_check", "on_start"] {
        let errand = json!({ "do": "fail", "data": told });
        let settings = json!({ "gateway": gateway, "word": WORD, when: errand });
        refused(settings, &["its settings are refused", when, "the gateway does not know *** of ***"]);
    }
    assert_eq!(place.catalog()[0]["settings_version"], 0, "nothing was set");

    for (pointer, input, words) in [
        ("/gateway/url", "s3cret", "have no secret at `/gateway/url`"),
        ("gateway/password", "s3cret", "have no secret at `gateway/password`"),
        ("/nowhere", "s3cret", "have no secret at `/nowhere`"),
        ("/token", "\n", "there is no secret for /token"),
        ("/token", "", "there is no secret for /token"),
    ] {
        let said = place.admin.is_told_given(&["settings", "errand", "--secret", pointer], input, &[words]);
        assert!(!said.contains("s3cret"), "{said}");
    }
    place.admin.does_given(&["settings", "errand", "--secret", "/token", "--secret", "/word"], "one\ntwo\n");
    let shown = place.admin.does(&["settings", "errand"]);
    assert_eq!(shown, json!({ "version": 1, "settings": { "token": "***", "word": "***" } }));
    let check = place.settings("check.json", &json!({ "on_check": { "do": "reveal", "pointer": "/token" } }));
    place.admin.does(&["settings", "errand", "--set", &check]);
}

const BY_REFERENCE: &str = r#"SCHEMA="{\"type\":\"object\",\"properties\":{\"word\":{\"writeOnly\":true,\"type\":\"object\",\"properties\":{\"secret\":{\"type\":\"string\"}},\"required\":[\"secret\"]}}}""#;
const ITSELF: &str =
    r#"SCHEMA="{\"type\":\"object\",\"properties\":{\"word\":{\"writeOnly\":true,\"type\":\"string\"}}}""#;
const IN_THE_OPEN: &str = r#"SCHEMA="{\"type\":\"object\",\"properties\":{\"word\":{\"type\":\"string\"}}}""#;

async fn an_upgrade_does_not_get_at_what_the_host_keeps(database: Database) {
    let place = Place::new(database).await;
    let build = |name: &str, schema: &str| {
        text(&place.publisher.signed(place.publisher.beast(name, &[r#"ID="lamb""#, schema])))
    };
    place.admin.does(&["install", &build("1.so", BY_REFERENCE)]);
    place.admin.does_given(&["enable", "lamb", "--secret", "/word"], PASSWORD);
    let before = place.catalog();
    for (name, schema) in [("2.so", ITSELF), ("3.so", IN_THE_OPEN)] {
        let refused = ["the secret /word", "which the host has kept to itself"];
        let said = place.admin.is_told_given(&["upgrade", "lamb", &build(name, schema)], "", &refused);
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert_eq!(place.catalog(), before);
    place.admin.does_given(&["upgrade", "lamb", &build("2.so", ITSELF), "--secret", "/word"], WORD);
    assert_eq!(place.admin.does(&["settings", "lamb"])["settings"], json!({ "word": "***" }));
}
