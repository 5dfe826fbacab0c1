//! A login with a code from a text message, and what it is worth.

use enum_idp::clock::MINUTE;
use serde_json::json;

use super::{ANN, asked, code, letter, member, provider};
use crate::{
    codes::{answers, goes, is_in, is_not_in, sent},
    on_both_databases,
    support::{database::Database, provider::text, sites::payload},
};

on_both_databases! {
    the_code_signs_in_in_the_account_s_language,
    the_field_takes_the_code_from_the_message,
    a_code_works_for_five_minutes_and_once,
}

async fn the_code_signs_in_in_the_account_s_language(database: Database) {
    let provider = provider(database).await;
    let site = &provider.sites.own;
    for (locale, email, beginning) in [
        ("en", "ann@example.com", "Code to sign in to The own (own.example): "),
        ("ru", "anya@example.com", "Код для входа, The own (own.example): "),
        ("vi", "anh@example.com", "Mã đăng nhập The own (own.example): "),
    ] {
        member(&provider, email, locale).await;
        let visit = site.sends(&[]);
        let mut person = goes(&provider, &visit, email).await;
        let letter = letter(&provider, email, 1).await;
        let code = code(&provider, email, 1).await;
        assert!(letter.text.starts_with(&format!("{beginning}{code}. ")), "{letter:?}");
        assert!(letter.text.ends_with(&format!("\n\n@127.0.0.1 #{code}")), "{letter:?}");
        assert!(!person.page.html.contains(&code) && !person.at.as_str().contains(&code));
        answers(&mut person, &code).await;
        let earned = person.brings_back()["code"].clone();
        let id_token = payload(&text(&site.redeems(&visit, &earned).await.expect(200), "id_token"));
        assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("urn:enum:acr:2"), &json!(["sms", "otp"])));
        assert_eq!(provider.log_of(email).await.last().unwrap(), "login ok");
    }
    assert_eq!(sent(&provider).await, 3);
}

async fn the_field_takes_the_code_from_the_message(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let ann = asked(&provider, ANN).await;
    let (_, field) = ann.page.html.split_once("<input id=\"answer\"").unwrap();
    let (field, _) = field.split_once('>').unwrap();
    assert!(field.contains("autocomplete=\"one-time-code\"") && field.contains("inputmode=\"numeric\""), "{field}");
}

async fn a_code_works_for_five_minutes_and_once(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut late = asked(&provider, ANN).await;
    let (mut punctual, mut twice) = (late.clone(), late.clone());
    let code = code(&provider, ANN, 1).await;
    provider.waits(5 * MINUTE);
    answers(&mut late, &code).await;
    is_not_in(&late);
    assert!(late.complaint().unwrap().contains("no longer valid"), "{}", late.what_is_shown());
    provider.waits(-1);
    answers(&mut punctual, &code).await;
    is_in(&punctual);
    answers(&mut twice, &code).await;
    is_not_in(&twice);
    assert_eq!(provider.enrolment_of(ANN).await.failures, 0);
}
