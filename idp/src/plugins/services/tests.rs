//! Services as plugins find them: what is served, to whom, until when, and what is written down of it.

#![expect(clippy::unwrap_used, reason = "tests")]
use std::thread;
use std::time::Duration;

use plugin_api::Status;
use plugin_api::message::{Manifest, Purpose};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::seal::Seal;
use crate::store::{Db, embedded_url, plugin_call, plugin_data};

const LIMIT: Duration = Duration::from_secs(5);

fn of(id: &str, grants: &[&str], texts: &Value, means: &Means) -> (HostServices, Arc<Held>) {
    having(id, grants, Secrets::default(), texts, means)
}

fn having(id: &str, grants: &[&str], secrets: Secrets, texts: &Value, means: &Means) -> (HostServices, Arc<Held>) {
    let manifest = Manifest::factor(id, "1.0.0").purposes(&[Purpose::Authorize]);
    let description = json!({ "manifest": manifest, "settings_schema": {}, "texts": texts });
    let description: Description = serde_json::from_value(description).unwrap();
    let held = Arc::new(Held { grants: Grants::parse(grants).unwrap(), secrets });
    (HostServices::new(&description, "00", &held, means), held)
}

/// A plugin of a host without data.
pub(super) fn services(texts: &Value) -> HostServices {
    of("x", &[], texts, &Means::bare()).0
}

async fn means() -> (Means, Db, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&embedded_url(dir.path())).await.unwrap();
    let seal = Arc::new(Seal::new(&[7; 32], Entropy::system()).unwrap());
    (Means::new(db.clone(), seal, Clock::system(), &Entropy::system()).unwrap(), db, dir)
}

/// A call of a service on a thread of a plugin's.
fn calls(services: &Arc<HostServices>, method: &'static str, json: &Value) -> (Status, Value) {
    let (services, json) = (services.clone(), json.to_string());
    let served = thread::spawn(move || services.call(method, json.as_bytes())).join().unwrap();
    parsed(served)
}

/// The same while the plugin is being called about Ann.
fn calls_about_ann(services: &Arc<HostServices>, method: &'static str, json: &Value) -> (Status, Value) {
    let (services, json) = (services.clone(), json.to_string());
    let ann = Subject::Account("ann".to_owned());
    let call = move || during(&ann, LIMIT, || services.call(method, json.as_bytes()));
    parsed(thread::spawn(call).join().unwrap())
}

