//! The authorization endpoint: where it sends a browser, and where never.

use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, is_refused_on_a_page, text},
        sites::payload,
    },
};

on_both_databases! {
    a_redirect_uri_that_is_not_registered_byte_for_byte_stays_on_a_page,
    an_unknown_website_stays_on_a_page,
    what_is_wrong_is_told_to_the_website_once_it_is_known,
    a_repeated_parameter_is_refused,
    codes_travel_by_form_post_where_asked_for,
    nothing_that_a_website_sends_becomes_markup,
    an_implicit_flow_does_not_exist,
    pairwise_subjects_differ_and_stay,
}

/// Ways to mislead a parser, applied to the registered `https://site.example/callback`.
const MISLEADING: &[&str] = &[
    "https://evil.example/callback",
    "https://site.example.evil.example/callback",
    "https://evil.example/site.example/callback",
    "https://site.example@evil.example/callback",
    "https://site.example:443@evil.example/callback",
    "https://a@b@site.example/callback",
    "https://user@site.example/callback",
    "https://site.example:@evil.example/callback",
    "https://site.example/callback/",
    "https://site.example/callback/..",
    "https://site.example/callback/../callback",
    "https://site.example/x/../callback",
    "https://site.example/..;/callback",
    "https://site.example/callback/..;/",
    "https://site.example//callback",
    "https://site.example/./callback",
    "https://site.example/callback;x",
    "https://site.example/callback%2f",
    "https://site.example/%63allback",
    "https://site.example/Callback",
    "https://SITE.example/callback",
    "HTTPS://site.example/callback",
    "https://site.example:443/callback",
    "https://site.example:8443/callback",
    "https://site.example./callback",
    "https://site.example/callback?",
    "https://site.example/callback?x=1",
    "https://site.example/callback?code=1",
    "https://site.example/callback#",
    "https://site.example/callback#x",
    "https://site.example/callback#code=1&state=2",
    "https://siteXexample/callback",
    "https://sub.site.example/callback",
    "https://site.example\\@evil.example/callback",
    "https:\\\\site.example\\callback",
    "https:/site.example/callback",
    "https:site.example/callback",
    "//site.example/callback",
    "/callback",
    "callback",
    "http://site.example/callback",
    "ftp://site.example/callback",
    "javascript:alert(1)",
    "JaVaScRiPt://site.example/callback%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://site.example/callback",
    "https://127.0.0.1/callback",
    "http://localhost/callback",
    "http://[::1]/callback",
    "https://xn--site-example/callback",
    "https://ѕite.example/callback",
    "*",
    "https://*.example/callback",
    "https://site.example/*",
    "",
];

/// [`MISLEADING`], and the registered URI with something put in, left out, doubled or changed.
fn foreign_uris() -> Vec<String> {
    let mut all: Vec<String> = MISLEADING.iter().map(|uri| (*uri).to_owned()).collect();
    let good = "https://site.example/callback";
    // Characters that parsers strip, turn or stop at, at each boundary of the URI.
    let odd = [
        "\t", "\n", "\r", " ", "\0", "%00", "%20", "\u{a0}", "\u{200b}", "\u{2028}", ".", "/", "\\", "@", ":", ";",
        "?", "#", "&", "%",
    ];
    for at in [0, 5, 6, 7, 8, 12, 13, 20, 21, good.len()] {
        for piece in odd {
            let mut uri = good.to_owned();
            uri.insert_str(at, piece);
            all.push(uri);
        }
    }
    // One byte left out, doubled or changed.
    for at in 0..good.len() {
        let mut shorter = good.to_owned();
        let removed = shorter.remove(at);
        all.push(shorter);
        let mut longer = good.to_owned();
        longer.insert(at, removed);
        all.push(longer);
        let mut changed = good.to_owned();
        let other = if &changed[at..=at] == "x" { "y" } else { "x" };
        changed.replace_range(at..=at, other);
        all.push(changed);
    }
    all
}

async fn a_redirect_uri_that_is_not_registered_byte_for_byte_stays_on_a_page(database: Database) {
    let provider = Provider::starts(database).await;
    let corpus = foreign_uris();
    assert!(corpus.len() > 300, "{}", corpus.len());
    for uri in corpus {
        let mut person = provider.stranger();
        // With an error beside it: that must not be told to an address that nobody has checked either.
        for changes in
            [vec![("redirect_uri", uri.as_str())], vec![("redirect_uri", uri.as_str()), ("response_type", "token")]]
        {
            person.opens(&provider.sites.site.sends(&changes).link).await;
            assert!(person.away.is_none(), "{uri:?} leads to {:?}", person.away);
            is_refused_on_a_page(&person);
            assert!(!person.sees("email"), "{uri:?}");
        }
    }
}

async fn an_unknown_website_stays_on_a_page(database: Database) {
    let provider = Provider::starts(database).await;
    for id in ["", "nobody", "site ", "SITE", "site\0", "'; drop table client; --", "<script>alert(1)</script>"] {
        let mut person = provider.stranger();
        person.opens(&provider.sites.site.sends(&[("client_id", id)]).link).await;
        is_refused_on_a_page(&person);
        assert!(!person.page.html.contains("<script>alert"), "{}", person.what_is_shown());
    }
}

