//! What a website may ask of a login: silence, a new proof, a young one, a strong one, a certain person.

use enum_idp::clock::SECOND;
use serde_json::json;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{Member, Provider, text},
        sites::{Site, payload},
    },
};

on_both_databases! {
    prompt_none_tells_what_is_missing_and_shows_nothing,
    prompt_login_asks_again_and_tells_the_new_time,
    prompt_consent_asks_again,
    prompt_none_stands_alone,
    a_proof_older_than_max_age_is_renewed,
    max_age_0_always_asks,
    a_hint_of_another_person_is_not_answered_by_whoever_is_there,
    a_hint_of_another_website_is_refused,
    a_wished_level_that_cannot_be_had_is_second_best,
    an_essential_level_that_cannot_be_had_is_an_error,
    a_stronger_level_satisfies_a_weaker_one,
    consent_is_remembered_and_a_wider_scope_is_asked_again,
    a_person_may_decline,
    a_login_hint_saves_typing,
    pages_speak_the_language_that_was_asked_for,
}

#[track_caller]
fn error(person: &Person) -> String {
    let back = person.brings_back();
    assert!(!back.contains_key("code"), "{back:?}");
    back["error"].clone()
}

/// Comes with the session that is there, and tells the error or the ID token.
async fn silently(member: &mut Member, site: &Site, changes: &[(&str, &str)]) -> Result<serde_json::Value, String> {
    let mut all = vec![("prompt", "none")];
    all.extend_from_slice(changes);
    let visit = site.sends(&all);
    member.person.opens(&visit.link).await;
    let back = member.person.brings_back();
    match back.get("code") {
        Some(code) => Ok(payload(&text(&site.redeems(&visit, code).await.expect(200), "id_token"))),
        None => Err(back["error"].clone()),
    }
}

async fn prompt_none_tells_what_is_missing_and_shows_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let (site, own) = (&provider.sites.site, &provider.sites.own);
    assert_eq!(silently(&mut ann, site, &[]).await.unwrap_err(), "login_required");
    ann.logs_in_at(own).await;
    assert_eq!(silently(&mut ann, site, &[]).await.unwrap_err(), "consent_required");
    ann.logs_in_at(site).await;
    assert!(silently(&mut ann, site, &[]).await.is_ok());
    provider.waits(13 * 3600 * SECOND);
    assert_eq!(silently(&mut ann, site, &[]).await.unwrap_err(), "login_required", "the session has ended");
}

async fn prompt_login_asks_again_and_tells_the_new_time(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let own = &provider.sites.own;
    let first = payload(&text(&ann.logs_in_at(own).await, "id_token"));
    provider.waits(100 * SECOND);
    let silent = silently(&mut ann, own, &[]).await.unwrap();
    assert_eq!(silent["auth_time"], first["auth_time"], "nothing was proven anew");
    let visit = own.sends(&[("prompt", "login")]);
    ann.goes(&visit).await;
    assert!(ann.person.sees("answer"), "{}", ann.person.what_is_shown());
    ann.answers().await;
    let code = ann.person.brings_back()["code"].clone();
    let again = payload(&text(&own.redeems(&visit, &code).await.expect(200), "id_token"));
    assert_eq!(again["auth_time"].as_i64().unwrap(), first["auth_time"].as_i64().unwrap() + 100);
}

async fn prompt_consent_asks_again(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.site).await;
    ann.person.opens(&provider.sites.site.sends(&[("prompt", "consent")]).link).await;
    assert!(ann.person.sees("allow"), "{}", ann.person.what_is_shown());
}

async fn prompt_none_stands_alone(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    ann.person.opens(&provider.sites.own.sends(&[("prompt", "none login")]).link).await;
    assert_eq!(error(&ann.person), "invalid_request");
}

async fn a_proof_older_than_max_age_is_renewed(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let own = &provider.sites.own;
    ann.logs_in_at(own).await;
    provider.waits(60 * SECOND);
    assert!(silently(&mut ann, own, &[("max_age", "60")]).await.is_ok());
    provider.waits(SECOND);
    assert_eq!(silently(&mut ann, own, &[("max_age", "60")]).await.unwrap_err(), "login_required");
    let visit = own.sends(&[("max_age", "60")]);
    let code = ann.logs_in(&visit).await;
    let id_token = payload(&text(&own.redeems(&visit, &code).await.expect(200), "id_token"));
    assert_eq!(id_token["auth_time"], provider.clock.seconds());
}

async fn max_age_0_always_asks(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    provider.waits(SECOND);
    let visit = provider.sites.own.sends(&[("max_age", "0")]);
    ann.goes(&visit).await;
    assert!(ann.person.sees("answer"), "{}", ann.person.what_is_shown());
    ann.answers().await;
    assert!(ann.person.brings_back().contains_key("code"), "and is content with the answer");
}

async fn a_hint_of_another_person_is_not_answered_by_whoever_is_there(database: Database) {
    let provider = Provider::starts(database).await;
    let own = &provider.sites.own;
    let mut ann = provider.member("ann@example.com").await;
    let mut bob = provider.member("bob@example.com").await;
    let anns = text(&ann.logs_in_at(own).await, "id_token");
    bob.logs_in_at(own).await;
    assert_eq!(silently(&mut bob, own, &[("id_token_hint", &anns)]).await.unwrap_err(), "login_required");
    assert!(silently(&mut ann, own, &[("id_token_hint", &anns)]).await.is_ok());
    let sub = payload(&anns)["sub"].clone();
    let claims = json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    assert_eq!(silently(&mut bob, own, &[("claims", &claims)]).await.unwrap_err(), "login_required");
    // Not silently: Bob is asked, answers as himself, and is still not Ann.
    bob.goes(&own.sends(&[("id_token_hint", &anns)])).await;
    if bob.person.away.is_none() {
        bob.answers().await;
    }
    assert_eq!(error(&bob.person), "login_required");
}

