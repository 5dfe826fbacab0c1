//! The way in: only by a fresh proof of one's own, and for a while.

use enum_idp::clock::{MINUTE, SECOND};

use super::{ANN, EVE, adds_mail_codes, hidden, proves_by_mail, provider, provider_with};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http,
        provider::{Provider, Written, is_refused_on_a_page},
    },
};

on_both_databases! {
    it_opens_by_a_proof_and_leads_to_the_page_that_was_asked_for,
    a_proof_that_is_fresh_opens_it_and_an_old_one_does_not,
    it_closes_after_a_rest_and_after_a_long_stay,
    signing_out_closes_it,
    declining_leaves_it_closed,
    the_way_back_works_once_and_in_one_browser,
    the_code_of_the_way_back_buys_nothing,
    its_client_cannot_be_taken_by_anybody,
    a_lower_proof_allows_no_changes,
    a_mailbox_allows_no_changes_while_another_method_does_not_run,
    a_proof_of_somebody_else_changes_nothing_here,
    the_page_of_a_refused_proof_is_the_same_in_another_language,
    the_way_back_leads_nowhere_else,
    a_locked_account_closes_at_once,
}

async fn it_opens_by_a_proof_and_leads_to_the_page_that_was_asked_for(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.person.opens("/account/sessions?said=account_said_ended").await;
    assert!(ann.person.sees("email") && !ann.person.sees("end-others"), "{}", ann.person.what_is_shown());
    ann.proves().await;
    assert_eq!(ann.person.at.path(), "/account/sessions");
    assert!(ann.person.page.html.contains("this browser"), "{}", ann.person.what_is_shown());
    ann.person.opens("/account").await;
    assert_eq!(ann.person.page.text_of("account-email").unwrap(), ANN);
    assert!(provider.log_of(ANN).await.contains(&"login ok".to_owned()), "an ordinary ceremony");
}

async fn a_proof_that_is_fresh_opens_it_and_an_old_one_does_not(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.logs_in_at(&provider.sites.own).await;
    let mut another_tab = ann.clone();
    provider.waits(10 * MINUTE - SECOND);
    ann.person.opens("/account").await;
    assert!(ann.person.sees("account-email"), "{}", ann.person.what_is_shown());
    provider.waits(2 * SECOND);
    another_tab.person.opens("/account").await;
    assert!(!another_tab.person.sees("account-email"), "an old proof opened it");
    another_tab.proves().await;
    assert!(another_tab.person.sees("account-email"), "{}", another_tab.person.what_is_shown());
}

async fn it_closes_after_a_rest_and_after_a_long_stay(database: Database) {
    let settings = "[account]\nfresh_seconds = 60\nidle_seconds = 120\nstay_seconds = 300\n";
    let provider = provider_with(database, settings).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account").await;
    for _ in 0..2 {
        provider.waits(110 * SECOND);
        ann.person.opens("/account").await;
        assert!(ann.person.sees("account-email"), "who clicks stays: {}", ann.person.what_is_shown());
    }
    provider.waits(81 * SECOND);
    ann.person.opens("/account").await;
    assert!(!ann.person.sees("account-email"), "open for longer than `stay_seconds`");
    ann.proves().await;
    provider.waits(121 * SECOND);
    ann.person.opens("/account").await;
    assert!(!ann.person.sees("account-email"), "open after a rest");
}

async fn signing_out_closes_it(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account").await;
    let cookies = ann.person.cookies.clone();
    ann.person.presses_link("sign-out").await.presses("logout-yes").await;
    ann.person.opens("/account").await;
    assert!(!ann.person.sees("account-email"), "{}", ann.person.what_is_shown());
    ann.person.cookies = cookies;
    ann.person.opens("/account").await;
    assert!(!ann.person.sees("account-email"), "cookies that were kept open nothing");
}

async fn declining_leaves_it_closed(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.person.opens("/account").await.presses("deny").await;
    assert!(ann.person.sees("entry") && !ann.person.sees("account-email"), "{}", ann.person.what_is_shown());
    ann.person.presses_link("again").await;
    ann.proves().await;
    assert!(ann.person.sees("account-email"), "{}", ann.person.what_is_shown());
}

