//! Codes: for one website, one browser's request, one minute, once.

use enum_idp::{clock::SECOND, store};
use tokio::task::JoinSet;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::post_form,
        provider::{Provider, is_refused, text},
        sites::random,
    },
};

on_both_databases! {
    a_code_that_comes_back_is_refused_and_revokes_what_it_gave,
    a_code_that_comes_back_after_a_restart_is_refused_too,
    a_code_that_another_node_has_redeemed_is_refused,
    of_64_who_redeem_a_code_one_gets_tokens,
    a_code_of_one_website_is_not_redeemed_by_another,
    a_code_is_not_redeemed_without_the_website_s_own_proof,
    a_code_is_bound_to_its_redirect_uri,
    a_code_lives_for_a_minute,
    a_verifier_left_out_or_changed_is_refused,
    a_challenge_stripped_on_the_way_is_noticed,
    a_token_is_not_a_code_nor_a_code_a_token,
}

async fn a_code_that_comes_back_is_refused_and_revokes_what_it_gave(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    let tokens = site.redeems(&visit, &code).await.expect(200);
    site.asks_who(&text(&tokens, "access_token")).await.expect(200);
    is_refused(&site.redeems(&visit, &code).await, "invalid_grant");
    is_refused(&site.refreshes(&text(&tokens, "refresh_token")).await, "invalid_grant");
    assert_eq!(site.asks_who(&text(&tokens, "access_token")).await.status, 401, "RFC 6749 §4.1.2: revoked");
}

async fn a_code_that_comes_back_after_a_restart_is_refused_too(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let visit = provider.sites.site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    provider.sites.site.redeems(&visit, &code).await.expect(200);
    let provider = provider.restarts().await;
    is_refused(&provider.sites.site.redeems(&visit, &code).await, "invalid_grant");
}

/// Whatever this node remembers of the code that it issued a moment ago.
async fn a_code_that_another_node_has_redeemed_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    let used = store::code::using_up(&provider.app.seal.hash("code", &code), provider.clock.now());
    provider.app.db.write(move |tx| Box::pin(used.apply(tx))).await.unwrap();
    is_refused(&site.redeems(&visit, &code).await, "invalid_grant");
    is_refused(&site.redeems(&visit, &code).await, "invalid_grant");
}

async fn of_64_who_redeem_a_code_one_gets_tokens(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    let mut tries = JoinSet::new();
    for _ in 0..64 {
        let mut fields: Vec<(String, String)> =
            site.code_fields(&visit, &code).map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        fields.push(("client_id".to_owned(), site.id.to_owned()));
        let url = site.at("/token");
        tries.spawn(async move {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            post_form(&url, &[], &fields).await
        });
    }
    let replies = tries.join_all().await;
    let won: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    let access = text(&won[0].json(), "access_token");
    assert_eq!(site.asks_who(&access).await.status, 401, "the others' tries have revoked it");
}

async fn a_code_of_one_website_is_not_redeemed_by_another(database: Database) {
    let provider = Provider::starts(database).await;
    let (site, forum) = (&provider.sites.site, &provider.sites.forum);
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    is_refused(&forum.redeems(&visit, &code).await, "invalid_grant");
    let theirs = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", site.redirect_uri),
        ("code_verifier", &visit.verifier),
    ];
    is_refused(&forum.posts("/token", &theirs).await, "invalid_grant");
    site.redeems(&visit, &code).await.expect(200);
}

async fn a_code_is_not_redeemed_without_the_website_s_own_proof(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    let url = site.at("/token");
    let fields = site.code_fields(&visit, &code).to_vec();
    for proof in [
        vec![],
        vec![("client_id", "site")],
        vec![("client_id", "site"), ("client_secret", "wrong")],
        vec![("client_id", "site"), ("client_secret", site.secret.as_str())],
        vec![("client_id", "nobody"), ("client_secret", site.secret.as_str())],
    ] {
        let reply = post_form(&url, &[], &[fields.clone(), proof.clone()].concat()).await;
        is_refused(&reply, "invalid_client");
        assert_eq!(reply.status, 401, "{proof:?}");
    }
    site.redeems(&visit, &code).await.expect(200);
}

async fn a_code_is_bound_to_its_redirect_uri(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    for uri in ["https://site.example/other", "https://site.example/callback/", ""] {
        let mut fields = site.code_fields(&visit, &code);
        fields[2].1 = uri;
        let error = site.posts("/token", &fields).await.error();
        assert!(["invalid_grant", "invalid_request"].contains(&error.as_str()), "{uri}: {error}");
    }
    site.redeems(&visit, &code).await.expect(200);
}

async fn a_code_lives_for_a_minute(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    provider.waits(60 * SECOND);
    is_refused(&site.redeems(&visit, &code).await, "invalid_grant");
}

async fn a_verifier_left_out_or_changed_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    for site in [&provider.sites.site, &provider.sites.app] {
        let visit = site.sends(&[]);
        let code = ann.logs_in(&visit).await;
        let other = random();
        for verifier in ["", other.as_str(), &visit.verifier[..42]] {
            let mut fields = site.code_fields(&visit, &code);
            fields[3].1 = verifier;
            is_refused(&site.posts("/token", &fields).await, "invalid_grant");
        }
        site.redeems(&visit, &code).await.expect(200);
    }
}

async fn a_challenge_stripped_on_the_way_is_noticed(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    // An attacker takes the challenge out of the request; the website, knowing nothing, sends its verifier.
    let visit = site.sends(&[("code_challenge", ""), ("code_challenge_method", "")]);
    let code = ann.logs_in(&visit).await;
    is_refused(&site.redeems(&visit, &code).await, "invalid_grant");
    // A public client cannot even begin without one, and nobody with `plain`.
    for (site, changes) in [
        (&provider.sites.app, vec![("code_challenge", ""), ("code_challenge_method", "")]),
        (site, vec![("code_challenge_method", "plain")]),
        (site, vec![("code_challenge_method", "")]),
        (site, vec![("code_challenge", "")]),
    ] {
        ann.person.opens(&site.sends(&changes).link).await;
        assert_eq!(ann.person.brings_back()["error"], "invalid_request", "{changes:?}");
    }
}

async fn a_token_is_not_a_code_nor_a_code_a_token(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let tokens = ann.logs_in_at(site).await;
    let [access, refresh, id] = ["access_token", "refresh_token", "id_token"].map(|name| text(&tokens, name));
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    for not_a_code in [&access, &refresh, &id] {
        is_refused(&site.redeems(&visit, not_a_code).await, "invalid_grant");
    }
    for not_a_refresh_token in [&access, &id, &code] {
        is_refused(&site.refreshes(not_a_refresh_token).await, "invalid_grant");
    }
    for not_an_access_token in [&refresh, &id, &code] {
        assert_eq!(site.asks_who(not_an_access_token).await.status, 401);
    }
    let link = site.link_to(&format!("urn:ietf:params:oauth:request_uri:{code}"));
    ann.person.opens(&link).await;
    assert!(ann.person.away.is_none());
    site.redeems(&visit, &code).await.expect(200);
    site.refreshes(&refresh).await.expect(200);
}
