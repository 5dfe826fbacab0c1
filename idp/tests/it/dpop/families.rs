//! Codes and token families that are bound to a key (RFC 9449 §5, §10).

use serde_json::json;

use super::{bound, code};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        proof::{Key, posts},
        provider::{Provider, is_refused, text},
        sites::{Site, payload},
    },
};

on_both_databases! {
    a_refresh_token_of_a_public_client_serves_who_has_its_key,
    who_has_an_old_refresh_token_without_its_key_ends_nothing,
    a_family_of_a_public_client_is_bound_from_its_first_proof_on,
    a_website_that_proves_who_it_is_may_change_its_key_and_not_do_without,
    a_code_is_bound_to_the_key_that_its_request_names,
    a_proof_with_a_pushed_request_binds_its_code,
    a_client_of_bound_tokens_gets_no_others,
}

async fn refreshes(site: &Site, token: &str, keys: &[&Key]) -> crate::support::http::Reply {
    let proofs: Vec<String> = keys.iter().map(|key| key.proves_at(site, "/token")).collect();
    let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
    posts(site, "/token", &[("grant_type", "refresh_token"), ("refresh_token", token)], &proofs).await
}

async fn a_refresh_token_of_a_public_client_serves_who_has_its_key(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let (key, thief) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let first = text(&bound(&mut ann, site, &key).await, "refresh_token");
    is_refused(&refreshes(site, &first, &[]).await, "invalid_grant");
    is_refused(&refreshes(site, &first, &[&thief]).await, "invalid_grant");
    let tokens = refreshes(site, &first, &[&key]).await.expect(200);
    assert_eq!(text(&tokens, "token_type"), "DPoP");
    let access = text(&tokens, "access_token");
    assert_eq!(payload(&access)["cnf"]["jkt"], key.thumbprint());
    key.asks_who(site, &access).await.expect(200);
    let second = text(&tokens, "refresh_token");
    is_refused(&refreshes(site, &second, &[&thief]).await, "invalid_grant");
    refreshes(site, &second, &[&key]).await.expect(200);
}

async fn who_has_an_old_refresh_token_without_its_key_ends_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let (key, thief) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let old = text(&bound(&mut ann, site, &key).await, "refresh_token");
    let new = text(&refreshes(site, &old, &[&key]).await.expect(200), "refresh_token");
    is_refused(&refreshes(site, &old, &[]).await, "invalid_grant");
    is_refused(&refreshes(site, &old, &[&thief]).await, "invalid_grant");
    let newer = text(&refreshes(site, &new, &[&key]).await.expect(200), "refresh_token");
    // With its key, one of two who have both is a thief.
    is_refused(&refreshes(site, &old, &[&key]).await, "invalid_grant");
    is_refused(&refreshes(site, &newer, &[&key]).await, "invalid_grant");
}

async fn a_family_of_a_public_client_is_bound_from_its_first_proof_on(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let key = Key::new(&provider.clock);
    let tokens = ann.logs_in_at(site).await;
    assert_eq!(text(&tokens, "token_type"), "Bearer");
    let tokens = refreshes(site, &text(&tokens, "refresh_token"), &[&key]).await.expect(200);
    let next = text(&tokens, "refresh_token");
    is_refused(&refreshes(site, &next, &[]).await, "invalid_grant");
    is_refused(&refreshes(site, &next, &[&Key::new(&provider.clock)]).await, "invalid_grant");
    refreshes(site, &next, &[&key]).await.expect(200);
}

async fn a_website_that_proves_who_it_is_may_change_its_key_and_not_do_without(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let (old, new) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let first = text(&bound(&mut ann, site, &old).await, "refresh_token");
    is_refused(&refreshes(site, &first, &[]).await, "invalid_grant");
    let tokens = refreshes(site, &first, &[&new]).await.expect(200);
    let access = text(&tokens, "access_token");
    new.asks_who(site, &access).await.expect(200);
    assert_eq!(old.asks_who(site, &access).await.status, 401);
}

async fn a_code_is_bound_to_the_key_that_its_request_names(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let (key, thief) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let visit = site.sends(&[("dpop_jkt", &key.thumbprint())]);
    let code = ann.logs_in(&visit).await;
    let fields = site.code_fields(&visit, &code);
    is_refused(&posts(site, "/token", &fields, &[]).await, "invalid_grant");
    is_refused(&posts(site, "/token", &fields, &[&thief.proves_at(site, "/token")]).await, "invalid_grant");
    posts(site, "/token", &fields, &[&key.proves_at(site, "/token")]).await.expect(200);
    let short = site.sends(&[("dpop_jkt", "abc")]);
    ann.person.opens(&short.link).await;
    assert_eq!(ann.person.brings_back().get("error").map(String::as_str), Some("invalid_request"));
}

async fn a_proof_with_a_pushed_request_binds_its_code(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let (key, other) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let visit = site.sends(&[]);
    let push = |jkt: Option<String>| {
        let fields = site.request(&visit, &[("dpop_jkt", jkt.as_deref().unwrap_or_default())]);
        let proof = key.proves_at(site, "/par");
        async move {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let first = posts(site, "/par", &fields, &[&proof]).await;
            (first, posts(site, "/par", &fields, &[&proof]).await)
        }
    };
    is_refused(&push(Some(other.thumbprint())).await.0, "invalid_dpop_proof");
    let (pushed, again) = push(Some(key.thumbprint())).await;
    pushed.expect(201);
    is_refused(&again, "invalid_dpop_proof");
    let pushed = push(None).await.0.expect(201);
    ann.person.opens(&site.link_to(pushed["request_uri"].as_str().unwrap())).await;
    ann.person.types("email", "ann@example.com").presses("continue").await;
    ann.answers().await.allows().await;
    let code = ann.person.brings_back()["code"].clone();
    let fields = site.code_fields(&visit, &code);
    is_refused(&posts(site, "/token", &fields, &[&other.proves_at(site, "/token")]).await, "invalid_grant");
    is_refused(&posts(site, "/token", &fields, &[]).await, "invalid_grant");
    posts(site, "/token", &fields, &[&key.proves_at(site, "/token")]).await.expect(200);
}

async fn a_client_of_bound_tokens_gets_no_others(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.keeper;
    let mut ann = provider.member("ann@example.com").await;
    let (visit, code) = code(&mut ann, site).await;
    is_refused(&posts(site, "/token", &site.code_fields(&visit, &code), &[]).await, "invalid_dpop_proof");
    let key = Key::new(&provider.clock);
    let proof = key.proves_at(site, "/token");
    let tokens = posts(site, "/token", &site.code_fields(&visit, &code), &[&proof]).await.expect(200);
    assert_eq!(payload(&text(&tokens, "access_token"))["cnf"], json!({ "jkt": key.thumbprint() }));
}
