//! What a person is asked, and what their answer is worth.

use serde_json::{Value, json};

use super::{ANN, says, told};
use crate::{
    codes::{adds, answers, code, goes, member, provider_of_both, sent},
    on_both_databases,
    support::{database::Database, person::Person, provider::Provider},
};

on_both_databases! {
    a_website_gets_no_less_than_its_minimum,
    a_website_chooses_factors,
    who_has_no_method_that_will_do_is_told_what_to_add,
    nobody_claims_more_than_the_manifest,
    a_factor_that_is_lowered_earns_less,
    a_factor_that_goes_off_in_mid_ceremony_judges_nothing,
    a_code_that_was_sent_is_worth_nothing_when_its_factor_is_off,
}

fn of_own(rule: &Value) -> Value {
    json!({ "clients": { "own": rule } })
}

async fn a_website_gets_no_less_than_its_minimum(database: Database) {
    let provider = provider_of_both(database).await;
    let mut ann = provider.member(ANN).await;
    adds(&provider, ANN).await;
    says(&provider, &of_own(&json!({ "acr": "urn:enum:acr:2" }))).await;
    // The website itself asks for less.
    let weak = r#"{"id_token":{"acr":{"essential":true,"value":"urn:enum:acr:1"}}}"#;
    let visit = provider.sites.own.sends(&[("claims", weak)]);
    ann.goes(&visit).await;
    assert!(ann.person.page.challenge.is_some() && !ann.person.sees("other"), "{}", ann.person.what_is_shown());
    ann.answers().await;
    let code = ann.person.brings_back()["code"].clone();
    assert_eq!(told(&provider.sites.own, &visit, &code).await["acr"], "urn:enum:acr:2");
    // Another website has no such minimum.
    let elsewhere = goes(&provider, &provider.sites.site.sends(&[]), ANN).await;
    assert!(elsewhere.sees("factor-email") && elsewhere.sees("factor-cipherpad"), "{}", elsewhere.what_is_shown());
}

async fn a_website_chooses_factors(database: Database) {
    let provider = provider_of_both(database).await;
    provider.member(ANN).await;
    adds(&provider, ANN).await;
    let choosing = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    says(&provider, &of_own(&json!({ "authorize": ["email"] }))).await;
    // The page was shown before, and its button asks for a method that is no longer there.
    let mut late = choosing.clone();
    late.presses("factor-cipherpad").await;
    assert!(late.page.challenge.is_none() && late.sees("factor-email"), "{}", late.what_is_shown());
    assert_eq!(sent(&provider).await, 0, "nobody has asked for a code");
    let mut ann = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    assert!(ann.page.challenge.is_none() && ann.sees("again"), "{}", ann.what_is_shown());
    answers(&mut ann, &code(&provider, ANN, 1).await).await;
    assert!(ann.brings_back().contains_key("code"));
}

fn is_told_what_to_add(person: &Person, words: &[&str]) {
    assert!(person.sees("unmet-lead") && !person.sees("answer"), "{}", person.what_is_shown());
    // Where methods are added, if one would do.
    let leads_to = person.sees("would-do").then_some("/account/methods");
    assert_eq!(person.page.link("account").as_deref(), leads_to, "{}", person.what_is_shown());
    let html = person.reply.text();
    for word in words {
        assert!(html.contains(word), "{word}: {}", person.what_is_shown());
    }
}

async fn who_has_no_method_that_will_do_is_told_what_to_add(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    says(&provider, &of_own(&json!({ "acr": "urn:enum:acr:2" }))).await;
    let visit = provider.sites.own.sends(&[]);
    for (language, words) in [
        ("en", ["Another method is needed", "Cipherpad"]),
        ("ru", ["Нужен другой способ", "<li>"]),
        ("vi", ["Cần phương thức khác", "<li>"]),
    ] {
        let mut ann = provider.stranger().reads(language);
        ann.opens(&visit.link).await.types("email", ANN).presses("continue").await;
        is_told_what_to_add(&ann, &words);
        // Loading the page again shows it again.
        let at = ann.page.forms[0].action.clone();
        is_told_what_to_add(ann.clone().opens(&at).await, &words);
        ann.presses("continue").await;
        assert_eq!(ann.brings_back()["error"], "unmet_authentication_requirements");
        assert_eq!(ann.brings_back()["state"], visit.state);
    }
    assert_eq!(sent(&provider).await, 0);
    // Nobody could reach this.
    says(&provider, &of_own(&json!({ "acr": "phrh" }))).await;
    let nobody = goes(&provider, &visit, ANN).await;
    is_told_what_to_add(&nobody, &["No method that this service offers"]);
}

async fn nobody_claims_more_than_the_manifest(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    says(&provider, &json!({ "factors": { "email": { "acr": "phrh" } } })).await;
    let visit = provider.sites.own.sends(&[]);
    let mut ann = goes(&provider, &visit, ANN).await;
    answers(&mut ann, &code(&provider, ANN, 1).await).await;
    let earned = ann.brings_back()["code"].clone();
    assert_eq!(told(&provider.sites.own, &visit, &earned).await["acr"], "urn:enum:acr:1");
}

async fn a_factor_that_is_lowered_earns_less(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    says(&provider, &json!({ "factors": { "cipherpad": { "acr": "urn:enum:acr:1" } } })).await;
    let visit = provider.sites.own.sends(&[]);
    let code = ann.logs_in(&visit).await;
    assert_eq!(told(&provider.sites.own, &visit, &code).await["acr"], "urn:enum:acr:1");
    let essential = r#"{"id_token":{"acr":{"essential":true,"value":"urn:enum:acr:2"}}}"#;
    ann.person = provider.stranger();
    ann.goes(&provider.sites.own.sends(&[("claims", essential)])).await;
    is_told_what_to_add(&ann.person, &["No method that this service offers"]);
}

async fn a_factor_that_goes_off_in_mid_ceremony_judges_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    ann.goes(&provider.sites.own.sends(&[])).await;
    let mut reloaded = ann.person.clone();
    let log = provider.log_of(ANN).await;
    for document in [
        json!({ "factors": { "cipherpad": { "off": true } } }),
        json!({ "factors": { "cipherpad": { "purposes": ["payment"] } } }),
        of_own(&json!({ "authorize": [] })),
        of_own(&json!({ "acr": "phr" })),
    ] {
        says(&provider, &document).await;
        let mut late = ann.clone();
        late.answers().await;
        is_told_what_to_add(&late.person, &[]);
        let at = reloaded.page.forms[0].action.clone();
        is_told_what_to_add(reloaded.opens(&at).await, &[]);
    }
    assert_eq!(provider.log_of(ANN).await, log);
    // Nothing was used up: when it is allowed again, the answer is as right as it was.
    says(&provider, &json!({})).await;
    ann.answers().await;
    assert!(ann.person.brings_back().contains_key("code"));
}

async fn a_code_that_was_sent_is_worth_nothing_when_its_factor_is_off(database: Database) {
    let provider = provider_of_both(database).await;
    provider.member(ANN).await;
    adds(&provider, ANN).await;
    let mut ann = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    ann.presses("factor-email").await;
    let code = code(&provider, ANN, 1).await;
    says(&provider, &json!({ "factors": { "email": { "off": true } } })).await;
    answers(&mut ann, &code).await;
    assert!(ann.away.is_none() && ann.page.challenge.is_some(), "the pad asks: {}", ann.what_is_shown());
    assert!(ann.complaint().unwrap().contains("does not work at the moment"), "{}", ann.what_is_shown());
}
