//! Sessions: new at every proof, ended by logging out.

use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, text},
    },
};

on_both_databases! {
    a_session_gets_a_new_name_at_every_proof,
    a_planted_session_is_worth_nothing_after_a_login,
    a_session_survives_a_restart,
    logging_out_ends_the_session_and_leads_back,
    logging_out_can_be_declined,
    logging_out_leads_nowhere_that_is_not_registered,
    another_language_asks_about_the_same_logout,
    a_forged_logout_asks_first,
    cookies_are_kept_from_scripts,
}

async fn is_signed_in(provider: &Provider, member: &mut crate::support::provider::Member) -> bool {
    member.person.opens(&provider.sites.own.sends(&[("prompt", "none")]).link).await;
    member.person.brings_back().contains_key("code")
}

async fn a_session_gets_a_new_name_at_every_proof(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    let mut old = ann.clone();
    ann.goes(&provider.sites.own.sends(&[("prompt", "login")])).await.answers().await;
    assert_ne!(ann.person.cookies["enum_session"], old.person.cookies["enum_session"]);
    assert!(is_signed_in(&provider, &mut ann).await);
    assert!(!is_signed_in(&provider, &mut old).await, "the old name still opens the session");
}

async fn a_planted_session_is_worth_nothing_after_a_login(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let mut eve = provider.member("eve@example.com").await;
    eve.logs_in_at(&provider.sites.own).await;
    // Eve plants her own cookies in Ann's browser, Ann signs in there.
    ann.person.cookies = eve.person.cookies.clone();
    let tokens = {
        let visit = provider.sites.own.sends(&[("prompt", "login")]);
        let code = ann.logs_in(&visit).await;
        provider.sites.own.redeems(&visit, &code).await.expect(200)
    };
    let who = provider.sites.own.asks_who(&text(&tokens, "access_token")).await.expect(200);
    assert_eq!(who["email"], "ann@example.com");
    assert!(!is_signed_in(&provider, &mut eve).await, "Eve's copy of the cookie would now be Ann's session");
}

async fn a_session_survives_a_restart(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    let provider = provider.restarts().await;
    assert!(is_signed_in(&provider, &mut ann).await);
}

async fn logging_out_ends_the_session_and_leads_back(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let id_token = text(&ann.logs_in_at(&provider.sites.site).await, "id_token");
    let bye = [
        ("id_token_hint", id_token.as_str()),
        ("post_logout_redirect_uri", "https://site.example/bye"),
        ("state", "s 1"),
    ];
    ann.person.opens(&format!("/logout?{}", crate::support::http::encoded(&bye))).await;
    if ann.person.away.is_none() {
        ann.person.presses("logout-yes").await;
    }
    assert_eq!(ann.person.away.as_ref().unwrap().as_str(), "https://site.example/bye?state=s+1");
    assert!(!is_signed_in(&provider, &mut ann).await);
    assert!(provider.log_of("ann@example.com").await.contains(&"logout ok".to_owned()));
}

async fn logging_out_can_be_declined(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    ann.person.opens("/logout").await.presses("logout-no").await;
    assert!(is_signed_in(&provider, &mut ann).await);
}

async fn logging_out_leads_nowhere_that_is_not_registered(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let id_token = text(&ann.logs_in_at(&provider.sites.site).await, "id_token");
    for uri in
        ["https://evil.example/bye", "https://site.example/bye/", "https://site.example/bye?x=1", "javascript:alert(1)"]
    {
        let fields = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", uri)];
        ann.person.opens(&format!("/logout?{}", crate::support::http::encoded(&fields))).await;
        assert!(ann.person.away.is_none(), "{uri}");
        if ann.person.sees("logout-yes") {
            ann.person.presses("logout-yes").await;
        }
        assert!(ann.person.away.is_none(), "{uri}");
    }
}

async fn another_language_asks_about_the_same_logout(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let id_token = text(&ann.logs_in_at(&provider.sites.site).await, "id_token");
    let bye = [
        ("id_token_hint", id_token.as_str()),
        ("post_logout_redirect_uri", "https://site.example/bye"),
        ("state", "s&<1>"),
    ];
    ann.person.opens(&format!("/logout?{}", crate::support::http::encoded(&bye))).await;
    let mut link = String::new();
    for language in ["ru", "vi"] {
        assert!(!ann.person.page.html.contains(&id_token), "an ID token belongs into no link");
        link = ann.person.page.language(language).unwrap();
        assert!(link.starts_with("?question=") && !link.contains("site.example"), "{link}");
        ann.person.opens(&link).await;
        assert!(ann.person.page.html.contains(&format!("<html lang=\"{language}\">")));
        assert!(
            ann.person.sees("logout-yes") && ann.person.page.html.contains("The site"),
            "{}",
            ann.person.what_is_shown()
        );
    }
    // It is bound to the session: in another browser it asks nothing and leads nowhere.
    let mut mallory = provider.member("mallory@example.com").await;
    mallory.logs_in_at(&provider.sites.site).await;
    mallory.person.opens(&format!("/logout{link}")).await;
    assert!(!mallory.person.sees("logout-yes") && mallory.person.away.is_none(), "{}", mallory.person.what_is_shown());
    mallory.person = provider.stranger();
    mallory.person.opens(&format!("/logout{link}")).await;
    assert!(!mallory.person.sees("logout-yes") && mallory.person.away.is_none(), "{}", mallory.person.what_is_shown());
    ann.person.opens("/logout?question=made-up").await;
    assert_eq!(ann.person.reply.status, 400, "{}", ann.person.what_is_shown());
    ann.person.opens(&format!("/logout{link}")).await.presses("logout-yes").await;
    let back = ann.person.away.clone().unwrap();
    assert!(back.as_str().starts_with("https://site.example/bye?"), "{back}");
    assert_eq!(ann.person.brings_back()["state"], "s&<1>");
}

async fn a_forged_logout_asks_first(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    ann.person.opens("/logout").await;
    assert!(ann.person.sees("logout-yes"), "{}", ann.person.what_is_shown());
    assert!(is_signed_in(&provider, &mut ann).await, "a link alone signs nobody out");
    // A form of somebody else's page: it cannot know what the real one holds.
    ann.person.posts("/logout", &[("decision", "yes")]).await;
    assert!(is_signed_in(&provider, &mut ann).await, "a foreign form signs nobody out");
    let mut mallory = provider.stranger();
    mallory.opens("/logout").await;
    let forged: Vec<(String, String)> = mallory
        .page
        .forms
        .first()
        .map(|form| form.controls.iter().map(|control| (control.name.clone(), control.value.clone())).collect())
        .unwrap_or_default();
    let forged: Vec<(&str, &str)> = forged.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ann.person.posts("/logout", &forged).await;
    assert!(is_signed_in(&provider, &mut ann).await, "a form made for another browser signs nobody out");
    ann.person
        .opens("/logout?post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F")
        .await
        .presses("logout-yes")
        .await;
    assert!(ann.person.away.is_none(), "nobody said whose address that is: {:?}", ann.person.away);
}

async fn cookies_are_kept_from_scripts(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.goes(&provider.sites.own.sends(&[])).await.answers().await;
    let set: Vec<_> =
        ann.person.reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(set.iter().any(|cookie| cookie.starts_with("enum_session=")), "{set:?}");
    for cookie in set {
        let lower = cookie.to_lowercase();
        assert!(lower.contains("httponly") && lower.contains("samesite=lax") && lower.contains("path=/"), "{cookie}");
    }
}
