//! What was allowed and not fetched yet can still be taken back; what was fetched hangs on no browser.

use serde_json::json;

use super::{GRANT, begins, links, polls};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        proof::{Key, posts},
        provider::{Provider, is_refused, text},
        sites::{CIBA, Proof, Site, payload},
    },
};

on_both_databases! {
    an_approval_that_is_not_fetched_yet_ends_with_the_access,
    an_answer_behind_the_browser_s_back_ends_with_the_access_too,
    what_ends_everything_takes_all_approvals_back,
    signing_out_of_the_browser_ends_no_device_s_tokens,
    signing_out_of_the_browser_ends_no_token_that_was_fetched_behind_its_back,
    a_device_makes_nobody_an_administrator,
    who_is_not_registered_for_codes_gets_none,
    who_has_a_used_device_code_without_its_key_ends_nothing,
    a_request_that_was_answered_with_another_account_waits_no_more,
}

/// What a thief of an account waits for: its owner presses the button while the device has not asked yet.
async fn an_approval_that_is_not_fetched_yet_ends_with_the_access(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let (mut ann, mut eve) = (provider.member("ann@example.com").await, provider.member("eve@example.com").await);
    let (mine, theirs) = (begins(site).await, begins(site).await);
    links(&mut ann, &mine).await;
    links(&mut eve, &theirs).await;
    ann.enters("/account/access").await.person.presses("end-1").await;
    assert!(ann.person.sees("notice"), "{}", ann.person.what_is_shown());
    is_refused(&polls(site, &mine).await, "access_denied");
    polls(site, &theirs).await.expect(200);
}

async fn an_answer_behind_the_browser_s_back_ends_with_the_access_too(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member("ann@example.com").await;
    let id = shop.asks_to_sign_in("ann@example.com").await;
    ann.looks().await.answers().await.allows().await;
    ann.has_approved();
    ann.enters("/account/access").await.person.presses("end-1").await;
    assert!(ann.person.sees("notice"), "{}", ann.person.what_is_shown());
    is_refused(&shop.fetches(&id).await, "expired_token");
    is_refused(&shop.fetches(&id).await, "expired_token");
}

/// What a recovery and the link that puts a number back do to what was granted.
async fn what_ends_everything_takes_all_approvals_back(database: Database) {
    let provider = Provider::starts(database).await;
    let (site, shop) = (&provider.sites.television, &provider.sites.shop);
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    links(&mut ann, &begun).await;
    let id = shop.asks_to_sign_in("ann@example.com").await;
    ann.looks().await.answers().await.allows().await;
    ann.has_approved();
    let (db, now) = (provider.app.db.clone(), provider.clock.now());
    let account = enum_idp::store::account::by_email(db.read(), "ann@example.com").await.unwrap().unwrap().id;
    enum_idp::store::grant::revoke_all(db.read(), &account, now).await.unwrap();
    is_refused(&polls(site, &begun).await, "access_denied");
    is_refused(&shop.fetches(&id).await, "expired_token");
}

async fn signing_out_of_the_browser_ends_no_device_s_tokens(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let begun = site.posts("/device_authorization", &[("scope", "openid email")]).await.expect(200);
    links(&mut ann, &begun).await;
    let tokens = polls(site, &begun).await.expect(200);
    let browser = ann.logs_in_at(&provider.sites.site).await;
    assert_ne!(payload(&text(&tokens, "id_token"))["sid"], payload(&text(&browser, "id_token"))["sid"]);
    ann.person.opens("/logout").await.presses("logout-yes").await;
    let tokens = site.refreshes(&text(&tokens, "refresh_token")).await.expect(200);
    site.asks_who(&text(&tokens, "access_token")).await.expect(200);
    // That is ended where people look for it.
    ann.enters("/account/access").await;
    let television = ann.person.page.html.find("The television").unwrap();
    let button = if television < ann.person.page.html.find("The site").unwrap() { "end-1" } else { "end-2" };
    ann.person.presses(button).await;
    assert_eq!(site.asks_who(&text(&tokens, "access_token")).await.status, 401);
    is_refused(&site.refreshes(&text(&tokens, "refresh_token")).await, "invalid_grant");
}