async fn a_hint_of_another_website_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let foreign = text(&ann.logs_in_at(&provider.sites.site).await, "id_token");
    let access = text(&ann.logs_in_at(&provider.sites.own).await, "access_token");
    for hint in [foreign.as_str(), access.as_str(), "x.y.z"] {
        assert_eq!(
            silently(&mut ann, &provider.sites.own, &[("id_token_hint", hint)]).await.unwrap_err(),
            "invalid_request"
        );
    }
}

async fn a_wished_level_that_cannot_be_had_is_second_best(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let own = &provider.sites.own;
    for changes in [
        vec![("acr_values", "phr phrh")],
        vec![("acr_values", "urn:nobody:knows")],
        vec![("claims", r#"{"id_token":{"acr":{"value":"phr"}}}"#)],
    ] {
        let visit = own.sends(&changes);
        let code = ann.logs_in(&visit).await;
        let id_token = payload(&text(&own.redeems(&visit, &code).await.expect(200), "id_token"));
        assert_eq!(id_token["acr"], "urn:enum:acr:2", "{changes:?}");
    }
}

async fn an_essential_level_that_cannot_be_had_is_an_error(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let claims = r#"{"id_token":{"acr":{"essential":true,"values":["phr","phrh"]}}}"#;
    ann.goes(&provider.sites.own.sends(&[("claims", claims)])).await;
    assert!(ann.person.page.challenge.is_none(), "no answer would do: {}", ann.person.what_is_shown());
    ann.person.presses("continue").await;
    assert_eq!(error(&ann.person), "unmet_authentication_requirements");
}

async fn a_stronger_level_satisfies_a_weaker_one(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    let claims = r#"{"id_token":{"acr":{"essential":true,"value":"urn:enum:acr:1"}}}"#;
    let id_token = silently(&mut ann, &provider.sites.own, &[("claims", claims)]).await.unwrap();
    assert_eq!(id_token["acr"], "urn:enum:acr:2");
    let payment = r#"{"id_token":{"acr":{"essential":true,"value":"urn:enum:acr:payment"}}}"#;
    assert!(silently(&mut ann, &provider.sites.own, &[("claims", payment)]).await.is_err(), "a login is no payment");
}

async fn consent_is_remembered_and_a_wider_scope_is_asked_again(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let site = &provider.sites.site;
    ann.goes(&site.sends(&[("scope", "openid")])).await.answers().await;
    assert!(ann.person.sees("allow"), "{}", ann.person.what_is_shown());
    ann.person.presses("allow").await;
    assert!(silently(&mut ann, site, &[("scope", "openid")]).await.is_ok());
    assert_eq!(silently(&mut ann, site, &[("scope", "openid email")]).await.unwrap_err(), "consent_required");
    let claims = r#"{"userinfo":{"phone_number":null}}"#;
    let single = silently(&mut ann, site, &[("scope", "openid"), ("claims", claims)]).await;
    assert_eq!(single.unwrap_err(), "consent_required", "a single claim is asked about like its scope");
    ann.person.opens(&site.sends(&[("scope", "openid email")]).link).await;
    ann.allows().await;
    assert!(silently(&mut ann, site, &[("scope", "openid email")]).await.is_ok());
    assert!(silently(&mut ann, site, &[("scope", "openid")]).await.is_ok(), "the narrower one still holds");
    assert_eq!(
        silently(&mut ann, &provider.sites.forum, &[("scope", "openid")]).await.unwrap_err(),
        "consent_required"
    );
}

async fn a_person_may_decline(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let site = &provider.sites.site;
    ann.person.opens(&site.sends(&[]).link).await;
    ann.person.presses("deny").await;
    assert_eq!(error(&ann.person), "access_denied", "before saying who it is");
    ann.goes(&site.sends(&[])).await;
    ann.person.presses("deny").await;
    assert_eq!(error(&ann.person), "access_denied", "before answering");
    ann.goes(&site.sends(&[])).await.answers().await;
    ann.person.presses("deny").await;
    assert_eq!(error(&ann.person), "access_denied", "when asked for consent");
    assert_eq!(silently(&mut ann, site, &[]).await.unwrap_err(), "consent_required", "nothing was remembered");
}

async fn a_login_hint_saves_typing(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.person.opens(&provider.sites.own.sends(&[("login_hint", "Ann@Example.com")]).link).await;
    ann.answers().await;
    assert!(ann.person.brings_back().contains_key("code"));
    let mut odd = provider.stranger();
    odd.opens(&provider.sites.own.sends(&[("login_hint", "<script>alert(1)</script>")]).link).await;
    assert!(odd.sees("email") && !odd.page.html.contains("<script"), "{}", odd.what_is_shown());
}

async fn pages_speak_the_language_that_was_asked_for(database: Database) {
    let provider = Provider::starts(database).await;
    let link = provider.sites.own.sends(&[]).link;
    for (language, html) in
        [("ru", "lang=\"ru\""), ("vi-VN", "lang=\"vi\""), ("fr, vi;q=0.5", "lang=\"vi\""), ("fr", "lang=\"en\"")]
    {
        let mut person = provider.stranger().reads(language);
        person.opens(&link).await;
        assert!(person.page.html.contains(&format!("<html {html}")), "{language}: {}", person.what_is_shown());
    }
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[("ui_locales", "fr ru")]).link).await;
    assert!(person.page.html.contains("<html lang=\"ru\""), "{}", person.what_is_shown());
}