/// Logs in up to the address that leads back to the area, without going there.
async fn way_back(provider: &Provider, ann: &mut crate::support::provider::Member) -> String {
    ann.person.opens("/account").await.types("email", ANN).presses("continue").await;
    let answer = ann.pad.answer(&ann.person.challenge());
    let (form, _) = ann.person.page.control("continue").unwrap();
    let action = provider.origin.join(&form.action).unwrap();
    let cookies: Vec<String> = ann.person.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cookies = cookies.join("; ");
    let reply = http::post_form(&action, &[(hyper::header::COOKIE, &cookies)], &[("answer", &answer)]).await;
    for cookie in reply.headers.get_all("set-cookie") {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        ann.person.cookies.insert(name.to_owned(), value.to_owned());
    }
    let location = reply.header("location").to_owned();
    assert!(location.contains("/account/return?"), "{} {location}", reply.text());
    location
}

async fn the_way_back_works_once_and_in_one_browser(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let location = way_back(&provider, &mut ann).await;
    let mut eve = provider.member(EVE).await;
    eve.enters("/account").await;
    eve.person.opens(&location).await;
    is_refused_on_a_page(&eve.person);
    ann.person.opens(&location).await;
    assert!(ann.person.sees("account-email"), "{}", ann.person.what_is_shown());
    ann.person.opens(&location).await;
    is_refused_on_a_page(&ann.person);
    ann.person.opens("/account/return?state=x&code=y").await;
    is_refused_on_a_page(&ann.person);
    ann.person.opens("/account/return").await;
    is_refused_on_a_page(&ann.person);
}

async fn the_code_of_the_way_back_buys_nothing(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let location: url::Url = way_back(&provider, &mut ann).await.parse().unwrap();
    let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let back = provider.origin.join("/account/return").unwrap();
    for verifier in ["", &"a".repeat(43)] {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", back.as_str()),
            ("client_id", "enum-account"),
            ("code_verifier", verifier),
        ];
        let reply = http::post_form(&provider.origin.join("/token").unwrap(), &[], &fields).await;
        assert!(reply.status.is_client_error(), "{}", reply.text());
    }
}

async fn its_client_cannot_be_taken_by_anybody(database: Database) {
    let provider = provider(database).await;
    let metadata = serde_json::json!({
        "client_id": "enum-account", "redirect_uris": ["https://evil.example/"], "token_endpoint_auth_method": "none",
    });
    let app = &provider.app;
    assert!(app.clients.add(metadata, &app.seal, &app.entropy).await.unwrap_err().to_string().contains("taken"));
    let own = app.clients.find("enum-account").await.unwrap().unwrap();
    assert!(!own.accepts_redirect("https://evil.example/") && !own.accepts_redirect("http://127.0.0.1/account/return"));
    assert!(app.clients.list().await.unwrap().iter().all(|client| client["client_id"] != "enum-account"));
}

async fn a_lower_proof_allows_no_changes(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let mut elsewhere = ann.clone();
    elsewhere.logs_in_at(&provider.sites.own).await;
    ann.pad = elsewhere.pad;
    adds_mail_codes(&provider, ANN).await;
    ann.person.opens("/account/methods").await;
    proves_by_mail(&provider, &mut ann.person, ANN, 1).await;
    assert_eq!(ann.person.at.path(), "/account/methods");
    assert!(ann.person.sees("prove") && !ann.person.sees("rename-1"), "{}", ann.person.what_is_shown());
    // Tried anyway, with a form of one's own making: it leads to the proof that is missing, and changes nothing.
    let row = provider_row(&provider).await;
    ann.person.opens("/account/sessions").await;
    let token = hidden(&ann.person, "end-others", "token");
    ann.person.posts("/account/methods/remove", &[("token", &token), ("id", &row.id)]).await;
    assert!(ann.person.sees("challenge"), "{}", ann.person.what_is_shown());
    // Codes by e-mail cannot reach that level, and are not offered.
    assert!(!ann.person.sees("other") && !ann.person.sees("factor-email"), "{}", ann.person.what_is_shown());
    ann.person.presses("deny").await;
    assert!(ann.person.sees("again") && ann.person.reply.status == 403, "{}", ann.person.what_is_shown());
    assert_eq!(provider_row(&provider).await.status, "active");
    ann.person.presses_link("again").await;
    ann.proves().await;
    assert!(ann.person.sees("rename-1"), "{}", ann.person.what_is_shown());
    provider.waits(5 * MINUTE);
    ann.person.opens("/account/methods").await;
    assert!(!ann.person.sees("rename-1"), "five minutes later a proof is stale");
}

