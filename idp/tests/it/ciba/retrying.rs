//! A client that repeats its request under one `Idempotency-Key` asks once.

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::header::{self, HeaderName};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{ANN, ENDPOINT, fields};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::{Reply, post_form},
        provider::{Provider, is_refused, text},
        sites::{CIBA, Proof, Site},
    },
};

on_both_databases! {
    a_repeated_request_is_one_request,
    another_request_under_the_same_key_is_refused,
    a_key_belongs_to_its_client,
    of_many_repeats_at_once_one_request_is_made,
    a_repeat_after_the_end_is_refused,
}

/// A site with a secret, which the repeats of its request do not change.
async fn joins(provider: &Provider, id: &'static str) -> Site {
    let more = json!({ "grant_types": ["authorization_code", CIBA], "backchannel_token_delivery_mode": "poll" });
    let site = provider.sites.site.another(id, Proof::Basic, more);
    let (seal, entropy) = (&provider.app.seal, &provider.app.entropy);
    provider.app.clients.add(site.registration(), seal, entropy).await.unwrap();
    site
}

async fn asks_under(site: &Site, key: &str, changes: &[(&str, &str)]) -> Reply {
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", site.id, site.secret)));
    let headers = [(header::AUTHORIZATION, basic.as_str()), (HeaderName::from_static("idempotency-key"), key)];
    post_form(&site.at(ENDPOINT), &headers, &fields(ANN, changes)).await
}

fn id(told: &Value) -> String {
    text(told, "auth_req_id")
}

async fn a_repeated_request_is_one_request(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    let site = joins(&provider, "kiosk").await;
    let first = asks_under(&site, "\"order-7\"", &[]).await.expect(200);
    provider.waits(10_000);
    let again = asks_under(&site, "order-7", &[]).await.expect(200);
    assert_eq!(id(&first), id(&again));
    assert_eq!((&first["expires_in"], &again["expires_in"]), (&json!(300), &json!(290)));
    ann.enters("/account/requests").await;
    assert!(ann.person.sees("look-1") && !ann.person.sees("look-2"), "{}", ann.person.what_is_shown());
    ann.person.presses("decline-1").await;
    // What was answered is not asked again.
    assert_eq!(id(&asks_under(&site, "order-7", &[]).await.expect(200)), id(&first));
    is_refused(&site.fetches(&id(&first)).await, "access_denied");
    assert!(id(&asks_under(&site, "order-8", &[]).await.expect(200)) != id(&first));
}

async fn another_request_under_the_same_key_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let site = joins(&provider, "kiosk").await;
    asks_under(&site, "order-7", &[]).await.expect(200);
    is_refused(&asks_under(&site, "order-7", &[("binding_message", "OTHER")]).await, "invalid_request");
    for bad in ["", "\"\"", &"x".repeat(256)] {
        is_refused(&asks_under(&site, bad, &[]).await, "invalid_request");
    }
}

async fn a_key_belongs_to_its_client(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let (one, other) = (joins(&provider, "kiosk").await, joins(&provider, "booth").await);
    let first = asks_under(&one, "order-7", &[]).await.expect(200);
    let second = asks_under(&other, "order-7", &[]).await.expect(200);
    assert!(id(&first) != id(&second));
}

async fn a_repeat_after_the_end_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let site = joins(&provider, "kiosk").await;
    asks_under(&site, "order-7", &[]).await.expect(200);
    provider.waits(299_500);
    assert_eq!(asks_under(&site, "order-7", &[]).await.expect(200)["expires_in"], 1);
    provider.waits(500);
    is_refused(&asks_under(&site, "order-7", &[]).await, "invalid_request");
}

async fn of_many_repeats_at_once_one_request_is_made(database: Database) {
    // Nor is a repeat one too many.
    let provider = Provider::starts_with(database, "[backchannel]\nclient_and_account_per_hour = 1\n").await;
    let mut ann = provider.member(ANN).await;
    let site = std::sync::Arc::new(joins(&provider, "kiosk").await);
    let mut tries = JoinSet::new();
    for _ in 0..8 {
        let site = site.clone();
        tries.spawn(async move { id(&asks_under(&site, "order-7", &[]).await.expect(200)) });
    }
    let all = tries.join_all().await;
    assert!(all.iter().all(|name| *name == all[0]), "{all:?}");
    ann.enters("/account/requests").await;
    assert!(ann.person.sees("look-1") && !ann.person.sees("look-2"), "{}", ann.person.what_is_shown());
}