async fn signing_out_of_the_browser_ends_no_token_that_was_fetched_behind_its_back(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member("ann@example.com").await;
    let id = shop.asks_to_sign_in("ann@example.com").await;
    ann.looks().await.answers().await.allows().await;
    ann.has_approved();
    let tokens = shop.fetches(&id).await.expect(200);
    ann.person.opens("/logout").await.presses("logout-yes").await;
    shop.asks_who(&text(&tokens, "access_token")).await.expect(200);
}

/// A link with a code, sent to an administrator.
async fn a_device_makes_nobody_an_administrator(database: Database) {
    let provider = Provider::starts(database).await;
    let site = added(&provider, json!({
        "enum_trusted": true, "scope": "openid email enum:admin", "grant_types": ["authorization_code", GRANT, CIBA],
        "backchannel_token_delivery_mode": "poll",
    }))
    .await;
    is_refused(&site.posts("/device_authorization", &[("scope", "enum:admin")]).await, "invalid_scope");
    let begun = site.posts("/device_authorization", &[("scope", "openid enum:admin")]).await.expect(200);
    let mut olga = provider.member("olga@example.com").await;
    links(&mut olga, &begun).await;
    let tokens = polls(&site, &begun).await.expect(200);
    assert_eq!(text(&tokens, "scope"), "openid");
    let id = site.asks_behind("olga@example.com", &[("scope", "openid enum:admin")]).await.expect(200);
    olga.looks().await.answers().await;
    olga.has_approved();
    let tokens = site.fetches(&text(&id, "auth_req_id")).await.expect(200);
    assert_eq!(text(&tokens, "scope"), "openid");
}

async fn added(provider: &Provider, more: serde_json::Value) -> Site {
    let site = provider.sites.site.another("console", Proof::Post, more);
    let (seal, entropy) = (&provider.app.seal, &provider.app.entropy);
    provider.app.clients.add(site.registration(), seal, entropy).await.unwrap();
    site
}

async fn who_is_not_registered_for_codes_gets_none(database: Database) {
    let provider = Provider::starts(database).await;
    let site = added(&provider, json!({ "grant_types": [GRANT, "refresh_token"], "response_types": [] })).await;
    let mut person = provider.stranger();
    person.opens(&site.sends(&[]).link).await;
    assert_eq!(person.brings_back()["error"], "unauthorized_client");
    is_refused(&site.pushes(&[]).await.1, "unauthorized_client");
    let visit = site.sends(&[]);
    is_refused(&site.redeems(&visit, "made-up").await, "unauthorized_client");
    // Without an address to come back to there is nowhere to say it but there.
    is_refused(&provider.sites.television.redeems(&visit, "made-up").await, "unauthorized_client");
}

async fn who_has_a_used_device_code_without_its_key_ends_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.keeper;
    let mut ann = provider.member("ann@example.com").await;
    let (key, thief) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let path = "/device_authorization";
    let begun = posts(site, path, &[("scope", "openid email")], &[&key.proves_at(site, path)]).await.expect(200);
    links(&mut ann, &begun).await;
    let fields = [("grant_type", GRANT), ("device_code", &text(&begun, "device_code"))];
    let access =
        text(&posts(site, "/token", &fields, &[&key.proves_at(site, "/token")]).await.expect(200), "access_token");
    is_refused(&posts(site, "/token", &fields, &[&thief.proves_at(site, "/token")]).await, "invalid_grant");
    key.asks_who(site, &access).await.expect(200);
    // Whoever has the key as well says that something is wrong.
    is_refused(&posts(site, "/token", &fields, &[&key.proves_at(site, "/token")]).await, "invalid_grant");
    assert_eq!(key.asks_who(site, &access).await.status, 401);
}

/// The page says that nothing was allowed: nothing waits on behind it.
async fn a_request_that_was_answered_with_another_account_waits_no_more(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let claims = json!({ "id_token": { "sub": { "value": "somebody else" } } }).to_string();
    let fields = [("scope", "openid email"), ("claims", claims.as_str())];
    let begun = site.posts("/device_authorization", &fields).await.expect(200);
    super::types(&mut ann, &begun).await;
    ann.person.presses("continue").await;
    if ann.person.sees("email") {
        ann.person.types("email", "ann@example.com").presses("continue").await;
    }
    ann.answers().await;
    assert!(ann.person.sees("device-denied"), "{}", ann.person.what_is_shown());
    is_refused(&polls(site, &begun).await, "access_denied");
}
