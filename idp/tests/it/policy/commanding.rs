//! `enum-idp policy`: what an administrator types, and what all nodes make of it.

use std::time::Duration;

use enum_idp::login::policy::kept;
use hyper::Method;
use serde_json::{Value, json};

use super::{ANN, SECONDS, follows, says};
use crate::{
    codes::provider_of_both,
    on_both_databases,
    support::{database::Database, http, provider::Provider, publisher::Administrator},
};

on_both_databases! {
    a_policy_is_set_shown_and_returned_to,
    all_nodes_follow_and_a_restart_forgets_nothing,
    a_document_that_is_wrong_changes_nothing,
    of_two_at_once_one_is_refused,
    discovery_names_what_can_be_reached,
}

fn administrator(provider: &Provider) -> Administrator {
    Administrator::of(&provider.dir, &provider.configuration()).at("policy")
}

fn written(provider: &Provider, document: &Value) -> String {
    let path = provider.dir.join("policy.json");
    std::fs::write(&path, document.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn a_policy_is_set_shown_and_returned_to(database: Database) {
    let provider = Provider::starts(database).await;
    let admin = administrator(&provider);
    assert_eq!(admin.does(&["show"]), json!({ "version": 0, "policy": {} }));
    assert_eq!(admin.does(&["history"]), json!([]));
    let off = json!({ "factors": { "cipherpad": { "off": true } } });
    let set = admin.does(&["set", &written(&provider, &off), "--note", "a fault in it"]);
    assert_eq!(set, json!({ "version": 1, "doubts": ["no factor that runs may sign anybody in"] }));
    follows(&provider.app, &off).await;
    let capped = json!({ "factors": { "cipherpad": { "acr": "phr" } } });
    let checked = admin.does(&["check", &written(&provider, &capped)]);
    assert!(checked["doubts"][0].as_str().unwrap().contains("no more than that"), "{checked}");
    assert_eq!(admin.does(&["show"])["version"], 1, "it was only looked at");
    admin.does(&["set", &written(&provider, &capped)]);
    assert_eq!(admin.does(&["show"]), json!({ "version": 2, "policy": capped }));
    assert_eq!(admin.does(&["show", "--version", "1"]), json!({ "version": 1, "policy": off }));
    assert_eq!(admin.does(&["rollback"])["version"], 3);
    follows(&provider.app, &off).await;
    assert_eq!(admin.does(&["rollback", "0"])["version"], 4);
    follows(&provider.app, &json!({})).await;
    let history = admin.does(&["history"]);
    let notes: Vec<_> = history.as_array().unwrap().iter().map(|version| version["note"].as_str()).collect();
    assert_eq!(notes, [Some("version 0 again"), Some("version 1 again"), None, Some("a fault in it")]);
    let schema = admin.does(&["show", "--schema"]);
    assert!(schema["properties"]["factors"].is_object(), "{schema}");
}

async fn all_nodes_follow_and_a_restart_forgets_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    let (other, serving) = provider.another_node().await;
    let off = json!({ "factors": { "cipherpad": { "off": true } } });
    says(&provider, &off).await;
    follows(&other, &off).await;
    drop((other, serving));
    let provider = provider.restarts().await;
    ann.goes(&provider.sites.own.sends(&[])).await;
    assert!(ann.person.sees("unmet-lead"), "{}", ann.person.what_is_shown());
}

async fn a_document_that_is_wrong_changes_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let admin = administrator(&provider);
    for (document, words) in [
        (json!([]), "object"),
        (json!({ "factor": {} }), "'factor'"),
        (json!({ "factors": { "cipherpad": { "acr": "urn:enum:acr:9" } } }), "/factors/cipherpad/acr"),
    ] {
        let file = written(&provider, &document);
        admin.is_told(&["set", &file], &[words]);
        admin.is_told(&["check", &file], &[words]);
    }
    admin.is_told(&["set", "/nowhere/policy.json"], &["/nowhere/policy.json"]);
    admin.is_told(&["rollback", "7"], &["no version 7"]);
    admin.is_told(&["show", "--version", "7"], &["no version 7"]);
    assert_eq!(admin.does(&["history"]), json!([]));
}

async fn of_two_at_once_one_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let set = || kept::set(&provider.app.db, "{}", None, 0);
    let (first, second) = tokio::join!(set(), set());
    let refused = [&first, &second].into_iter().filter(|set| matches!(set, Err(kept::Refused::Conflict))).count();
    // They may also have come one after the other.
    let versions: Vec<_> = [first, second].into_iter().flatten().collect();
    assert_eq!(versions.len() + refused, 2);
    assert!(versions == [1] || versions == [1, 2], "{versions:?}");
}

async fn discovery_names_what_can_be_reached(database: Database) {
    let provider = provider_of_both(database).await;
    let levels = async || {
        let address = provider.origin.join("/.well-known/openid-configuration").unwrap();
        http::send(Method::GET, &address, &[], String::new()).await.expect(200)["acr_values_supported"].clone()
    };
    assert_eq!(levels().await, json!(["urn:enum:acr:1", "urn:enum:acr:2", "urn:enum:acr:payment"]));
    for (rule, expected) in [
        (json!({ "acr": "urn:enum:acr:1" }), json!(["urn:enum:acr:1", "urn:enum:acr:payment"])),
        (json!({ "off": true }), json!(["urn:enum:acr:1"])),
        (json!({}), json!(["urn:enum:acr:1", "urn:enum:acr:2", "urn:enum:acr:payment"])),
    ] {
        says(&provider, &json!({ "factors": { "cipherpad": rule } })).await;
        tokio::time::timeout(SECONDS, async {
            while levels().await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("discovery follows");
    }
}
