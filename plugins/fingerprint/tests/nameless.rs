//! Asking whoever is there: any key of ours may answer, and says whose it is.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod keys;

use fingerprint_key::Manner;
use keys::{ISSUER, OTHER, asked, enrolled, login, pages, payment, plugin, right, sent, with, wrong};
use plugin_api::{
    Error,
    message::{AccountView, Context, Input, Step},
};
use serde_json::{Value, json};

/// Surroundings in which nothing is known of the account.
fn nobody() -> Context {
    let account = AccountView { id: String::new(), email: String::new(), name: String::new() };
    Context { account, ..login() }
}

#[test]
fn any_verified_key_of_ours_may_answer() {
    let (options, _) = asked(plugin().begin_nameless(&nobody()).unwrap());
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["allowCredentials"], json!([]));
    assert_eq!((&options["userVerification"], &options["rpId"]), (&json!("required"), &json!("id.example")));
    assert_eq!(options["challenge"].as_str().unwrap().len(), 43);
}

#[test]
fn an_answer_says_whose_it_is_and_is_judged_like_any_other() {
    let plugin = plugin();
    let (mut key, enrolment) = enrolled(&plugin, "Left thumb");
    let (options, state) = asked(plugin.begin_nameless(&nobody()).unwrap());
    let answer = sent(&key.get(&options, &Manner::at(ISSUER)).unwrap());
    assert_eq!(plugin.claim(&nobody(), &state, &answer).unwrap(), Some(login().account.id));
    assert!(right(plugin.answer(&login(), &enrolment, &state, &answer)));
    let other_visit = Context { random: OTHER.to_owned(), ..login() };
    for elsewhere in [other_visit, payment()] {
        assert_eq!(plugin.answer(&elsewhere, &enrolment, &state, &answer).unwrap(), wrong());
    }
}

#[test]
fn a_claim_is_believed_by_nobody() {
    let plugin = plugin();
    let (mut key, enrolment) = enrolled(&plugin, "Left thumb");
    let (options, state) = asked(plugin.begin_nameless(&nobody()).unwrap());
    let as_bob = Manner { user: Some(b"acc_bob".to_vec()), ..Manner::at(ISSUER) };
    let answer = sent(&key.get(&options, &as_bob).unwrap());
    assert_eq!(plugin.claim(&nobody(), &state, &answer).unwrap().as_deref(), Some("acc_bob"));
    assert_eq!(plugin.answer(&login(), &enrolment, &state, &answer).unwrap(), wrong(), "the handle is not hers");
    let unverified = Manner { verified: false, ..Manner::at(ISSUER) };
    let answer = sent(&key.get(&options, &unverified).unwrap());
    assert!(plugin.claim(&nobody(), &state, &answer).unwrap().is_some());
    assert_eq!(plugin.answer(&login(), &enrolment, &state, &answer).unwrap(), wrong());
}

#[test]
fn what_names_nobody_claims_nothing() {
    let plugin = plugin();
    let (mut key, _) = enrolled(&plugin, "Left thumb");
    let (options, state) = asked(plugin.begin_nameless(&nobody()).unwrap());
    for handle in [&b""[..], b"\xff\xfe"] {
        let manner = Manner { user: Some(handle.to_vec()), ..Manner::at(ISSUER) };
        let answer = sent(&key.get(&options, &manner).unwrap());
        assert_eq!(plugin.claim(&nobody(), &state, &answer).unwrap(), None);
    }
    // As keys answer that keep no list of accounts.
    let mut answer: Value = serde_json::from_str(&key.get(&options, &Manner::at(ISSUER)).unwrap()).unwrap();
    answer["response"]["userHandle"] = Value::Null;
    for text in [answer.to_string(), String::new(), "{}".to_owned(), "[1".to_owned()] {
        assert_eq!(plugin.claim(&nobody(), &state, &sent(&text)).unwrap(), None);
    }
    assert_eq!(plugin.claim(&nobody(), &state, &Input::default()).unwrap(), None);
}

#[test]
fn the_administrator_may_want_the_address_first() {
    let plugin = with(&json!({ "address_first": true })).unwrap();
    assert_eq!(plugin.begin_nameless(&nobody()).unwrap_err(), Error::Unsupported);
}

#[test]
fn its_part_of_the_page_is_hidden_until_its_script_runs() {
    let plugin = plugin();
    let Step::Ask { page, data, .. } = plugin.begin_nameless(&nobody()).unwrap() else { panic!("it did not ask") };
    for locale in ["en", "ru", "vi"] {
        let html = pages(&plugin, &page, locale, &data);
        for part in ["id=\"credential\"", "id=\"use-passkey\"", "<div id=\"passkey\" hidden>", "/assets/x/nameless.js"]
        {
            assert!(html.contains(part), "{locale}: {part}\n{html}");
        }
        assert!(!html.contains("id=\"continue\""), "that one is the page's own");
    }
}
