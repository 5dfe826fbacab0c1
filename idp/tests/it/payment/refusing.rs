//! One byte of the payment changed, and the answer does not approve it.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Member, Provider, text},
        sites::{PURSE, payment},
    },
};

on_both_databases! {
    an_answer_for_another_amount_does_not_approve,
    an_answer_for_another_payee_does_not_approve,
    an_answer_of_the_login_mode_does_not_approve,
    an_answer_given_for_one_payment_does_not_approve_another,
    a_payment_s_answer_at_a_login_does_not_sign_in,
    a_payment_is_not_asked_for_through_the_browser,
    details_that_cannot_be_confirmed_are_refused_when_they_are_pushed,
    wrong_answers_to_payments_and_logins_share_one_budget,
    a_payment_that_names_whom_it_expects_is_approved_by_nobody_else,
}

async fn asked(provider: &Provider, minor: u64) -> Member {
    let mut ann = provider.member("ann@example.com").await;
    ann.goes(&provider.sites.shop.asks_to_pay(minor, &[]).await).await;
    ann
}

#[track_caller]
fn is_not_approved(ann: &Member) {
    assert!(ann.person.away.is_none(), "approved: {:?}", ann.person.away);
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
}

async fn an_answer_for_another_amount_does_not_approve(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, 1050).await;
    for minor in [1051, 105_000] {
        is_not_approved(ann.pays(PURSE, minor).await);
    }
    ann.pays(PURSE, 1050).await;
    assert!(ann.person.brings_back().contains_key("code"), "nothing else was lost");
}

async fn an_answer_for_another_payee_does_not_approve(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, 1050).await;
    for purse in ["Z123456789013", "R123456789012"] {
        is_not_approved(ann.pays(purse, 1050).await);
    }
    ann.pays(PURSE, 1050).await;
    assert!(ann.person.brings_back().contains_key("code"), "nothing else was lost");
}

async fn an_answer_of_the_login_mode_does_not_approve(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, 1050).await;
    ann.answers().await;
    is_not_approved(&ann);
    assert_eq!(provider.enrolment_of(&ann.email).await.failures, 1);
}

async fn an_answer_given_for_one_payment_does_not_approve_another(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, 1050).await;
    let answer = ann.pad.pay(&ann.person.challenge(), PURSE, 1050);
    let mut dear = ann.clone();
    dear.person = provider.stranger();
    dear.goes(&provider.sites.shop.asks_to_pay(105_000, &[]).await).await;
    dear.person.types("answer", &answer).presses("continue").await;
    is_not_approved(&dear);
    ann.person.types("answer", &answer).presses("continue").await;
    assert!(ann.person.brings_back().contains_key("code"), "it does approve its own");
}

async fn a_payment_s_answer_at_a_login_does_not_sign_in(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, 1050).await;
    let answer = ann.pad.pay(&ann.person.challenge(), PURSE, 1050);
    ann.person = provider.stranger();
    ann.goes(&provider.sites.own.sends(&[])).await;
    ann.person.types("answer", &answer).presses("continue").await;
    is_not_approved(&ann);
}

async fn a_payment_is_not_asked_for_through_the_browser(database: Database) {
    let provider = Provider::starts(database).await;
    let details = payment(1050).to_string();
    for site in [&provider.sites.shop, &provider.sites.site] {
        let mut person = provider.stranger();
        person.opens(&site.sends(&[("authorization_details", &details)]).link).await;
        assert_eq!(person.brings_back()["error"], "invalid_request");
    }
}

async fn details_that_cannot_be_confirmed_are_refused_when_they_are_pushed(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let with = |path: &str, value: Value| {
        let mut details = payment(1050);
        *details[0].pointer_mut(path).unwrap() = value;
        details
    };
    let mut unknown_member = payment(1050);
    unknown_member[0]["discount"] = json!("1.00");
    let mut without_amount = payment(1050);
    without_amount[0].as_object_mut().unwrap().remove("instructedAmount");
    for details in [
        json!([]),
        json!({}),
        json!([payment(1)[0], payment(2)[0]]),
        json!([{ "type": "account_information" }]),
        with("/type", json!("Payment_initiation")),
        with("/instructedAmount/amount", json!("0.00")),
        with("/instructedAmount/amount", json!("-1.00")),
        with("/instructedAmount/amount", json!("10.501")),
        with("/instructedAmount/amount", json!("1e3")),
        with("/instructedAmount/amount", json!("010.00")),
        with("/instructedAmount/amount", json!(10.5)),
        with("/instructedAmount/currency", json!("EUR")),
        with("/creditorAccount/purse", json!("Z12345678901")),
        with("/creditorAccount/purse", json!("z123456789012")),
        with("/creditorAccount/purse", json!("Z1234567890120")),
        with("/creditorName", json!("")),
        with("/creditorName", json!("The \u{202e}pohs")),
        with("/creditorName", json!("line\nbreak")),
        unknown_member,
        without_amount,
    ] {
        let (_, reply) = shop.pushes(&[("authorization_details", &details.to_string())]).await;
        assert_eq!(reply.error(), "invalid_authorization_details", "{details}");
    }
    let (_, reply) = provider.sites.shop.pushes(&[("authorization_details", "not json")]).await;
    assert_eq!(reply.error(), "invalid_authorization_details");
}

async fn wrong_answers_to_payments_and_logins_share_one_budget(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, 1050).await;
    for purse in ["Z000000000001", "Z000000000002", "Z000000000003"] {
        ann.pays(purse, 1050).await;
    }
    ann.person = provider.stranger();
    ann.goes(&provider.sites.own.sends(&[])).await;
    ann.answers_wrongly().await.answers_wrongly().await;
    assert_eq!(provider.enrolment_of(&ann.email).await.failures, 5);
    ann.answers().await;
    is_not_approved(&ann);
}

async fn a_payment_that_names_whom_it_expects_is_approved_by_nobody_else(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let (mut ann, mut eve) = (provider.member("ann@example.com").await, provider.member("eve@example.com").await);
    let hint = text(&ann.logs_in_at(shop).await, "id_token");
    let visit = shop.asks_to_pay(1050, &[("id_token_hint", &hint)]).await;
    eve.goes(&visit).await;
    eve.pays(PURSE, 1050).await;
    assert_eq!(eve.person.brings_back()["error"], "login_required");
    assert_eq!(provider.log_of("eve@example.com").await.last().unwrap(), "payment refused");
    ann.person = provider.stranger();
    ann.goes(&visit).await;
    ann.pays(PURSE, 1050).await;
    assert!(ann.person.brings_back().contains_key("code"), "she can still pay");
}
