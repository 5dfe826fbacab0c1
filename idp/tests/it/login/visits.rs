//! What travels through the browser is sealed: for this browser, this slot and this half hour.

use enum_idp::clock::MINUTE;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{Provider, is_refused_on_a_page},
    },
};

on_both_databases! {
    a_visit_of_another_browser_is_refused,
    a_visit_without_its_cookie_is_refused,
    a_visit_ends_after_half_an_hour,
    a_visit_does_not_open_in_another_slot,
    an_altered_visit_is_refused,
    no_step_is_passed_by_an_empty_or_foreign_form,
    a_consent_given_in_another_session_counts_for_nothing,
    a_consent_to_a_page_from_before_a_newer_proof_begins_again,
    forwarded_headers_change_nothing,
}

async fn a_visit_of_another_browser_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.goes(&provider.sites.site.sends(&[])).await;
    let form = ann.person.page.control("answer").unwrap().0.action.clone();
    let mut thief = provider.stranger();
    thief.opens(&provider.sites.site.sends(&[]).link).await;
    is_refused_on_a_page(thief.opens(&form).await);
    let answer = ann.pad.answer(&ann.person.challenge());
    is_refused_on_a_page(thief.posts(&form, &[("answer", &answer)]).await);
    ann.person.types("answer", &answer).presses("continue").await;
    assert!(ann.person.sees("allow"), "nothing was lost: {}", ann.person.what_is_shown());
}

async fn a_visit_without_its_cookie_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.goes(&provider.sites.site.sends(&[])).await;
    ann.person.cookies.clear();
    ann.answers().await;
    is_refused_on_a_page(&ann.person);
}

async fn a_visit_ends_after_half_an_hour(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.person.opens(&provider.sites.site.sends(&[]).link).await;
    provider.waits(30 * MINUTE);
    ann.person.types("email", "ann@example.com").presses("continue").await;
    is_refused_on_a_page(&ann.person);
}

/// What is sealed in the address of the page that is shown.
fn sealed(person: &Person) -> String {
    person.at.path().rsplit('/').next().unwrap().to_owned()
}

async fn a_visit_does_not_open_in_another_slot(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.stranger();
    provider.registers(&mut ann, "ann@example.com").await;
    let activation = sealed(&ann);
    ann.opens(&provider.sites.site.sends(&[]).link).await;
    let visit = sealed(&ann);
    is_refused_on_a_page(ann.opens(&format!("/login/{activation}")).await);
    is_refused_on_a_page(ann.opens(&format!("/activate/{visit}")).await);
    is_refused_on_a_page(ann.opens(&format!("/register/confirm/{visit}")).await);
    is_refused_on_a_page(ann.posts(&format!("/activate/{visit}"), &[]).await);
}

async fn an_altered_visit_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.stranger();
    ann.opens(&provider.sites.site.sends(&[]).link).await;
    let visit = sealed(&ann);
    for at in (0..visit.len()).step_by(visit.len() / 40) {
        let mut altered = visit.clone();
        let other = if &visit[at..=at] == "A" { "B" } else { "A" };
        altered.replace_range(at..=at, other);
        is_refused_on_a_page(ann.opens(&format!("/login/{altered}")).await);
    }
    for broken in ["", "x", "%00", &visit[..visit.len() - 1], &format!("{visit}A"), &format!("{visit}=")] {
        ann.opens(&format!("/login/{broken}")).await;
        assert!(ann.reply.status.is_client_error(), "{broken}: {}", ann.what_is_shown());
    }
}

async fn no_step_is_passed_by_an_empty_or_foreign_form(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let foreign: [&[(&str, &str)]; 6] = [
        &[],
        &[("decision", "allow")],
        &[("answer", "")],
        &[("factor", "cipherpad"), ("answer", ""), ("decision", "allow")],
        &[("passed", "1"), ("state", "{}"), ("acr", "phrh")],
        &[("email", ""), ("answer", "00000000")],
    ];
    ann.person.opens(&provider.sites.site.sends(&[]).link).await;
    for fields in foreign {
        let action = ann.person.page.forms[0].action.clone();
        ann.person.posts(&action, fields).await;
        assert!(ann.person.away.is_none() && !ann.person.sees("allow"), "before the e-mail: {fields:?}");
    }
    ann.person.opens(&provider.sites.site.sends(&[]).link).await;
    ann.person.types("email", "ann@example.com").presses("continue").await;
    let action = ann.person.page.forms[0].action.clone();
    for fields in foreign.into_iter().take(4) {
        ann.person.posts(&action, fields).await;
        assert!(ann.person.away.is_none() && !ann.person.sees("allow"), "before the answer: {fields:?}");
    }
    provider.waits(16 * MINUTE);
    ann.goes(&provider.sites.site.sends(&[])).await.answers().await;
    assert!(ann.person.sees("allow"), "{}", ann.person.what_is_shown());
    let action = ann.person.page.forms[0].action.clone();
    for fields in [&[][..], &[("decision", "deny")], &[("decision", "")], &[("decision", "ALLOW")]] {
        ann.person.posts(&action, fields).await;
        assert!(ann.person.away.is_none(), "before the consent: {fields:?}");
    }
}

async fn a_consent_given_in_another_session_counts_for_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let mut bob = provider.member("bob@example.com").await;
    ann.goes(&provider.sites.site.sends(&[])).await.answers().await;
    assert!(ann.person.sees("allow"));
    // The same browser, where Bob has signed in meanwhile.
    bob.person = ann.person.clone();
    bob.goes(&provider.sites.own.sends(&[("prompt", "login")])).await.answers().await;
    assert!(bob.person.brings_back().contains_key("code"));
    ann.person.cookies = bob.person.cookies;
    ann.person.presses("allow").await;
    assert!(ann.person.away.is_none(), "{:?}", ann.person.away);
}

async fn a_consent_to_a_page_from_before_a_newer_proof_begins_again(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.goes(&provider.sites.site.sends(&[])).await.answers().await;
    assert!(ann.person.sees("allow"));
    // She signs in anew in another window of the same browser, and only then allows here.
    let asked = ann.person.clone();
    provider.waits(MINUTE);
    ann.goes(&provider.sites.own.sends(&[("prompt", "login")])).await.answers().await;
    assert!(ann.person.brings_back().contains_key("code"));
    let newer = std::mem::replace(&mut ann.person, asked);
    ann.person.cookies = newer.cookies;
    ann.person.presses("allow").await;
    assert!(
        ann.person.away.is_none(),
        "no code tells of a proof that the page did not stand on: {:?}",
        ann.person.away
    );
    assert!(ann.person.sees("email"), "{}", ann.person.what_is_shown());
}

async fn forwarded_headers_change_nothing(database: Database) {
    use hyper::{Method, header::HeaderName};

    let provider = Provider::starts(database).await;
    let url = provider.origin.join("/.well-known/openid-configuration").unwrap();
    let forwarded = [
        (HeaderName::from_static("x-forwarded-host"), "evil.example"),
        (HeaderName::from_static("x-forwarded-proto"), "https"),
        (HeaderName::from_static("forwarded"), "host=evil.example;proto=https"),
    ];
    let reply = crate::support::http::send(Method::GET, &url, &forwarded, String::new()).await;
    assert!(!reply.text().contains("evil.example"));
    assert_eq!(reply.json()["issuer"], provider.sites.site.issuer);
}
