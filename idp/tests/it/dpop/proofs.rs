//! Proofs at the token endpoint: each check of RFC 9449 §4.3, and once is once.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use enum_idp::clock::SECOND;
use hyper::header::HeaderName;
use serde_json::json;
use tokio::task::JoinSet;

use super::code;
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::{Reply, post_form},
        proof::{Key, changed, part, posts},
        provider::{Provider, is_refused},
        sites::{payload, random},
    },
};

on_both_databases! {
    a_proof_that_fails_any_check_buys_nothing_and_uses_nothing_up,
    an_address_with_a_query_or_spelt_otherwise_is_the_same,
    what_the_request_says_of_its_host_does_not_count,
    a_proof_counts_once,
    of_several_who_show_one_proof_at_once_one_wins,
    the_algorithms_are_published,
}

async fn a_proof_that_fails_any_check_buys_nothing_and_uses_nothing_up(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let (visit, code) = code(&mut ann, site).await;
    let (key, other) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let url = format!("{}/token", site.issuer);
    let (header, claims) = (key.header(), key.claims("POST", &url, None));
    let now = provider.clock.seconds();
    let with_header = |changes| key.signs(&changed(&header, &changes), &claims);
    let with_claims = |changes| key.signs(&header, &changed(&claims, &changes));
    let private = changed(&key.jwk(), &json!({ "d": random() }));
    let rsa = json!({ "kty": "RSA", "e": "AQAB", "n": BASE64_URL_SAFE_NO_PAD.encode([0xab; 256]) });
    let good = key.signs(&header, &claims);
    for (name, proof) in [
        ("no JWT", "hello".to_owned()),
        ("no typ", with_header(json!({ "typ": null }))),
        ("another typ", with_header(json!({ "typ": "JWT" }))),
        ("no alg", with_header(json!({ "alg": null }))),
        ("none", with_header(json!({ "alg": "none" }))),
        ("none, unsigned", format!("{}.{}.", part(&changed(&header, &json!({ "alg": "none" }))), part(&claims))),
        ("symmetric", with_header(json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": random() } }))),
        ("symmetric alg, public key", with_header(json!({ "alg": "HS256" }))),
        ("an alg that is not offered", with_header(json!({ "alg": "RS256", "jwk": rsa }))),
        ("a key of another type than alg", with_header(json!({ "alg": "EdDSA" }))),
        ("no key", with_header(json!({ "jwk": null }))),
        ("a private key", with_header(json!({ "jwk": private }))),
        ("somebody else's key", with_header(json!({ "jwk": other.jwk() }))),
        ("a critical extension", with_header(json!({ "crit": ["b64"], "b64": false }))),
        ("another method", with_claims(json!({ "htm": "GET" }))),
        ("a method in small letters", with_claims(json!({ "htm": "post" }))),
        ("another address", with_claims(json!({ "htu": format!("{}/userinfo", site.issuer) }))),
        ("another server", with_claims(json!({ "htu": "https://evil.example/token" }))),
        ("no address", with_claims(json!({ "htu": null }))),
        ("no method", with_claims(json!({ "htm": null }))),
        ("no jti", with_claims(json!({ "jti": null }))),
        ("an empty jti", with_claims(json!({ "jti": "" }))),
        ("a jti without end", with_claims(json!({ "jti": "x".repeat(257) }))),
        ("no iat", with_claims(json!({ "iat": null }))),
        ("an iat that is text", with_claims(json!({ "iat": now.to_string() }))),
        ("an iat long past", with_claims(json!({ "iat": now - 91 }))),
        ("an iat far ahead", with_claims(json!({ "iat": now + 31 }))),
        ("claims changed afterwards", format!("{}.{}.{}", part(&header), part(&json!({})), &good[good.len() - 86..])),
    ] {
        let reply = posts(site, "/token", &site.code_fields(&visit, &code), &[&proof]).await;
        assert_eq!((reply.status.as_u16(), reply.error().as_str()), (400, "invalid_dpop_proof"), "{name}");
    }
    let second = key.proves_at(site, "/token");
    let two = posts(site, "/token", &site.code_fields(&visit, &code), &[&good, &second]).await;
    is_refused(&two, "invalid_dpop_proof");
    let tokens = posts(site, "/token", &site.code_fields(&visit, &code), &[&good]).await.expect(200);
    assert_eq!(tokens["token_type"], "DPoP");
    assert_eq!(payload(tokens["access_token"].as_str().unwrap())["cnf"], json!({ "jkt": key.thumbprint() }));
}

async fn an_address_with_a_query_or_spelt_otherwise_is_the_same(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let key = Key::new(&provider.clock);
    for url in ["/token?a=b#c", "/%74oken", "/x/../token"] {
        let (visit, code) = code(&mut ann, site).await;
        let proof = key.proves("POST", &format!("{}{url}", site.issuer), None);
        posts(site, "/token", &site.code_fields(&visit, &code), &[&proof]).await.expect(200);
    }
}

async fn what_the_request_says_of_its_host_does_not_count(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let (visit, code) = code(&mut ann, site).await;
    let proof = Key::new(&provider.clock).proves("POST", "https://evil.example/token", None);
    let headers = [
        (HeaderName::from_static("dpop"), proof.as_str()),
        (HeaderName::from_static("x-forwarded-host"), "evil.example"),
        (HeaderName::from_static("x-forwarded-proto"), "https"),
        (HeaderName::from_static("forwarded"), "host=evil.example;proto=https"),
    ];
    is_refused(&site.posts_with("/token", &site.code_fields(&visit, &code), &headers).await, "invalid_dpop_proof");
}

async fn a_proof_counts_once(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let key = Key::new(&provider.clock);
    let proof = key.proves_at(site, "/token");
    let (visit, first) = code(&mut ann, site).await;
    posts(site, "/token", &site.code_fields(&visit, &first), &[&proof]).await.expect(200);
    let (visit, second) = code(&mut ann, site).await;
    provider.waits(40 * SECOND);
    is_refused(&posts(site, "/token", &site.code_fields(&visit, &second), &[&proof]).await, "invalid_dpop_proof");
    let fresh = key.proves_at(site, "/token");
    posts(site, "/token", &site.code_fields(&visit, &second), &[&fresh]).await.expect(200);
}

async fn of_several_who_show_one_proof_at_once_one_wins(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let proof = Key::new(&provider.clock).proves_at(site, "/token");
    let mut tries = JoinSet::new();
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(code(&mut ann, site).await);
    }
    for (visit, code) in codes {
        let mut fields: Vec<(String, String)> =
            site.code_fields(&visit, &code).map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        fields.push(("client_id".to_owned(), site.id.to_owned()));
        let (url, proof) = (site.at("/token"), proof.clone());
        tries.spawn(async move {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            post_form(&url, &[(HeaderName::from_static("dpop"), &proof)], &fields).await
        });
    }
    let replies = tries.join_all().await;
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(won, 1, "{:?}", replies.iter().map(Reply::text).collect::<Vec<_>>());
    assert!(replies.iter().filter(|reply| reply.status != 200).all(|reply| reply.error() == "invalid_dpop_proof"));
}

async fn the_algorithms_are_published(database: Database) {
    let provider = Provider::starts(database).await;
    let mut anybody = provider.stranger();
    let document = anybody.opens("/.well-known/openid-configuration").await.reply.json();
    assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256", "EdDSA", "PS256"]));
}
