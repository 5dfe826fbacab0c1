//! A merchant looks at what was confirmed for it, and declares what it has given back.

use enum_idp::{
    clock::{HOUR, MINUTE, SECOND},
    store,
};
use enum_receipt::{Expected, ReceiptError, verify, verify_refund};
use serde_json::Value;

use super::receipts::{paid_by, published};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::Reply,
        provider::{Provider, text},
        publisher::Administrator,
        sites::{PURSE, Site},
    },
};

on_both_databases! {
    a_merchant_reads_its_confirmations_and_nobody_elses,
    confirmations_come_in_pages_and_by_time,
    who_cannot_prove_to_be_the_merchant_reads_nothing,
    a_refund_names_its_receipt_and_is_in_the_owners_log,
    a_refund_that_is_sent_again_happens_once,
    no_more_is_given_back_than_was_paid,
    of_many_refunds_at_once_only_what_fits_is_taken,
    a_refund_that_makes_no_sense_is_refused,
    the_payment_of_somebody_who_has_left_is_given_back_too,
}

const ANN: &str = "ann@example.com";
const CONFIRMATIONS: &str = "/payments/confirmations";

async fn list(site: &Site, fields: &[(&str, &str)]) -> Value {
    site.posts(CONFIRMATIONS, fields).await.expect(200)
}

/// Ids of an answer's confirmations, in its order.
fn ids(answer: &Value) -> Vec<String> {
    answer["confirmations"].as_array().unwrap().iter().map(|one| text(one, "confirmation")).collect()
}

/// What the shop was told of a payment of 10.50 WMZ: the name of the confirmation, and the receipt.
async fn paid(provider: &Provider) -> (String, String) {
    let tokens = paid_by(provider, ANN).await;
    (text(&tokens["authorization_details"][0], "confirmation"), text(&tokens, "receipt"))
}

async fn refunds(site: &Site, confirmation: &str, amount: &str, reference: &str) -> Reply {
    let fields = [("confirmation", confirmation), ("amount", amount), ("currency", "WMZ"), ("reference", reference)];
    site.posts("/payments/refunds", &fields).await
}

async fn a_merchant_reads_its_confirmations_and_nobody_elses(database: Database) {
    let provider = Provider::starts(database).await;
    let (confirmation, receipt) = paid(&provider).await;
    let answer = list(&provider.sites.shop, &[]).await;
    assert!(answer.get("next_cursor").is_none(), "{answer}");
    let [one] = &answer["confirmations"].as_array().unwrap()[..] else { panic!("{answer}") };
    assert_eq!((text(one, "confirmation"), text(one, "receipt")), (confirmation.clone(), receipt.clone()));
    assert_eq!(one["created_at"], provider.clock.seconds());
    assert_eq!(one["authorization_details"]["reference"], "order-1");
    assert_eq!((one["refunded"].as_str(), one["refunds"].as_array().map(Vec::len)), (Some("0.00"), Some(0)));
    let claims = verify(&published(&provider).await, &receipt, &Expected::default()).unwrap();
    assert_eq!(one["sub"], claims.sub);
    assert_eq!(one["transaction"], serde_json::to_value(&claims.transaction).unwrap());
    assert_eq!(one["transaction_hash"], claims.transaction_hash);

    let by_name = [("confirmation", confirmation.as_str())];
    assert_eq!(ids(&list(&provider.sites.shop, &by_name).await), [confirmation.as_str()]);
    assert!(ids(&list(&provider.sites.stall, &[]).await).is_empty());
    assert!(ids(&list(&provider.sites.stall, &by_name).await).is_empty(), "nor by its name");
    let refused = refunds(&provider.sites.stall, &confirmation, "1", "r").await;
    assert_eq!(refused.error(), "invalid_request");
}

