//! A login with a mailed code, and what it is worth.

use serde_json::json;

use super::{
    ANN, adds, answers, asked, code, code_in, goes, is_in, is_not_in, member, provider, provider_of_both, sent,
};
use crate::{
    on_both_databases,
    support::{database::Database, provider::text, sites::payload},
};

on_both_databases! {
    the_mailed_code_signs_in_in_three_languages,
    a_code_proves_no_more_than_the_lowest_level,
    no_payment_is_approved_by_a_mailed_code,
    a_code_outlives_a_restart_and_works_once_all_the_same,
    a_page_that_is_loaded_again_sends_nothing,
    an_address_in_a_link_sends_nothing_until_a_button_is_pressed,
    with_several_methods_nothing_is_sent_before_this_one_is_chosen,
}

async fn the_mailed_code_signs_in_in_three_languages(database: Database) {
    let provider = provider(database).await;
    let site = &provider.sites.own;
    for (locale, email, subject) in [
        ("en", "ann@example.com", "Your code for signing in"),
        ("ru", "anya@example.com", "Ваш код для входа"),
        ("vi", "anh@example.com", "Mã đăng nhập của bạn"),
    ] {
        member(&provider, email, locale).await;
        let visit = site.sends(&[]);
        let mut person = goes(&provider, &visit, email).await;
        assert_eq!(person.page.text_of("address").as_deref(), Some("a***@example.com"));
        let code = code(&provider, email, 1).await;
        let letter = provider.mail.to(email).into_iter().find(|letter| code_in(letter).is_some()).unwrap();
        assert!(letter.subject.contains(subject) && !letter.subject.contains(&code), "{letter:?}");
        assert!(letter.text.contains("The own (https://own.example)") && letter.text.contains("10"), "{letter:?}");
        assert!(!person.page.html.contains(&code) && !person.at.as_str().contains(&code));
        answers(&mut person, &code).await;
        let earned = person.brings_back()["code"].clone();
        let id_token = payload(&text(&site.redeems(&visit, &earned).await.expect(200), "id_token"));
        assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("urn:enum:acr:1"), &json!(["otp"])));
        assert_eq!(provider.log_of(email).await.last().unwrap(), "login ok");
    }
    assert_eq!(sent(&provider).await, 3);
}

async fn a_code_proves_no_more_than_the_lowest_level(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let claims = r#"{"id_token":{"acr":{"essential":true,"value":"urn:enum:acr:2"}}}"#;
    let mut ann = goes(&provider, &provider.sites.own.sends(&[("claims", claims)]), ANN).await;
    assert!(ann.sees("unmet-lead") && sent(&provider).await == 0, "{}", ann.what_is_shown());
    ann.presses("continue").await;
    assert_eq!(ann.brings_back()["error"], "unmet_authentication_requirements");
}

async fn no_payment_is_approved_by_a_mailed_code(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    let ann = goes(&provider, &provider.sites.shop.asks_to_pay(1050, &[]).await, ANN).await;
    assert!(ann.page.challenge.is_some() && !ann.sees("again"), "{}", ann.what_is_shown());
    assert!(!ann.sees("factor-email"));
    assert_eq!(sent(&provider).await, 0);
}

async fn a_code_outlives_a_restart_and_works_once_all_the_same(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = asked(&provider, ANN).await;
    let mut other_tab = ann.clone();
    let provider = provider.restarts().await;
    let code = code(&provider, ANN, 1).await;
    answers(&mut ann, &code).await;
    is_in(&ann);
    let provider = provider.restarts().await;
    answers(&mut other_tab, &code).await;
    is_not_in(&other_tab);
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login replayed");
    assert_eq!(sent(&provider).await, 1);
}

async fn a_page_that_is_loaded_again_sends_nothing(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = provider.stranger();
    ann.opens(&provider.sites.own.sends(&[]).link).await.types("email", ANN);
    let before = ann.clone();
    ann.presses("continue").await;
    let question = ann.page.forms[0].action.clone();
    for _ in 0..3 {
        let mut posted_again = before.clone();
        posted_again.presses("continue").await;
        assert!(posted_again.sees("answer") && posted_again.complaint().is_none(), "{}", posted_again.what_is_shown());
        ann.opens(&question).await;
        assert!(ann.sees("answer"), "{}", ann.what_is_shown());
    }
    assert_eq!(sent(&provider).await, 1);
    answers(&mut ann, &code(&provider, ANN, 1).await).await;
    is_in(&ann);
}

async fn an_address_in_a_link_sends_nothing_until_a_button_is_pressed(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = provider.stranger();
    ann.opens(&provider.sites.own.sends(&[("login_hint", ANN)]).link).await;
    assert!(ann.sees("factor-email") && ann.complaint().is_none(), "{}", ann.what_is_shown());
    assert_eq!(sent(&provider).await, 0);
    ann.presses("factor-email").await;
    assert_eq!(sent(&provider).await, 1);
    answers(&mut ann, &code(&provider, ANN, 1).await).await;
    is_in(&ann);
}

async fn with_several_methods_nothing_is_sent_before_this_one_is_chosen(database: Database) {
    let provider = provider_of_both(database).await;
    provider.member(ANN).await;
    adds(&provider, ANN).await;
    let mut ann = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    assert!(ann.sees("factor-cipherpad") && ann.sees("factor-email"), "{}", ann.what_is_shown());
    ann.presses("factor-cipherpad").await;
    assert!(ann.page.challenge.is_some() && ann.complaint().is_none(), "{}", ann.what_is_shown());
    ann.presses("other").await;
    assert_eq!(sent(&provider).await, 0);
    ann.presses("factor-email").await;
    assert_eq!(sent(&provider).await, 1);
    ann.presses("other").await.presses("factor-email").await;
    assert!(ann.sees("answer") && ann.complaint().is_none(), "{}", ann.what_is_shown());
    assert_eq!(sent(&provider).await, 1, "what is there is shown");
    answers(&mut ann, &code(&provider, ANN, 1).await).await;
    is_in(&ann);
}
