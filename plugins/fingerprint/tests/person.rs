//! The factor through its C table, with a person and her keys, and with others who would like to be her.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod keys;

use keys::{ISSUER, OTHER, asked, enrolled, login, pages, payment, plugin, right, sent, wrong};

use fingerprint_key::{Key, Manner};
use plugin_api::{
    message::{Context, Enrolled, Input, Purpose, Signal, Step},
    testing::{
        conformance::{self, Asked, Person},
        context,
    },
};
use serde_json::{Value, json};

/// Somebody with one key.
#[derive(Default)]
struct Ann {
    key: Option<Key>,
}

impl Person for Ann {
    fn enrol(&mut self, _: &Context, asked: &Asked) -> Input {
        let (key, answer) = Key::create(asked.data["options"].as_str().unwrap(), &Manner::at(ISSUER)).unwrap();
        self.key = Some(key);
        sent(&answer)
    }

    fn answer(&mut self, _: &Context, asked: &Asked) -> Input {
        let key = self.key.as_mut().unwrap();
        sent(&key.get(asked.data["options"].as_str().unwrap(), &Manner::at(ISSUER)).unwrap())
    }

    /// Of the right form, by a key that is not hers.
    fn wrong(&mut self, _: &Context, asked: &Asked) -> Input {
        let options: Value = serde_json::from_str(asked.data["options"].as_str().unwrap()).unwrap();
        let (mut other, _) = Key::create(
            &json!({
                "challenge": options["challenge"], "rp": { "id": options["rpId"] }, "user": { "id": "AA" },
            })
            .to_string(),
            &Manner::at(ISSUER),
        )
        .unwrap();
        sent(&other.get(&options.to_string(), &Manner::at(ISSUER)).unwrap())
    }
}

#[test]
fn conforms() {
    conformance::factor(fingerprint_factor::enum_plugin_v1(), &mut Ann::default()).unwrap();
}

#[test]
fn it_says_what_it_is() {
    let manifest = plugin().describe().unwrap().manifest;
    assert_eq!((manifest.id.as_str(), manifest.acr.as_deref(), manifest.per_account), ("fingerprint", Some("phr"), 10));
    assert_eq!(manifest.permissions, ["script", "script.loopback", "nameless"]);
}

#[test]
fn the_page_asks_for_a_verified_answer_to_a_challenge_of_ours() {
    let (plugin, cx) = (plugin(), login());
    let (key, enrolment) = enrolled(&plugin, "Left thumb");
    let (options, _) = asked(plugin.begin(&cx, &enrolment).unwrap());
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["rpId"], "id.example");
    assert_eq!(options["allowCredentials"][0]["id"], key.id());
    assert_eq!(options["allowCredentials"][0]["transports"], json!(["internal"]));
    assert_eq!(options["challenge"].as_str().unwrap().len(), 43);
}