async fn a_mailbox_allows_no_changes_while_another_method_does_not_run(database: Database) {
    let provider = provider(database).await;
    drop(provider.member(ANN).await);
    adds_mail_codes(&provider, ANN).await;
    let alone = Written { pins: vec!["email_factor", "merchant"], ..Written::default() };
    let provider = provider.restarts_as(alone).await;
    provider.waits(MINUTE);
    let mut thief = provider.stranger();
    thief.opens("/account/methods").await;
    proves_by_mail(&provider, &mut thief, ANN, 1).await;
    assert!(thief.sees("prove") && !thief.sees("remove-1"), "{}", thief.what_is_shown());
    let row = provider_row(&provider).await;
    thief.opens("/account/profile").await;
    let token = hidden(&thief, "save", "token");
    thief.posts("/account/methods/remove", &[("token", &token), ("id", &row.id)]).await;
    assert!(!thief.sees("answer"), "nothing that runs is enough: {}", thief.what_is_shown());
    assert_eq!(provider_row(&provider).await.status, "active");
}

async fn provider_row(provider: &Provider) -> enum_idp::store::enrolment::Model {
    super::enrolments(provider, ANN).await.into_iter().find(|row| row.factor == "cipherpad").unwrap()
}

async fn a_proof_of_somebody_else_changes_nothing_here(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let mut eve = provider.member(EVE).await;
    ann.enters("/account/methods").await;
    provider.waits(6 * MINUTE);
    // Somebody at Ann's open browser confirms with a pad of their own.
    let mut prove = ann.person.clone();
    prove.opens("/account/prove/methods").await;
    eve.person = prove;
    // The page knows whose account it is: it takes another visit to give another address.
    eve.person.opens(&format!("{}", eve.person.at)).await;
    eve.answers().await;
    assert!(!eve.person.sees("rename-1"), "{}", eve.person.what_is_shown());
    ann.person.opens("/account/methods").await;
    assert!(!ann.person.sees("rename-1"), "{}", ann.person.what_is_shown());
}

async fn the_page_of_a_refused_proof_is_the_same_in_another_language(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.person.opens("/account/log").await.presses("deny").await;
    assert_eq!(ann.person.reply.status, 403, "{}", ann.person.what_is_shown());
    let link = ann.person.page.language("ru").unwrap();
    assert!(link.starts_with("?state=") && link.ends_with("&error=access_denied&lang=ru"), "{link}");
    ann.person.opens(&link).await;
    assert!(ann.person.reply.status == 403 && ann.person.sees("again"), "{}", ann.person.what_is_shown());
    assert!(ann.person.page.html.contains("<html lang=\"ru\">"));
    let state = link.trim_start_matches("?state=").split('&').next().unwrap();
    for error in ["%22%3E%3Cscript%3E", "made_up"] {
        ann.person.opens(&format!("/account/return?state={state}&error={error}")).await;
        assert!(ann.person.sees("again"), "{}", ann.person.what_is_shown());
        assert!(!ann.person.page.html.contains("<script") && !ann.person.page.html.contains("made_up"));
    }
}

async fn the_way_back_leads_nowhere_else(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account").await;
    for page in ["https:%2F%2Fevil.example", "..%2F..%2Flogout", "%2F%2Fevil.example", "nothing"] {
        ann.person.opens(&format!("/account/prove/{page}")).await;
        ann.proves().await;
        assert!(ann.person.away.is_none());
        assert_eq!(ann.person.at.path(), "/account", "{page}");
    }
    ann.person.opens("/account?said=%3Cscript%3E").await;
    assert!(!ann.person.page.html.contains("<script"), "{}", ann.person.what_is_shown());
    ann.person.opens("/account?said=account_said_nonsense").await;
    assert!(!ann.person.page.html.contains("nonsense"), "{}", ann.person.what_is_shown());
}

async fn a_locked_account_closes_at_once(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account").await;
    let account = super::account(&provider, ANN).await;
    enum_idp::store::account::set_status(provider.app.db.read(), &account.id, "locked").await.unwrap();
    ann.person.opens("/account").await;
    assert!(!ann.person.sees("account-email"), "{}", ann.person.what_is_shown());
}
