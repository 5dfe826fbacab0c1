//! What is no payment to one purse: several payments, a payment by card, an operation. Each is shown in words, answered on the
//! pad, and told to whoever asked with a receipt.

use enum_receipt::{Expected, verify};
use serde_json::{Value, json};

use super::receipts::published;
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Member, Provider, text},
        sites::Visit,
    },
};

on_both_databases! {
    a_batch_is_approved_with_all_its_payees,
    a_card_payment_is_approved_without_its_card_s_number,
    an_operation_is_approved_in_a_mode_of_its_own,
    an_operation_without_an_amount_is_approved,
    each_kind_is_worded_in_each_language,
    the_longest_batch_can_be_approved,
}

pub(super) fn batch() -> Value {
    let payment = |name: &str, purse: &str, amount: &str| {
        json!({ "creditorName": name, "creditorAccount": { "purse": purse },
            "instructedAmount": { "currency": "WMZ", "amount": amount } })
    };
    json!({
        "type": "payment_batch",
        "totalAmount": { "currency": "WMZ", "amount": "31.50" },
        "payments": [payment("Books & more", "Z123456789012", "10.50"), payment("Tea House", "Z210987654321", "21.00")],
        "reference": "payout-7",
    })
}

pub(super) fn card() -> Value {
    json!({
        "type": "3ds:payment_authorisation",
        "instructed_amount": { "amount": 222.22, "currency": "AUD" },
        "source_account": "4111111111111111",
        "beneficiary_name": "Demo Shop",
        "payment_desc": "A mug",
    })
}

pub(super) fn loan() -> Value {
    json!({
        "type": "enum_operation",
        "operation": { "name": "take_loan", "wmid": "123456789012", "lender": "210987654321",
            "amount": { "currency": "WMZ", "amount": "100.00" }, "days": 30, "interest": "12.5" },
    })
}

fn keeper_login() -> Value {
    json!({
        "type": "enum_operation",
        "operation": { "name": "keeper_login", "wmid": "123456789012", "keeper": "light" },
    })
}

/// Ann before the question about such an object.
pub(super) async fn asked(provider: &Provider, details: &Value) -> (Member, Visit) {
    let mut ann = provider.member("ann@example.com").await;
    let visit = sent(provider, details).await;
    ann.goes(&visit).await;
    (ann, visit)
}

pub(super) async fn sent(provider: &Provider, details: &Value) -> Visit {
    let details = json!([details]).to_string();
    provider.sites.shop.sends_pushed(&[("authorization_details", &details)]).await
}

pub(super) fn check_number(ann: &Member) -> String {
    let number = ann.person.page.text_of("payment-account").unwrap();
    assert_eq!(ann.person.page.text_of("pad-payee").as_ref(), Some(&number), "{}", ann.person.what_is_shown());
    number
}

/// What the shop gets for the code, after a look at its receipt.
async fn told(provider: &Provider, ann: &Member, visit: &Visit, details: &Value) -> Value {
    let shop = &provider.sites.shop;
    let code = ann.person.brings_back()["code"].clone();
    let tokens = shop.redeems(visit, &code).await.expect(200);
    for (name, value) in details.as_object().unwrap() {
        assert_eq!(&tokens["authorization_details"][0][name], value, "{name}");
    }
    let expected = Expected { issuer: Some(&shop.issuer), client_id: Some("shop") };
    let claims = verify(&published(provider).await, &text(&tokens, "receipt"), &expected).unwrap();
    assert_eq!(claims.acr, "urn:enum:acr:payment");
    assert_eq!(provider.log_of(&ann.email).await.last().unwrap(), "payment ok");
    json!(claims.transaction)
}

async fn a_batch_is_approved_with_all_its_payees(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, visit) = asked(&provider, &batch()).await;
    let shown = ann.person.what_is_shown();
    for part in ["31.50", "WMZ", "Books &amp; more", "Tea House", "10.50", "21.00", "Z123456789012", "Z210987654321"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let number = check_number(&ann);
    assert!(number.starts_with('M'), "{number}");
    ann.pays(&number, 3150).await;
    let receipt = told(&provider, &ann, &visit, &batch()).await;
    assert_eq!((&receipt["amount_minor"], &receipt["payee_account"]), (&json!(3150), &json!(number)));
    let payees = &receipt["subject"]["payees"];
    assert_eq!((&payees[0]["name"], &payees[1]["amount_minor"]), (&json!("Books & more"), &json!(2100)));
}

