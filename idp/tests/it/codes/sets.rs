//! An address without an account is offered what people have, as often as they have it.

use super::{member, provider_of_both};
use crate::{
    on_both_databases,
    support::{database::Database, provider::Provider},
};

on_both_databases! {
    unknown_addresses_are_offered_what_people_have,
    with_one_set_everybody_is_offered_that,
}

/// The methods that somebody who types this address meets with.
async fn offered(provider: &Provider, email: &str) -> &'static str {
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[("login_hint", email)]).link).await;
    match (person.page.challenge.is_some(), person.sees("factor-email"), person.sees("factor-cipherpad")) {
        (true, false, false) => "pad",
        (false, true, false) => "mail",
        (false, true, true) => "both",
        other => panic!("{other:?}: {}", person.what_is_shown()),
    }
}

async fn unknown_addresses_are_offered_what_people_have(database: Database) {
    let provider = provider_of_both(database).await;
    provider.member("pad@example.com").await;
    member(&provider, "mail@example.com", "en").await;
    let mut seen = Vec::new();
    for number in 0..40 {
        let email = format!("nobody{number}@example.com");
        let first = offered(&provider, &email).await;
        assert_eq!(offered(&provider, &email).await, first, "{email}");
        seen.push(first);
    }
    // Each comes up in 40 draws but once in 10^11 runs.
    assert!(["pad", "mail"].iter().all(|set| seen.contains(set)) && !seen.contains(&"both"), "{seen:?}");
}

async fn with_one_set_everybody_is_offered_that(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, "mail@example.com", "en").await;
    for number in 0..5 {
        assert_eq!(offered(&provider, &format!("nobody{number}@example.com")).await, "mail");
    }
}
