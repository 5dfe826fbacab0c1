//! What was not granted, and what is about nobody, is denied and written down.

use enum_idp::plugins::Isolation;
use serde_json::{Value, json};

use super::{Host, ROOMS, refused};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    without_a_grant_everything_is_denied,
    a_plugin_that_is_started_is_about_no_account,
    every_process_is_started_for_nobody,
}

/// An errand with its fields, and the service and subject that are written down.
type Try = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

async fn without_a_grant_everything_is_denied(database: Database) {
    let host = Host::new(database).await;
    let tries: [Try; 8] = [
        ("get", &[("key", "k")], "store.get", "plugin:k"),
        ("put", &[("key", "k"), ("value", "1"), ("scope", "account")], "store.put", "account:k"),
        ("swap", &[("key", "k"), ("value", "1")], "store.cas", "plugin:k"),
        ("delete", &[("key", "k")], "store.delete", "plugin:k"),
        ("list", &[("key", "k")], "store.list", "plugin:k"),
        ("hmac", &[("pointer", "/token")], "secret.hmac", "/token"),
        ("reveal", &[("pointer", "/token")], "secret.reveal", "/token"),
        ("http", &[("method", "GET"), ("url", "https://api.example/p?q=1")], "http.send", "https://api.example/p"),
    ];
    for room in ROOMS {
        let settings = json!({ "token": "hush" });
        let bare = host.tries("errand_bare", room, |config| config.settings = settings).await.unwrap();
        let before = host.audit().await.len();
        for (errand, fields, ..) in tries {
            refused(&bare.does("ann", errand, fields).await, "denied", "was not granted");
        }
        let audit = host.audit().await.split_off(before);
        let expected = tries.map(|(_, _, service, subject)| [service, subject, "ann", "denied"].map(str::to_owned));
        assert_eq!(audit, expected);
        let fields = [("locale", "ru"), ("text_key", "greeting"), ("data", "Аня")];
        assert_eq!(bare.does("ann", "text", &fields).await, "Привет, Аня");
        assert_eq!(bare.does("ann", "log", &[("data", "a line")]).await, Value::Null);
        assert_eq!(host.audit().await.len(), before + tries.len(), "texts and lines are nobody's business");
    }
}

async fn a_plugin_that_is_started_is_about_no_account(database: Database) {
    let host = Host::new(database).await;
    let on_start = |scope: &str| json!({ "on_start": { "do": "put", "key": "k", "value": "1", "scope": scope } });
    for room in ROOMS {
        let settings = on_start("account");
        let Err(error) = host.tries("errand", room, |config| config.settings = settings).await else {
            panic!("it has data of somebody's while it starts")
        };
        let error = error.to_string();
        assert!(error.contains("settings are refused") && error.contains("about no account"), "{error}");
        let audit = host.audit().await;
        assert_eq!(*audit.last().unwrap(), ["store.put", "account:k", "", "denied"]);
        let settings = on_start("plugin");
        let errand = host.runs(room, |config| config.settings = settings).await;
        assert_eq!(errand.does("ann", "get", &[("key", "k")]).await["value"], 1);
    }
}

/// The one that shows that the plugin starts, and those that then serve: the account of no call is their business.
async fn every_process_is_started_for_nobody(database: Database) {
    let host = Host::new(database).await;
    let settings = json!({ "on_start": { "do": "put", "key": "k", "value": "1" } });
    let errand = host.runs(Isolation::Process, |config| config.settings = settings).await;
    errand.does("ann", "get", &[("key", "k")]).await;
    let audit = host.audit().await;
    let starts: Vec<_> = audit.iter().filter(|[service, ..]| service == "store.put").collect();
    assert!(starts.len() >= 2, "{audit:?}");
    assert!(starts.iter().all(|start| **start == ["store.put", "plugin:k", "", "ok"]), "{audit:?}");
}