async fn confirmations_come_in_pages_and_by_time(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    let mut expected = Vec::new();
    let began = provider.clock.seconds();
    let mut receipts = Vec::new();
    for minor in [100, 200, 300] {
        let visit = provider.sites.shop.asks_to_pay(minor, &[]).await;
        ann.goes(&visit).await;
        ann.pays(PURSE, minor).await;
        let code = ann.person.brings_back()["code"].clone();
        let tokens = provider.sites.shop.redeems(&visit, &code).await.expect(200);
        expected.insert(0, text(&tokens["authorization_details"][0], "confirmation"));
        receipts.push(text(&tokens, "receipt"));
        provider.waits(HOUR);
    }
    let shop = &provider.sites.shop;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let mut fields = vec![("limit", "1")];
        fields.extend(cursor.as_ref().map(|cursor: &String| ("cursor", cursor.as_str())));
        let answer = list(shop, &fields).await;
        seen.extend(ids(&answer));
        let Some(next) = answer["next_cursor"].as_str() else { break };
        cursor = Some(next.to_owned());
    }
    assert_eq!(seen, expected);
    let second = (began + HOUR / SECOND).to_string();
    let third = (began + 2 * HOUR / SECOND).to_string();
    assert_eq!(ids(&list(shop, &[("since", &second), ("until", &third)]).await), expected[1..2]);
    for wrong in
        [("limit", "0"), ("limit", "101"), ("limit", "x"), ("since", "yesterday"), ("until", "-1"), ("cursor", "x")]
    {
        assert_eq!(shop.posts(CONFIRMATIONS, &[wrong]).await.error(), "invalid_request", "{wrong:?}");
    }

    let refund = text(&refunds(shop, &expected[0], "1", "r").await.expect(201), "receipt");
    let keys = published(&provider).await;
    assert!(verify_refund(&keys, &refund, &receipts[2], &Expected::default()).is_ok());
    let refused = verify_refund(&keys, &refund, &receipts[1], &Expected::default());
    assert_eq!(refused, Err(ReceiptError::OtherPayment), "another payment of the same person");
}

async fn who_cannot_prove_to_be_the_merchant_reads_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let (confirmation, _) = paid(&provider).await;
    let shop = &provider.sites.shop;
    let assertion = shop.assertion(&serde_json::json!({}));
    shop.posts_asserting(CONFIRMATIONS, &[], &assertion).await.expect(200);
    let again = shop.posts_asserting(CONFIRMATIONS, &[], &assertion).await;
    assert_eq!((again.status.as_u16(), again.error().as_str()), (401, "invalid_client"), "an assertion works once");
    let forged = provider.sites.stall.signs(
        &serde_json::json!({ "alg": "ES256", "kid": "1" }),
        &serde_json::json!({ "iss": "shop", "sub": "shop", "aud": shop.issuer, "jti": "j", "exp": provider.clock.seconds() + 60 }),
    );
    assert_eq!(shop.posts_asserting(CONFIRMATIONS, &[], &forged).await.error(), "invalid_client");
    for path in [CONFIRMATIONS, "/payments/refunds"] {
        let fields =
            [("confirmation", confirmation.as_str()), ("amount", "1"), ("currency", "WMZ"), ("reference", "r")];
        assert_eq!(provider.sites.app.posts(path, &fields).await.error(), "unauthorized_client", "a public client");
    }
    assert_eq!(list(shop, &[]).await["confirmations"][0]["refunded"], "0.00");
}

async fn a_refund_names_its_receipt_and_is_in_the_owners_log(database: Database) {
    let provider = Provider::starts(database).await;
    let (confirmation, receipt) = paid(&provider).await;
    let shop = &provider.sites.shop;
    provider.waits(HOUR);
    let first = refunds(shop, &confirmation, "4.00", "return-1").await.expect(201);
    assert_eq!((text(&first, "refunded"), text(&first, "remaining")), ("4.00".to_owned(), "6.50".to_owned()));
    let fields = [
        ("confirmation", confirmation.as_str()),
        ("amount", "6.5"),
        ("currency", "WMZ"),
        ("reference", "return-2"),
        ("reason", "Разбито"),
    ];
    let second = shop.posts("/payments/refunds", &fields).await.expect(201);
    assert_eq!((text(&second, "refunded"), text(&second, "remaining")), ("10.50".to_owned(), "0.00".to_owned()));

    let keys = published(&provider).await;
    let expected = Expected { issuer: Some(&shop.issuer), client_id: Some("shop") };
    let said = verify_refund(&keys, &text(&second, "receipt"), &receipt, &expected).unwrap();
    assert_eq!((said.amount_minor, said.refunded_minor, said.iat), (650, 1050, provider.clock.seconds()));
    assert_eq!((said.reference.as_str(), said.reason.as_str()), ("return-2", "Разбито"));
    let (_, another) = paid_again(&provider).await;
    let refused = verify_refund(&keys, &text(&second, "receipt"), &another, &expected);
    assert_eq!(refused, Err(ReceiptError::OtherPayment), "somebody else's payment");
    assert!(verify_refund(&keys, &receipt, &receipt, &expected).is_err(), "a payment is no refund");
    assert!(verify(&keys, &text(&second, "receipt"), &expected).is_err(), "nor the other way round");

    let commands = Administrator::of(&provider.dir, &provider.configuration()).at("receipt");
    let told = commands.does(&["refund", &text(&second, "receipt"), &receipt]);
    assert_eq!((&told["amount_minor"], &told["confirmation"]), (&650.into(), &confirmation.as_str().into()));
    commands.is_told(&["refund", &text(&second, "receipt"), &another], &["not one of this payment"]);

    let shown = list(shop, &[("confirmation", &confirmation)]).await["confirmations"][0].clone();
    let amounts: Vec<String> = shown["refunds"].as_array().unwrap().iter().map(|one| text(one, "amount")).collect();
    assert!(text(&shown, "refunded") == "10.50" && amounts.len() == 2, "{shown}");
    let log = provider.log_of(ANN).await;
    assert_eq!(log.iter().filter(|entry| *entry == "refund ok").count(), 2, "{log:?}");
}

