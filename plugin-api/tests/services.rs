//! The services of a host: what the SDK sends, and what the host in memory makes of it.
#![forbid(unsafe_code)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use plugin_api::message::{HeaderValue, HttpResponse, Scope, StoreListed};
use plugin_api::prelude::*;
use plugin_api::testing::{FakeHost, context};
use plugin_api::{Entry, Response, Status};

fn host(permissions: &[&str]) -> (Arc<FakeHost>, Host) {
    let fake = Arc::new(FakeHost::granting(permissions.iter().copied()));
    let handle = fake.handle();
    (fake, handle)
}

fn secret(pointer: &str) -> Secret {
    serde_json::from_value(json!({ "secret": pointer })).unwrap()
}

fn denied<T: std::fmt::Debug>(result: Result<T>) -> String {
    let Err(Error::Denied(why)) = result else { panic!("it was not denied: {result:?}") };
    why
}

fn failed<T: std::fmt::Debug>(result: Result<T>) -> String {
    let Err(Error::Failed(why)) = result else { panic!("it did not fail: {result:?}") };
    why
}

#[test]
fn what_is_put_is_there_until_it_is_deleted() {
    let (_, host) = host(&["store"]);
    let store = host.store(Scope::Plugin);
    assert_eq!(store.get::<u32>("n").unwrap(), None);
    store.put("n", &7).unwrap();
    let Entry { value, version } = store.get::<u32>("n").unwrap().unwrap();
    assert_eq!(value, 7);
    store.put("n", &8).unwrap();
    assert!(store.get::<u32>("n").unwrap().unwrap().version > version);
    store.delete("n").unwrap();
    store.delete("n").unwrap();
    assert_eq!(store.get::<u32>("n").unwrap(), None);
    store.put("n", "seven").unwrap();
    let why = failed(store.get::<u32>("n"));
    assert!(why.contains("the stored value") && !why.contains("seven"), "{why}");
}

#[test]
fn of_two_who_swap_one_is_first() {
    let (_, host) = host(&["store"]);
    let store = host.store(Scope::Plugin);
    assert!(store.swap("code", None, "a").unwrap());
    assert!(!store.swap("code", None, "b").unwrap(), "there is something");
    let read = store.get::<String>("code").unwrap().unwrap();
    assert!(store.swap("code", Some(read.version), "c").unwrap());
    assert!(!store.swap("code", Some(read.version), "d").unwrap(), "somebody else was first");
    assert!(!store.take("code", read.version).unwrap());
    let read = store.get::<String>("code").unwrap().unwrap();
    assert_eq!(read.value, "c");
    assert!(store.take("code", read.version).unwrap());
    assert!(!store.take("code", read.version).unwrap(), "it was taken");
    assert!(store.swap("code", None, "e").unwrap());
    assert!(store.get::<String>("code").unwrap().unwrap().version > read.version, "no version comes twice");
    assert_eq!(failed(store.swap("code", None, &Value::Null)), "null cannot be swapped in");
}

#[test]
fn what_has_expired_is_gone() {
    let (fake, host) = host(&["store"]);
    let now = context(Purpose::Authorize).now;
    let store = host.store(Scope::Plugin).until(now + 1000);
    store.put("code", "a").unwrap();
    fake.set_now(now + 999);
    assert!(store.get::<String>("code").unwrap().is_some());
    assert_eq!(fake.stored(None, "code"), Some(json!("a")));
    fake.set_now(now + 1000);
    assert_eq!(store.get::<String>("code").unwrap(), None);
    assert_eq!(store.list("", None).unwrap(), StoreListed { keys: Vec::new(), more: false });
    assert_eq!(fake.stored(None, "code"), None);
    assert!(store.until(now + 2000).swap("code", None, "b").unwrap(), "as if there had never been anything");
}

