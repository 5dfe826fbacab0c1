//! The website before a provider for tests.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod provider;

use clap::Parser;

use self::provider::{Browser, Page, Provider, query};
use crate::{Settings, Site};

async fn website(issuer: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let settings = Settings::parse_from(["website", "--issuer", issuer, "--base-url", &base]);
    let site = Site::new(&settings, "secret".into()).unwrap();
    tokio::spawn(async move { axum::serve(listener, site.routes()).await });
    base
}

async fn sign_in(website: &str, browser: &Browser, provider: &Provider) -> Page {
    let away = browser.post(&format!("{website}/sign-in"), &[("email", " ann@example.org ")]).await;
    browser.get(&provider.approve(&away.location)).await
}

#[tokio::test]
async fn somebody_signs_in() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    let browser = Browser::new();
    let away = browser.post(&format!("{website}/sign-in"), &[("email", " ann@example.org ")]).await;
    let asked = query(&away.location);
    assert_eq!(asked["login_hint"], "ann@example.org");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["redirect_uri"], format!("{website}/callback"));
    let before = browser.cookie.lock().unwrap().clone();
    let back = browser.get(&provider.approve(&away.location)).await;
    assert_eq!((back.status, back.location.as_str()), (303, "/"));
    assert_ne!(*browser.cookie.lock().unwrap(), before, "the session has a cookie of its own");
    let home = browser.get(&website).await;
    assert_eq!(home.element("sub"), "person-1");
    assert_eq!(home.element("acr"), "urn:enum:acr:2");
    assert_eq!(home.element("amr"), "otp pin");
    assert_eq!(home.element("name"), "Ann &lt;b&gt;", "what the provider says is escaped");
}

#[tokio::test]
async fn an_answer_works_once_and_in_its_own_browser() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    let (browser, thief) = (Browser::new(), Browser::new());
    thief.post(&format!("{website}/sign-in"), &[("email", "")]).await;
    let away = browser.post(&format!("{website}/sign-in"), &[("email", "")]).await;
    let back = provider.approve(&away.location);
    assert_eq!(thief.get(&back).await.status, 400);
    assert_eq!(browser.get(&back).await.status, 303);
    assert_eq!(browser.get(&back).await.status, 400);
    assert_eq!(provider.posted.lock().unwrap().len(), 1, "one code, one exchange");
}

#[tokio::test]
async fn an_answer_in_another_providers_name_is_not_exchanged() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    let browser = Browser::new();
    for spoil in [
        |back: &str, _: &str| back.split("&iss=").next().unwrap().to_owned(),
        |back: &str, port: &str| back.replace(port, "1"),
    ] {
        let away = browser.post(&format!("{website}/sign-in"), &[("email", "")]).await;
        let back = provider.approve(&away.location);
        let (url, iss) = back.split_once("&iss=").unwrap();
        let port = iss.rsplit("%3A").next().unwrap();
        let spoilt = spoil(&format!("&iss={iss}"), port);
        assert_eq!(browser.get(&format!("{url}{spoilt}")).await.status, 400);
    }
    assert!(provider.posted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_id_token_that_does_not_hold_signs_nobody_in() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    for (claim, value) in [("nonce", "other"), ("aud", "shop"), ("iss", "http://elsewhere")] {
        provider.bend(move |answers| answers.id_token[claim] = value.into());
        let browser = Browser::new();
        assert_eq!(sign_in(&website, &browser, &provider).await.status, 400, "{claim}");
        assert!(browser.get(&website).await.text.contains("id=\"sign-in\""), "{claim}");
    }
}

#[tokio::test]
async fn a_new_signing_key_is_noticed() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    assert_eq!(sign_in(&website, &Browser::new(), &provider).await.status, 303);
    provider.rotate();
    assert_eq!(sign_in(&website, &Browser::new(), &provider).await.status, 303);
}

#[tokio::test]
async fn a_refresh_token_is_used_and_replaced() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    let browser = Browser::new();
    sign_in(&website, &browser, &provider).await;
    for times in ["1", "2"] {
        assert_eq!(browser.post(&format!("{website}/refresh"), &[]).await.status, 303);
        assert_eq!(browser.get(&website).await.element("refreshed"), times);
    }
    let posted = provider.posted.lock().unwrap();
    assert_ne!(posted[1].1["refresh_token"], posted[2].1["refresh_token"]);
}

#[tokio::test]
async fn a_refresh_token_that_was_sent_is_never_sent_again() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    let browser = Browser::new();
    sign_in(&website, &browser, &provider).await;
    provider.leave();
    assert_eq!(browser.post(&format!("{website}/refresh"), &[]).await.status, 502);
    assert_eq!(browser.post(&format!("{website}/refresh"), &[]).await.status, 400);
    assert_eq!(browser.get(&website).await.element("sub"), "person-1", "the session goes on without it");
    assert_eq!(provider.posted.lock().unwrap().len(), 2, "the code and the refresh token, once each");
}

#[tokio::test]
async fn signing_out_goes_through_the_provider() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    let browser = Browser::new();
    sign_in(&website, &browser, &provider).await;
    let away = browser.post(&format!("{website}/sign-out"), &[]).await;
    let asked = query(&away.location);
    assert_eq!(asked["post_logout_redirect_uri"], format!("{website}/"));
    assert_eq!(provider::claims(&asked["id_token_hint"])["sub"], "person-1");
    let back = format!("{website}/?state={}", asked["state"]);
    assert_eq!(browser.get(&back).await.element("signed-out"), "You have signed out.");
    assert!(!browser.get(&back).await.text.contains("signed-out"), "the state counts once");
}

#[tokio::test]
async fn declining_is_told_plainly() {
    let provider = Provider::start().await;
    let website = website(&provider.issuer).await;
    let browser = Browser::new();
    let away = browser.post(&format!("{website}/sign-in"), &[("email", "")]).await;
    let back = browser.get(&provider.decline(&away.location)).await;
    assert_eq!((back.status, back.element("trouble").as_str()), (403, "You declined"));
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_told_and_found_later() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let website = website(&format!("http://{address}")).await;
    let browser = Browser::new();
    assert_eq!(browser.get(&website).await.status, 200, "the first page needs no provider");
    let page = browser.post(&format!("{website}/sign-in"), &[("email", "")]).await;
    assert_eq!((page.status, page.element("trouble").as_str()), (502, "E-num cannot be reached"));
    let provider = Provider::serve(tokio::net::TcpListener::bind(address).await.unwrap());
    assert_eq!(sign_in(&website, &browser, &provider).await.status, 303);
}
