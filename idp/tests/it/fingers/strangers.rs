//! An address without an account is asked for a finger like any other.

use fingerprint_key::{Key, Manner};
use serde_json::{Value, json};

use super::{ANN, allowed, answers, asked, honest, is_not_in, member, options, provider};
use crate::{on_both_databases, support::database::Database};
use enum_idp::clock::DAY;

on_both_databases! {
    an_unknown_address_sees_the_same_page_and_always_the_same_keys,
    nobody_answers_for_an_unknown_address,
}

async fn an_unknown_address_sees_the_same_page_and_always_the_same_keys(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let (known, unknown) = (asked(&provider, ANN).await, asked(&provider, "nobody@example.com").await);
    let fields = |person| {
        let options: Value = serde_json::from_str(&options(person)).unwrap();
        let mut names: Vec<String> = options.as_object().unwrap().keys().cloned().collect();
        names.extend(options["allowCredentials"][0].as_object().unwrap().keys().cloned());
        names
    };
    assert_eq!(fields(&known), fields(&unknown));
    let shape = |html: &str| html.split("data-options").next().unwrap().lines().count();
    assert_eq!(shape(&known.page.html), shape(&unknown.page.html));
    let before = (allowed(&known), allowed(&unknown));
    provider.waits(2 * DAY);
    let after = (allowed(&asked(&provider, ANN).await), allowed(&asked(&provider, "Nobody@example.com").await));
    assert_eq!(before, after, "what changes from day to day belongs to nobody");
    assert_ne!(allowed(&asked(&provider, "noone@example.com").await), before.1);
}

async fn nobody_answers_for_an_unknown_address(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let mut person = asked(&provider, "nobody@example.com").await;
    let made = json!({ "challenge": "AA", "rp": { "id": "127.0.0.1" }, "user": { "id": "AA" } }).to_string();
    let (mut key, _) = Key::create(&made, &Manner::at("x")).unwrap();
    answers(&mut person, &mut key, &honest(&provider)).await;
    is_not_in(&person);
}
