//! The page where a code is typed: it says who asks, and it does not let anybody guess.

use enum_idp::clock::HOUR;
use hyper::header::{self, HeaderName};

use super::{begins, guesses, links, polls, types};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::post_form,
        provider::{GENEROUS, Provider, is_refused_on_a_page, text},
    },
};

on_both_databases! {
    the_page_says_who_asks_for_what_and_warns_before_anything_is_proven,
    a_link_with_the_code_in_it_looks_nothing_up,
    a_code_may_be_typed_as_people_type,
    who_guesses_codes_is_stopped,
    a_signed_in_person_is_asked_to_prove_it_again,
    the_second_page_is_of_the_browser_that_has_typed_the_code,
    the_page_speaks_three_languages,
    another_website_cannot_send_the_form,
    guesses_from_everywhere_are_counted_together,
    the_end_is_a_page_that_can_be_read_again_and_in_another_language,
}

async fn the_page_says_who_asks_for_what_and_warns_before_anything_is_proven(database: Database) {
    let provider = Provider::starts(database).await;
    let begun = begins(&provider.sites.television).await;
    let mut ann = provider.member("ann@example.com").await;
    types(&mut ann, &begun).await;
    let shown = ann.person.reply.text();
    for part in
        ["The television", "your e-mail address", text(&begun, "user_code").as_str(), "Did somebody send you here?"]
    {
        assert!(shown.contains(part), "{part}: {}", ann.person.what_is_shown());
    }
    assert!(!shown.contains(&text(&begun, "device_code")));
    assert!(!ann.person.sees("email") && !ann.person.sees("challenge"));
}

async fn a_link_with_the_code_in_it_looks_nothing_up(database: Database) {
    let provider = Provider::starts(database).await;
    let begun = begins(&provider.sites.television).await;
    let mut person = provider.stranger();
    person.opens(&text(&begun, "verification_uri_complete")).await;
    assert!(person.reply.text().contains(&text(&begun, "user_code")));
    assert!(!person.reply.text().contains("The television"));
    person.presses("continue").await;
    assert!(person.sees("warning"), "{}", person.what_is_shown());
    // What is no code is not even filled in.
    person.opens("/device?user_code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!person.reply.text().contains("alert(1)"));
    person.posts("/device", &[("user_code", "\"><script>alert(1)</script>")]).await;
    assert_eq!(person.reply.status, 422);
    assert!(!person.reply.text().contains("<script>alert"));
}

async fn a_code_may_be_typed_as_people_type(database: Database) {
    let provider = Provider::starts(database).await;
    let begun = begins(&provider.sites.television).await;
    let code = text(&begun, "user_code");
    for typed in [code.to_lowercase(), code.replace('-', ""), code.replace('-', " "), format!("  {code} ")] {
        let mut person = provider.stranger();
        person.opens("/device").await.types("user_code", &typed).presses("continue").await;
        assert!(person.sees("warning"), "{typed}: {}", person.what_is_shown());
    }
}

async fn who_guesses_codes_is_stopped(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}[device]\ntries_per_hour = 5\n")).await;
    let begun = begins(&provider.sites.television).await;
    for _ in 0..5 {
        assert_eq!(guesses(&provider, "BCDF-GHJK").await.status, 422);
    }
    // Now even the right one does not do.
    assert_eq!(guesses(&provider, &text(&begun, "user_code")).await.status, 429);
    provider.waits(HOUR);
    // By then it has expired.
    assert_eq!(guesses(&provider, &text(&begun, "user_code")).await.status, 422);
}

/// Consent phishing: a link that somebody was sent, one press, and no more.
async fn a_signed_in_person_is_asked_to_prove_it_again(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let first = begins(site).await;
    links(&mut ann, &first).await;
    let begun = begins(site).await;
    types(&mut ann, &begun).await;
    ann.person.presses("continue").await;
    assert!(!ann.person.sees("device-done"), "{}", ann.person.what_is_shown());
    assert_eq!(polls(site, &begun).await.error(), "authorization_pending");
}

