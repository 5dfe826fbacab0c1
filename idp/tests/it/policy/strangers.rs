//! What the policy takes away from people's methods, it takes away from what strangers meet with.

use serde_json::json;

use super::{ANN, says};
use crate::{
    codes::{goes, member, provider_of_both},
    login::strangers::comparable,
    on_both_databases,
    support::database::Database,
};

on_both_databases! {
    an_unknown_address_is_told_the_same_when_nothing_will_do,
    an_unknown_address_meets_with_what_the_policy_leaves,
}

/// As long as Ann's.
const NOBODY: &str = "bob@example.com";

async fn an_unknown_address_is_told_the_same_when_nothing_will_do(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    says(&provider, &json!({ "clients": { "own": { "acr": "urn:enum:acr:2" } } })).await;
    let visit = provider.sites.own.sends(&[]);
    let (mut ann, mut bob) = (goes(&provider, &visit, ANN).await, goes(&provider, &visit, NOBODY).await);
    assert!(ann.sees("unmet-lead"), "{}", ann.what_is_shown());
    assert_eq!(comparable(&ann, ANN), comparable(&bob, NOBODY));
    ann.presses("continue").await;
    bob.presses("continue").await;
    assert_eq!(ann.brings_back(), bob.brings_back());
}

async fn an_unknown_address_meets_with_what_the_policy_leaves(database: Database) {
    let provider = provider_of_both(database).await;
    provider.member("pad@example.com").await;
    member(&provider, "mail@example.com", "en").await;
    let visit = provider.sites.own.sends(&[]);
    for (document, by_pad, by_mail) in [
        (json!({}), "asked", "asked"),
        (json!({ "factors": { "email": { "off": true } } }), "asked", "told"),
        (json!({ "clients": { "own": { "authorize": ["email"] } } }), "told", "asked"),
    ] {
        says(&provider, &document).await;
        provider.waits(61_000);
        let mut seen = Vec::new();
        for number in 0..30 {
            let person = goes(&provider, &visit, &format!("nobody{number}@example.com")).await;
            let pad = person.page.challenge.is_some().then_some("pad");
            let mail = person.sees("again").then_some("mail");
            seen.push(pad.or(mail).unwrap_or_else(|| {
                assert!(person.sees("unmet-lead"), "{}", person.what_is_shown());
                "told"
            }));
        }
        // Each comes up in 30 draws but once in 10^8 runs, and nothing else does.
        for (method, expected) in [("pad", by_pad), ("mail", by_mail)] {
            assert_eq!(seen.contains(&method), expected == "asked", "{document}: {seen:?}");
        }
        assert_eq!(seen.contains(&"told"), document != json!({}), "{document}: {seen:?}");
    }
}
