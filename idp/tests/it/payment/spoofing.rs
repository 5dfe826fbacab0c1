//! Attacks on what is shown: names that imitate others, currencies that look alike, amounts in odd spellings, an answer of one
//! order used on another.

use serde_json::{Value, json};

use super::kinds::{asked, batch, card, check_number, loan, sent};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::Provider,
        sites::{PURSE, payment},
    },
};

on_both_databases! {
    a_name_that_imitates_another_is_shown_with_a_warning,
    what_deceives_or_does_not_add_up_is_refused_when_it_is_pushed,
    an_answer_for_a_purse_of_another_currency_does_not_approve,
    a_check_number_of_another_order_does_not_approve,
    a_payee_that_was_substituted_between_page_and_pad_does_not_approve,
}

async fn a_name_that_imitates_another_is_shown_with_a_warning(database: Database) {
    let provider = Provider::starts(database).await;
    // The second letter is Cyrillic.
    let named = |pointer: &str, of: &Value, name: &str| {
        let mut details = of.clone();
        *details.pointer_mut(pointer).unwrap() = json!(name);
        details
    };
    let plain = payment(1050)[0].clone();
    for (pointer, of) in
        [("/creditorName", &plain), ("/payments/1/creditorName", &batch()), ("/beneficiary_name", &card())]
    {
        for (name, is_odd) in [("Dеmo Shop", true), ("Сосо", true), ("Demo Shop", false), ("Магазин Apple", false)]
        {
            let visit = sent(&provider, &named(pointer, of, name)).await;
            for (language, words) in [("en", "Take care"), ("ru", "Осторожно"), ("vi", "Cẩn thận")] {
                let mut person = provider.stranger().reads(language);
                person.opens(&visit.link).await;
                let shown = person.what_is_shown();
                assert_eq!(person.page.has("payment-warning"), is_odd, "{name}: {shown}");
                assert_eq!(shown.contains(words), is_odd, "{name}: {shown}");
            }
        }
    }
}

async fn what_deceives_or_does_not_add_up_is_refused_when_it_is_pushed(database: Database) {
    let provider = Provider::starts(database).await;
    let with = |of: &Value, pointer: &str, value: Value| {
        let mut details = of.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = details.pointer_mut(parent).unwrap();
        parent[name] = value;
        details
    };
    let plain = payment(1050)[0].clone();
    let mut bad = vec![
        // Currency confusion.
        with(&plain, "/creditorAccount/purse", json!("E123456789012")),
        with(&batch(), "/totalAmount/currency", json!("WME")),
        with(&card(), "/instructed_amount/currency", json!("WMZ")),
        // Amounts.
        with(&batch(), "/totalAmount/amount", json!("31.49")),
        with(&batch(), "/totalAmount/amount", json!("3.15e1")),
        with(&batch(), "/totalAmount/amount", json!(31.5)),
        with(&plain, "/instructedAmount/amount", json!("9".repeat(400))),
        with(&card(), "/instructed_amount/amount", json!("2.2222e2")),
        with(&card(), "/instructed_amount/amount", json!(1e300)),
        with(&card(), "/instructed_amount/amount", json!(0.1 + 0.2)),
        with(&card(), "/instructed_amount/amount", json!("not-an-amount")),
        with(&loan(), "/operation/amount/amount", json!("0.00")),
        // Names.
        with(&plain, "/creditorName", json!("Cafe\u{301}")),
        with(&card(), "/beneficiary_name", json!("Demo\u{200b}Shop")),
        with(&card(), "/source_account", json!("not-a-card-primary-account-number")),
        with(&loan(), "/operation/name", json!("sell_soul")),
    ];
    // Unknown members, at every depth.
    for (of, pointer) in [
        (batch(), "/x"),
        (batch(), "/totalAmount/x"),
        (card(), "/x"),
        (card(), "/instructed_amount/x"),
        (loan(), "/x"),
        (loan(), "/operation/x"),
        (loan(), "/operation/amount/x"),
    ] {
        bad.push(with(&of, pointer, json!(1)));
    }
    let mut deep = batch();
    deep["payments"][1]["creditorAccount"]["x"] = json!(1);
    bad.push(deep);
    for details in bad {
        let text = json!([details]).to_string();
        let (_, reply) = provider.sites.shop.pushes(&[("authorization_details", &text)]).await;
        assert_eq!(reply.error(), "invalid_authorization_details", "{details}");
    }
}

async fn an_answer_for_a_purse_of_another_currency_does_not_approve(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, _) = asked(&provider, &payment(1050)[0]).await;
    ann.pays(&PURSE.replace('Z', "E"), 1050).await;
    assert!(ann.person.away.is_none() && ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    ann.pays(PURSE, 1050).await;
    assert!(ann.person.brings_back().contains_key("code"));
}

async fn a_check_number_of_another_order_does_not_approve(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, _) = asked(&provider, &batch()).await;
    let right = check_number(&ann);
    let first = ann.person.challenge();
    let for_first = ann.pad.pay(&first, &right, 3150);
    // The same total, to the same payees in another order.
    let mut turned = batch();
    turned["payments"].as_array_mut().unwrap().reverse();
    let mut other = ann.clone();
    other.person = provider.stranger();
    other.goes(&sent(&provider, &turned).await).await;
    assert_ne!(check_number(&other), right);
    assert_ne!(other.person.challenge(), first, "one in a hundred million");
    other.person.types("answer", &for_first).presses("continue").await;
    assert!(other.person.away.is_none() && other.person.complaint().is_some(), "{}", other.person.what_is_shown());
    // The number of the one with the question of the other.
    other.pad.counter = ann.pad.counter;
    other.pays(&right, 3150).await;
    assert!(other.person.away.is_none(), "{:?}", other.person.away);
    ann.person.types("answer", &for_first).presses("continue").await;
    assert!(ann.person.brings_back().contains_key("code"), "it does approve its own");
}

/// Malware shows a page of its own, with a check number of its own or with a purse.
async fn a_payee_that_was_substituted_between_page_and_pad_does_not_approve(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, _) = asked(&provider, &batch()).await;
    let right = check_number(&ann);
    for shown in ["M000000000000", "Z123456789012"] {
        ann.pays(shown, 3150).await;
        assert!(ann.person.away.is_none() && ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    }
    ann.pays(&right, 3150).await;
    assert!(ann.person.brings_back().contains_key("code"));
}
