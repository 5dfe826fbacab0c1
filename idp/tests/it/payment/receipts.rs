//! Receipts: anyone can verify them offline with the published keys, and nobody can change them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use enum_receipt::{Expected, verify};
use hyper::Method;
use serde_json::Value;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        http,
        provider::{Provider, text},
        sites::{PURSE, payload},
    },
};

on_both_databases! {
    a_receipt_verifies_offline_and_tells_what_was_approved,
    a_changed_receipt_is_refused,
    no_other_token_passes_for_a_receipt,
    a_receipt_outlives_the_rotation_of_keys,
}

fn from(issuer: &str) -> Expected<'_> {
    Expected { issuer: Some(issuer), client_id: Some("shop") }
}

pub(super) async fn published(provider: &Provider) -> Value {
    let url = provider.origin.join("/jwks").unwrap();
    http::send(Method::GET, &url, &[], String::new()).await.expect(200)
}

pub(super) async fn paid(provider: &Provider) -> Value {
    paid_by(provider, "ann@example.com").await
}

pub(super) async fn paid_by(provider: &Provider, email: &str) -> Value {
    let mut ann = provider.member(email).await;
    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    ann.goes(&visit).await;
    ann.pays(PURSE, 1050).await;
    let code = ann.person.brings_back()["code"].clone();
    provider.sites.shop.redeems(&visit, &code).await.expect(200)
}

async fn a_receipt_verifies_offline_and_tells_what_was_approved(database: Database) {
    let provider = Provider::starts(database).await;
    let tokens = paid(&provider).await;
    let keys = published(&provider).await;
    let issuer = provider.sites.shop.issuer.as_str();
    let claims = verify(&keys, &text(&tokens, "receipt"), &from(issuer)).unwrap();
    let claims = serde_json::to_value(claims).unwrap();
    assert_eq!((&claims["iss"], &claims["aud"]), (&issuer.into(), &"shop".into()));
    assert_eq!(claims["iat"], provider.clock.seconds());
    assert_eq!(claims["acr"], "urn:enum:acr:payment");
    let told = claims.to_string();
    for part in ["1050", PURSE, "WMZ", "The shop", "order-1", "cipherpad"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(verify(&keys, &text(&tokens, "receipt"), &from("https://other.example")).is_err());
    assert!(verify(&serde_json::json!({ "keys": [] }), &text(&tokens, "receipt"), &from(issuer)).is_err());
}

async fn a_changed_receipt_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let receipt = text(&paid(&provider).await, "receipt");
    let keys = published(&provider).await;
    let issuer = from(&provider.sites.shop.issuer);
    for at in 0..receipt.len() {
        let mut changed = receipt.clone();
        let other = if &receipt[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        assert!(verify(&keys, &changed, &issuer).is_err(), "byte {at}");
    }
    let parts: Vec<&str> = receipt.split('.').collect();
    let mut claims = payload(&receipt);
    claims["jti"] = "another".into();
    let forged = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    assert!(verify(&keys, &format!("{}.{forged}.{}", parts[0], parts[2]), &issuer).is_err());
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    assert!(verify(&keys, &format!("{none}.{forged}."), &issuer).is_err());
}

async fn no_other_token_passes_for_a_receipt(database: Database) {
    let provider = Provider::starts(database).await;
    let tokens = paid(&provider).await;
    let keys = published(&provider).await;
    for name in ["id_token", "access_token"] {
        let issuer = from(&provider.sites.shop.issuer);
        assert!(verify(&keys, &text(&tokens, name), &issuer).is_err(), "{name}");
    }
    let as_access = provider.sites.shop.asks_who(&text(&tokens, "receipt")).await;
    assert_eq!(as_access.status, 401, "nor does a receipt for them");
}

async fn a_receipt_outlives_the_rotation_of_keys(database: Database) {
    use enum_idp::keys::jws::Alg;

    let provider = Provider::starts(database).await;
    let tokens = paid(&provider).await;
    let old = published(&provider).await;
    provider.app.keys.rotate(Alg::Es256, &provider.app.seal).await.unwrap();
    let new = published(&provider).await;
    assert_ne!(old, new);
    let issuer = from(&provider.sites.shop.issuer);
    assert!(verify(&new, &text(&tokens, "receipt"), &issuer).is_ok());
    let tokens = provider.sites.shop.refreshes(&text(&tokens, "refresh_token")).await.expect(200);
    provider.sites.shop.asks_who(&text(&tokens, "access_token")).await.expect(200);
}
