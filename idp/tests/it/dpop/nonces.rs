//! Nonces of the provider's in proofs (RFC 9449 §8, §9), where they are asked for.

use enum_idp::clock::MINUTE;
use serde_json::{Value, json};

use super::code;
use crate::{
    on_both_databases,
    support::{
        database::Database,
        proof::{Key, changed, posts, shows},
        provider::{GENEROUS, Provider, is_refused, text},
        sites::random,
    },
};

on_both_databases! {
    where_nonces_are_asked_for_a_proof_made_in_store_does_not_do,
}

async fn where_nonces_are_asked_for_a_proof_made_in_store_does_not_do(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}[dpop]\nnonce = true\n")).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let (visit, code) = code(&mut ann, site).await;
    let key = Key::new(&provider.clock);
    let fields = site.code_fields(&visit, &code);
    let url = format!("{}/token", site.issuer);
    let with =
        |nonce: Value| key.signs(&key.header(), &changed(&key.claims("POST", &url, None), &json!({ "nonce": nonce })));

    let reply = posts(site, "/token", &fields, &[&with(Value::Null)]).await;
    is_refused(&reply, "use_dpop_nonce");
    let given = reply.header("dpop-nonce").to_owned();
    assert!(given.len() >= 16, "{given}");
    is_refused(&posts(site, "/token", &fields, &[&with(json!(random()))]).await, "use_dpop_nonce");
    let reply = posts(site, "/token", &fields, &[&with(json!(given))]).await;
    let tokens = reply.expect(200);
    assert_eq!(reply.header("dpop-nonce"), given, "the next one, told beforehand");

    let token = text(&tokens, "access_token");
    let here = format!("{}/userinfo", site.issuer);
    let claims = |nonce: &str| changed(&key.claims("GET", &here, Some(&token)), &json!({ "nonce": nonce }));
    shows(site, "/userinfo", &token, &[&key.signs(&key.header(), &claims(&given))]).await.expect(200);
    provider.waits(6 * MINUTE);
    let reply = shows(site, "/userinfo", &token, &[&key.signs(&key.header(), &claims(&given))]).await;
    assert_eq!(reply.status, 401);
    assert!(reply.header("www-authenticate").contains("error=\"use_dpop_nonce\""));
    let next = reply.header("dpop-nonce").to_owned();
    assert_ne!(next, given);
    shows(site, "/userinfo", &token, &[&key.signs(&key.header(), &claims(&next))]).await.expect(200);
    // Who uses no proofs has no use for nonces.
    assert!(site.refreshes("unknown").await.headers.get("dpop-nonce").is_none());
}
