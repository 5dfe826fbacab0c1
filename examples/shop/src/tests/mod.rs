//! The shop before a provider for tests.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../../../relying-party/src/tests/provider.rs"]
mod provider;

use std::sync::Arc;

use clap::Parser;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::Jwk};
use serde_json::{Value, json};

use self::provider::{Answers, Browser, Page, Provider, query};
use crate::{Settings, Shop, key::ClientKey};

struct Stage {
    provider: Arc<Provider>,
    shop: String,
    key: Jwk,
    browser: Browser,
}

impl Stage {
    async fn set() -> Self {
        let provider = Provider::start().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shop = format!("http://{}", listener.local_addr().unwrap());
        let settings = Settings::parse_from(["shop", "--issuer", &provider.issuer, "--base-url", &shop]);
        let folder = tempfile::tempdir().unwrap();
        ClientKey::make(&folder.path().join("key.pem")).unwrap();
        let key = ClientKey::read(&folder.path().join("key.pem")).unwrap();
        let public = key.public.clone();
        let routes = Shop::new(&settings, key).unwrap().routes();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { provider, shop, key: public, browser: Browser::new() }
    }

    /// Puts a mug into the basket: the path of the order.
    async fn order(&self) -> String {
        self.browser.post(&format!("{}/order", self.shop), &[("article", "mug")]).await.location
    }

    /// Presses "Pay": where the browser is sent.
    async fn pay(&self, order: &str) -> String {
        self.browser.post(&format!("{}{order}/pay", self.shop), &[]).await.location
    }

    async fn page(&self, order: &str) -> Page {
        self.browser.get(&format!("{}{order}", self.shop)).await
    }

    /// Orders, pays with bent answers, and looks at the order.
    async fn paid_with(&self, bend: impl Fn(&mut Answers) + Send + 'static) -> Page {
        self.provider.bend(bend);
        let order = self.order().await;
        let away = self.pay(&order).await;
        self.browser.get(&self.provider.approve(&away)).await;
        self.page(&order).await
    }

    fn assertion_holds(&self, form: &std::collections::HashMap<String, String>) {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&[&self.provider.issuer]);
        rules.set_issuer(&["shop"]);
        decode::<Value>(&form["client_assertion"], &DecodingKey::from_jwk(&self.key).unwrap(), &rules).unwrap();
    }
}

#[tokio::test]
async fn an_order_is_paid_and_the_receipt_shown() {
    let stage = Stage::set().await;
    let order = stage.order().await;
    assert_eq!(stage.page(&order).await.element("order-status"), "unpaid");
    let away = stage.pay(&order).await;
    let mut shown: Vec<String> = query(&away).into_keys().collect();
    shown.sort_unstable();
    assert_eq!(shown, ["client_id", "request_uri"], "the order does not pass through the browser");
    assert_eq!(stage.browser.get(&stage.provider.approve(&away)).await.location, order);
    let page = stage.page(&order).await;
    assert_eq!(page.element("order-status"), "paid");
    assert_eq!(page.element("amount"), "10.50 WMZ");
    assert_eq!(page.element("payee"), "Demo Shop, Z123456789012");
    assert_eq!(provider::claims(&page.element("receipt"))["transaction"]["amount_minor"], 1050);

    let posted = stage.provider.posted.lock().unwrap();
    let [("/par", pushed), ("/token", exchanged)] = posted.as_slice() else { panic!("{posted:?}") };
    stage.assertion_holds(pushed);
    stage.assertion_holds(exchanged);
    assert_ne!(pushed["client_assertion"], exchanged["client_assertion"]);
    assert_eq!(pushed["acr_values"], "urn:enum:acr:payment");
    assert_eq!(pushed["scope"], "openid");
    let details: Value = serde_json::from_str(&pushed["authorization_details"]).unwrap();
    let expected = json!([{
        "type": "payment_initiation", "instructedAmount": { "currency": "WMZ", "amount": "10.50" },
        "creditorName": "Demo Shop", "creditorAccount": { "purse": "Z123456789012" },
        "reference": order.trim_start_matches("/order/"), "remittanceInformation": "A mug",
    }]);
    assert_eq!(details, expected);
}

