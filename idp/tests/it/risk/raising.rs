//! Signals that raise what is asked for, as the policy says.

use enum_idp::{clock::MINUTE, store::device};
use serde_json::{Value, json};

use super::{ANN, COOKIE, elsewhere, is_told_why, known, proves, proves_by_mail, told};
use crate::{
    codes::{self, adds, goes, member, provider_of_both},
    on_both_databases,
    policy::says,
    support::{
        database::Database,
        person::Person,
        provider::{Member, Provider},
        sites::PURSE,
    },
};

on_both_databases! {
    a_new_browser_is_asked_for_more_at_once,
    who_has_nothing_stronger_is_let_in_and_told_of,
    who_has_nothing_stronger_is_refused_where_the_policy_says_so,
    a_proof_that_is_not_enough_leads_to_a_stronger_one_and_opens_nothing,
    a_first_browser_is_never_refused,
    a_rule_that_refuses_holds_for_every_method,
    failures_ask_for_more_until_they_are_forgotten,
    a_payment_is_held_to_the_same_rules,
}

fn rule(rule: &Value) -> Value {
    json!({ "risk": { "new_device": rule } })
}

async fn is_signed_in(provider: &Provider, person: &mut Person) -> bool {
    person.opens(&provider.sites.own.sends(&[("prompt", "none")]).link).await;
    person.brings_back().contains_key("code")
}

/// Ann, with both methods, in a browser that she has used before.
async fn at_home(provider: &Provider) -> Member {
    let mut ann = provider.member(ANN).await;
    provider.waits(1000);
    adds(provider, ANN).await;
    proves(provider, &mut ann).await;
    ann
}

async fn a_new_browser_is_asked_for_more_at_once(database: Database) {
    let provider = provider_of_both(database).await;
    let mut ann = at_home(&provider).await;
    says(&provider, &rule(&json!({ "acr": "urn:enum:acr:2" }))).await;
    for (language, words) in [("en", "a stronger method"), ("ru", "более надёжный"), ("vi", "mạnh hơn")]
    {
        let mut elsewhere = Member { person: provider.stranger().reads(language), ..ann.clone() };
        elsewhere.goes(&provider.sites.own.sends(&[])).await;
        is_told_why(&elsewhere.person, words);
        assert!(elsewhere.person.page.challenge.is_some() && !elsewhere.person.sees("factor-email"));
    }
    // At home nothing has changed.
    ann.person.cookies.remove("enum_session");
    ann.goes(&provider.sites.own.sends(&[])).await;
    assert!(ann.person.sees("factor-email") && !ann.person.sees("raised"), "{}", ann.person.what_is_shown());
    // A button of a page that was shown before the rule asks for what will not do any more.
    let mut late = elsewhere(&provider, &ann);
    says(&provider, &json!({})).await;
    late.goes(&provider.sites.own.sends(&[])).await;
    assert!(late.person.sees("factor-email"), "{}", late.person.what_is_shown());
    says(&provider, &rule(&json!({ "acr": "urn:enum:acr:2" }))).await;
    late.person.presses("factor-email").await;
    is_told_why(&late.person, "a stronger method");
    assert_eq!(codes::sent(&provider).await, 0);
    late.answers().await;
    codes::is_in(&late.person);
}

async fn who_has_nothing_stronger_is_let_in_and_told_of(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    proves_by_mail(&provider, &mut provider.stranger(), ANN, 1).await;
    // It says nothing of notices, but that somebody is let in all the same is worth one.
    says(&provider, &rule(&json!({ "acr": "urn:enum:acr:2" }))).await;
    assert_eq!(told(&provider).await, 0);
    provider.waits(MINUTE);
    let mut elsewhere = provider.stranger();
    proves_by_mail(&provider, &mut elsewhere, ANN, 2).await;
    codes::is_in(&elsewhere);
    assert_eq!(told(&provider).await, 1);
}

async fn who_has_nothing_stronger_is_refused_where_the_policy_says_so(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    let mut home = provider.stranger();
    proves_by_mail(&provider, &mut home, ANN, 1).await;
    says(&provider, &rule(&json!({ "acr": "urn:enum:acr:2", "otherwise": "refuse" }))).await;
    provider.waits(MINUTE);
    let mut elsewhere = provider.stranger();
    proves_by_mail(&provider, &mut elsewhere, ANN, 2).await;
    assert!(elsewhere.away.is_none() && elsewhere.sees("unmet-lead"), "{}", elsewhere.what_is_shown());
    is_told_why(&elsewhere, "do not let a new browser in");
    // Loading the page again leads no further.
    let at = elsewhere.page.forms[0].action.clone();
    elsewhere.opens(&at).await;
    assert!(elsewhere.sees("unmet-lead") && !elsewhere.sees("answer"), "{}", elsewhere.what_is_shown());
    elsewhere.presses("continue").await;
    assert_eq!(elsewhere.brings_back()["error"], "unmet_authentication_requirements");
    assert!(!is_signed_in(&provider, &mut elsewhere).await && !elsewhere.cookies.contains_key(COOKIE));
    assert_eq!(provider.log_of(ANN).await.last().map(String::as_str), Some("login refused"));
    // Nobody is locked out of where they were before.
    provider.waits(MINUTE);
    proves_by_mail(&provider, &mut home, ANN, 3).await;
    codes::is_in(&home);
}

