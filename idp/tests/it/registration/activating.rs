//! The activation code: who knows it gets the pad, once; who guesses it, nothing.

use enum_idp::clock::{DAY, MINUTE};
use serde_json::json;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::post_json,
        pad::{Activation, Pad},
        person::Person,
        provider::{Provider, is_refused_on_a_page, person_phone},
    },
};

on_both_databases! {
    five_wrong_proofs_void_the_code,
    a_code_ends_after_a_day,
    a_code_activates_one_pad,
    a_lost_reply_may_be_asked_for_again,
    a_new_code_ends_the_earlier_one,
    a_code_is_sent_again_only_so_often,
    a_stranger_s_address_is_answered_like_a_known_one,
    a_state_of_one_person_does_not_activate_another,
    garbage_activates_nothing,
    an_activation_page_belongs_to_its_browser,
    nobody_signs_in_before_the_activation,
}

const EMAIL: &str = "ann@example.com";

/// Registered, on the activation page, with the code in hand.
async fn registered(provider: &Provider) -> (Person, String) {
    let mut person = provider.stranger();
    provider.registers(&mut person, EMAIL).await;
    let code = provider.activation_code(&person_phone(EMAIL), 1).await;
    (person, code)
}

/// A message that proves the wrong thing.
async fn guess(provider: &Provider, code: &str) {
    let activation = Activation::new(EMAIL, code);
    let asked = activation.hello(&provider.origin).await.expect(200);
    let forged = json!({
        "email": EMAIL, "state": asked["state"],
        "input": { "mac": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "answer": "12345678" },
    });
    let reply = post_json(&provider.origin.join("/enrol/cipherpad").unwrap(), &forged).await;
    assert!(reply.status.is_client_error(), "{}", reply.text());
}

async fn activates(provider: &Provider, code: &str) -> bool {
    let activation = Activation::new(EMAIL, code);
    let hello = activation.hello(&provider.origin).await;
    if hello.status != 200 {
        return false;
    }
    match activation.finish(&provider.origin, &hello.json(), &provider.clock).await {
        Some((reply, _)) => reply.status == 200 && reply.json()["step"] == "pass",
        None => false,
    }
}

async fn five_wrong_proofs_void_the_code(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut person, code) = registered(&provider).await;
    for tries in 1..=5 {
        guess(&provider, &code).await;
        assert_eq!(provider.enrolment_of(EMAIL).await.failures, tries);
        provider.waits(MINUTE);
    }
    assert!(!activates(&provider, &code).await);
    let page = person.at.to_string();
    person.opens(&page).await;
    assert!(person.page.html.contains("no longer valid"), "{}", person.what_is_shown());
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log.iter().filter(|entry| *entry == "activation wrong").count(), 5, "{log:?}");
}

async fn a_code_ends_after_a_day(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, code) = registered(&provider).await;
    provider.waits(DAY);
    assert!(!activates(&provider, &code).await);
}

async fn a_code_activates_one_pad(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, code) = registered(&provider).await;
    assert!(activates(&provider, &code).await);
    assert!(!activates(&provider, &code).await, "a second pad by the same code");
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "active");
}

async fn a_lost_reply_may_be_asked_for_again(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, code) = registered(&provider).await;
    let activation = Activation::new(EMAIL, &code);
    let asked = activation.hello(&provider.origin).await.expect(200);
    let (first, _) = activation.finish(&provider.origin, &asked, &provider.clock).await.unwrap();
    let (again, _) = activation.finish(&provider.origin, &asked, &provider.clock).await.unwrap();
    assert_eq!((first.expect(200), again.expect(200)), (json!({ "step": "pass" }), json!({ "step": "pass" })));
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log.iter().filter(|entry| *entry == "activated ok").count(), 1, "{log:?}");
}

async fn a_new_code_ends_the_earlier_one(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut person, old) = registered(&provider).await;
    provider.waits(MINUTE);
    person.presses("resend").await;
    let new = provider.activation_code(&person_phone(EMAIL), 2).await;
    assert_ne!(old, new);
    assert!(!activates(&provider, &old).await);
    assert!(activates(&provider, &new).await);
}

