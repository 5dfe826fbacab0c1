//! The answer is fetched at the token endpoint, by who asked, once, and not too often (CIBA Core 1.0 §10.1, §11).

use enum_idp::store::{account, backchannel, erasure};
use sea_orm::EntityTrait;
use tokio::task::JoinSet;

use super::{ANN, fields};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, is_refused, text},
        sites::{CIBA, PURSE},
    },
};

on_both_databases! {
    who_asks_too_often_is_slowed_down_and_who_waits_is_not,
    a_request_that_nobody_answers_expires,
    an_approval_that_nobody_fetches_expires_too,
    an_approval_does_not_end_before_the_request_would_have,
    of_several_polls_at_once_one_is_not_slowed_down,
    a_request_to_a_person_who_was_forgotten_runs_into_its_end,
    another_merchant_gets_nothing_for_it,
    a_name_that_was_made_up_is_worth_nothing,
    a_locked_account_s_approval_buys_nothing,
    a_restart_forgets_nothing,
}

async fn who_asks_too_often_is_slowed_down_and_who_waits_is_not(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    for (wait, error) in [
        (0, "authorization_pending"),
        (5_000, "authorization_pending"),
        (1_000, "slow_down"),
        // Ten seconds from now on.
        (5_000, "slow_down"),
        // Fifteen.
        (15_000, "authorization_pending"),
        (14_600, "authorization_pending"),
    ] {
        provider.waits(wait);
        is_refused(&shop.fetches(&id).await, error);
    }
}

async fn a_request_that_nobody_answers_expires(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    ann.looks().await;
    provider.waits(300_000);
    is_refused(&shop.fetches(&id).await, "expired_token");
    // The page is still there, and is good for nothing.
    ann.pays(PURSE, 1050).await;
    assert!(ann.person.what_is_shown().contains("waits no more"), "{}", ann.person.what_is_shown());
    is_refused(&shop.fetches(&id).await, "expired_token");
    assert!(!provider.log_of(ANN).await.contains(&"payment ok".to_owned()));
}

async fn an_approval_that_nobody_fetches_expires_too(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    ann.approves(PURSE, 1050).await;
    provider.waits(600_000);
    is_refused(&shop.fetches(&id).await, "expired_token");
}

async fn an_approval_does_not_end_before_the_request_would_have(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let told = shop.asks_behind(ANN, &[("requested_expiry", "900")]).await.expect(200);
    assert_eq!(told["expires_in"], 900);
    ann.looks().await.answers().await.allows().await;
    ann.has_approved();
    provider.waits(890_000);
    shop.fetches(&text(&told, "auth_req_id")).await.expect(200);
}

async fn of_several_polls_at_once_one_is_not_slowed_down(database: Database) {
    let provider = std::sync::Arc::new(Provider::starts(database).await);
    provider.member(ANN).await;
    let id = provider.sites.shop.asks_to_sign_in(ANN).await;
    let mut tries = JoinSet::new();
    for _ in 0..12 {
        let (provider, id) = (provider.clone(), id.clone());
        tries.spawn(async move { provider.sites.shop.fetches(&id).await.error() });
    }
    let all = tries.join_all().await;
    assert_eq!(all.iter().filter(|error| *error == "authorization_pending").count(), 1, "{all:?}");
    assert!(all.iter().all(|error| matches!(error.as_str(), "authorization_pending" | "slow_down")), "{all:?}");
}

async fn a_request_to_a_person_who_was_forgotten_runs_into_its_end(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    provider.member(ANN).await;
    let id = shop.asks_to_sign_in(ANN).await;
    let db = provider.app.db.read();
    let account = account::by_email(db, ANN).await.unwrap().unwrap().id;
    account::set_status(db, &account, account::DELETED).await.unwrap();
    let forgotten = account.clone();
    provider.app.db.write(move |tx| Box::pin(async move { erasure::erase(tx, &forgotten).await })).await.unwrap();
    is_refused(&shop.fetches(&id).await, "authorization_pending");
    let rows = backchannel::Entity::find().all(db).await.unwrap();
    assert!(rows.iter().all(|row| row.account_id != account && row.status == backchannel::UNSEEN), "{rows:?}");
    provider.waits(300_000);
    is_refused(&shop.fetches(&id).await, "expired_token");
}

async fn another_merchant_gets_nothing_for_it(database: Database) {
    let provider = Provider::starts(database).await;
    let (shop, stall) = (&provider.sites.shop, &provider.sites.stall);
    let mut ann = provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    is_refused(&stall.fetches(&id).await, "invalid_grant");
    ann.approves(PURSE, 1050).await;
    is_refused(&stall.fetches(&id).await, "invalid_grant");
    provider.waits(5_000);
    let tokens = shop.fetches(&id).await.expect(200);
    assert!(tokens.get("receipt").is_some(), "{tokens}");
}

async fn a_name_that_was_made_up_is_worth_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    is_refused(&shop.fetches(&"x".repeat(43)).await, "invalid_grant");
    is_refused(&shop.posts("/token", &[("grant_type", CIBA)]).await, "invalid_request");
    // Neither a code nor a request_uri is one, nor the reverse.
    let visit = shop.sends(&[]);
    let code = ann.logs_in(&visit).await;
    is_refused(&shop.fetches(&code).await, "invalid_grant");
    let id = shop.asks_to_confirm(ANN, 1).await;
    is_refused(&shop.redeems(&visit, &id).await, "invalid_grant");
    is_refused(&shop.refreshes(&id).await, "invalid_grant");
}

async fn a_locked_account_s_approval_buys_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    ann.approves(PURSE, 1050).await;
    let account = enum_idp::store::account::by_email(provider.app.db.read(), ANN).await.unwrap().unwrap();
    enum_idp::store::account::set_status(provider.app.db.read(), &account.id, "locked").await.unwrap();
    is_refused(&shop.fetches(&id).await, "invalid_grant");
}

async fn a_restart_forgets_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    let told = provider.sites.shop.posts(super::ENDPOINT, &fields(ANN, &[])).await.expect(200);
    let provider = provider.restarts().await;
    ann.looks().await.answers().await.allows().await;
    ann.has_approved();
    let provider = provider.restarts().await;
    let id = text(&told, "auth_req_id");
    provider.sites.shop.fetches(&id).await.expect(200);
    let provider = provider.restarts().await;
    is_refused(&provider.sites.shop.fetches(&id).await, "invalid_grant");
}
