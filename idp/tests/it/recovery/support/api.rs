//! Administrators decide over the API, with tokens that prove that it is them, now.

use enum_idp::{
    account::recovery::approval,
    clock::{HOUR, MINUTE},
    store,
};
use hyper::{Method, header};
use serde_json::Value;

use super::{EMAIL, EVIDENCE, NEW, asked, link};
use crate::{
    codes::{adds_by, answers, code, goes},
    on_both_databases,
    support::{
        database::Database,
        http::{self, Reply},
        provider::{Member, Provider, Written, text},
        publisher::Administrator,
        sites::Site,
    },
};

on_both_databases! {
    two_administrators_decide_over_the_api,
    a_token_of_anybody_else_decides_nothing,
    an_administrator_is_one_person_under_any_address,
    an_administrator_has_proven_it_lately_and_with_more_than_a_mailbox,
    who_gets_the_rights_again_is_who_they_were,
    rights_end_at_once,
    nobody_decides_about_their_own_account,
}

const OLGA: &str = "olga@example.com";
const PAVEL: &str = "pavel@example.com";

fn commands(provider: &Provider) -> Administrator {
    Administrator::of(&provider.dir, &provider.configuration()).at("admin")
}

async fn administrator(provider: &Provider, email: &str) -> Member {
    let member = provider.member(email).await;
    commands(provider).does(&["add", "--email", email]);
    member
}

/// An access token with these scopes.
async fn token(site: &Site, member: &mut Member, scope: &str) -> String {
    let visit = site.sends(&[("scope", scope), ("prompt", "login")]);
    let code = member.logs_in(&visit).await;
    text(&site.redeems(&visit, &code).await.expect(200), "access_token")
}

async fn admin_token(provider: &Provider, member: &mut Member) -> String {
    token(&provider.sites.own, member, "openid enum:admin").await
}

async fn asks(provider: &Provider, method: Method, path: &str, token: &str) -> Reply {
    let url = provider.origin.join(&format!("/admin/api/support{path}")).unwrap();
    let bearer = format!("Bearer {token}");
    let headers: &[_] = if token.is_empty() { &[] } else { &[(header::AUTHORIZATION, bearer.as_str())] };
    http::send(method, &url, headers, String::new()).await
}

async fn approves(provider: &Provider, id: &str, token: &str) -> Reply {
    asks(provider, Method::POST, &format!("/{id}/approve"), token).await
}

async fn two_administrators_decide_over_the_api(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut olga, mut pavel) = (administrator(&provider, OLGA).await, administrator(&provider, PAVEL).await);
    let id = asked(&provider).await;
    let (first, second) = (admin_token(&provider, &mut olga).await, admin_token(&provider, &mut pavel).await);
    let list = asks(&provider, Method::GET, "", &first).await.expect(200);
    assert_eq!((&list["requests"][0]["id"], &list["requests"][0]["email"]), (&Value::from(&*id), &EMAIL.into()));
    assert!(!list.to_string().contains(EVIDENCE), "a list does not tell what was written");
    let shown = asks(&provider, Method::GET, &format!("/{id}"), &first).await.expect(200);
    assert_eq!((&shown["evidence"], &shown["contact"]), (&EVIDENCE.into(), &NEW.into()));
    assert_eq!(approves(&provider, &id, &first).await.expect(200)["status"], "open");
    assert_eq!(approves(&provider, &id, &second).await.expect(200)["status"], "approved");
    assert_eq!(approves(&provider, &id, &first).await.expect(409)["error"], "not_open");
    let unknown = asks(&provider, Method::GET, "/nothing", &first).await;
    assert_eq!((unknown.status.as_u16(), unknown.error().as_str()), (404, "unknown_request"));
    link(&provider).await;
}

async fn a_token_of_anybody_else_decides_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let mut olga = administrator(&provider, OLGA).await;
    let mut eve = provider.member("eve@example.com").await;
    let id = asked(&provider).await;
    let sites = &provider.sites;
    let tokens = [
        (String::new(), 401, ""),
        ("nonsense".to_owned(), 401, "invalid_token"),
        (admin_token(&provider, &mut eve).await, 403, "insufficient_scope"),
        (token(&sites.own, &mut olga, "openid").await, 403, "insufficient_scope"),
        // A website that is not registered for it does not get the scope, whoever asks.
        (token(&sites.site, &mut olga, "openid enum:admin").await, 403, "insufficient_scope"),
    ];
    for (token, status, error) in tokens {
        for (method, path) in [
            (Method::GET, String::new()),
            (Method::GET, format!("/{id}")),
            (Method::POST, format!("/{id}/approve")),
            (Method::POST, format!("/{id}/reject")),
        ] {
            let reply = asks(&provider, method, &path, &token).await;
            assert_eq!(reply.status, status, "{path} {error}: {}", reply.text());
            assert!(reply.header("www-authenticate").contains(error), "{path} {error}");
            assert!(!reply.text().contains(EVIDENCE) && !reply.text().contains(EMAIL));
        }
    }
    let seen = approval::show(&provider.app, &id).await.unwrap();
    assert!(seen.status == "open" && seen.approved_by.is_empty(), "{seen:?}");
}

