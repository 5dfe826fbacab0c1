//! A login with a passphrase, from the registration to what the website learns, and what guessing costs.

use enum_idp::clock::MINUTE;
use serde_json::json;

use super::{EMAIL, SECRET, at_the_question, gets_in, member, provider, registers, sets};
use crate::{
    on_both_databases,
    support::{database::Database, provider::text, sites::payload},
};

on_both_databases! {
    who_has_set_a_passphrase_signs_in_with_it,
    guesses_are_counted_and_pause_the_method,
    an_unknown_address_is_asked_the_same_as_a_number_question,
}

async fn who_has_set_a_passphrase_signs_in_with_it(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.stranger();
    registers(&provider, &mut ann, "hello").await;
    sets(&mut ann, SECRET).await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());

    let site = &provider.sites.site;
    let visit = site.sends(&[]);
    let mut ann = at_the_question(&provider, &visit).await;
    ann.types("answer", SECRET).presses("continue").await;
    ann.presses("allow").await;
    let code = ann.brings_back()["code"].clone();
    let id_token = payload(&text(&site.redeems(&visit, &code).await.expect(200), "id_token"));
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("urn:enum:acr:1"), &json!(["pwd"])));
    assert_eq!(
        provider.log_of(EMAIL).await,
        ["registered ok", "activation_sent ok", "activated ok", "login ok", "consent ok"]
    );
    let letters = provider.mail.wait_for(EMAIL, 1, |letter| letter.text.contains("Passphrase")).await;
    assert!(letters.iter().all(|letter| !letter.text.contains("kettle")));
}

async fn guesses_are_counted_and_pause_the_method(database: Database) {
    let provider = provider(database).await;
    member(&provider, "hello", SECRET).await;
    for failures in 1..=5 {
        assert!(!gets_in(&provider, "kettle orbit walnut jizz").await);
        assert_eq!(provider.enrolment_of(EMAIL).await.failures, failures);
    }
    assert!(!gets_in(&provider, SECRET).await, "it pauses for the right one too");
    provider.waits(15 * MINUTE);
    assert!(gets_in(&provider, SECRET).await);
    assert_eq!(provider.enrolment_of(EMAIL).await.failures, 0);
}

/// The first method of the configuration stands in for an address that nobody has.
async fn an_unknown_address_is_asked_the_same_as_a_number_question(database: Database) {
    let provider = provider(database).await;
    let stranger = at_the_question(&provider, &provider.sites.own.sends(&[])).await;
    assert!(!stranger.challenge().is_empty());
}