#[test]
fn a_right_answer_says_what_it_proves_and_moves_the_counter() {
    let (plugin, cx) = (plugin(), login());
    let (mut key, enrolment) = enrolled(&plugin, "Left thumb");
    let (options, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    let answer = key.get(&options, &Manner::at(ISSUER)).unwrap();
    let step = plugin.answer(&cx, &enrolment, &state, &sent(&answer)).unwrap();
    let Step::Pass { facts, enrolment: Some(moved), enrolled: None } = step else { panic!("{step:?}") };
    assert_eq!(
        (facts.amr, facts.device.as_deref()),
        (vec!["hwk".into(), "user".into(), "mfa".into()], Some("Left thumb"))
    );
    assert_eq!(moved["credential"]["counter"], 1);
    for part in ["authenticator_data", "client_data_sha256", "signature"] {
        assert!(facts.evidence[part].is_string(), "{part}");
    }
    assert_eq!(facts.evidence["credential"], key.id());
}

#[test]
fn a_key_that_can_be_copied_is_none_of_hardware() {
    let (plugin, cx) = (plugin(), login());
    let manner = Manner { synchronised: true, counter: Some(0), ..Manner::at(ISSUER) };
    let (mut key, enrolment) = keys::enrolled_with(&plugin, "Phone", &manner);
    let (options, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    let step = plugin.answer(&cx, &enrolment, &state, &sent(&key.get(&options, &manner).unwrap())).unwrap();
    let Step::Pass { facts, .. } = step else { panic!("{step:?}") };
    assert_eq!(facts.amr, ["swk", "user", "mfa"]);
    // Its counter stays at 0, and that is no clone.
    let step = plugin.answer(&cx, &enrolment, &state, &sent(&key.get(&options, &manner).unwrap())).unwrap();
    assert!(matches!(step, Step::Pass { .. }));
}

#[test]
fn what_no_honest_browser_or_key_says_is_wrong() {
    let (plugin, cx) = (plugin(), login());
    let (mut key, enrolment) = enrolled(&plugin, "Left thumb");
    let (options, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    let honest = || Manner::at(ISSUER);
    let manners = [
        ("a foreign origin", Manner::at("https://evil.example")),
        ("a subdomain", Manner::at("https://sub.id.example")),
        ("another port", Manner::at("https://id.example:8443")),
        ("no encryption", Manner::at("http://id.example")),
        ("a foreign RP ID", Manner { rp_id: Some("evil.example".to_owned()), ..honest() }),
        ("nobody verified", Manner { verified: false, ..honest() }),
        ("nobody present", Manner { present: false, ..honest() }),
        ("a frame", Manner { framed: true, ..honest() }),
        ("another ceremony", Manner { ceremony: Some("webauthn.create"), ..honest() }),
        ("a payment's ceremony", Manner { ceremony: Some("payment.get"), ..honest() }),
        ("another account's handle", Manner { user: Some(b"somebody else".to_vec()), ..honest() }),
        ("a key that became synchronised", Manner { synchronised: true, ..honest() }),
    ];
    for (what, manner) in manners {
        let answer = key.get(&options, &manner).unwrap();
        assert_eq!(plugin.answer(&cx, &enrolment, &state, &sent(&answer)).unwrap(), wrong(), "{what}");
    }
    assert!(right(plugin.answer(&cx, &enrolment, &state, &sent(&key.get(&options, &honest()).unwrap()))));
}

#[test]
fn an_answer_is_good_for_its_challenge_and_its_payment() {
    let plugin = plugin();
    let (mut key, enrolment) = enrolled(&plugin, "Left thumb");
    let one = payment();
    let (options, state) = asked(plugin.begin(&one, &enrolment).unwrap());
    let answer = sent(&key.get(&options, &Manner::at(ISSUER)).unwrap());
    assert!(right(plugin.answer(&one, &enrolment, &state, &answer)));
    // The host's randomness stays the same here: the transaction alone makes the difference.
    let mut dearer = one.clone();
    dearer.transaction.as_mut().unwrap().amount_minor += 1;
    let mut elsewhere = one.clone();
    elsewhere.transaction.as_mut().unwrap().payee_account = "Z999999999999".to_owned();
    let login = Context { purpose: Purpose::Authorize, transaction: None, ..one.clone() };
    let replayed = Context { random: OTHER.to_owned(), ..one.clone() };
    for other in [dearer, elsewhere, login, replayed] {
        assert_eq!(plugin.answer(&other, &enrolment, &state, &answer).unwrap(), wrong(), "{other:?}");
    }
}

#[test]
fn a_counter_that_goes_back_is_a_clone_and_only_where_all_else_is_right() {
    let (plugin, cx) = (plugin(), login());
    let (mut key, enrolment) = enrolled(&plugin, "Left thumb");
    let (options, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    let at = |counter| Manner { counter: Some(counter), ..Manner::at(ISSUER) };
    let step = plugin.answer(&cx, &enrolment, &state, &sent(&key.get(&options, &at(7)).unwrap())).unwrap();
    let Step::Pass { enrolment: Some(moved), .. } = step else { panic!("{step:?}") };
    let clone = Step::Wrong { signal: Some(Signal::Clone) };
    for counter in [7, 6, 1, 0] {
        let answer = sent(&key.get(&options, &at(counter)).unwrap());
        assert_eq!(plugin.answer(&cx, &moved, &state, &answer).unwrap(), clone, "{counter}");
    }
    let elsewhere = Manner { origin: "https://evil.example".to_owned(), ..at(1) };
    let answer = sent(&key.get(&options, &elsewhere).unwrap());
    assert_eq!(plugin.answer(&cx, &moved, &state, &answer).unwrap(), wrong(), "anybody could block payments");
}

#[test]
fn any_of_several_answers_and_is_named() {
    let (plugin, cx) = (plugin(), login());
    let (mut thumb, lead) = enrolled(&plugin, "Thumb");
    let (mut ring, other) = enrolled(&plugin, "Ring finger");
    let (mut foreign, _) = enrolled(&plugin, "Somebody else's");
    let others = [Enrolled { id: "second".to_owned(), enrolment: other.clone() }];
    let (options, state) = asked(plugin.begin_among(&cx, &lead, &others).unwrap());
    let read: Value = serde_json::from_str(&options).unwrap();
    let ids: Vec<_> = read["allowCredentials"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, [json!(thumb.id()), json!(ring.id())]);
    let by = |key: &mut Key| {
        let answer = key.get(&options, &Manner::at(ISSUER)).unwrap();
        plugin.answer_among(&cx, &lead, &others, &state, &sent(&answer)).unwrap()
    };
    assert!(matches!(by(&mut thumb), Step::Pass { enrolled: None, .. }));
    let step = by(&mut ring);
    let Step::Pass { facts, enrolled: Some(named), enrolment: Some(moved) } = step else { panic!("{step:?}") };
    assert_eq!((named.as_str(), facts.device.as_deref()), ("second", Some("Ring finger")));
    assert_eq!((&moved["name"], &moved["credential"]["counter"]), (&json!("Ring finger"), &json!(1)));
    assert_eq!(by(&mut foreign), wrong());
    // Removed in between.
    let answer = sent(&ring.get(&options, &Manner::at(ISSUER)).unwrap());
    assert_eq!(plugin.answer(&cx, &lead, &state, &answer).unwrap(), wrong());
}

#[test]
fn pages_carry_their_options_and_their_script_in_every_language() {
    let (plugin, cx) = (plugin(), context(Purpose::Authorize));
    let (_, enrolment) = enrolled(&plugin, "Thumb");
    let steps = [plugin.begin(&cx, &enrolment).unwrap(), plugin.enrol_begin(&cx, None).unwrap()];
    for locale in ["en", "ru", "vi"] {
        for step in &steps {
            let Step::Ask { page, data, .. } = step else { panic!("{step:?}") };
            let html = pages(&plugin, page, locale, data);
            for part in
                ["id=\"webauthn\"", "id=\"continue\"", "id=\"credential\"", "/assets/x/webauthn.js", "<noscript>"]
            {
                assert!(html.contains(part), "{locale} {page}: {part}\n{html}");
            }
            assert!(!html.contains("data-options=\"{\""), "the options are escaped");
            assert!(!html.contains("bridge"), "nobody said that there is one");
        }
    }
}

#[test]
fn pages_offer_the_bridge_where_the_administrator_names_its_port() {
    let plugin = keys::with(&json!({ "bridge_port": 17316 })).unwrap();
    let cx = context(Purpose::Authorize);
    let (_, enrolment) = enrolled(&plugin, "Thumb");
    let decoy = plugin.decoy(&cx).unwrap().enrolment;
    let steps = [
        plugin.begin(&cx, &enrolment).unwrap(),
        plugin.begin(&payment(), &enrolment).unwrap(),
        plugin.begin(&cx, &decoy).unwrap(),
        plugin.enrol_begin(&cx, None).unwrap(),
    ];
    for locale in ["en", "ru", "vi"] {
        for step in &steps {
            let Step::Ask { page, data, .. } = step else { panic!("{step:?}") };
            assert_eq!(data["loopback_port"], 17316);
            let html = pages(&plugin, page, locale, data);
            for part in
                ["data-port=\"17316\"", "id=\"use-bridge\"", "/assets/x/bridge.js", "data-trouble-bridge-absent=\""]
            {
                assert!(html.contains(part), "{locale} {page}: {part}\n{html}");
            }
        }
    }
}