fn parsed((status, reply): (Status, Vec<u8>)) -> (Status, Value) {
    let text = String::from_utf8(reply).unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[test]
fn only_what_is_offered_is_served() {
    let services = services(&json!({}));
    assert_eq!(services.call("store.rename", b"{}").0, Status::Unknown);
    assert_eq!(services.call("log", b"{}").0, Status::Error);
    assert_eq!(services.call("log", br#"{"level": "fatal", "message": "m"}"#).0, Status::Error);
    assert_eq!(services.call("log", br#"{"level": "info", "message": "m"}"#).0, Status::Ok);
}

#[test]
fn a_host_without_data_keeps_nothing() {
    let services = Arc::new(services(&json!({})));
    let (status, why) = calls_about_ann(&services, "store.get", &json!({ "scope": "plugin", "key": "k" }));
    assert_eq!((status, why), (Status::Denied, "there is no such service here, or no longer".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_does_not_see_the_data_of_another() {
    let (means, ..) = means().await;
    let (one, _held) = of("one", &["store"], &json!({}), &means);
    let (two, _held_too) = of("two", &["store"], &json!({}), &means);
    let plugins = [one, two].map(Arc::new);
    for scope in ["plugin", "account"] {
        let place = json!({ "scope": scope, "key": "k" });
        let value = json!({ "scope": scope, "key": "k", "value": "of one" });
        assert_eq!(calls_about_ann(&plugins[0], "store.put", &value), (Status::Ok, Value::Null));
        assert_eq!(calls_about_ann(&plugins[1], "store.get", &place), (Status::Ok, json!({ "entry": null })));
        let nothing = json!({ "keys": [], "more": false });
        assert_eq!(calls_about_ann(&plugins[1], "store.list", &json!({ "scope": scope })), (Status::Ok, nothing));
        assert_eq!(calls_about_ann(&plugins[1], "store.delete", &place), (Status::Ok, Value::Null));
        assert_eq!(calls_about_ann(&plugins[0], "store.get", &place).1["entry"]["value"], "of one");
    }
}

/// Runs these calls in one call of the plugin about `subject`.
fn in_one_call(services: &Arc<HostServices>, subject: Subject, calls: &[(&'static str, Value)]) -> Vec<Value> {
    let (services, calls) = (services.clone(), calls.to_vec());
    let all = move || {
        let each = |(method, json): &(&'static str, Value)| services.call(method, json.to_string().as_bytes());
        during(&subject, LIMIT, || calls.iter().map(each).collect::<Vec<_>>())
    };
    thread::spawn(all).join().unwrap().into_iter().map(|served| parsed(served).1).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_a_call_an_address_without_an_account_is_like_one_with() {
    let (means, db, _dir) = means().await;
    let (services, _held) = of("one", &["store"], &json!({}), &means);
    let services = Arc::new(services);
    let place = |key: &str| json!({ "scope": "account", "key": key });
    let put = |key: &str, value: i32| json!({ "scope": "account", "key": key, "value": value });
    let swap = |value: Option<i32>, version: Option<u64>| json!({ "scope": "account", "key": "b", "value": value, "version": version });
    let past = json!({ "scope": "account", "key": "old", "value": 1, "expires_at": 1 });
    let calls = [
        ("store.put", put("a", 1)),
        ("store.put", put("b", 2)),
        ("store.put", past),
        ("store.cas", swap(Some(3), None)),
        ("store.cas", swap(Some(3), Some(1))),
        ("store.cas", swap(None, Some(1))),
        ("store.list", json!({ "scope": "account" })),
        ("store.list", json!({ "scope": "account", "prefix": "", "after": "a" })),
        ("store.get", place("old")),
        ("store.delete", place("a")),
        ("store.get", place("a")),
        ("store.delete", place("b")),
        ("store.cas", swap(None, None)),
        ("store.cas", swap(Some(4), None)),
        ("store.delete", place("b")),
        ("store.put", put("long".repeat(40).as_str(), 1)),
    ];
    let ann = in_one_call(&services, Subject::Account("ann".to_owned()), &calls);
    let nobody = in_one_call(&services, Subject::Decoy("d3c0y".to_owned()), &calls);
    assert_eq!(ann, nobody);
    assert_eq!((&ann[6], &ann[13]), (&json!({ "keys": ["a", "b"], "more": false }), &json!({ "swapped": true })));

    let value = |replies: &[Value]| replies[1]["entry"]["value"].clone();
    let calls = [("store.put", put("k", 5)), ("store.get", place("k"))];
    assert_eq!(value(&in_one_call(&services, Subject::Account("ann".to_owned()), &calls)), 5);
    assert_eq!(value(&in_one_call(&services, Subject::Decoy("d3c0y".to_owned()), &calls)), 5);
    // In the next call it is gone.
    let next = in_one_call(&services, Subject::Decoy("d3c0y".to_owned()), &[("store.get", place("k"))]);
    assert_eq!(next, [json!({ "entry": null })]);
    let left = plugin_data::count(db.read(), "one").await.unwrap();
    assert_eq!(left, 2, "what is Ann's: one that is in force, one that is past");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_of_a_call_nothing_is_served_and_that_is_written_down() {
    let (means, db, _dir) = means().await;
    let (services, _held) = of("one", &["store"], &json!({}), &means);
    let services = Arc::new(services);
    for scope in ["plugin", "account"] {
        let (status, why) = calls(&services, "store.get", &json!({ "scope": scope, "key": "k" }));
        assert_eq!(
            (status, why),
            (Status::Denied, "services are there for the length of a call, and on its thread".into())
        );
    }
    means.settle().await;
    let outcomes: Vec<_> = plugin_call::last(db.read(), "one", true, 9).await.unwrap();
    assert_eq!(outcomes.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_cannot_be_read_is_told_so() {
    let (means, db, _dir) = means().await;
    let (services, _held) = of("one", &["store"], &json!({}), &means);
    let services = Arc::new(services);
    let (status, why) = calls_about_ann(&services, "store.get", &json!({ "scope": "everybody", "key": "k" }));
    assert_eq!(status, Status::Error);
    assert!(why.as_str().unwrap().starts_with("this is no request of store.get: "), "{why}");
    means.settle().await;
    assert_eq!(plugin_call::last(db.read(), "one", false, 9).await.unwrap()[0].outcome, "failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_time_is_up_services_say_so_and_change_nothing() {
    let (means, ..) = means().await;
    let (services, _held) = of("one", &["store"], &json!({}), &means);
    let services = Arc::new(services);
    let late = services.clone();
    let call = move || {
        during(&Subject::Nobody, Duration::from_millis(20), || {
            thread::sleep(Duration::from_millis(25));
            late.call("store.put", br#"{"scope": "plugin", "key": "k", "value": 1}"#)
        })
    };
    let (status, why) = parsed(thread::spawn(call).join().unwrap());
    assert_eq!((status, why), (Status::Error, "the time that this call has is up".into()));
    let there = calls_about_ann(&services, "store.get", &json!({ "scope": "plugin", "key": "k" }));
    assert_eq!(there, (Status::Ok, json!({ "entry": null })));
}

/// A put would wait for the lock that the migration holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_has_no_services() {
    let (means, ..) = means().await;
    let (services, _held) = of("one", &["store"], &json!({}), &means);
    let put = br#"{"scope": "plugin", "key": "k", "value": 1}"#;
    let call = move || during(&Subject::Migration, LIMIT, || services.call("store.put", put));
    let (status, why) = parsed(thread::spawn(call).join().unwrap());
    assert_eq!((status, why), (Status::Denied, "a migration works on what it is given, and has no services".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_whose_place_was_taken_by_one_of_another_data_version_writes_nothing_more() {
    let (means, db, _dir) = means().await;
    let (services, _held) = of("one", &["store"], &json!({}), &means);
    let services = Arc::new(services);
    let value = |key: &str| json!({ "scope": "plugin", "key": key, "value": 1 });
    assert_eq!(calls_about_ann(&services, "store.put", &value("before")).0, Status::Ok);
    let next = crate::store::plugin::Model {
        id: "one".to_owned(),
        enabled: true,
        sha256: "01".to_owned(),
        previous_sha256: Some("00".to_owned()),
        isolation: "key".to_owned(),
        granted: "[]".to_owned(),
        settings_version: 0,
        previous_settings: None,
        data_version: 1,
        threads: None,
        queue: None,
        deadline_ms: None,
        changed_at: 0,
    };
    let written = db.write(move |tx| Box::pin(crate::store::plugin::adding(next).apply(tx)));
    written.await.unwrap();
    let refusal = (Status::Error, "what is there was written by a build of another data version".into());
    for (method, request) in [
        ("store.put", value("before")),
        ("store.put", value("after")),
        ("store.cas", json!({ "scope": "plugin", "key": "after", "version": null, "value": 1 })),
        ("store.delete", json!({ "scope": "plugin", "key": "before" })),
    ] {
        assert_eq!(calls_about_ann(&services, method, &request), refusal, "{method}");
    }
    let keys = calls_about_ann(&services, "store.list", &json!({ "scope": "plugin" }));
    assert_eq!(keys, (Status::Ok, json!({ "keys": ["before"], "more": false })));
    means.settle().await;
    let refused = plugin_call::last(db.read(), "one", false, 9).await.unwrap();
    assert_eq!(refused.iter().filter(|call| call.outcome == "failed").count(), 4, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_was_let_go_and_a_host_that_is_gone_have_no_services() {
    let (means, ..) = means().await;
    let get = json!({ "scope": "plugin", "key": "k" });
    let (services, held) = of("one", &["store"], &json!({}), &means);
    let services = Arc::new(services);
    assert_eq!(calls_about_ann(&services, "store.get", &get).0, Status::Ok);
    drop(held);
    assert_eq!(calls_about_ann(&services, "store.get", &get).0, Status::Denied);
    let (services, _held) = of("one", &["store"], &json!({}), &means);
    let services = Arc::new(services);
    drop(means);
    assert_eq!(calls_about_ann(&services, "store.get", &get).0, Status::Denied);
}

/// What is logged on the thread of a call, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_stands_in_no_line_of_the_log_and_in_no_error() {
    let (means, ..) = means().await;
    let schema = json!({ "properties": { "token": { "writeOnly": true, "properties": { "secret": {} } } } });
    let (_, secrets) = secret::split(&schema, &json!({ "token": "hush" }));
    let grants = ["secret", "secret.reveal", "http-private:http://127.0.0.1:1", "http-private:https://127.0.0.1:1"];
    let (services, _held) = having("one", &grants, secrets, &json!({}), &means);
    let (services, log) = (Arc::new(services), Log::default());
    let header = json!({ "secret": "/token", "prefix": "Bearer " });
    let sends = |url: &str| json!({ "method": "GET", "url": url, "headers": { "authorization": header } });
    let tries = [
        ("secret.reveal", json!({ "secret": "/token" }), Status::Ok),
        ("secret.hmac", json!({ "secret": "/token", "data": "AA" }), Status::Ok),
        ("secret.hmac", json!({ "secret": "/token", "data": "?" }), Status::Error),
        ("secret.hmac", json!({ "secret": "/none", "data": "AA" }), Status::Error),
        ("http.send", sends("http://127.0.0.1:1/path?key=hush"), Status::Error),
        ("http.send", sends("https://127.0.0.1:1/path?key=hush"), Status::Error),
        ("http.send", sends("http://127.0.0.1:2/path?key=hush"), Status::Denied),
        ("store.put", json!({ "scope": "plugin", "key": "k", "value": "hush" }), Status::Denied),
    ];
    for (method, json, expected) in tries {
        let (services, writer, json) = (services.clone(), log.clone(), json.to_string());
        let call = move || {
            let make = move || writer.clone();
            let logging = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(make).finish();
            tracing::subscriber::with_default(logging, || {
                during(&Subject::Nobody, LIMIT, || services.call(method, json.as_bytes()))
            })
        };
        let (status, reply) = parsed(thread::spawn(call).join().unwrap());
        assert_eq!(status, expected, "{method}: {reply}");
        assert!(status == Status::Ok || !reply.to_string().contains("hush"), "{method}: {reply}");
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("was denied a service").count(), 2, "{log}");
    assert!(!log.contains("hush"), "{log}");
}
