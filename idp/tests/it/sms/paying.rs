//! A payment is spelt out in the message, and its code approves that payment and no other.

use enum_idp::clock::{MINUTE, SECOND};
use serde_json::json;

use super::{ANN, asked, asked_to_pay, code, letter, member, provider};
use crate::{
    codes::{answers, is_in, is_not_in},
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{Provider, text},
        sites::{PURSE, Visit, payload},
    },
};

on_both_databases! {
    the_code_approves_what_the_message_spells_out,
    a_code_of_one_payment_does_not_approve_another,
    a_login_s_code_approves_nothing_and_a_payment_s_code_signs_nobody_in,
    a_payment_s_code_works_once_and_not_for_long,
    what_else_is_approved_is_told_in_words_before_the_code,
}

/// By the real plugin, with the words that the page has as well.
async fn what_else_is_approved_is_told_in_words_before_the_code(database: Database) {
    let provider = provider(database).await;
    let loan = json!([{ "type": "enum_operation", "operation": { "name": "take_loan", "wmid": "123456789012",
        "lender": "210987654321", "amount": { "currency": "WMZ", "amount": "100.00" }, "days": 30, "interest": "12.5" } }]);
    for (locale, email, what) in [
        ("en", "ann@example.com", "Take a loan, 100.00 WMZ"),
        ("ru", "anya@example.com", "Взять заём, 100.00 WMZ"),
        ("vi", "anh@example.com", "Vay tiền, 100.00 WMZ"),
    ] {
        member(&provider, email, locale).await;
        let visit = provider.sites.shop.sends_pushed(&[("authorization_details", &loan.to_string())]).await;
        let mut person = goes_reading(&provider, &visit, email, locale).await;
        person.presses("accept").await;
        let check = person.page.text_of("payment-account").unwrap();
        let code = code(&provider, email, 1).await;
        let letter = letter(&provider, email, 1).await;
        let (before, _) = letter.text.split_once(&code).unwrap();
        for part in [what, &check, "123456789012", "210987654321"] {
            assert!(before.contains(part), "{part} is not before the code: {letter:?}");
        }
        answers(&mut person, &code).await;
        let earned = person.brings_back()["code"].clone();
        let tokens = provider.sites.shop.redeems(&visit, &earned).await.expect(200);
        let receipt = payload(&text(&tokens, "receipt"));
        assert_eq!(receipt["transaction"]["subject"]["name"], "take_loan");
    }
}

/// A fresh browser of somebody who reads this language.
async fn goes_reading(provider: &Provider, visit: &Visit, email: &str, language: &str) -> Person {
    let mut person = provider.stranger().reads(language);
    person.opens(&visit.link).await;
    person.types("email", email).presses("continue").await;
    person
}

async fn the_code_approves_what_the_message_spells_out(database: Database) {
    let provider = provider(database).await;
    for (locale, email) in [("en", "ann@example.com"), ("ru", "anya@example.com"), ("vi", "anh@example.com")] {
        member(&provider, email, locale).await;
        let (mut person, visit) = asked_to_pay(&provider, email, 1050).await;
        let code = code(&provider, email, 1).await;
        let letter = letter(&provider, email, 1).await;
        let (before, _) = letter.text.split_once(&code).unwrap();
        for part in ["10.50 WMZ", "The shop", PURSE] {
            assert!(before.contains(part), "{part} is not before the code: {letter:?}");
        }
        answers(&mut person, &code).await;
        let earned = person.brings_back()["code"].clone();
        let tokens = provider.sites.shop.redeems(&visit, &earned).await.expect(200);
        let id_token = payload(&text(&tokens, "id_token"));
        assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("urn:enum:acr:payment"), &json!(["sms", "otp"])));
        let receipt = payload(&text(&tokens, "receipt"));
        assert_eq!((&receipt["factor"], &receipt["transaction"]["amount_minor"]), (&json!("sms"), &json!(1050)));
        assert_eq!(provider.log_of(email).await.last().unwrap(), "payment ok");
    }
}

async fn a_code_of_one_payment_does_not_approve_another(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (mut cheap, _) = asked_to_pay(&provider, ANN, 100).await;
    let cheap_code = code(&provider, ANN, 1).await;
    provider.waits(MINUTE);
    // In the same browser, as a page of an attacker would arrange it.
    let mut dear = cheap.clone();
    dear.opens(&provider.sites.shop.asks_to_pay(100_000, &[]).await.link).await;
    dear.types("email", ANN).presses("continue").await.presses("accept").await;
    let dear_code = code(&provider, ANN, 2).await;
    assert_ne!(cheap_code, dear_code, "one in a million");
    answers(&mut dear, &cheap_code).await;
    is_not_in(&dear);
    // Nor from the page of the one into that of the other.
    let action = dear.page.forms[0].action.clone();
    cheap.posts(&action, &[("answer", &cheap_code)]).await;
    is_not_in(&cheap);
    assert_eq!(provider.log_of(ANN).await.iter().filter(|entry| *entry == "payment ok").count(), 0);
    answers(&mut dear, &dear_code).await;
    is_in(&dear);
}

async fn a_login_s_code_approves_nothing_and_a_payment_s_code_signs_nobody_in(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut login = asked(&provider, ANN).await;
    let of_login = code(&provider, ANN, 1).await;
    provider.waits(MINUTE);
    let (mut payment, _) = asked_to_pay(&provider, ANN, 1050).await;
    let of_payment = code(&provider, ANN, 2).await;
    assert_ne!(of_login, of_payment, "one in a million");
    answers(&mut payment, &of_login).await;
    is_not_in(&payment);
    answers(&mut login, &of_payment).await;
    is_not_in(&login);
    answers(&mut login, &of_login).await;
    is_in(&login);
    answers(&mut payment, &of_payment).await;
    assert!(payment.away.is_none(), "a login in between voids what was asked before it: {:?}", payment.away);
}

async fn a_payment_s_code_works_once_and_not_for_long(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (mut late, _) = asked_to_pay(&provider, ANN, 1050).await;
    let mut twice = late.clone();
    let mut punctual = late.clone();
    let code = code(&provider, ANN, 1).await;
    provider.waits(180 * SECOND);
    answers(&mut late, &code).await;
    is_not_in(&late);
    provider.waits(-1);
    answers(&mut punctual, &code).await;
    is_in(&punctual);
    answers(&mut twice, &code).await;
    assert!(twice.away.is_none(), "{:?}", twice.away);
    assert_eq!(provider.log_of(ANN).await.iter().filter(|entry| *entry == "payment ok").count(), 1);
}
