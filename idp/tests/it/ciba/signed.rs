//! Signed requests (CIBA Core 1.0 §7.1.1): all of it in one JWT, once.

use serde_json::{Value, json};

use super::{ANN, ENDPOINT, fields};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::Reply,
        provider::{Provider, is_refused, text},
        sites::{PURSE, Site, payment, random},
    },
};

on_both_databases! {
    a_signed_payment_is_approved_and_fetched,
    a_signed_request_works_once_also_across_a_restart,
    who_signs_always_signs_and_says_nothing_beside,
    who_does_not_sign_is_not_heard_signed,
    a_request_object_that_is_not_good_is_refused,
}

impl Site {
    /// The claims of a good request, but for `changes`; `null` removes one.
    pub(crate) fn signed_claims(&self, email: &str, changes: &Value) -> Value {
        let now = self.now();
        let mut claims = json!({
            "iss": self.id, "aud": self.issuer, "iat": now, "nbf": now, "exp": now + 60, "jti": random(),
            "scope": "openid email", "login_hint": email, "binding_message": "W4SCT",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    /// Asks with a signed request.
    pub(crate) async fn asks_signed(&self, email: &str, changes: &Value) -> Reply {
        let request = self.signs(&json!({ "alg": "ES256", "kid": "1" }), &self.signed_claims(email, changes));
        self.posts(ENDPOINT, &[("request", &request)]).await
    }
}

async fn a_signed_payment_is_approved_and_fetched(database: Database) {
    let provider = Provider::starts(database).await;
    let stall = &provider.sites.stall;
    let mut ann = provider.member(ANN).await;
    // RFC 9396 §2: in a JWT it is JSON, and not JSON in a string.
    let asked = json!({ "authorization_details": payment(1050), "requested_expiry": 120 });
    let told = stall.asks_signed(ANN, &asked).await.expect(200);
    assert_eq!(told["expires_in"], 120);
    ann.looks().await;
    assert_eq!(ann.person.page.text_of("binding-message").as_deref(), Some("W4SCT"));
    ann.pays(PURSE, 1050).await;
    ann.has_approved();
    let tokens = stall.fetches(&text(&told, "auth_req_id")).await.expect(200);
    assert_eq!(tokens["authorization_details"][0]["instructedAmount"]["amount"], "10.50");
}

async fn a_signed_request_works_once_also_across_a_restart(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let stall = &provider.sites.stall;
    let request = stall.signs(&json!({ "alg": "ES256" }), &stall.signed_claims(ANN, &json!({})));
    stall.posts(ENDPOINT, &[("request", &request)]).await.expect(200);
    is_refused(&stall.posts(ENDPOINT, &[("request", &request)]).await, "invalid_request");
    let provider = provider.restarts().await;
    is_refused(&provider.sites.stall.posts(ENDPOINT, &[("request", &request)]).await, "invalid_request");
}

async fn who_signs_always_signs_and_says_nothing_beside(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let stall = &provider.sites.stall;
    is_refused(&stall.posts(ENDPOINT, &fields(ANN, &[])).await, "invalid_request");
    for (name, value) in [("binding_message", "pay me"), ("login_hint", "eve@example.com"), ("scope", "openid")] {
        let request = stall.signs(&json!({ "alg": "ES256" }), &stall.signed_claims(ANN, &json!({})));
        is_refused(&stall.posts(ENDPOINT, &[("request", &request), (name, value)]).await, "invalid_request");
    }
}

async fn who_does_not_sign_is_not_heard_signed(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    is_refused(&provider.sites.shop.asks_signed(ANN, &json!({})).await, "invalid_request");
}

async fn a_request_object_that_is_not_good_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let (stall, now) = (&provider.sites.stall, provider.clock.seconds());
    for changes in [
        json!({ "iss": null }),
        json!({ "iss": "shop" }),
        json!({ "client_id": "shop" }),
        json!({ "aud": null }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": [stall.issuer, "https://other.example"] }),
        json!({ "exp": null }),
        json!({ "exp": now - 60 }),
        json!({ "exp": now + 4_000 }),
        json!({ "exp": now + 3_500, "nbf": now - 3_500 }),
        json!({ "aud": format!("{}{ENDPOINT}", stall.issuer) }),
        json!({ "exp": (now + 60).to_string() }),
        json!({ "nbf": null }),
        json!({ "nbf": now + 120 }),
        json!({ "nbf": now - 4_000 }),
        json!({ "iat": null }),
        json!({ "iat": now + 120 }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": 7 }),
        json!({ "binding_message": true }),
    ] {
        let reply = stall.asks_signed(ANN, &changes).await;
        assert_eq!(reply.error(), "invalid_request", "{changes}");
    }
    let claims = stall.signed_claims(ANN, &json!({}));
    let by_the_shop = provider.sites.shop.signs(&json!({ "alg": "ES256" }), &claims);
    let unsigned = stall.signs(&json!({ "alg": "none" }), &claims);
    let other_type = stall.signs(&json!({ "alg": "ES256", "typ": "at+jwt" }), &claims);
    let cut = other_type.rsplit_once('.').unwrap().0.to_owned() + ".";
    for request in [by_the_shop, unsigned, other_type, cut, "x".to_owned()] {
        is_refused(&stall.posts(ENDPOINT, &[("request", &request)]).await, "invalid_request");
    }
    // The client's own assertion is no request, and a request no assertion.
    let assertion = stall.assertion(&json!({}));
    is_refused(&stall.posts(ENDPOINT, &[("request", &assertion)]).await, "invalid_request");
    let request = stall.signs(&json!({ "alg": "ES256" }), &stall.signed_claims(ANN, &json!({})));
    is_refused(&stall.posts_asserting(ENDPOINT, &fields(ANN, &[]), &request).await, "invalid_client");
    // Claims that mean nothing here are ignored.
    let more = json!({ "x": true, "y": [null], "aud": [stall.issuer, format!("{}{ENDPOINT}", stall.issuer)] });
    stall.asks_signed(ANN, &more).await.expect(200);
}
