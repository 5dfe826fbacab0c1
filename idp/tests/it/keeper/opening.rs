//! Who gets in: whoever shows a bound token with its key, of the right scope, from a fresh and strong proof. Nobody else.

use enum_idp::clock::MINUTE;
use hyper::{Method, header};

use super::{Program, starts};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::{Reply, send},
        proof::{Key, posts},
        provider::{Provider, text},
    },
};

on_both_databases! {
    a_stolen_token_without_its_key_opens_nothing,
    a_token_of_another_purpose_opens_nothing_and_the_keeper_s_nothing_else,
    a_proof_that_is_too_old_is_asked_for_anew,
    accounts_do_not_see_each_other_s_files,
    a_path_leads_nowhere_but_to_what_is_named,
    a_program_whose_access_was_cut_gets_nothing,
    a_service_that_is_off_is_not_there,
}

#[track_caller]
fn is_turned_away(reply: &Reply, status: u16, error: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert!(reply.header("www-authenticate").contains(&format!("error=\"{error}\"")), "{:?}", reply.headers);
}

async fn a_stolen_token_without_its_key_opens_nothing(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    program.asks("PUT", "files/k", "x").await.expect(201);
    let path = "/services/keeper/files/k";
    let url = format!("{}{path}", program.site.issuer);
    is_turned_away(&program.shows("Bearer", "GET", path, "", None).await, 401, "invalid_token");
    is_turned_away(&program.shows("DPoP", "GET", path, "", None).await, 401, "invalid_dpop_proof");
    let thief = Key::new(&provider.clock).proves("GET", &url, Some(&program.token));
    is_turned_away(&program.shows("DPoP", "GET", path, "", Some(&thief)).await, 401, "invalid_token");
    // A proof for reading does not delete, and one for this file does not open another.
    let proof = program.key.proves("GET", &url, Some(&program.token));
    is_turned_away(&program.shows("DPoP", "DELETE", path, "", Some(&proof)).await, 401, "invalid_dpop_proof");
    let other = "/services/keeper/files/other";
    is_turned_away(&program.shows("DPoP", "GET", other, "", Some(&proof)).await, 401, "invalid_dpop_proof");
    assert_eq!(program.shows("DPoP", "GET", path, "", Some(&proof)).await.text(), "x");
    is_turned_away(&program.shows("DPoP", "GET", path, "", Some(&proof)).await, 401, "invalid_dpop_proof");
    let nothing = send(Method::GET, &program.site.at(path), &[], String::new()).await;
    assert_eq!(nothing.status, 401);
    // A plain token, of a client that may have one, is not enough either.
    let plain = text(&ann.logs_in_at(&provider.sites.app).await, "access_token");
    let bearer = format!("Bearer {plain}");
    let reply = send(Method::GET, &program.site.at(path), &[(header::AUTHORIZATION, &bearer)], String::new()).await;
    is_turned_away(&reply, 403, "insufficient_scope");
}

async fn a_token_of_another_purpose_opens_nothing_and_the_keeper_s_nothing_else(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let other = Program::with_scope(&provider, &mut ann, "openid email offline_access").await;
    is_turned_away(&other.asks("GET", "files", "").await, 403, "insufficient_scope");
    let keeper = Program::with_scope(&provider, &mut ann, "offline_access enum:keeper").await;
    keeper.asks("GET", "files", "").await.expect(200);
    let who = keeper.key.asks_who(keeper.site, &keeper.token).await;
    is_turned_away(&who, 403, "insufficient_scope");
    let path = "/admin/api/support";
    let proof = keeper.key.proves("GET", &format!("{}{path}", keeper.site.issuer), Some(&keeper.token));
    is_turned_away(&keeper.shows("DPoP", "GET", path, "", Some(&proof)).await, 403, "insufficient_scope");
    // A client that is not registered for the scope does not get it.
    let visit = provider.sites.app.sends(&[("scope", "openid enum:keeper")]);
    let code = ann.logs_in(&visit).await;
    let tokens = provider.sites.app.redeems(&visit, &code).await.expect(200);
    assert_eq!(tokens["scope"], "openid");
}

