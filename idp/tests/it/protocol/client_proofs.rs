//! `private_key_jwt` (RFC 7523): an assertion works once, for this provider, under the registered key.

use enum_idp::clock::SECOND;
use serde_json::json;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, is_refused},
        sites::payment,
    },
};

on_both_databases! {
    an_assertion_works_once,
    an_assertion_works_once_also_across_a_restart,
    of_32_who_use_an_assertion_one_wins,
    an_assertion_for_somebody_else_or_another_time_is_refused,
    an_assertion_under_another_algorithm_or_key_is_refused,
    two_proofs_at_once_are_refused,
}

/// Pushes a payment with this assertion.
async fn push(provider: &Provider, assertion: &str) -> crate::support::http::Reply {
    let details = payment(1050).to_string();
    let shop = &provider.sites.shop;
    let visit = shop.sends(&[]);
    let fields = shop.request(&visit, &[("authorization_details", &details)]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    shop.posts_asserting("/par", &fields, assertion).await
}

async fn an_assertion_works_once(database: Database) {
    let provider = Provider::starts(database).await;
    let assertion = provider.sites.shop.assertion(&json!({}));
    push(&provider, &assertion).await.expect(201);
    is_refused(&push(&provider, &assertion).await, "invalid_client");
    // Nor at another endpoint, and the code that comes with it is not lost.
    let shop = &provider.sites.shop;
    let mut ann = provider.member("ann@example.com").await;
    let visit = shop.sends(&[]);
    let code = ann.logs_in(&visit).await;
    let fields = shop.code_fields(&visit, &code);
    is_refused(&shop.posts_asserting("/token", &fields, &assertion).await, "invalid_client");
    shop.redeems(&visit, &code).await.expect(200);
}

async fn an_assertion_works_once_also_across_a_restart(database: Database) {
    let provider = Provider::starts(database).await;
    let assertion = provider.sites.shop.assertion(&json!({}));
    push(&provider, &assertion).await.expect(201);
    let provider = provider.restarts().await;
    is_refused(&push(&provider, &assertion).await, "invalid_client");
}

async fn of_32_who_use_an_assertion_one_wins(database: Database) {
    let provider = std::sync::Arc::new(Provider::starts(database).await);
    let assertion = provider.sites.shop.assertion(&json!({}));
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (provider, assertion) = (provider.clone(), assertion.clone());
        tries.spawn(async move { push(&provider, &assertion).await.status });
    }
    let won = tries.join_all().await.into_iter().filter(|status| *status == 201).count();
    assert_eq!(won, 1);
}

async fn an_assertion_for_somebody_else_or_another_time_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let now = provider.clock.seconds();
    for changes in [
        json!({ "iss": "stall" }),
        json!({ "sub": "stall" }),
        json!({ "iss": "stall", "sub": "stall" }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": null }),
        json!({ "exp": now - 60 }),
        json!({ "exp": now + 86_400 }),
        json!({ "exp": null }),
        json!({ "exp": (now + 60).to_string() }),
        json!({ "exp": [now + 60] }),
        json!({ "nbf": now + 600 }),
        json!({ "nbf": "0" }),
        json!({ "jti": null }),
        json!({ "jti": 7 }),
        json!({ "jti": "" }),
    ] {
        let assertion = provider.sites.shop.assertion(&changes);
        let reply = push(&provider, &assertion).await;
        assert_eq!((reply.status.as_u16(), reply.error().as_str()), (401, "invalid_client"), "{changes}");
    }
    let assertion = provider.sites.shop.assertion(&json!({}));
    provider.waits(200 * SECOND);
    is_refused(&push(&provider, &assertion).await, "invalid_client");
    push(&provider, &provider.sites.shop.assertion(&json!({}))).await.expect(201);
}

async fn an_assertion_under_another_algorithm_or_key_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let (shop, stall) = (&provider.sites.shop, &provider.sites.stall);
    let now = provider.clock.seconds();
    let claims = json!({
        "iss": "shop", "sub": "shop", "aud": shop.issuer, "jti": crate::support::sites::random(), "iat": now, "exp": now + 60,
    });
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS256", "kid": "1" }),
        json!({ "alg": "ES256", "kid": "2" }),
        json!({ "alg": "ES256", "kid": "1", "crit": ["x"], "x": 1 }),
    ] {
        is_refused(&push(&provider, &shop.signs(&header, &claims)).await, "invalid_client");
    }
    let unsigned = shop.signs(&json!({ "alg": "none" }), &claims);
    is_refused(&push(&provider, &format!("{}.", unsigned.rsplit_once('.').unwrap().0)).await, "invalid_client");
    let foreign = stall.signs(&json!({ "alg": "ES256", "kid": "1" }), &claims);
    is_refused(&push(&provider, &foreign).await, "invalid_client");
    push(&provider, &shop.signs(&json!({ "alg": "ES256", "kid": "1" }), &claims)).await.expect(201);
}

async fn two_proofs_at_once_are_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_secret", site.secret.as_str())];
    is_refused(&site.posts("/token", &fields).await, "invalid_request");
}