async fn what_is_wrong_is_told_to_the_website_once_it_is_known(database: Database) {
    let provider = Provider::starts(database).await;
    let long = "s".repeat(3000);
    for (changes, error) in [
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "code id_token")], "unsupported_response_type"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("request", "x.y.z")], "request_not_supported"),
        (vec![("request_uri", "https://site.example/r")], "request_uri_not_supported"),
        (vec![("registration", "{}")], "registration_not_supported"),
        (vec![("scope", "")], "invalid_scope"),
        (vec![("prompt", "nonsense")], "invalid_request"),
        (vec![("max_age", "-1")], "invalid_request"),
        (vec![("max_age", "soon")], "invalid_request"),
        (vec![("claims", "{")], "invalid_request"),
        (vec![("nonce", long.as_str())], "invalid_request"),
        (vec![("authorization_details", r#"[{"type":"payment_initiation"}]"#)], "invalid_request"),
    ] {
        let mut person = provider.stranger();
        let visit = provider.sites.site.sends(&changes);
        person.opens(&visit.link).await;
        let back = person.brings_back();
        assert_eq!(back["error"], error, "{changes:?}: {back:?}");
        assert_eq!(back["state"], visit.state);
        assert_eq!(back["iss"], provider.sites.site.issuer, "RFC 9207 §2: errors too");
        assert!(person.away.unwrap().as_str().starts_with("https://site.example/callback?"));
    }
}

async fn a_repeated_parameter_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    for more in ["&redirect_uri=https%3A%2F%2Fevil.example%2F", "&client_id=forum", "&state=x", "&scope=openid"] {
        let mut person = provider.stranger();
        person.opens(&format!("{}{more}", provider.sites.site.sends(&[]).link)).await;
        is_refused_on_a_page(&person);
    }
}

async fn codes_travel_by_form_post_where_asked_for(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.own;
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[("response_mode", "form_post")]);
    ann.goes(&visit).await.answers().await;
    let (form, _) = ann.person.page.control("continue").expect("a button for those without scripts");
    assert_eq!((form.action.as_str(), form.method.as_str()), (site.redirect_uri, "post"));
    let field =
        |name: &str| form.controls.iter().find(|control| control.name == name).map(|control| control.value.clone());
    assert_eq!((field("state"), field("iss")), (Some(visit.state.clone()), Some(site.issuer.clone())));
    let policy = ann.person.reply.header("content-security-policy").to_owned();
    assert!(policy.contains("script-src 'sha256-"), "{policy}");
    let code = field("code").unwrap();
    site.redeems(&visit, &code).await.expect(200);
    // Errors come the same way.
    ann.person.opens(&site.sends(&[("response_mode", "form_post"), ("scope", "")]).link).await;
    assert!(ann.person.page.html.contains("value=\"invalid_scope\""), "{}", ann.person.what_is_shown());
}

async fn nothing_that_a_website_sends_becomes_markup(database: Database) {
    let provider = Provider::starts(database).await;
    let own = &provider.sites.own;
    let markup = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";
    let mut ann = provider.member("ann@example.com").await;
    let changes = [
        ("state", markup),
        ("nonce", markup),
        ("login_hint", markup),
        ("ui_locales", markup),
        ("response_mode", "form_post"),
    ];
    ann.goes(&own.sends(&changes)).await;
    assert!(!ann.person.page.html.contains("<img src=x"), "{}", ann.person.what_is_shown());
    ann.answers().await;
    assert!(!ann.person.page.html.contains("<img src=x"), "{}", ann.person.what_is_shown());
    let state = ann.person.page.forms[0].controls.iter().find(|control| control.name == "state").unwrap();
    assert_eq!(state.value, markup, "and comes back as it was");
}

async fn an_implicit_flow_does_not_exist(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(site).await;
    for kind in ["token", "id_token", "id_token token", "code token", "none"] {
        ann.person.opens(&site.sends(&[("response_type", kind)]).link).await;
        let away = ann.person.away.clone().unwrap();
        assert!(away.fragment().is_none() && away.query().unwrap().contains("unsupported_response_type"), "{away}");
    }
    for grant in ["password", "client_credentials", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        let fields = [("grant_type", grant), ("username", "ann@example.com"), ("password", "x")];
        assert_eq!(site.posts("/token", &fields).await.error(), "unsupported_grant_type", "{grant}");
    }
}

async fn pairwise_subjects_differ_and_stay(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let sub = |tokens: &serde_json::Value| text(&payload(&text(tokens, "id_token")), "sub");
    let at_site = sub(&ann.logs_in_at(&provider.sites.site).await);
    let at_forum = sub(&ann.logs_in_at(&provider.sites.forum).await);
    assert_ne!(at_site, at_forum, "the forum is registered for pairwise subjects");
    assert_eq!(sub(&ann.logs_in_at(&provider.sites.forum).await), at_forum);
    let mut bob = provider.member("bob@example.com").await;
    assert_ne!(sub(&bob.logs_in_at(&provider.sites.forum).await), at_forum);
}