async fn a_code_is_sent_again_only_so_often(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut person, _) = registered(&provider).await;
    person.presses("resend").await;
    assert!(person.page.html.contains("wait a minute"), "at once: {}", person.what_is_shown());
    for sent in 2..=4 {
        provider.waits(MINUTE);
        person.presses("resend").await;
        provider.activation_code(&person_phone(EMAIL), sent).await;
    }
    provider.waits(MINUTE);
    assert!(person.page.control("resend").is_none(), "{}", person.what_is_shown());
    let page = person.at.to_string();
    person.posts(&page, &[]).await;
    provider.applies(&mut provider.stranger(), "bob@example.com").await;
    provider.mailed_link("bob@example.com", 1).await;
    assert_eq!(provider.sms.to(&person_phone(EMAIL)).len(), 4);
}

async fn a_stranger_s_address_is_answered_like_a_known_one(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, code) = registered(&provider).await;
    let known = Activation::new(EMAIL, &code).hello(&provider.origin).await.expect(200);
    let unknown = Activation::new("bob@example.com", &code).hello(&provider.origin).await.expect(200);
    let shape = |asked: &serde_json::Value| {
        let data: Vec<(String, usize)> = asked["data"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string().len()))
            .collect();
        (data, asked["state"].as_str().unwrap().len())
    };
    assert_eq!(shape(&known), shape(&unknown));
    let finish = Activation::new("bob@example.com", &code).finish(&provider.origin, &unknown, &provider.clock).await;
    assert!(finish.is_none(), "nobody knows a stranger's code");
}

async fn a_state_of_one_person_does_not_activate_another(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, code) = registered(&provider).await;
    provider.registers(&mut provider.stranger(), "bob@example.com").await;
    let anns = Activation::new(EMAIL, &code).hello(&provider.origin).await.expect(200);
    let stolen = json!({ "email": "bob@example.com", "state": anns["state"], "input": { "mac": "A", "answer": "1" } });
    let reply = post_json(&provider.origin.join("/enrol/cipherpad").unwrap(), &stolen).await;
    assert!(reply.status.is_client_error());
    assert_eq!(provider.enrolment_of("bob@example.com").await.failures, 0);
    assert!(activates(&provider, &code).await, "nothing was lost");
}

async fn garbage_activates_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider).await;
    let url = provider.origin.join("/enrol/cipherpad").unwrap();
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "email": EMAIL }),
        json!({ "email": EMAIL, "input": {} }),
        json!({ "email": EMAIL, "input": { "pad_key": "" } }),
        json!({ "email": EMAIL, "input": { "pad_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } }),
        json!({ "email": EMAIL, "input": { "pad_key": 7 } }),
        json!({ "email": EMAIL, "input": {}, "state": "" }),
        json!({ "email": EMAIL, "input": {}, "state": "x".repeat(10_000) }),
        json!({ "email": ["a"], "input": {} }),
    ] {
        let reply = post_json(&url, &body).await;
        assert!(reply.status.is_client_error(), "{body}: {} {}", reply.status, reply.text());
        assert!(reply.json()["error"].is_string());
        provider.waits(10 * MINUTE / 60);
    }
    provider.waits(MINUTE);
    let unknown = provider.origin.join("/enrol/nothing").unwrap();
    assert_eq!(post_json(&unknown, &json!({ "email": EMAIL, "input": {} })).await.status, 404);
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "pending");
}

async fn an_activation_page_belongs_to_its_browser(database: Database) {
    let provider = Provider::starts(database).await;
    let (person, _) = registered(&provider).await;
    let page = person.at.to_string();
    is_refused_on_a_page(provider.stranger().opens(&page).await);
    is_refused_on_a_page(provider.stranger().posts(&page, &[]).await);
    assert_eq!(provider.sms.to(&person_phone(EMAIL)).len(), 1);
}

async fn nobody_signs_in_before_the_activation(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, code) = registered(&provider).await;
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[]).link).await;
    person.types("email", EMAIL).presses("continue").await;
    let early = person.challenge();
    let mut pad = Pad::activate(&provider.origin, EMAIL, &code, &provider.clock).await;
    let answer = pad.answer(&early);
    person.types("answer", &answer).presses("continue").await;
    assert!(person.away.is_none(), "a question from before: {:?}", person.away);
}
