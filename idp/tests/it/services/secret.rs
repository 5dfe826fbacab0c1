//! Secrets of the settings: used by the server, and seen by nobody.

use enum_idp::plugins::Isolation;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Host, ROOMS, refused};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    a_plugin_has_references_and_the_host_the_secrets,
    a_secret_stands_nowhere_in_the_audit_trail,
}

const TOKEN: &str = "hush-token-31337";

fn settings() -> Value {
    json!({ "token": TOKEN, "gateway": { "url": "http://g", "password": "hush-gateway" }, "word": "old style" })
}

async fn a_plugin_has_references_and_the_host_the_secrets(database: Database) {
    let host = Host::new(database).await;
    for room in ROOMS {
        let errand = host.runs(room, |config| config.settings = settings()).await;
        let seen = errand.does("ann", "settings", &[]).await;
        assert_eq!(seen["token"], json!({ "secret": "/token" }));
        assert_eq!(seen["gateway"], json!({ "url": "http://g", "password": { "secret": "/gateway/password" } }));
        assert_eq!(seen["word"], "old style");
        assert!(!seen.to_string().contains("hush"), "{seen}");

        let mac = errand.does("ann", "hmac", &[("pointer", "/token"), ("data", "what is said")]).await;
        let mut own = Hmac::<Sha256>::new_from_slice(TOKEN.as_bytes()).unwrap();
        own.update(b"what is said");
        assert_eq!(mac, hex::encode(own.finalize().into_bytes()));
        assert_eq!(errand.does("ann", "reveal", &[("pointer", "/gateway/password")]).await, "hush-gateway");
        for none in ["/word", "/gateway/url", "/none", "", "/gateway"] {
            refused(&errand.does("ann", "reveal", &[("pointer", none)]).await, "failed", "there is no secret");
            refused(&errand.does("ann", "hmac", &[("pointer", none)]).await, "failed", "there is no secret");
        }
    }
}

async fn a_secret_stands_nowhere_in_the_audit_trail(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Process, |config| config.settings = settings()).await;
    errand.does("ann", "reveal", &[("pointer", "/token")]).await;
    errand.does("ann", "put", &[("key", "k"), ("value", TOKEN)]).await;
    let url = format!("https://localhost:9/p?token={TOKEN}");
    let told = errand.does("ann", "http", &[("method", "GET"), ("url", &url), ("header_secret", "/token")]).await;
    refused(&told, "denied", "not public");
    assert!(!told.to_string().contains(TOKEN), "{told}");
    let audit = host.audit().await;
    assert_eq!(audit.len(), 3, "{audit:?}");
    assert!(!format!("{audit:?}").contains("hush"), "{audit:?}");
    assert_eq!(audit[2], ["http.send", "https://localhost:9/p", "ann", "denied"]);
}
