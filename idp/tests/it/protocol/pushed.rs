//! Pushed requests (RFC 9126): for the website that pushed, once, for 90 seconds.

use enum_idp::{clock::SECOND, store};

use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::{encoded, post_form},
        provider::{Provider, is_refused, is_refused_on_a_page, text},
        sites::{payment, random},
    },
};

on_both_databases! {
    a_pushed_request_leads_to_a_login,
    a_pushed_request_is_used_once,
    a_pushed_request_that_another_node_has_answered_leads_to_no_code,
    a_pushed_request_expires,
    a_pushed_request_of_one_website_is_not_opened_by_another,
    what_the_browser_adds_to_a_pushed_request_counts_for_nothing,
    nobody_pushes_without_a_proof,
    a_pushed_request_is_checked_when_it_is_pushed,
    a_pushed_request_survives_a_restart,
}

async fn a_pushed_request_leads_to_a_login(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    for site in [&provider.sites.own, &provider.sites.app, &provider.sites.forum, &provider.sites.shop] {
        let visit = site.sends_pushed(&[]).await;
        let code = ann.logs_in(&visit).await;
        site.redeems(&visit, &code).await.expect(200);
    }
}

async fn a_pushed_request_is_used_once(database: Database) {
    let provider = Provider::starts(database).await;
    let own = &provider.sites.own;
    let mut ann = provider.member("ann@example.com").await;
    let visit = own.sends_pushed(&[]).await;
    ann.goes(&visit).await;
    let mut other_tab = provider.stranger();
    other_tab.opens(&visit.link).await;
    ann.answers().await;
    assert!(ann.person.brings_back().contains_key("code"));
    is_refused_on_a_page(provider.stranger().opens(&visit.link).await);
    // Opened before, answered after: the request is gone.
    let mut late = crate::support::provider::Member { person: other_tab, ..ann.clone() };
    if late.person.sees("email") {
        late.person.types("email", "ann@example.com").presses("continue").await;
        late.answers().await;
        assert!(late.person.away.is_none(), "a second code for one request: {:?}", late.person.away);
    }
}

/// Whatever this node remembers of the request that it took a moment ago.
async fn a_pushed_request_that_another_node_has_answered_leads_to_no_code(database: Database) {
    let provider = Provider::starts(database).await;
    let own = &provider.sites.own;
    let mut ann = provider.member("ann@example.com").await;
    let (visit, reply) = own.pushes(&[]).await;
    let request_uri = text(&reply.expect(201), "request_uri");
    let used = store::pushed::using_up(&provider.app.seal.hash("request_uri", &request_uri), provider.clock.now());
    provider.app.db.write(move |tx| Box::pin(used.apply(tx))).await.unwrap();
    ann.person.opens(&own.link_to(&request_uri)).await;
    if ann.person.sees("email") {
        ann.person.types("email", "ann@example.com").presses("continue").await;
        ann.answers().await;
    }
    assert!(ann.person.away.is_none(), "{visit:?}: a second code for one request: {:?}", ann.person.away);
    is_refused_on_a_page(&ann.person);
}

async fn a_pushed_request_expires(database: Database) {
    let provider = Provider::starts(database).await;
    let (visit, reply) = provider.sites.own.pushes(&[]).await;
    let pushed = reply.expect(201);
    let seconds = pushed["expires_in"].as_i64().unwrap();
    assert!((5..=600).contains(&seconds), "{seconds}");
    provider.waits(seconds * SECOND);
    let link = provider.sites.own.link_to(pushed["request_uri"].as_str().unwrap());
    is_refused_on_a_page(provider.stranger().opens(&link).await);
    drop(visit);
}

async fn a_pushed_request_of_one_website_is_not_opened_by_another(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, reply) = provider.sites.shop.pushes(&[("authorization_details", &payment(1050).to_string())]).await;
    let request_uri = reply.expect(201)["request_uri"].as_str().unwrap().to_owned();
    for thief in [&provider.sites.stall, &provider.sites.own, &provider.sites.app] {
        is_refused_on_a_page(provider.stranger().opens(&thief.link_to(&request_uri)).await);
    }
    let made_up = format!("urn:ietf:params:oauth:request_uri:{}", random());
    is_refused_on_a_page(provider.stranger().opens(&provider.sites.shop.link_to(&made_up)).await);
    let mut person = provider.stranger();
    person.opens(&provider.sites.shop.link_to(&request_uri)).await;
    assert!(person.sees("payment-amount"), "nothing was lost: {}", person.what_is_shown());
}

async fn what_the_browser_adds_to_a_pushed_request_counts_for_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let visit = shop.asks_to_pay(1050, &[]).await;
    let cheap = payment(1).to_string();
    let more = encoded(&[
        ("authorization_details", &cheap),
        ("redirect_uri", "https://evil.example/"),
        ("state", "other"),
        ("scope", "openid phone"),
    ]);
    let mut person = provider.stranger();
    person.opens(&format!("{}&{more}", visit.link)).await;
    assert_eq!(person.page.text_of("payment-amount").as_deref(), Some("10.50"), "{}", person.what_is_shown());
    person.presses("deny").await;
    assert!(person.away.as_ref().unwrap().as_str().starts_with(shop.redirect_uri));
    assert_eq!(person.brings_back()["state"], visit.state);
}

async fn nobody_pushes_without_a_proof(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let visit = site.sends(&[]);
    let fields = site.request(&visit, &[]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    is_refused(&post_form(&site.at("/par"), &[], &fields).await, "invalid_client");
    let (_, reply) = provider.sites.app.pushes(&[("authorization_details", &payment(1050).to_string())]).await;
    is_refused(&reply, "unauthorized_client");
}

async fn a_pushed_request_is_checked_when_it_is_pushed(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    for (changes, error) in [
        (vec![("redirect_uri", "https://evil.example/")], "invalid_request"),
        (vec![("redirect_uri", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("scope", "")], "invalid_scope"),
    ] {
        let (_, reply) = site.pushes(&changes).await;
        assert_eq!(reply.error(), error, "{changes:?}");
    }
}

async fn a_pushed_request_survives_a_restart(database: Database) {
    let provider = Provider::starts(database).await;
    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    let provider = provider.restarts().await;
    let mut person = provider.stranger();
    person.opens(&visit.link).await;
    assert!(person.sees("payment-amount"), "{}", person.what_is_shown());
}
