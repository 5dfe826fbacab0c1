//! The plugin through its own table, on a host in memory.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use keeper::enum_plugin_v1;
use plugin_api::message::{AccountView, ClientView, Content, Serve, ServeContext, Served};
use plugin_api::testing::Loaded;
use plugin_api::testing::conformance::{self, ServiceSamples};
use serde_json::json;

fn asks(account: &str, method: &str, resource: &str, name: &str, body: &str) -> Serve {
    let random = BASE64_URL_SAFE_NO_PAD.encode(format!("{account} {method} {name} {body:>40}"));
    Serve {
        cx: ServeContext {
            account: AccountView { id: account.to_owned(), email: "ann@example.com".to_owned(), name: String::new() },
            addresses: vec!["ann@example.com".to_owned()],
            client: ClientView { id: "keeper".to_owned(), name: "The keeper".to_owned() },
            key: Some("a thumbprint".to_owned()),
            acr: "urn:enum:acr:2".to_owned(),
            proven_at: 0,
            now: 1_790_000_000_000,
            random: random.chars().rev().collect(),
        },
        resource: resource.to_owned(),
        method: method.to_owned(),
        segments: if name.is_empty() { BTreeMap::new() } else { BTreeMap::from([("name".into(), name.into())]) },
        query: BTreeMap::new(),
        body: BASE64_URL_SAFE_NO_PAD.encode(body),
    }
}

#[test]
fn it_conforms() {
    let samples = ServiceSamples { settings: json!({}), good: vec![], refused: vec![json!({ "type": "keeper" })] };
    conformance::service(enum_plugin_v1(), &samples).unwrap();
    let requests = [
        asks("ann", "GET", "files", "", ""),
        asks("ann", "PUT", "files/{name}", "k", "x"),
        asks("ann", "GET", "files/{name}", "k", ""),
        asks("ann", "POST", "files/{name}/move", "k", "{\"to\": \"l\"}"),
        asks("ann", "DELETE", "files/{name}", "l", ""),
        asks("ann", "GET", "links", "", ""),
        asks("ann", "POST", "links", "", "{\"kind\": \"classic\", \"wmid\": \"123456789012\"}"),
        asks("ann", "POST", "links", "", "nonsense"),
    ];
    conformance::resources(enum_plugin_v1(), &json!({}), &requests).unwrap();
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    Loaded::new(enum_plugin_v1(), &json!({ "files": 100, "versions": 4 })).unwrap();
    let error = Loaded::new(enum_plugin_v1(), &json!({ "files": 100, "versions": 5 })).unwrap_err();
    assert!(error.to_string().contains("400"), "{error}");
}

#[test]
fn a_key_is_told_of_once() {
    let loaded = Loaded::new(enum_plugin_v1(), &json!({})).unwrap();
    let first: Served = loaded.serve(&asks("ann", "GET", "files", "", "")).unwrap();
    assert!(first.new_key);
    assert!(!loaded.serve(&asks("ann", "PUT", "files/{name}", "k", "x")).unwrap().new_key);
    assert!(loaded.serve(&asks("bob", "PUT", "files/{name}", "k", "x")).unwrap().new_key);
}

#[test]
fn what_was_put_comes_back_as_it_was() {
    let loaded = Loaded::new(enum_plugin_v1(), &json!({})).unwrap();
    loaded.serve(&asks("ann", "PUT", "files/{name}", "k", "\u{0}\u{ff} bytes")).unwrap();
    let served = loaded.serve(&asks("ann", "GET", "files/{name}", "k", "")).unwrap();
    assert_eq!(served.content, Content::Octets(BASE64_URL_SAFE_NO_PAD.encode("\u{0}\u{ff} bytes")));
    assert_eq!(loaded.serve(&asks("bob", "GET", "files/{name}", "k", "")).unwrap().status, 404);
}

#[test]
fn what_a_request_left_behind_is_swept_and_what_is_named_stays() {
    let loaded = Loaded::new(enum_plugin_v1(), &json!({})).unwrap();
    let at = |now: i64, mut request: Serve| {
        request.cx.now = now;
        loaded.serve(&request).unwrap().status
    };
    let begin = 1_790_000_000_000;
    assert_eq!(at(begin, asks("ann", "PUT", "files/{name}", "k", "kept")), 201);
    let (left, under_way) = (format!("blob:{begin}left"), format!("blob:{}under-way", begin + 900_000));
    for key in [&left, &under_way] {
        loaded.host().set_stored(Some("ann"), key, json!("b2xk"));
    }
    assert_eq!(at(begin + 1_000_000, asks("ann", "PUT", "files/{name}", "l", "another")), 201);
    assert!(loaded.host().stored(Some("ann"), &left).is_none(), "nobody names it");
    assert!(loaded.host().stored(Some("ann"), &under_way).is_some(), "its request may still name it");
    loaded.host().set_now(begin + 10_000_000);
    for name in ["k", "l"] {
        assert_eq!(
            at(begin + 10_000_000, asks("ann", "GET", "files/{name}", name, "")),
            200,
            "{name} is there for good"
        );
    }
}
