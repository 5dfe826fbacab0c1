//! How somebody enrols, and what is not taken.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod keys;

use keys::{ISSUER, OTHER, asked, enrolled, login, named, plugin, sent, with, wrong};

use fingerprint_key::{Key, Maker, Manner};
use plugin_api::message::{Context, Enrolled, Step};
use serde_json::{Value, json};

#[test]
fn the_page_asks_for_a_key_of_this_account_and_excludes_those_that_are_there() {
    let plugin = plugin();
    let (thumb, enrolment) = enrolled(&plugin, "Thumb");
    let others = [Enrolled { id: "first".to_owned(), enrolment }];
    let (options, _) = asked(plugin.enrol_begin_among(&login(), None, &others).unwrap());
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["rp"], json!({ "id": "id.example", "name": "E-num" }));
    assert_eq!(options["excludeCredentials"][0]["id"], thumb.id());
    assert_eq!(options["attestation"], "none");
    let selection = &options["authenticatorSelection"];
    assert_eq!((&selection["userVerification"], &selection["residentKey"]), (&json!("required"), &json!("preferred")));
    assert_eq!((&selection["requireResidentKey"], selection.get("authenticatorAttachment")), (&json!(false), None));
    let handle = options["user"]["id"].as_str().unwrap();
    assert!(!handle.contains('@') && !handle.is_empty(), "the handle is opaque: {handle}");
}

