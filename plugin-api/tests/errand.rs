//! The factor that calls every service, through the C table: what the tests of a server rely on.
#![forbid(unsafe_code)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[path = "../examples/errand_v2.rs"]
mod errand_v2;

use plugin_api::Error;
use plugin_api::message::{Context, Facts, HttpResponse, Input, Migrating, Purpose, Scope, Step};
use plugin_api::testing::conformance::{self, Asked, Person};
use plugin_api::testing::{FakeHost, Loaded, context};
use serde_json::{Value, json};

struct Ann;

impl Person for Ann {
    fn settings(&self) -> Value {
        json!({ "token": { "secret": "/token" }, "on_check": { "do": "hmac", "pointer": "/token" } })
    }

    fn prepare(&self, host: &FakeHost) {
        host.set_secret("/token", "s3cret");
    }

    fn older(&self) -> Vec<(u32, Migrating)> {
        let word = json!({ "word": "kettle" });
        vec![
            (1, Migrating::Enrolment { value: word.clone() }),
            (1, Migrating::Enrolling { value: word.clone() }),
            (1, Migrating::Stored { scope: Scope::Account, key: "k".to_owned(), value: word }),
            (1, Migrating::Stored { scope: Scope::Plugin, key: "n".to_owned(), value: json!(7) }),
        ]
    }

    fn enrol(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "kettle")])
    }

    fn answer(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("do", "pass")])
    }

    fn wrong(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("do", "nothing")])
    }
}

/// Does it, and gives what came back.
fn reply(loaded: &Loaded, fields: &[(&str, &str)]) -> Value {
    let (cx, enrolment) = (context(Purpose::Authorize), json!({ "phrase": "kettle" }));
    let Step::Ask { page, state, .. } = loaded.begin(&cx, &enrolment).unwrap() else { panic!("it did not ask") };
    assert_eq!(page, "told");
    let input = fields.iter().copied().collect();
    let Step::Ask { page, data, .. } = loaded.answer(&cx, &enrolment, &state, &input).unwrap() else {
        panic!("it did not tell")
    };
    assert_eq!((page.as_str(), data["json"].as_str()), ("told", Some(data["reply"].to_string().as_str())));
    data["reply"].clone()
}

#[test]
fn it_conforms() {
    conformance::factor(errand_v2::enum_plugin_v1(), &mut Ann).unwrap();
}