async fn a_card_payment_is_approved_without_its_card_s_number(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, visit) = asked(&provider, &card()).await;
    let shown = ann.person.what_is_shown();
    assert!(shown.contains("1111") && !shown.contains("4111") && shown.contains("222.22"), "{shown}");
    let number = check_number(&ann);
    ann.pays(&number, 22_222).await;
    let receipt = told(&provider, &ann, &visit, &card()).await;
    assert_eq!(
        (&receipt["subject"], &receipt["currency"]),
        (&json!({ "kind": "card", "source": "1111" }), &json!("AUD"))
    );
}

async fn an_operation_is_approved_in_a_mode_of_its_own(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, visit) = asked(&provider, &loan()).await;
    assert_eq!(ann.person.page.text_of("payment-operation").as_deref(), Some("Take a loan"));
    assert_eq!(ann.person.page.text_of("operation-lender").as_deref(), Some("210987654321"));
    let number = check_number(&ann);
    // As a payment to the check number it is not what was asked.
    ann.pays(&number, 10_000).await;
    assert!(ann.person.away.is_none(), "{:?}", ann.person.away);
    ann.operates(&number, Some(10_000)).await;
    let receipt = told(&provider, &ann, &visit, &loan()).await;
    assert_eq!((&receipt["subject"]["name"], &receipt["amount_minor"]), (&json!("take_loan"), &json!(10_000)));
    let shop = &provider.sites.shop;
    let listed = shop.posts("/payments/confirmations", &[]).await.expect(200);
    let one = &listed["confirmations"][0];
    assert_eq!(one["transaction"], receipt);
    let confirmation = text(one, "confirmation");
    let fields = [("confirmation", confirmation.as_str()), ("amount", "1.00"), ("currency", "WMZ"), ("reference", "r")];
    let refused = shop.posts("/payments/refunds", &fields).await;
    assert_eq!(refused.error(), "invalid_request", "nothing was paid");
}

async fn an_operation_without_an_amount_is_approved(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, visit) = asked(&provider, &keeper_login()).await;
    assert!(!ann.person.sees("payment-amount") && !ann.person.page.has("pad-amount"), "{}", ann.person.what_is_shown());
    let number = check_number(&ann);
    for wrong in [Some(1), Some(100)] {
        ann.operates(&number, wrong).await;
        assert!(ann.person.away.is_none(), "{:?}", ann.person.away);
    }
    ann.operates(&number, None).await;
    let receipt = told(&provider, &ann, &visit, &keeper_login()).await;
    assert_eq!((&receipt["amount_minor"], &receipt["currency"]), (&json!(0), &json!("")));
}

async fn each_kind_is_worded_in_each_language(database: Database) {
    let provider = Provider::starts(database).await;
    let mut numbers = Vec::new();
    for (details, words) in [
        (batch(), ["Payees", "Получатели", "Người nhận"]),
        (card(), ["From your card", "С вашей карты", "Từ thẻ của bạn"]),
        (loan(), ["Take a loan", "Взять заём", "Vay tiền"]),
    ] {
        for (language, word) in ["en", "ru", "vi"].into_iter().zip(words) {
            let visit = sent(&provider, &details).await;
            let mut person = provider.stranger().reads(language);
            person.opens(&visit.link).await;
            let shown = person.what_is_shown();
            assert!(shown.contains(word), "{language}: {word} is not in {shown}");
            numbers.push(person.page.text_of("payment-account").unwrap());
        }
    }
    // The value is the same in every language.
    numbers.dedup();
    assert_eq!(numbers.len(), 3, "{numbers:?}");
}

async fn the_longest_batch_can_be_approved(database: Database) {
    let provider = Provider::starts(database).await;
    let payments: Vec<Value> = (0..20)
        .map(|number| {
            json!({ "creditorName": "Ж".repeat(64), "creditorAccount": { "purse": format!("Z{number:012}") },
                "instructedAmount": { "currency": "WMZ", "amount": "999999999.99" } })
        })
        .collect();
    let mut details = batch();
    details["payments"] = payments.into();
    details["totalAmount"]["amount"] = json!("19999999999.80");
    details["remittanceInformation"] = json!("Щ".repeat(140));
    let (mut ann, visit) = asked(&provider, &details).await;
    let number = check_number(&ann);
    ann.pays(&number, 1_999_999_999_980).await;
    told(&provider, &ann, &visit, &details).await;
}