async fn a_proof_that_is_too_old_is_asked_for_anew(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let mut program = Program::of(&provider, &mut ann).await;
    provider.waits(16 * MINUTE);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", program.refresh.as_str())];
    let proof = program.key.proves_at(program.site, "/token");
    program.token = text(&posts(program.site, "/token", &fields, &[&proof]).await.expect(200), "access_token");
    let reply = program.asks("GET", "files", "").await;
    is_turned_away(&reply, 401, "insufficient_user_authentication");
    let told = reply.header("www-authenticate");
    assert!(told.contains("acr_values=\"urn:enum:acr:2\"") && told.contains("max_age=\"900\""), "{told}");
    let visit =
        program.site.sends(&[("scope", "openid enum:keeper"), ("max_age", "900"), ("acr_values", "urn:enum:acr:2")]);
    let code = ann.logs_in(&visit).await;
    let proof = program.key.proves_at(program.site, "/token");
    let tokens = posts(program.site, "/token", &program.site.code_fields(&visit, &code), &[&proof]).await.expect(200);
    program.token = text(&tokens, "access_token");
    program.asks("GET", "files", "").await.expect(200);
}

async fn accounts_do_not_see_each_other_s_files(database: Database) {
    let provider = starts(database, "keeper").await;
    let (mut ann, mut eve) = (provider.member("ann@example.com").await, provider.member("eve@example.com").await);
    let (hers, theirs) = (Program::of(&provider, &mut ann).await, Program::of(&provider, &mut eve).await);
    hers.asks("PUT", "files/keys.kwm", "Ann's").await.expect(201);
    assert_eq!(theirs.asks("GET", "files/keys.kwm", "").await.status, 404);
    assert_eq!(theirs.asks("DELETE", "files/keys.kwm", "").await.status, 404);
    assert!(theirs.files().await.is_empty());
    theirs.asks("PUT", "files/keys.kwm", "Eve's").await.expect(201);
    assert_eq!(hers.asks("GET", "files/keys.kwm", "").await.text(), "Ann's");
}

async fn a_path_leads_nowhere_but_to_what_is_named(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    for path in
        ["files/", "files/a/b", "files/%2e%2e", "files/a%2Fb", "files/%00", "files/%FF", "index", "files/a/move/b"]
    {
        assert_eq!(program.asks("GET", path, "").await.status, 404, "{path}");
    }
    assert_eq!(program.asks("POST", "files", "").await.status, 405);
    for name in ["a%5Cb", "%20a", "a%22b", "a%E2%80%AEb", &"x".repeat(101)] {
        assert_eq!(program.asks("PUT", &format!("files/{name}"), "x").await.status, 422, "{name}");
    }
    let other = format!("{}/services/merchant/files", program.site.issuer);
    let proof = program.key.proves("GET", &other, Some(&program.token));
    assert_eq!(program.shows("DPoP", "GET", "/services/merchant/files", "", Some(&proof)).await.status, 404);
}

async fn a_program_whose_access_was_cut_gets_nothing(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    program.asks("PUT", "files/k", "x").await.expect(201);
    let account = enum_idp::store::account::by_email(provider.app.db.read(), "ann@example.com").await.unwrap().unwrap();
    let now = provider.clock.now();
    let db = &provider.app.db;
    db.write(move |tx| Box::pin(async move { enum_idp::store::grant::revoke_all(tx, &account.id, now).await }))
        .await
        .unwrap();
    is_turned_away(&program.asks("GET", "files/k", "").await, 401, "invalid_token");
}

async fn a_service_that_is_off_is_not_there(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    assert_eq!(program.asks("GET", "files", "").await.status, 404);
}