#[test]
fn what_no_honest_browser_or_key_says_enrols_nothing() {
    let (plugin, cx) = (plugin(), login());
    let (options, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let honest = || Manner::at(ISSUER);
    let manners = [
        ("a foreign origin", Manner::at("https://evil.example")),
        ("another port", Manner::at("https://id.example:8443")),
        ("a foreign RP ID", Manner { rp_id: Some("evil.example".to_owned()), ..honest() }),
        ("nobody verified", Manner { verified: false, ..honest() }),
        ("nobody present", Manner { present: false, ..honest() }),
        ("a frame", Manner { framed: true, ..honest() }),
        ("another ceremony", Manner { ceremony: Some("webauthn.get"), ..honest() }),
    ];
    for (what, manner) in manners {
        let (_, answer) = Key::create(&options, &manner).unwrap();
        assert_eq!(plugin.enrol_answer(&cx, &state, &sent(&answer)).unwrap(), wrong(), "{what}");
    }
    // An answer to another page, and things that are none.
    let elsewhere = Context { random: OTHER.to_owned(), ..cx.clone() };
    let (other, _) = asked(plugin.enrol_begin(&elsewhere, None).unwrap());
    let (_, answer) = Key::create(&other, &honest()).unwrap();
    for answer in [answer.as_str(), "", "{}", "null", "[]", &" ".repeat(40_000)] {
        assert_eq!(plugin.enrol_answer(&cx, &state, &sent(answer)).unwrap(), wrong());
    }
}

#[test]
fn a_key_that_is_there_already_is_not_taken_again() {
    let (plugin, cx) = (plugin(), login());
    let (options, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let (_, answer) = Key::create(&options, &Manner::at(ISSUER)).unwrap();
    let Step::Pass { enrolment: Some(enrolment), .. } = plugin.enrol_answer(&cx, &state, &sent(&answer)).unwrap()
    else {
        panic!("it was not taken");
    };
    // The same randomness makes the same challenge, which never happens outside: only what is excluded differs.
    let others = [Enrolled { id: "first".to_owned(), enrolment }];
    let (_, state) = asked(plugin.enrol_begin_among(&cx, None, &others).unwrap());
    assert_eq!(plugin.enrol_answer(&cx, &state, &sent(&answer)).unwrap(), wrong());
}

#[test]
fn the_name_is_the_persons_or_a_plain_one() {
    let (plugin, cx) = (plugin(), login());
    for (typed, kept) in [("Right index", "Right index"), ("", "Passkey"), ("a\nb\u{202e}", "a b")] {
        let (options, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
        let (_, answer) = Key::create(&options, &Manner::at(ISSUER)).unwrap();
        let step = plugin.enrol_answer(&cx, &state, &named(&answer, typed)).unwrap();
        let Step::Pass { facts, .. } = step else { panic!("{step:?}") };
        assert_eq!(facts.device.as_deref(), Some(kept), "{typed:?}");
    }
}

/// Root of a maker of keys, and of another.
const ROOT: &str = include_str!("keys/root.pem");
const OTHER_ROOT: &str = include_str!("keys/other.pem");
/// AAGUID of its model.
const MODEL: &str = "fa2b99dc-9e39-4257-8f92-4a30d23c4118";

/// What is built into keys of that model.
fn maker() -> Maker {
    let model = 0xfa2b_99dc_9e39_4257_8f92_4a30_d23c_4118_u128.to_be_bytes();
    let (certificate, key) = (include_bytes!("keys/model.der").to_vec(), include_bytes!("keys/model.p8").to_vec());
    Maker { model, certificate, key }
}

#[test]
fn settings_say_who_is_asked_for() {
    let options = |settings: Value| -> Value {
        let plugin = with(&settings).unwrap();
        serde_json::from_str(&asked(plugin.enrol_begin(&login(), None).unwrap()).0).unwrap()
    };
    for attachment in ["platform", "cross-platform"] {
        let options = options(json!({ "attachment": attachment }));
        assert_eq!(options["authenticatorSelection"]["authenticatorAttachment"], attachment);
    }
    let listed = options(json!({ "attestation": "listed", "authorities": [ROOT] }));
    assert_eq!(listed["attestation"], "direct");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let aaguid = MODEL;
    for (settings, named) in [
        (json!({ "attestation": "listed" }), "authorities"),
        (json!({ "attestation": "asked" }), "authorities"),
        (json!({ "attestation": "listed", "aaguids": [aaguid] }), "authorities"),
        (json!({ "authorities": [ROOT] }), "attestation"),
        (json!({ "aaguids": [aaguid] }), "attestation"),
        (json!({ "attestation": "listed", "authorities": ["no certificate"] }), "authorities: number 1"),
        (json!({ "attestation": "listed", "authorities": [ROOT], "aaguids": ["x"] }), "settings"),
        (json!({ "attestation": "some" }), "settings"),
        (json!({ "bridge_port": 0 }), "settings"),
        (json!({ "bridge_port": 65536 }), "settings"),
        (json!({ "attestation": "listed", "authorities": [ROOT], "bridge_port": 17316 }), "bridge_port"),
        (json!({ "user_verification": "discouraged" }), "settings"),
    ] {
        let refused = with(&settings).err().unwrap_or_else(|| panic!("{settings} was taken")).to_string();
        assert!(refused.contains(named), "{settings}: {refused}");
    }
    with(&json!({ "attestation": "listed", "authorities": [ROOT], "aaguids": [aaguid] })).unwrap();
}

#[test]
fn a_listed_maker_and_model_is_taken_and_no_other() {
    let model = MODEL;
    let another = "00000000-0000-0000-0000-000000000001";
    for (settings, taken) in [
        (json!({ "attestation": "listed", "authorities": [ROOT] }), true),
        (json!({ "attestation": "listed", "authorities": [OTHER_ROOT, ROOT] }), true),
        (json!({ "attestation": "listed", "authorities": [ROOT], "aaguids": [another, model] }), true),
        (json!({ "attestation": "listed", "authorities": [OTHER_ROOT] }), false),
        (json!({ "attestation": "listed", "authorities": [ROOT], "aaguids": [another] }), false),
        (json!({ "attestation": "listed", "authorities": [OTHER_ROOT], "aaguids": [model] }), false),
    ] {
        let (plugin, cx) = (with(&settings).unwrap(), login());
        let (options, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
        let mut manner = Manner { maker: Some(maker()), ..Manner::at(ISSUER) };
        let (_, answer) = Key::create(&options, &manner).unwrap();
        let step = plugin.enrol_answer(&cx, &state, &sent(&answer)).unwrap();
        match step {
            Step::Pass { .. } => assert!(taken, "{settings}"),
            Step::Ask { data, .. } => assert!(!taken && data["problem"] == "not_taken", "{settings}"),
            step => panic!("{settings}: {step:?}"),
        }
        // One that can be copied is nobody's in particular any more.
        manner.synchronised = true;
        let (_, answer) = Key::create(&options, &manner).unwrap();
        let step = plugin.enrol_answer(&cx, &state, &sent(&answer)).unwrap();
        assert!(matches!(step, Step::Ask { .. }), "{settings}: {step:?}");
    }
}

#[test]
fn a_key_that_its_maker_vouches_for_is_worth_more_and_any_is_taken() {
    let another = "00000000-0000-0000-0000-000000000001";
    let elsewhere = Maker { model: [7; 16], ..maker() };
    let honest = || Manner { maker: Some(maker()), ..Manner::at(ISSUER) };
    for (settings, manner, worth) in [
        (json!({ "authorities": [ROOT] }), honest(), Some("phrh")),
        (json!({ "authorities": [OTHER_ROOT, ROOT], "aaguids": [MODEL] }), honest(), Some("phrh")),
        (json!({ "authorities": [ROOT], "aaguids": [another] }), honest(), None),
        (json!({ "authorities": [OTHER_ROOT] }), honest(), None),
        (json!({ "authorities": [ROOT] }), Manner { synchronised: true, ..honest() }, None),
        (json!({ "authorities": [ROOT] }), Manner::at(ISSUER), None),
    ] {
        let mut asking = settings.clone();
        asking["attestation"] = json!("asked");
        let (plugin, cx) = (with(&asking).unwrap(), login());
        let (options, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
        let read: Value = serde_json::from_str(&options).unwrap();
        assert_eq!(read["attestation"], "direct");
        let (_, answer) = Key::create(&options, &manner).unwrap();
        let step = plugin.enrol_answer(&cx, &state, &sent(&answer)).unwrap();
        let Step::Pass { facts, .. } = step else { panic!("{settings}: {step:?}") };
        assert_eq!(facts.acr.as_deref(), worth, "{settings}");
    }
    // A statement that is wrong in itself is no statement of nobody's.
    let forged = Maker { key: include_bytes!("keys/other-model.p8").to_vec(), ..maker() };
    let plugin = with(&json!({ "attestation": "asked", "authorities": [ROOT] })).unwrap();
    for maker in [elsewhere, forged] {
        let (options, state) = asked(plugin.enrol_begin(&login(), None).unwrap());
        let (_, answer) = Key::create(&options, &Manner { maker: Some(maker), ..Manner::at(ISSUER) }).unwrap();
        assert_eq!(plugin.enrol_answer(&login(), &state, &sent(&answer)).unwrap(), wrong());
    }
    // Only listed ones are taken, and asked for nothing they are worth what all are.
    for (settings, worth) in
        [(json!({ "attestation": "listed", "authorities": [ROOT] }), Some("phrh")), (json!({}), None)]
    {
        let plugin = with(&settings).unwrap();
        let (options, state) = asked(plugin.enrol_begin(&login(), None).unwrap());
        let (_, answer) = Key::create(&options, &honest()).unwrap();
        let step = plugin.enrol_answer(&login(), &state, &sent(&answer)).unwrap();
        let Step::Pass { facts, .. } = step else { panic!("{settings}: {step:?}") };
        assert_eq!(facts.acr.as_deref(), worth, "{settings}");
    }
}

#[test]
fn a_model_that_is_only_claimed_is_not_taken() {
    let plugin = with(&json!({ "attestation": "listed", "authorities": [ROOT], "aaguids": [MODEL] })).unwrap();
    let (options, state) = asked(plugin.enrol_begin(&login(), None).unwrap());
    // The maker's certificate names the model, and the key another; or somebody else has signed.
    let elsewhere = Maker { model: [7; 16], ..maker() };
    let other = include_bytes!("keys/other-model.p8").to_vec();
    for maker in [elsewhere, Maker { key: other, ..maker() }] {
        let (_, answer) = Key::create(&options, &Manner { maker: Some(maker), ..Manner::at(ISSUER) }).unwrap();
        let step = plugin.enrol_answer(&login(), &state, &sent(&answer)).unwrap();
        assert!(!matches!(step, Step::Pass { .. }), "{step:?}");
    }
}

#[test]
fn a_key_that_nobody_attests_is_not_taken_where_makers_are_listed() {
    for settings in [
        json!({ "attestation": "listed", "authorities": [ROOT] }),
        json!({ "attestation": "listed", "authorities": [ROOT], "aaguids": ["00000000-0000-0000-0000-000000000000"] }),
    ] {
        let (plugin, cx) = (with(&settings).unwrap(), login());
        let (options, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
        let (_, answer) = Key::create(&options, &Manner::at(ISSUER)).unwrap();
        let step = plugin.enrol_answer(&cx, &state, &sent(&answer)).unwrap();
        // Neither a pass nor a mistake of the person's: the page says why.
        let Step::Ask { data, .. } = step else { panic!("{step:?}") };
        assert_eq!(data["problem"], "not_taken");
    }
}