#[tokio::test]
async fn a_replayed_answer_pays_nothing() {
    let stage = Stage::set().await;
    let order = stage.order().await;
    let back = stage.provider.approve(&stage.pay(&order).await);
    let (first, second) = tokio::join!(stage.browser.get(&back), stage.browser.get(&back));
    let mut both = [first.status, second.status];
    both.sort_unstable();
    assert_eq!(both, [303, 400]);
    assert_eq!(stage.browser.get(&back).await.status, 400);
    assert_eq!(stage.pay(&order).await, order, "a paid order cannot be paid again");
    assert_eq!(stage.provider.posted.lock().unwrap().len(), 2, "one push and one exchange");
}

#[tokio::test]
async fn only_the_last_attempt_at_an_order_counts() {
    let stage = Stage::set().await;
    let order = stage.order().await;
    let first = stage.provider.approve(&stage.pay(&order).await);
    let second = stage.provider.approve(&stage.pay(&order).await);
    assert_eq!(stage.browser.get(&first).await.status, 400);
    assert_eq!(stage.browser.get(&second).await.status, 303);
    assert_eq!(stage.page(&order).await.element("order-status"), "paid");
}

#[tokio::test]
async fn an_order_belongs_to_its_browser() {
    let stage = Stage::set().await;
    let order = stage.order().await;
    let back = stage.provider.approve(&stage.pay(&order).await);
    let other = Browser::new();
    assert_eq!(other.get(&format!("{}{order}", stage.shop)).await.status, 404);
    assert_eq!(other.get(&back).await.status, 400);
    assert_eq!(stage.page(&order).await.element("order-status"), "waiting");
}

#[tokio::test]
async fn declining_leaves_the_order_unpaid_and_payable() {
    let stage = Stage::set().await;
    let order = stage.order().await;
    stage.browser.get(&stage.provider.decline(&stage.pay(&order).await)).await;
    let page = stage.page(&order).await;
    assert_eq!(page.element("order-status"), "declined");
    assert!(page.text.contains("You declined"));
    stage.browser.get(&stage.provider.approve(&stage.pay(&order).await)).await;
    assert_eq!(stage.page(&order).await.element("order-status"), "paid");
}

#[tokio::test]
async fn an_approval_of_anything_else_is_no_payment() {
    let stage = Stage::set().await;
    let bends: [fn(&mut Answers); 8] = [
        |a| a.id_token["nonce"] = json!("other"),
        |a| a.id_token["aud"] = json!("website"),
        |a| a.details["instructedAmount"]["amount"] = json!("10.49"),
        |a| a.details["creditorAccount"]["purse"] = json!("Z999999999999"),
        |a| a.details["extra"] = json!(true),
        |a| a.receipt["transaction"]["amount_minor"] = json!(1),
        |a| a.receipt["sub"] = json!("person-2"),
        |a| a.receipt["acr"] = json!("urn:enum:acr:2"),
    ];
    for (at, bend) in bends.into_iter().enumerate() {
        assert_eq!(stage.paid_with(bend).await.element("order-status"), "failed", "bend {at}");
    }
    assert_eq!(stage.paid_with(|_| {}).await.element("order-status"), "paid");
}

#[tokio::test]
async fn a_new_signing_key_is_noticed() {
    let stage = Stage::set().await;
    stage.paid_with(|_| {}).await;
    stage.provider.rotate();
    assert_eq!(stage.paid_with(|_| {}).await.element("order-status"), "paid");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_told_and_the_order_kept() {
    let stage = Stage::set().await;
    let order = stage.order().await;
    let back = stage.provider.approve(&stage.pay(&order).await);
    stage.provider.leave();
    stage.browser.get(&back).await;
    let page = stage.page(&order).await;
    assert_eq!(page.element("order-status"), "failed");
    assert!(page.text.contains("id=\"pay\""), "it can be tried again");
    let page = stage.browser.post(&format!("{}{order}/pay", stage.shop), &[]).await;
    assert_eq!((page.status, page.element("trouble").as_str()), (502, "E-num cannot be reached"));
}