#[test]
fn keys_are_listed_in_pages() {
    let (_, host) = host(&["store"]);
    let store = host.store(Scope::Plugin);
    for n in 0..250 {
        store.put(&format!("n/{n:03}"), &n).unwrap();
    }
    store.put("m", &0).unwrap();
    store.put("o", &0).unwrap();
    let (mut keys, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store.list("n/", after.as_deref()).unwrap();
        after = page.keys.last().cloned();
        keys.extend(page.keys);
        if !page.more {
            break;
        }
    }
    assert_eq!(keys, (0..250).map(|n| format!("n/{n:03}")).collect::<Vec<_>>());
}

#[test]
fn keys_and_values_have_their_limits() {
    let (_, host) = host(&["store"]);
    let store = host.store(Scope::Plugin);
    store.put(&"k".repeat(128), &"v".repeat((64 << 10) - 2)).unwrap();
    assert_eq!(failed(store.put(&"k".repeat(129), &0)), "a key has 1 to 128 bytes");
    assert_eq!(failed(store.get::<u32>("")), "a key has 1 to 128 bytes");
    assert_eq!(failed(store.put("k", &"v".repeat(64 << 10))), "a value has at most 65536 bytes");
    assert_eq!(failed(store.swap("k", None, &"v".repeat(64 << 10))), "a value has at most 65536 bytes");
}

#[test]
fn accounts_do_not_see_each_other() {
    let (fake, host) = host(&["store"]);
    let store = host.store(Scope::Account);
    FakeHost::about(Some("acc_ann"), || store.put("k", "ann's").unwrap());
    FakeHost::about(Some("acc_bo"), || {
        assert_eq!(store.get::<String>("k").unwrap(), None);
        store.put("k", "bo's").unwrap();
        FakeHost::about(Some("acc_ann"), || assert_eq!(store.get::<String>("k").unwrap().unwrap().value, "ann's"));
        assert_eq!(store.get::<String>("k").unwrap().unwrap().value, "bo's");
    });
    assert_eq!(host.store(Scope::Plugin).get::<String>("k").unwrap(), None);
    assert_eq!(denied(store.get::<String>("k")), "this call is about no account");
    assert_eq!(fake.stored(Some("acc_ann"), "k"), Some(json!("ann's")));
}

