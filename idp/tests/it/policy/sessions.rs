//! What was proven before is worth what the policy says now.

use serde_json::json;

use super::{ANN, says, told};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Member, Provider},
        sites::Site,
    },
};

on_both_databases! {
    a_session_by_a_factor_that_was_lowered_is_worth_less,
    a_session_by_a_factor_that_is_off_is_worth_nothing,
    a_session_does_not_rise,
    a_consent_page_stands_on_what_the_policy_says_when_it_is_answered,
}

const ESSENTIAL: &str = r#"{"id_token":{"acr":{"essential":true,"value":"urn:enum:acr:2"}}}"#;

/// What the site hears when nobody may be asked: the level, or the error.
async fn silently(ann: &mut Member, site: &Site, more: &[(&str, &str)]) -> String {
    let visit = site.sends(&[&[("prompt", "none")], more].concat());
    ann.person.opens(&visit.link).await;
    let back = ann.person.brings_back();
    match back.get("code") {
        Some(code) => told(site, &visit, code).await["acr"].as_str().unwrap().to_owned(),
        None => back["error"].clone(),
    }
}

async fn a_session_by_a_factor_that_was_lowered_is_worth_less(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    let own = &provider.sites.own;
    ann.logs_in_at(own).await;
    assert_eq!(silently(&mut ann, own, &[("claims", ESSENTIAL)]).await, "urn:enum:acr:2");
    says(&provider, &json!({ "factors": { "cipherpad": { "acr": "urn:enum:acr:1" } } })).await;
    assert_eq!(silently(&mut ann, own, &[("claims", ESSENTIAL)]).await, "login_required");
    assert_eq!(silently(&mut ann, own, &[]).await, "urn:enum:acr:1");
    says(&provider, &json!({})).await;
    assert_eq!(silently(&mut ann, own, &[("claims", ESSENTIAL)]).await, "urn:enum:acr:2");
}

async fn a_session_by_a_factor_that_is_off_is_worth_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    let own = &provider.sites.own;
    ann.logs_in_at(own).await;
    for document in [
        json!({ "factors": { "cipherpad": { "off": true } } }),
        json!({ "clients": { "own": { "authorize": ["finger"] } } }),
        json!({ "clients": { "own": { "acr": "phr" } } }),
    ] {
        says(&provider, &document).await;
        assert_eq!(silently(&mut ann, own, &[]).await, "login_required", "{document}");
    }
}

async fn a_session_does_not_rise(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    let own = &provider.sites.own;
    says(&provider, &json!({ "factors": { "cipherpad": { "acr": "urn:enum:acr:1" } } })).await;
    ann.logs_in_at(own).await;
    says(&provider, &json!({})).await;
    assert_eq!(silently(&mut ann, own, &[("claims", ESSENTIAL)]).await, "login_required");
    assert_eq!(silently(&mut ann, own, &[]).await, "urn:enum:acr:1");
}

async fn a_consent_page_stands_on_what_the_policy_says_when_it_is_answered(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    ann.goes(&provider.sites.site.sends(&[])).await.answers().await;
    assert!(ann.person.sees("allow"), "{}", ann.person.what_is_shown());
    says(&provider, &json!({ "clients": { "site": { "acr": "phr" } } })).await;
    ann.person.presses("allow").await;
    assert!(ann.person.away.is_none() && ann.person.sees("email"), "{}", ann.person.what_is_shown());
}