async fn the_second_page_is_of_the_browser_that_has_typed_the_code(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let begun = begins(site).await;
    let mut attacker = provider.member("eve@example.com").await;
    types(&mut attacker, &begun).await;
    let state = attacker.person.page.control("continue").map(|(form, _)| form.controls[0].value.clone()).unwrap();
    let mut ann = provider.member("ann@example.com").await;
    ann.person.opens("/device").await.posts("/device/confirm", &[("state", &state)]).await;
    is_refused_on_a_page(&ann.person);
    ann.person.posts("/device/confirm", &[("state", "made-up")]).await;
    is_refused_on_a_page(&ann.person);
}

/// Whoever lands on "Is this your device?" without having typed anything may take it for their own.
async fn another_website_cannot_send_the_form(database: Database) {
    let provider = Provider::starts(database).await;
    let begun = begins(&provider.sites.television).await;
    let (url, code) = (provider.origin.join("/device").unwrap(), text(&begun, "user_code"));
    let fields = [("user_code", code.as_str())];
    let site = HeaderName::from_static("sec-fetch-site");
    for headers in [
        vec![(header::ORIGIN, "https://evil.example")],
        vec![(header::ORIGIN, "null"), (site.clone(), "cross-site")],
        vec![(site.clone(), "same-site")],
    ] {
        let reply = post_form(&url, &headers, &fields).await;
        assert_eq!(reply.status, 403, "{headers:?}");
        assert!(reply.headers.get(header::SET_COOKIE).is_none() && !reply.text().contains("The television"));
    }
    let reply = post_form(&url, &[(header::ORIGIN, "null"), (site, "same-origin")], &fields).await;
    assert_eq!(reply.status, 200);
    let policy = reply.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("form-action 'self'"), "{policy}");
}

async fn guesses_from_everywhere_are_counted_together(database: Database) {
    let settings = "[device]\ntries_per_hour = 1000\ntries_in_all_per_hour = 100\n";
    let provider = Provider::starts_with(database, &format!("{GENEROUS}{settings}")).await;
    for _ in 0..100 {
        assert_eq!(guesses(&provider, "BCDF-GHJK").await.status, 422);
    }
    assert_eq!(guesses(&provider, "BCDF-GHJK").await.status, 429);
    provider.waits(HOUR);
    assert_eq!(guesses(&provider, "BCDF-GHJK").await.status, 422);
}

async fn the_end_is_a_page_that_can_be_read_again_and_in_another_language(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    ann.person.opens(&format!("/device?user_code={}&lang=ru", text(&begun, "user_code"))).await;
    assert!(ann.person.reply.text().contains(&format!("user_code={}&amp;lang=vi", text(&begun, "user_code"))));
    links(&mut ann, &begun).await;
    ann.person.opens("/device/allowed?lang=en").await;
    assert!(ann.person.sees("device-done") && ann.person.reply.text().contains("Return to your device"));
    let begun = begins(site).await;
    types(&mut ann, &begun).await;
    ann.person.presses("deny").await;
    assert!(ann.person.sees("device-denied"), "{}", ann.person.what_is_shown());
    ann.person.opens("/device/denied").await;
    assert!(ann.person.sees("device-denied"), "{}", ann.person.what_is_shown());
}

async fn the_page_speaks_three_languages(database: Database) {
    let provider = Provider::starts(database).await;
    let begun = begins(&provider.sites.television).await;
    for (language, warning) in [("ru", "Вас сюда кто-то направил?"), ("vi", "Có ai gửi bạn đến đây không?")]
    {
        let mut person = provider.stranger().reads(language);
        person.opens("/device").await.types("user_code", &text(&begun, "user_code")).presses("continue").await;
        assert!(person.reply.text().contains(warning), "{}", person.what_is_shown());
    }
}
