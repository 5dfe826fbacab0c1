//! What may be asked, by whom, and how it is refused (CIBA Core 1.0 §7, §13).

use serde_json::json;

use super::{ANN, ENDPOINT, fields};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, is_refused, text},
        sites::{payload, payment},
    },
};

on_both_databases! {
    a_request_is_acknowledged_as_the_specification_says,
    who_is_not_registered_does_not_ask,
    what_cannot_be_asked_is_refused_with_its_own_error,
    the_wished_time_is_bounded,
    an_id_token_of_ours_names_somebody_however_old,
    an_assertion_for_the_endpoint_works_once,
}

async fn a_request_is_acknowledged_as_the_specification_says(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let told = provider.sites.shop.asks_behind(ANN, &[]).await;
    assert_eq!(told.header("cache-control"), "no-store");
    let told = told.expect(200);
    assert_eq!((&told["expires_in"], &told["interval"]), (&json!(300), &json!(5)));
    let id = text(&told, "auth_req_id");
    assert!(id.len() >= 43 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)), "{id}");
    let url = provider.origin.join("/.well-known/openid-configuration").unwrap();
    let says = crate::support::http::send(hyper::Method::GET, &url, &[], String::new()).await.expect(200);
    assert_eq!(says["backchannel_authentication_endpoint"], provider.origin.join(ENDPOINT).unwrap().as_str());
    assert_eq!(says["backchannel_token_delivery_modes_supported"], json!(["poll", "ping"]));
}

async fn who_is_not_registered_does_not_ask(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    for site in [&provider.sites.site, &provider.sites.app] {
        is_refused(&site.asks_behind(ANN, &[]).await, "unauthorized_client");
        is_refused(&site.fetches("none").await, "unauthorized_client");
    }
    let url = provider.origin.join(ENDPOINT).unwrap();
    let anonymous = crate::support::http::post_form(&url, &[], &fields(ANN, &[("client_id", "shop")])).await;
    is_refused(&anonymous, "invalid_client");
}

async fn what_cannot_be_asked_is_refused_with_its_own_error(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let (long, many) = ("x".repeat(101), json!([payment(1)[0], payment(2)[0]]).to_string());
    let free = payment(0).to_string();
    for (changes, error) in [
        (&[("scope", "")][..], "invalid_scope"),
        (&[("scope", "email")], "invalid_scope"),
        (&[("login_hint", "")], "invalid_request"),
        (&[("login_hint", "ann")], "unknown_user_id"),
        (&[("login_hint", "@")], "unknown_user_id"),
        (&[("login_hint_token", "x")], "invalid_request"),
        (&[("login_hint", ""), ("login_hint_token", "x")], "invalid_request"),
        (&[("id_token_hint", "x")], "invalid_request"),
        (&[("login_hint", ""), ("id_token_hint", "x")], "invalid_request"),
        (&[("binding_message", &long)], "invalid_binding_message"),
        (&[("binding_message", "a\nb")], "invalid_binding_message"),
        (&[("binding_message", "\u{202e}TCS4W")], "invalid_binding_message"),
        (&[("binding_message", "pay at https://evil.example")], "invalid_binding_message"),
        (&[("requested_expiry", "0")], "invalid_request"),
        (&[("requested_expiry", "-5")], "invalid_request"),
        (&[("requested_expiry", "5 minutes")], "invalid_request"),
        (&[("request", "x.y.z")], "invalid_request"),
        (&[("request_uri", "urn:x")], "invalid_request"),
        (&[("authorization_details", "[]")], "invalid_authorization_details"),
        (&[("authorization_details", &many)], "invalid_authorization_details"),
        (&[("authorization_details", &free)], "invalid_authorization_details"),
    ] {
        is_refused(&provider.sites.shop.asks_behind(ANN, changes).await, error);
    }
}

async fn the_wished_time_is_bounded(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    for (email, wished, given) in
        [("a@x.example", "1", 30), ("b@x.example", "120", 120), ("c@x.example", "999999", 900)]
    {
        let told = shop.asks_behind(email, &[("requested_expiry", wished)]).await.expect(200);
        assert_eq!(told["expires_in"], given);
    }
}

async fn an_id_token_of_ours_names_somebody_however_old(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let hint = text(&ann.logs_in_at(shop).await, "id_token");
    let of_another = text(&ann.logs_in_at(&provider.sites.site).await, "id_token");
    provider.waits(24 * 3_600_000);
    assert!(payload(&hint)["exp"].as_i64().unwrap() < provider.clock.seconds());
    let ask = |token: String| async move { shop.asks_behind("", &[("id_token_hint", &token)]).await };
    let told = ask(hint.clone()).await.expect(200);
    is_refused(&ask(of_another).await, "invalid_request");
    is_refused(&ask(format!("{hint}x")).await, "invalid_request");
    ann.person = provider.stranger();
    ann.looks().await.answers().await.allows().await;
    ann.has_approved();
    provider.waits(5_000);
    let tokens = shop.fetches(&text(&told, "auth_req_id")).await.expect(200);
    assert_eq!(payload(&text(&tokens, "id_token"))["sub"], payload(&hint)["sub"]);
}

async fn an_assertion_for_the_endpoint_works_once(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    provider.member(ANN).await;
    let here = provider.origin.join(ENDPOINT).unwrap();
    let assertion = shop.assertion(&json!({ "aud": here.as_str() }));
    let fields = fields(ANN, &[]);
    shop.posts_asserting(ENDPOINT, &fields, &assertion).await.expect(200);
    is_refused(&shop.posts_asserting(ENDPOINT, &fields, &assertion).await, "invalid_client");
}