#[test]
fn it_stores_in_both_scopes() {
    let loaded = Loaded::new(errand_v2::enum_plugin_v1(), &json!({})).unwrap();
    for scope in ["account", "plugin"] {
        let told = |fields: &[(&str, &str)]| reply(&loaded, &[fields, &[("scope", scope)]].concat());
        assert_eq!(told(&[("do", "get"), ("key", "k")]), Value::Null);
        let value = format!(r#"{{"of": "{scope}"}}"#);
        assert_eq!(told(&[("do", "put"), ("key", "k"), ("value", &value)]), Value::Null);
        let read = told(&[("do", "get"), ("key", "k")]);
        assert_eq!(read["value"], json!({ "of": scope }));
        let version = read["version"].to_string();
        let swap = |version: &str, value: &str| {
            told(&[("do", "swap"), ("key", "k"), ("version", version), ("value", value)]) == json!(true)
        };
        assert_eq!([swap("", "x"), swap(&version, "text"), swap(&version, "y")], [false, true, false]);
        assert_eq!(told(&[("do", "get"), ("key", "k")])["value"], json!("text"));
        assert_eq!(told(&[("do", "list"), ("key", "k")]), json!({ "keys": ["k"], "more": false }));
        assert_eq!(told(&[("do", "list"), ("after", "k")]), json!({ "keys": [], "more": false }));
        let version = told(&[("do", "get"), ("key", "k")])["version"].to_string();
        assert!(swap(&version, ""), "an empty value forgets");
        assert_eq!(told(&[("do", "delete"), ("key", "k")]), Value::Null);
        let soon = (context(Purpose::Authorize).now + 1).to_string();
        assert_eq!(told(&[("do", "put"), ("key", "k"), ("value", "1"), ("expires_at", &soon)]), Value::Null);
        assert_eq!(told(&[("do", "get"), ("key", "k")])["value"], json!(1));
    }
    loaded.host().set_now(context(Purpose::Authorize).now + 1);
    assert_eq!(loaded.host().stored(Some("acc_7f3k"), "k"), None);
}

#[test]
fn it_uses_secrets_and_the_web() {
    let settings =
        json!({ "gateway": { "url": "https://api.example", "password": { "secret": "/gateway/password" } } });
    let loaded = Loaded::with(errand_v2::enum_plugin_v1(), &settings, |host| {
        host.set_secret("/gateway/password", "key");
        host.set_web(|request| {
            let headers = serde_json::to_value(&request.headers).unwrap();
            assert_eq!(headers, json!({ "authorization": "Bearer key", "x-errand": "1" }));
            Ok(HttpResponse { status: 200, headers: [].into(), body: request.body.clone() })
        });
    })
    .unwrap();
    let url = ("url", "https://api.example/v1");
    let pointer = "/gateway/password";
    assert_eq!(
        reply(&loaded, &[("do", "http"), ("method", "POST"), url, ("header_secret", pointer), ("data", "tea")]),
        json!({ "status": 200, "headers": {}, "body": "tea" })
    );
    // HMAC-SHA-256 with the key `key`, as everybody's example has it.
    assert_eq!(
        reply(
            &loaded,
            &[("do", "hmac"), ("pointer", pointer), ("data", "The quick brown fox jumps over the lazy dog")]
        ),
        json!("f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8")
    );
    assert_eq!(reply(&loaded, &[("do", "reveal"), ("pointer", pointer)]), json!("key"));
    assert_eq!(reply(&loaded, &[("do", "settings")])["gateway"], settings["gateway"]);
    let text =
        |locale| reply(&loaded, &[("do", "text"), ("locale", locale), ("text_key", "greeting"), ("data", "Ann")]);
    assert_eq!([text("vi"), text("tlh")], ["Chào Ann", "Hello, Ann"]);
    assert_eq!(reply(&loaded, &[("do", "log"), ("data", "done")]), Value::Null);
    assert_eq!(loaded.host().lines()[0].message, "done");
}

#[test]
fn it_tells_what_went_wrong() {
    let loaded = Loaded::new(errand_v2::enum_plugin_v1(), &json!({})).unwrap();
    let get = [("do", "get"), ("key", "k")];
    let failed = reply(&loaded, &[("do", "fail"), ("data", "so be it")]);
    assert_eq!(failed, json!({ "error": "so be it", "status": "failed" }));
    loaded.host().withhold("store");
    let denied = reply(&loaded, &get);
    assert_eq!(denied, json!({ "error": "the permission `store` was not granted", "status": "denied" }));
    loaded.host().grow_old();
    assert_eq!(reply(&loaded, &get)["status"], "unsupported");
}

#[test]
fn it_passes_except_for_a_decoy() {
    let loaded = Loaded::new(errand_v2::enum_plugin_v1(), &json!({})).unwrap();
    let (cx, pass) = (context(Purpose::Authorize), Input::from_iter([("do", "pass")]));
    let answer = |enrolment: &Value| loaded.answer(&cx, enrolment, &json!(null), &pass).unwrap();
    assert_eq!(answer(&json!({ "phrase": "kettle" })), Step::pass(Facts::amr(&["pin"])));
    assert_eq!(answer(&loaded.decoy(&cx).unwrap().enrolment), Step::wrong());
}

#[test]
fn its_settings_can_be_right_and_not_work() {
    let table = errand_v2::enum_plugin_v1();
    let on = |when: &str, errand: Value| json!({ when: errand });
    let loaded = Loaded::new(table, &on("on_check", json!({ "do": "fail", "data": "refused" }))).unwrap();
    let check = |settings: Value| loaded.check_settings(&settings);
    assert_eq!(check(json!({})), Ok(()));
    assert_eq!(
        check(on("on_check", json!({ "do": "fail", "data": "refused" }))),
        Err(Error::failed("on_check: refused"))
    );
    let nobody = on("on_start", json!({ "do": "get", "scope": "account", "key": "k" }));
    let refused = Error::failed("on_start: this call is about no account");
    assert_eq!(Loaded::new(table, &nobody).unwrap_err(), refused);
    assert_eq!(check(nobody), Err(refused));
}

#[test]
fn it_migrates_all_or_nothing() {
    let loaded = Loaded::new(errand_v2::enum_plugin_v1(), &json!({})).unwrap();
    let enrolment = |value: Value| Migrating::Enrolment { value };
    let (word, phrase) = (json!({ "word": "tea" }), json!({ "phrase": "tea" }));
    assert_eq!(loaded.migrate(1, 2, vec![enrolment(word.clone())]), Ok(vec![phrase.clone()]));
    assert_eq!(loaded.migrate(2, 1, vec![enrolment(phrase.clone())]), Ok(vec![word.clone()]));
    let stuck = vec![enrolment(word.clone()), enrolment(json!({ "word": "stuck" }))];
    assert_eq!(loaded.migrate(1, 2, stuck), Err(Error::failed("stuck")));
    assert_eq!(loaded.migrate(1, 2, vec![enrolment(phrase)]), Err(Error::failed("`word` is missing")));
    assert!(loaded.migrate(0, 2, vec![enrolment(word)]).is_err());
}
