//! Nobody learns from what more is asked whether an address belongs to an account.

use serde_json::json;

use super::ANN;
use crate::{
    codes::{adds, goes, provider_of_both},
    login::strangers::comparable,
    on_both_databases,
    policy::says,
    support::database::Database,
};

on_both_databases! {
    an_unknown_address_is_asked_for_as_much_in_a_new_browser,
    an_unknown_address_is_asked_for_as_much_after_failures,
}

/// As long as Ann's.
const NOBODY: &str = "bob@example.com";

async fn an_unknown_address_is_asked_for_as_much_in_a_new_browser(database: Database) {
    let provider = provider_of_both(database).await;
    // Everybody has both methods, and so do those who are nobody.
    provider.member(ANN).await;
    provider.waits(1000);
    adds(&provider, ANN).await;
    let visit = provider.sites.own.sends(&[]);
    for (least, otherwise) in [("urn:enum:acr:2", "notify"), ("urn:enum:acr:2", "refuse"), ("phr", "refuse")] {
        let rule = json!({ "acr": least, "otherwise": otherwise });
        says(&provider, &json!({ "risk": { "new_device": rule } })).await;
        let (ann, bob) = (goes(&provider, &visit, ANN).await, goes(&provider, &visit, NOBODY).await);
        assert_eq!(comparable(&ann, ANN), comparable(&bob, NOBODY), "{rule}");
        assert_eq!(ann.sees("raised"), least != "phr", "{}", ann.what_is_shown());
    }
}

async fn an_unknown_address_is_asked_for_as_much_after_failures(database: Database) {
    let provider = provider_of_both(database).await;
    provider.member(ANN).await;
    provider.waits(1000);
    adds(&provider, ANN).await;
    says(&provider, &json!({ "risk": { "failures": { "acr": "urn:enum:acr:2", "otherwise": "refuse" } } })).await;
    let visit = provider.sites.own.sends(&[]);
    let (mut ann, mut bob) = (goes(&provider, &visit, ANN).await, goes(&provider, &visit, NOBODY).await);
    for person in [&mut ann, &mut bob] {
        person.presses("factor-cipherpad").await;
    }
    for wrong in 0..5 {
        assert_eq!(comparable(&ann, ANN), comparable(&bob, NOBODY), "after {wrong} wrong answers");
        for person in [&mut ann, &mut bob] {
            person.types("answer", "00000000").presses("continue").await;
        }
    }
    let (ann, bob) = (goes(&provider, &visit, ANN).await, goes(&provider, &visit, NOBODY).await);
    assert!(ann.sees("raised"), "{}", ann.what_is_shown());
    assert_eq!(comparable(&ann, ANN), comparable(&bob, NOBODY));
}