/// Another payment of the same person.
async fn paid_again(provider: &Provider) -> (String, String) {
    let tokens = paid_by(provider, "eve@example.com").await;
    (text(&tokens["authorization_details"][0], "confirmation"), text(&tokens, "receipt"))
}

async fn a_refund_that_is_sent_again_happens_once(database: Database) {
    let provider = Provider::starts(database).await;
    let (confirmation, _) = paid(&provider).await;
    let shop = &provider.sites.shop;
    let first = refunds(shop, &confirmation, "4", "return-1").await.expect(201);
    provider.waits(MINUTE);
    let again = refunds(shop, &confirmation, "4.00", "return-1").await.expect(200);
    assert_eq!(first, again);
    assert_eq!(refunds(shop, &confirmation, "5", "return-1").await.error(), "invalid_request", "another amount");
    let (other, _) = paid_again(&provider).await;
    refunds(shop, &other, "5", "return-1").await.expect(201);
    let log = provider.log_of(ANN).await;
    assert_eq!(log.iter().filter(|entry| *entry == "refund ok").count(), 1, "{log:?}");
}

async fn no_more_is_given_back_than_was_paid(database: Database) {
    let provider = Provider::starts(database).await;
    let (confirmation, _) = paid(&provider).await;
    let shop = &provider.sites.shop;
    refunds(shop, &confirmation, "10", "a").await.expect(201);
    let refused = refunds(shop, &confirmation, "0.51", "b").await;
    assert_eq!(refused.error(), "invalid_request");
    assert!(refused.text().contains("0.50"), "it says what is left: {}", refused.text());
    refunds(shop, &confirmation, "0.50", "b").await.expect(201);
    assert_eq!(refunds(shop, &confirmation, "0.01", "c").await.error(), "invalid_request");
}

async fn of_many_refunds_at_once_only_what_fits_is_taken(database: Database) {
    let provider = Provider::starts(database).await;
    let (confirmation, _) = paid(&provider).await;
    let shop = &provider.sites.shop;
    let names: Vec<String> = (0..8).map(|number| format!("return-{number}")).collect();
    // Each name twice, as by a client that lost its patience; three of 3.50 fit into 10.50.
    let asked = names.iter().chain(&names).map(|name| refunds(shop, &confirmation, "3.50", name));
    let replies = futures_util::future::join_all(asked).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(created, 3, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    let shown = list(shop, &[]).await["confirmations"][0].clone();
    assert_eq!((text(&shown, "refunded"), shown["refunds"].as_array().unwrap().len()), ("10.50".to_owned(), 3));
}

async fn a_refund_that_makes_no_sense_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let (confirmation, _) = paid(&provider).await;
    let good = [("confirmation", confirmation.as_str()), ("amount", "1"), ("currency", "WMZ"), ("reference", "r")];
    let long = "x".repeat(141);
    for (name, value) in [
        ("confirmation", "nothing"),
        ("amount", "0"),
        ("amount", "-1"),
        ("amount", "1e1"),
        ("amount", "1.005"),
        ("amount", "1,00"),
        ("currency", "WME"),
        ("currency", "WМZ"),
        ("reference", ""),
        ("reference", &long),
        ("reason", "two\nlines"),
    ] {
        let mut fields: Vec<_> = good.into_iter().filter(|(known, _)| *known != name).collect();
        fields.push((name, value));
        let refused = provider.sites.shop.posts("/payments/refunds", &fields).await;
        assert_eq!((refused.status.as_u16(), refused.error().as_str()), (400, "invalid_request"), "{name}={value}");
    }
    assert_eq!(list(&provider.sites.shop, &[]).await["confirmations"][0]["refunded"], "0.00");
}

async fn the_payment_of_somebody_who_has_left_is_given_back_too(database: Database) {
    let provider = Provider::starts(database).await;
    let (confirmation, _) = paid(&provider).await;
    let account = store::account::by_email(provider.app.db.read(), ANN).await.unwrap().unwrap();
    assert!(enum_idp::account::delete_by_admin(&provider.app, &account, 0).await.unwrap());
    let before = store::log::newest(provider.app.db.read(), &account.id, 100).await.unwrap().len();
    refunds(&provider.sites.shop, &confirmation, "10.50", "r").await.expect(201);
    assert_eq!(store::log::newest(provider.app.db.read(), &account.id, 100).await.unwrap().len(), before);
}