async fn a_proof_that_is_not_enough_leads_to_a_stronger_one_and_opens_nothing(database: Database) {
    let provider = provider_of_both(database).await;
    let mut ann = at_home(&provider).await;
    says(&provider, &rule(&json!({ "acr": "urn:enum:acr:2" }))).await;
    // The account has forgotten this browser, which the browser does not know: all is offered.
    let row = known(&provider, ANN).await.remove(0);
    device::end(provider.app.db.read(), &row.account_id, &row.hash, provider.app.clock.now()).await.unwrap();
    ann.person.cookies.remove("enum_session");
    proves_by_mail(&provider, &mut ann.person, ANN, 1).await;
    is_told_why(&ann.person, "Your answer was right");
    assert!(ann.person.page.challenge.is_some(), "{}", ann.person.what_is_shown());
    assert_eq!(provider.log_of(ANN).await.last().map(String::as_str), Some("login not_enough"));
    // The code is used up, and has opened nothing, whichever way one goes.
    assert!(!is_signed_in(&provider, &mut ann.person.clone()).await);
    let mut around = ann.person.clone();
    let at = around.page.forms[0].action.clone();
    around.posts(&at, &[("other", "1")]).await;
    assert!(around.page.challenge.is_some() && !around.sees("factor-email"), "{}", around.what_is_shown());
    ann.answers().await;
    codes::is_in(&ann.person);
    assert!(is_signed_in(&provider, &mut ann.person).await);
}

async fn a_first_browser_is_never_refused(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    says(&provider, &rule(&json!({ "acr": "urn:enum:acr:2", "otherwise": "refuse", "refuse": true }))).await;
    let mut first = provider.stranger();
    proves_by_mail(&provider, &mut first, ANN, 1).await;
    codes::is_in(&first);
}

async fn a_rule_that_refuses_holds_for_every_method(database: Database) {
    let provider = provider_of_both(database).await;
    let ann = at_home(&provider).await;
    says(&provider, &rule(&json!({ "refuse": true, "notify": true }))).await;
    let mut elsewhere = elsewhere(&provider, &ann);
    elsewhere.goes(&provider.sites.own.sends(&[])).await;
    elsewhere.person.presses("factor-cipherpad").await;
    elsewhere.answers().await;
    is_told_why(&elsewhere.person, "do not let a new browser in");
    assert!(elsewhere.person.sees("unmet-lead"), "{}", elsewhere.person.what_is_shown());
    assert!(!is_signed_in(&provider, &mut elsewhere.person).await);
}

async fn failures_ask_for_more_until_they_are_forgotten(database: Database) {
    let provider = provider_of_both(database).await;
    let mut ann = at_home(&provider).await;
    says(&provider, &json!({ "risk": { "failures": { "acr": "urn:enum:acr:2" } } })).await;
    ann.person.cookies.remove("enum_session");
    let mut guesser = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    guesser.presses("factor-cipherpad").await;
    for _ in 0..4 {
        guesser.types("answer", "00000000").presses("continue").await;
    }
    ann.goes(&provider.sites.own.sends(&[])).await;
    assert!(ann.person.sees("factor-email") && !ann.person.sees("raised"), "{}", ann.person.what_is_shown());
    guesser.presses("other").await;
    guesser.presses("factor-email").await;
    guesser.types("answer", "000000").presses("continue").await;
    ann.goes(&provider.sites.own.sends(&[])).await;
    is_told_why(&ann.person, "many wrong answers");
    assert!(!ann.person.sees("factor-email"), "{}", ann.person.what_is_shown());
    ann.answers().await;
    codes::is_in(&ann.person);
    provider.waits(16 * MINUTE);
    ann.person.cookies.remove("enum_session");
    ann.goes(&provider.sites.own.sends(&[])).await;
    assert!(ann.person.sees("factor-email") && !ann.person.sees("raised"), "{}", ann.person.what_is_shown());
}

async fn a_payment_is_held_to_the_same_rules(database: Database) {
    let provider = provider_of_both(database).await;
    let ann = at_home(&provider).await;
    says(&provider, &rule(&json!({ "acr": "phr", "otherwise": "refuse" }))).await;
    let mut elsewhere = elsewhere(&provider, &ann);
    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    elsewhere.goes(&visit).await.pays(PURSE, 1050).await;
    is_told_why(&elsewhere.person, "do not let a new browser in");
    elsewhere.person.presses("continue").await;
    assert_eq!(elsewhere.person.brings_back()["error"], "access_denied");
    assert_eq!(provider.log_of(ANN).await.last().map(String::as_str), Some("payment refused"));
}
