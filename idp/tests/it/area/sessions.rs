//! Sessions: seen with their browser and place, and ended by their owner alone.

use super::{ANN, EVE, hidden, provider};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http,
        provider::{Member, Provider, text},
    },
};

on_both_databases! {
    sessions_are_shown_and_ended,
    all_others_are_ended_at_once,
    nobody_ends_the_sessions_of_others,
    a_form_that_is_not_ours_ends_nothing,
}

/// The same person at another browser.
async fn elsewhere(provider: &Provider, ann: &mut Member) -> Member {
    let mut other = ann.clone();
    other.person = provider.stranger();
    other.logs_in_at(&provider.sites.site).await;
    ann.pad = other.pad.clone();
    other
}

async fn is_signed_in(provider: &Provider, member: &mut Member) -> bool {
    member.person.opens(&provider.sites.own.sends(&[("prompt", "none")]).link).await;
    member.person.brings_back().contains_key("code")
}

async fn sessions_are_shown_and_ended(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let mut other = ann.clone();
    other.person = provider.stranger();
    let visit = provider.sites.site.sends(&[("scope", "openid")]);
    let code = other.logs_in(&visit).await;
    let tokens = provider.sites.site.redeems(&visit, &code).await.expect(200);
    let access = text(&tokens, "access_token");
    ann.pad = other.pad.clone();

    ann.enters("/account/sessions").await;
    assert!(ann.person.page.html.contains("127.0.0.1"), "{}", ann.person.what_is_shown());
    assert!(ann.person.sees("end-2") && !ann.person.sees("end-1"), "not its own: {}", ann.person.what_is_shown());
    provider.sites.site.asks_who(&access).await.expect(200);
    ann.person.presses("end-2").await;
    assert!(ann.person.sees("notice") && !ann.person.sees("end-2"), "{}", ann.person.what_is_shown());
    assert!(!is_signed_in(&provider, &mut other).await);
    let reply = provider.sites.site.asks_who(&access).await;
    assert!(reply.status.is_client_error(), "a token for that session lives on: {}", reply.text());
    assert!(is_signed_in(&provider, &mut ann).await);
    assert!(provider.log_of(ANN).await.contains(&"session_ended ok".to_owned()));
}

async fn all_others_are_ended_at_once(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let mut first = elsewhere(&provider, &mut ann).await;
    let mut second = elsewhere(&provider, &mut ann).await;
    ann.enters("/account/sessions").await.person.presses("end-others").await;
    assert!(!is_signed_in(&provider, &mut first).await && !is_signed_in(&provider, &mut second).await);
    assert!(is_signed_in(&provider, &mut ann).await, "the one that asked stays");
    let ended = provider.log_of(ANN).await.iter().filter(|line| *line == "session_ended ok").count();
    assert_eq!(ended, 2);
}

async fn nobody_ends_the_sessions_of_others(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let mut other = elsewhere(&provider, &mut ann).await;
    ann.enters("/account/sessions").await;
    let sid = hidden(&ann.person, "end-2", "sid");
    let mut eve = provider.member(EVE).await;
    let mut eve_elsewhere = elsewhere(&provider, &mut eve).await;
    eve.enters("/account/sessions").await;
    let token = hidden(&eve.person, "end-2", "token");
    eve.person.posts("/account/sessions/end", &[("token", &token), ("sid", &sid)]).await;
    assert!(eve.person.complaint().is_some(), "{}", eve.person.what_is_shown());
    assert!(is_signed_in(&provider, &mut other).await, "Eve ended Ann's session");
    eve.person.opens("/account/sessions").await.presses("end-others").await;
    assert!(is_signed_in(&provider, &mut other).await && !is_signed_in(&provider, &mut eve_elsewhere).await);
}

async fn a_form_that_is_not_ours_ends_nothing(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let mut other = elsewhere(&provider, &mut ann).await;
    ann.enters("/account/sessions").await;
    let (token, sid) = (hidden(&ann.person, "end-2", "token"), hidden(&ann.person, "end-2", "sid"));
    let mut eve = provider.member(EVE).await;
    let mut eve_elsewhere = elsewhere(&provider, &mut eve).await;
    eve.enters("/account/sessions").await;
    let foreign = hidden(&eve.person, "end-2", "token");
    for token in ["", "x", &foreign, &token[1..]] {
        ann.person.posts("/account/sessions/end", &[("token", token), ("sid", &sid)]).await;
        assert_eq!(ann.person.reply.status, 403, "{token:?}: {}", ann.person.what_is_shown());
    }
    ann.person.posts("/account/sessions/end", &[("sid", &sid)]).await;
    assert_eq!(ann.person.reply.status, 403);
    // Everything right but the browser's word on where the form was sent from.
    let cookies: Vec<String> = ann.person.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cookies = cookies.join("; ");
    let to = provider.origin.join("/account/sessions/end").unwrap();
    let fields = [("token", token.as_str()), ("sid", sid.as_str())];
    let site = hyper::header::HeaderName::from_static("sec-fetch-site");
    for (name, value) in [(hyper::header::ORIGIN, "https://evil.example"), (site.clone(), "cross-site")] {
        let headers = [(hyper::header::COOKIE, cookies.as_str()), (name, value)];
        assert_eq!(http::post_form(&to, &headers, &fields).await.status, 403, "{value}");
    }
    assert!(is_signed_in(&provider, &mut other).await && is_signed_in(&provider, &mut eve_elsewhere).await);
    let headers = [(hyper::header::COOKIE, cookies.as_str()), (site, "same-origin")];
    assert_eq!(http::post_form(&to, &headers, &fields).await.status, 303);
    assert!(!is_signed_in(&provider, &mut other).await);
}