async fn an_administrator_is_one_person_under_any_address(database: Database) {
    let provider = Provider::starts(database).await;
    let mut olga = administrator(&provider, OLGA).await;
    let id = asked(&provider).await;
    let token = admin_token(&provider, &mut olga).await;
    approves(&provider, &id, &token).await.expect(200);
    assert_eq!(approves(&provider, &id, &token).await.expect(409)["error"], "same_administrator");
    // Under another main address, and by name, it is still her.
    let other = "olga.other@example.com";
    provider.has_also(OLGA, other).await;
    let account = store::account::by_email(provider.app.db.read(), OLGA).await.unwrap().unwrap().id;
    store::account::set_main_email(provider.app.db.read(), &account, other).await.unwrap();
    assert_eq!(approves(&provider, &id, &token).await.expect(409)["error"], "same_administrator");
    let by_name = approval::approve(&provider.app, &id, "Olga@Example.com").await.unwrap_err();
    assert!(matches!(by_name, approval::SupportError::SameAdmin(_)), "{by_name}");
    commands(&provider).is_told(&["add", "--email", other], &["already"]);
    assert_eq!(approval::show(&provider.app, &id).await.unwrap().status, "open");
}

async fn an_administrator_has_proven_it_lately_and_with_more_than_a_mailbox(database: Database) {
    let both = Written { pins: vec!["cipherpad", "email_factor", "merchant"], ..Written::default() };
    let provider = Provider::starts_as(database, both).await;
    let mut olga = administrator(&provider, OLGA).await;
    let id = asked(&provider).await;
    let visit = provider.sites.own.sends(&[("scope", "openid enum:admin offline_access"), ("prompt", "login consent")]);
    let first = olga.logs_in(&visit).await;
    let tokens = provider.sites.own.redeems(&visit, &first).await.expect(200);
    asks(&provider, Method::GET, "", &text(&tokens, "access_token")).await.expect(200);
    provider.waits(HOUR + MINUTE);
    let refreshed = provider.sites.own.refreshes(&text(&tokens, "refresh_token")).await.expect(200);
    let told = approves(&provider, &id, &text(&refreshed, "access_token")).await;
    assert_eq!(told.status, 401, "{}", told.text());
    let challenge = told.header("www-authenticate");
    let wanted = "error=\"insufficient_user_authentication\"";
    assert!(challenge.contains(wanted) && challenge.contains("max_age=\"3600\""), "{challenge}");

    // A code from a mailbox does not do, however fresh.
    adds_by(&provider, OLGA, "email").await;
    let visit = provider.sites.own.sends(&[("scope", "openid enum:admin"), ("prompt", "login")]);
    let mut person = goes(&provider, &visit, OLGA).await;
    person.presses("factor-email").await;
    answers(&mut person, &code(&provider, OLGA, 1).await).await;
    let second = person.brings_back()["code"].clone();
    let weak = text(&provider.sites.own.redeems(&visit, &second).await.expect(200), "access_token");
    let told = approves(&provider, &id, &weak).await;
    assert!(told.status == 401 && told.header("www-authenticate").contains("acr_values=\"urn:enum:acr:2\""));
    assert!(approval::show(&provider.app, &id).await.unwrap().approved_by.is_empty());
}

/// Rights that come back are the same person's; what she had approved before they went is nobody's approval.
async fn who_gets_the_rights_again_is_who_they_were(database: Database) {
    let provider = Provider::starts(database).await;
    let mut olga = administrator(&provider, OLGA).await;
    let id = asked(&provider).await;
    let token = admin_token(&provider, &mut olga).await;
    approves(&provider, &id, &token).await.expect(200);
    commands(&provider).does(&["remove", "--email", OLGA]);
    assert!(approval::show(&provider.app, &id).await.unwrap().approved_by.is_empty());
    let account = store::account::by_email(provider.app.db.read(), OLGA).await.unwrap().unwrap().id;
    provider.has_also(OLGA, "olga.new@example.com").await;
    store::account::set_main_email(provider.app.db.read(), &account, "olga.new@example.com").await.unwrap();
    assert_eq!(commands(&provider).does(&["add", "--email", "olga.new@example.com"])["name"], OLGA);
    approves(&provider, &id, &token).await.expect(200);
    assert_eq!(approves(&provider, &id, &token).await.expect(409)["error"], "same_administrator");
    let wrong = asks(&provider, Method::GET, "?limit=-1", &token).await;
    assert_eq!((wrong.status.as_u16(), wrong.error().as_str()), (400, "invalid_request"));
    let none = asks(&provider, Method::GET, "/%00", &token).await;
    assert_eq!((none.status.as_u16(), none.error().as_str()), (404, "unknown_request"));
}

async fn rights_end_at_once(database: Database) {
    let provider = Provider::starts(database).await;
    let mut olga = administrator(&provider, OLGA).await;
    let token = admin_token(&provider, &mut olga).await;
    asks(&provider, Method::GET, "", &token).await.expect(200);
    assert_eq!(commands(&provider).does(&["list"])[0]["name"], OLGA);
    commands(&provider).does(&["remove", "--email", OLGA]);
    assert_eq!(asks(&provider, Method::GET, "", &token).await.status, 403);
    commands(&provider).is_told(&["remove", "--email", OLGA], &["no administrator"]);
    let log = provider.log_of(OLGA).await;
    assert_eq!(log.iter().filter(|entry| entry.starts_with("administrator")).count(), 2, "{log:?}");
}

async fn nobody_decides_about_their_own_account(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    let account = store::account::by_email(provider.app.db.read(), EMAIL).await.unwrap().unwrap();
    let own = approval::Decider { name: "somebody", account: Some(&account.id) };
    for refused in [
        approval::approve(&provider.app, &id, own).await.unwrap_err(),
        approval::reject(&provider.app, &id, own).await.unwrap_err(),
    ] {
        assert!(matches!(refused, approval::SupportError::OwnAccount(_)), "{refused}");
    }
}
