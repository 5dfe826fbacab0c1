//! Refresh tokens: used once; a stolen one ends its whole family.

use enum_idp::clock::DAY;
use tokio::task::JoinSet;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::post_form,
        provider::{Provider, is_refused, text},
        sites::Site,
    },
};

on_both_databases! {
    a_used_refresh_token_ends_its_family,
    a_used_refresh_token_ends_its_family_also_after_a_restart,
    of_64_who_use_a_refresh_token_at_most_one_wins_and_the_family_ends,
    a_refresh_token_of_one_website_is_not_used_by_another,
    a_family_ends_after_its_time_however_often_it_is_refreshed,
    a_refresh_may_narrow_the_scope_and_never_widen_it,
    families_are_apart,
    without_offline_access_a_family_ends_when_the_person_logs_out,
}

/// A fresh login's refresh token.
async fn fresh(provider: &Provider, site: &Site, email: &str) -> String {
    let mut member = provider.member(email).await;
    text(&member.logs_in_at(site).await, "refresh_token")
}

async fn a_used_refresh_token_ends_its_family(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let first = fresh(&provider, site, "ann@example.com").await;
    let tokens = site.refreshes(&first).await.expect(200);
    let (second, access) = (text(&tokens, "refresh_token"), text(&tokens, "access_token"));
    assert_ne!(first, second);
    is_refused(&site.refreshes(&first).await, "invalid_grant");
    is_refused(&site.refreshes(&second).await, "invalid_grant");
    assert_eq!(site.asks_who(&access).await.status, 401);
}

async fn a_used_refresh_token_ends_its_family_also_after_a_restart(database: Database) {
    let provider = Provider::starts(database).await;
    let first = fresh(&provider, &provider.sites.site, "ann@example.com").await;
    let second = text(&provider.sites.site.refreshes(&first).await.expect(200), "refresh_token");
    let provider = provider.restarts().await;
    let site = &provider.sites.site;
    let third = text(&site.refreshes(&second).await.expect(200), "refresh_token");
    let provider = provider.restarts().await;
    let site = &provider.sites.site;
    is_refused(&site.refreshes(&first).await, "invalid_grant");
    is_refused(&site.refreshes(&third).await, "invalid_grant");
}

async fn of_64_who_use_a_refresh_token_at_most_one_wins_and_the_family_ends(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.app;
    let token = fresh(&provider, site, "ann@example.com").await;
    let mut tries = JoinSet::new();
    for _ in 0..64 {
        let (url, token, id) = (site.at("/token"), token.clone(), site.id);
        tries.spawn(async move {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", &token), ("client_id", id)];
            post_form(&url, &[], &fields).await
        });
    }
    let replies = tries.join_all().await;
    let won: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(replies.iter().filter(|reply| reply.status != 200).all(|reply| reply.error() == "invalid_grant"));
    let next = text(&won[0].json(), "refresh_token");
    is_refused(&site.refreshes(&next).await, "invalid_grant");
}

async fn a_refresh_token_of_one_website_is_not_used_by_another(database: Database) {
    let provider = Provider::starts(database).await;
    let token = fresh(&provider, &provider.sites.site, "ann@example.com").await;
    for thief in [&provider.sites.forum, &provider.sites.app, &provider.sites.shop] {
        is_refused(&thief.refreshes(&token).await, "invalid_grant");
    }
    provider.sites.site.refreshes(&token).await.expect(200);
}

async fn a_family_ends_after_its_time_however_often_it_is_refreshed(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut token = fresh(&provider, site, "ann@example.com").await;
    for _ in 0..3 {
        provider.waits(10 * DAY - 1);
        token = text(&site.refreshes(&token).await.expect(200), "refresh_token");
    }
    provider.waits(4);
    is_refused(&site.refreshes(&token).await, "invalid_grant");
}

async fn a_refresh_may_narrow_the_scope_and_never_widen_it(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let first = fresh(&provider, site, "ann@example.com").await;
    let with = |token: String, scope: &'static str| async move {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", scope)];
        site.posts("/token", &fields).await
    };
    is_refused(&with(first.clone(), "openid phone").await, "invalid_scope");
    let narrowed = with(first, "openid").await.expect(200);
    assert_eq!(narrowed["scope"], "openid");
    let who = site.asks_who(&text(&narrowed, "access_token")).await.expect(200);
    assert!(who.get("email").is_none(), "{who}");
    let again = site.refreshes(&text(&narrowed, "refresh_token")).await.expect(200);
    assert!(text(&again, "scope").contains("email"), "what was granted still holds: {again}");
}

async fn families_are_apart(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let one = text(&ann.logs_in_at(site).await, "refresh_token");
    let other = text(&ann.logs_in_at(site).await, "refresh_token");
    site.refreshes(&one).await.expect(200);
    is_refused(&site.refreshes(&one).await, "invalid_grant");
    site.refreshes(&other).await.expect(200);
}

async fn without_offline_access_a_family_ends_when_the_person_logs_out(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.site;
    let mut ann = provider.member("ann@example.com").await;
    let visit = site.sends(&[("scope", "openid email")]);
    let code = ann.logs_in(&visit).await;
    let online = text(&site.redeems(&visit, &code).await.expect(200), "refresh_token");
    let online = text(&site.refreshes(&online).await.expect(200), "refresh_token");
    let offline = text(&ann.logs_in_at(site).await, "refresh_token");
    ann.person.opens("/logout").await.presses("logout-yes").await;
    is_refused(&site.refreshes(&online).await, "invalid_grant");
    site.refreshes(&offline).await.expect(200);
}
