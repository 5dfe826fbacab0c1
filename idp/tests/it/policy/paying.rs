//! What confirms a payment, and what does not.

use serde_json::json;

use super::{ANN, says};
use crate::{
    codes::{adds, answers, code, goes, member, provider_of_both, sent},
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{Provider, text},
        sites::{PURSE, payload},
    },
};

on_both_databases! {
    an_unbound_factor_confirms_nothing_unless_it_was_turned_on,
    an_unbound_factor_that_was_turned_on_confirms_at_its_own_level,
    an_unbound_factor_that_is_turned_off_again_confirms_nothing_more,
    a_factor_that_may_not_confirms_no_payment,
    who_can_confirm_nothing_is_told_so,
}

async fn asked(provider: &Provider) -> Person {
    goes(provider, &provider.sites.shop.asks_to_pay(1050, &[]).await, ANN).await
}

async fn an_unbound_factor_confirms_nothing_unless_it_was_turned_on(database: Database) {
    let provider = provider_of_both(database).await;
    provider.member(ANN).await;
    adds(&provider, ANN).await;
    let off = json!({ "unbound_payments": true, "clients": { "shop": { "unbound_payments": false } } });
    for document in [json!({}), json!({ "clients": { "stall": { "unbound_payments": true } } }), off] {
        says(&provider, &document).await;
        let ann = asked(&provider).await;
        assert!(ann.page.challenge.is_some() && !ann.sees("other"), "{document}: {}", ann.what_is_shown());
    }
    assert_eq!(sent(&provider).await, 0);
}

async fn an_unbound_factor_that_was_turned_on_confirms_at_its_own_level(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    says(&provider, &json!({ "clients": { "shop": { "unbound_payments": true } } })).await;
    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    let mut ann = goes(&provider, &visit, ANN).await;
    let code = code(&provider, ANN, 1).await;
    let letter = provider.mail.to(ANN).into_iter().find(|letter| letter.text.contains(&code)).unwrap();
    assert!(letter.text.contains(&format!("The shop ({PURSE})")) && letter.text.contains("10.50 WMZ"), "{letter:?}");
    answers(&mut ann, &code).await;
    let earned = ann.brings_back()["code"].clone();
    let paid = provider.sites.shop.redeems(&visit, &earned).await.expect(200);
    assert_eq!(payload(&text(&paid, "id_token"))["acr"], "urn:enum:acr:1");
    let receipt = payload(&text(&paid["authorization_details"][0], "receipt"));
    assert_eq!((&receipt["acr"], &receipt["factor"]), (&json!("urn:enum:acr:1"), &json!("email")));
    // A login's code is none for a payment, and the other way round.
    provider.waits(61_000);
    let mut pays = asked(&provider).await;
    provider.waits(61_000);
    let mut signs_in = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    let login = crate::codes::code(&provider, ANN, 3).await;
    answers(&mut pays, &login).await;
    assert!(pays.away.is_none(), "a login's code has paid");
    answers(&mut signs_in, &login).await;
    assert!(signs_in.brings_back().contains_key("code"));
}

async fn an_unbound_factor_that_is_turned_off_again_confirms_nothing_more(database: Database) {
    let provider = provider_of_both(database).await;
    member(&provider, ANN, "en").await;
    let on = json!({ "unbound_payments": true });
    says(&provider, &on).await;
    let mut ann = asked(&provider).await;
    let code = code(&provider, ANN, 1).await;
    says(&provider, &json!({})).await;
    let mut late = ann.clone();
    answers(&mut late, &code).await;
    assert!(late.away.is_none(), "it has paid");
    assert!(!provider.log_of(ANN).await.contains(&"payment ok".to_owned()));
    says(&provider, &on).await;
    answers(&mut ann, &code).await;
    assert!(ann.brings_back().contains_key("code"));
}

async fn a_factor_that_may_not_confirms_no_payment(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    ann.goes(&provider.sites.shop.asks_to_pay(1050, &[]).await).await;
    for document in [
        json!({ "factors": { "cipherpad": { "purposes": ["authorize"] } } }),
        json!({ "clients": { "shop": { "payment": ["finger"] } } }),
        json!({ "clients": { "shop": { "acr": "phr" } } }),
    ] {
        says(&provider, &document).await;
        let mut late = ann.clone();
        late.pays(PURSE, 1050).await;
        assert!(late.person.away.is_none() && late.person.sees("unmet-lead"), "{}", late.person.what_is_shown());
    }
    assert!(!provider.log_of(ANN).await.contains(&"payment ok".to_owned()));
    // Signing in elsewhere goes on.
    ann.person = provider.stranger();
    ann.logs_in_at(&provider.sites.own).await;
}

async fn who_can_confirm_nothing_is_told_so(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    says(&provider, &json!({ "clients": { "shop": { "payment": [] } } })).await;
    let mut ann = asked(&provider).await;
    assert!(ann.reply.text().contains("may be used to confirm this payment"), "{}", ann.what_is_shown());
    assert!(ann.reply.text().contains("10.50"), "{}", ann.what_is_shown());
    ann.presses("continue").await;
    assert_eq!(ann.brings_back()["error"], "access_denied");
}