#[test]
fn a_secret_is_used_without_being_seen() {
    let (fake, host) = host(&["secret"]);
    fake.set_secret("/token", "Jefe");
    // RFC 4231 §4.3, test case 2.
    let mac = secret("/token").hmac(&host, b"what do ya want for nothing?").unwrap();
    assert_eq!(hex::encode(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_eq!(denied(secret("/token").reveal(&host)), "the permission `secret.reveal` was not granted");
    fake.grant("secret.reveal");
    assert_eq!(secret("/token").reveal(&host).unwrap(), "Jefe");
    assert_eq!(failed(secret("/other").reveal(&host)), "the settings have no secret `/other`");
    fake.withhold("secret");
    assert_eq!(denied(secret("/token").hmac(&host, b"")), "the permission `secret` was not granted");
    assert!(!format!("{fake:?} {:?} {:?}", fake.calls(), secret("/token")).contains("Jefe"));
}

#[test]
fn a_secret_is_known_by_its_schema() {
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Settings {
        /// Of the gateway.
        #[expect(dead_code, reason = "only its schema is looked at")]
        password: Secret,
        #[expect(dead_code, reason = "as above")]
        token: Option<Secret>,
    }
    let schema = schemars::schema_for!(Settings).to_value();
    let reference = |sort: Value| {
        json!({
            "type": sort, "writeOnly": true, "properties": { "secret": { "type": "string" } },
            "required": ["secret"], "additionalProperties": false
        })
    };
    let mut password = reference(json!("object"));
    password["description"] = json!("Of the gateway.");
    assert_eq!(schema["properties"], json!({ "password": password, "token": reference(json!(["object", "null"])) }));
    let settings = |password: Value| serde_json::from_value::<Settings>(json!({ "password": password }));
    settings(json!({ "secret": "/password" })).unwrap();
    for none in [json!("text"), json!({}), json!({ "secret": 1 })] {
        settings(none).unwrap_err();
    }
}

#[test]
fn a_request_goes_out_with_its_secret() {
    let (fake, host) = host(&["http:https://api.example", "secret"]);
    fake.set_secret("/token", "s3cret");
    fake.set_web(|request| {
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://api.example/v1/send?a=b"));
        let plain = |value: &str| HeaderValue::Plain(value.to_owned());
        assert_eq!(request.headers["authorization"], plain("Bearer s3cret"));
        assert_eq!(request.headers["content-type"], plain("application/json"));
        assert_eq!(request.body, "eyJ0byI6NzcwfQ");
        let headers = BTreeMap::from([("x-id".to_owned(), "17".to_owned())]);
        Ok(HttpResponse { status: 202, headers, body: "eyJvayI6dHJ1ZX0".to_owned() })
    });
    let call = || host.http("POST", "https://api.example/v1/send?a=b").json(&json!({ "to": 770 })).unwrap();
    let response = call().header("Authorization", secret("/token").header_with_prefix("Bearer ")).send().unwrap();
    assert_eq!((response.status, response.is_success(), response.header("X-Id")), (202, true, Some("17")));
    assert_eq!(response.json::<Value>().unwrap(), json!({ "ok": true }));
    assert_eq!(fake.calls()[0].request["headers"]["authorization"], json!({ "secret": "/token", "prefix": "Bearer " }));

    fake.withhold("secret");
    let refused = denied(call().header("authorization", secret("/token").header()).send());
    assert_eq!(refused, "the permission `secret` was not granted");
    assert_eq!(fake.calls()[1].status, Status::Denied);
}

#[test]
fn only_granted_origins_are_reached() {
    let (fake, host) = host(&["http:https://api.example", "http-private:http://10.0.0.5:8080"]);
    fake.set_web(|_| Ok(HttpResponse { status: 302, headers: BTreeMap::new(), body: String::new() }));
    let get = |url: &str| host.http("GET", url).send();
    let moved = Response { status: 302, headers: BTreeMap::new(), body: Vec::new() };
    assert_eq!(get("https://API.example").unwrap(), moved);
    assert_eq!(get("http://10.0.0.5:8080/x").unwrap(), moved);
    for url in
        ["http://api.example", "https://api.example:444/", "https://api.example.evil/", "https://evil/@api.example"]
    {
        assert!(denied(get(url)).starts_with("the origin `"), "{url}");
    }
    for url in ["api.example", "ftp://api.example", "https://me@api.example", "https://"] {
        assert_eq!(failed(get(url)), "url: must be absolute, by http or https", "{url}");
    }
    assert_eq!(
        failed(host.http("TRACE", "https://api.example").send()),
        "method: one of GET, POST, PUT, PATCH, DELETE"
    );
    fake.set_web(|_| Err(Error::failed("no route")));
    assert_eq!(failed(get("https://api.example")), "no route");
    fake.set_web(|_| Ok(HttpResponse { status: 200, headers: BTreeMap::new(), body: "A".repeat(350_000) }));
    assert_eq!(failed(get("https://api.example")), "the response has more than 262144 bytes");
}

#[test]
fn an_old_host_does_not_support_what_came_later() {
    let (fake, host) = host(&["store", "secret", "secret.reveal", "http"]);
    fake.grow_old();
    let unsupported = [
        host.store(Scope::Plugin).put("k", &1).unwrap_err(),
        host.http("GET", "https://api.example").send().unwrap_err(),
        secret("/token").hmac(&host, b"").unwrap_err(),
        host.text("en", "name", &[]).unwrap_err(),
    ];
    assert!(unsupported.iter().all(|error| *error == Error::Unsupported), "{unsupported:?}");
    host.log("info", "still here");
    assert_eq!(fake.lines()[0].message, "still here");
}
