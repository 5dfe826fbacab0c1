//! A payment is approved by a finger, and by an answer to that very payment.

use super::{ANN, adds, answers, goes, honest, is_not_in, member, options, provider};
use crate::{
    on_both_databases,
    support::{database::Database, provider::text, sites::payload},
};

on_both_databases! {
    any_finger_approves_a_payment,
    an_answer_to_one_payment_approves_no_other,
}

async fn any_finger_approves_a_payment(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let mut ring = adds(&provider, ANN, "Ring finger").await;
    let shop = &provider.sites.shop;
    let visit = shop.asks_to_pay(1050, &[]).await;
    let mut ann = goes(&provider, &visit, ANN).await;
    assert_eq!(ann.page.text_of("payment-amount").as_deref(), Some("10.50"), "{}", ann.what_is_shown());
    answers(&mut ann, &mut ring, &honest(&provider)).await;
    let tokens = shop.redeems(&visit, &ann.brings_back()["code"]).await.expect(200);
    assert_eq!(payload(&text(&tokens, "id_token"))["acr"], "urn:enum:acr:payment");
    let receipt = payload(&text(&tokens, "receipt"));
    assert!(receipt.to_string().contains("fingerprint"), "{receipt}");
}

async fn an_answer_to_one_payment_approves_no_other(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let shop = &provider.sites.shop;
    let mut cheap = goes(&provider, &shop.asks_to_pay(100, &[]).await, ANN).await;
    let mut dear = goes(&provider, &shop.asks_to_pay(100_000, &[]).await, ANN).await;
    let mut login = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    let challenges: std::collections::BTreeSet<String> = [&cheap, &dear, &login].map(options).into_iter().collect();
    assert_eq!(challenges.len(), 3);
    let answer = thumb.get(&options(&cheap), &honest(&provider)).unwrap();
    for other in [&mut dear, &mut login] {
        other.types("credential", &answer).presses("continue").await;
        is_not_in(other);
    }
    cheap.types("credential", &answer).presses("continue").await;
    assert!(cheap.brings_back().contains_key("code"));
    // Nor does an answer to a login approve one.
    let mut dear = goes(&provider, &shop.asks_to_pay(100_000, &[]).await, ANN).await;
    let login = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    let signed_in = thumb.get(&options(&login), &honest(&provider)).unwrap();
    dear.types("credential", &signed_in).presses("continue").await;
    is_not_in(&dear);
    answers(&mut dear, &mut thumb, &honest(&provider)).await;
    assert!(dear.brings_back().contains_key("code"));
}
