//! Tokens that are bound to a key, at userinfo and the administrators' API: without the key they are worth nothing.

use enum_idp::clock::SECOND;
use hyper::{Method, header};
use serde_json::json;
use tokio::task::JoinSet;

use super::bound;
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::{Reply, send},
        proof::{Key, changed, shows},
        provider::{Provider, text},
        sites::random,
    },
};

on_both_databases! {
    a_bound_token_serves_who_has_its_key,
    a_stolen_token_without_its_key_is_worth_nothing,
    a_proof_of_another_request_does_not_do,
    a_proof_that_was_seen_on_the_way_does_not_do_again,
    of_several_who_show_one_proof_at_once_one_is_served,
    a_plain_token_is_no_better_for_a_proof,
    the_administrators_api_asks_for_the_key_too,
}

/// Expects a refusal with this code, told by this scheme.
#[track_caller]
fn is_turned_away(reply: &Reply, scheme: &str, error: &str) {
    assert_eq!(reply.status, 401, "{}", reply.text());
    let told = reply.header("www-authenticate");
    assert!(told.starts_with(scheme) && told.contains(&format!("error=\"{error}\"")), "{told}");
    assert_eq!(told.contains("algs=\"ES256 EdDSA PS256\""), scheme == "DPoP", "{told}");
}

async fn a_bound_token_serves_who_has_its_key(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    for site in [&provider.sites.app, &provider.sites.site, &provider.sites.shop] {
        let key = Key::new(&provider.clock);
        let token = text(&bound(&mut ann, site, &key).await, "access_token");
        for _ in 0..2 {
            assert_eq!(key.asks_who(site, &token).await.expect(200)["email"], "ann@example.com");
        }
    }
    let nothing = send(Method::GET, &provider.sites.app.at("/userinfo"), &[], String::new()).await;
    let told: Vec<_> = nothing.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(told, ["Bearer realm=\"E-num\"", "DPoP realm=\"E-num\", algs=\"ES256 EdDSA PS256\""]);
}

async fn a_stolen_token_without_its_key_is_worth_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let (key, thief) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let token = text(&bound(&mut ann, site, &key).await, "access_token");
    is_turned_away(&site.asks_who(&token).await, "Bearer", "invalid_token");
    is_turned_away(&shows(site, "/userinfo", &token, &[]).await, "DPoP", "invalid_dpop_proof");
    is_turned_away(&thief.asks_who(site, &token).await, "DPoP", "invalid_token");
    // As a bearer token, with a good proof beside it: the scheme decides.
    let proof = key.proves("GET", &format!("{}/userinfo", site.issuer), Some(&token));
    let bearer = format!("Bearer {token}");
    let headers = [(header::AUTHORIZATION, bearer.as_str()), (header::HeaderName::from_static("dpop"), proof.as_str())];
    is_turned_away(&send(Method::GET, &site.at("/userinfo"), &headers, String::new()).await, "Bearer", "invalid_token");
    // In a form there is no scheme.
    let form = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
    let body = format!("access_token={token}");
    is_turned_away(&send(Method::POST, &site.at("/userinfo"), &form, body).await, "Bearer", "invalid_token");
    key.asks_who(site, &token).await.expect(200);
}

async fn a_proof_of_another_request_does_not_do(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let key = Key::new(&provider.clock);
    let token = text(&bound(&mut ann, site, &key).await, "access_token");
    let another = text(&bound(&mut ann, site, &key).await, "access_token");
    let here = format!("{}/userinfo", site.issuer);
    let good = key.claims("GET", &here, Some(&token));
    let stale = provider.clock.seconds() - 91;
    for (name, claims) in [
        ("another method", changed(&good, &json!({ "htm": "POST" }))),
        ("another address", changed(&good, &json!({ "htu": format!("{}/token", site.issuer) }))),
        ("no ath", changed(&good, &json!({ "ath": null }))),
        ("any ath", changed(&good, &json!({ "ath": random() }))),
        ("another token", key.claims("GET", &here, Some(&another))),
        ("too old", changed(&good, &json!({ "iat": stale }))),
    ] {
        let reply = shows(site, "/userinfo", &token, &[&key.signs(&key.header(), &claims)]).await;
        assert_eq!(reply.status, 401, "{name}");
        is_turned_away(&reply, "DPoP", "invalid_dpop_proof");
    }
    shows(site, "/userinfo", &token, &[&key.signs(&key.header(), &good)]).await.expect(200);
}

async fn a_proof_that_was_seen_on_the_way_does_not_do_again(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let key = Key::new(&provider.clock);
    let token = text(&bound(&mut ann, site, &key).await, "access_token");
    let proof = key.proves("GET", &format!("{}/userinfo", site.issuer), Some(&token));
    shows(site, "/userinfo", &token, &[&proof]).await.expect(200);
    for _ in 0..3 {
        is_turned_away(&shows(site, "/userinfo", &token, &[&proof]).await, "DPoP", "invalid_dpop_proof");
        provider.waits(30 * SECOND);
    }
}

async fn of_several_who_show_one_proof_at_once_one_is_served(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let key = Key::new(&provider.clock);
    let token = text(&bound(&mut ann, site, &key).await, "access_token");
    let proof = key.proves("GET", &format!("{}/userinfo", site.issuer), Some(&token));
    let mut tries = JoinSet::new();
    for _ in 0..16 {
        let (url, authorization, proof) = (site.at("/userinfo"), format!("DPoP {token}"), proof.clone());
        tries.spawn(async move {
            let headers =
                [(header::AUTHORIZATION, authorization.as_str()), (header::HeaderName::from_static("dpop"), &proof)];
            send(Method::GET, &url, &headers, String::new()).await.status.as_u16()
        });
    }
    let mut replies = tries.join_all().await;
    replies.sort_unstable();
    assert_eq!(replies, [[200].as_slice(), &[401; 15]].concat());
}

async fn a_plain_token_is_no_better_for_a_proof(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let token = text(&ann.logs_in_at(site).await, "access_token");
    is_turned_away(&Key::new(&provider.clock).asks_who(site, &token).await, "DPoP", "invalid_token");
    site.asks_who(&token).await.expect(200);
}

async fn the_administrators_api_asks_for_the_key_too(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let key = Key::new(&provider.clock);
    let token = text(&bound(&mut ann, site, &key).await, "access_token");
    let path = "/admin/api/support";
    let bearer = format!("Bearer {token}");
    let reply = send(Method::GET, &site.at(path), &[(header::AUTHORIZATION, &bearer)], String::new()).await;
    is_turned_away(&reply, "Bearer", "invalid_token");
    let elsewhere = key.proves("GET", &format!("{}/userinfo", site.issuer), Some(&token));
    is_turned_away(&shows(site, path, &token, &[&elsewhere]).await, "DPoP", "invalid_dpop_proof");
    let here = key.proves("GET", &format!("{}{path}", site.issuer), Some(&token));
    let reply = shows(site, path, &token, &[&here]).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (403, "insufficient_scope"));
}
