//! Nobody is flooded.

use enum_idp::store::{account, backchannel};
use tokio::task::JoinSet;

use super::{ANN, EVE};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, is_refused},
    },
};

on_both_databases! {
    one_merchant_has_two_requests_waiting_at_most,
    an_account_has_a_few_requests_waiting_and_a_bounded_number_in_an_hour,
    two_addresses_of_one_person_do_not_show_as_one,
    neither_a_mute_nor_a_lock_shows_nor_makes_room,
    of_many_at_once_no_more_get_through,
    a_merchant_s_own_rate_is_bounded,
}

const TOO_MANY: &str = "temporarily_unavailable";

#[track_caller]
fn is_too_much(reply: &crate::support::http::Reply) {
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str()), (503, Some(TOO_MANY)), "{}", reply.text());
}

async fn one_merchant_has_two_requests_waiting_at_most(database: Database) {
    let provider = Provider::starts(database).await;
    let (shop, stall) = (&provider.sites.shop, &provider.sites.stall);
    let mut ann = provider.member(ANN).await;
    for email in [ANN, "nobody@example.com"] {
        for _ in 0..2 {
            shop.asks_to_sign_in(email).await;
        }
        is_too_much(&shop.asks_behind(email, &[]).await);
        stall.asks_signed(email, &serde_json::json!({})).await.expect(200);
    }
    ann.enters("/account/requests").await.person.presses("decline-1").await;
    shop.asks_to_sign_in(ANN).await;
    provider.waits(300_000);
    shop.asks_to_sign_in("nobody@example.com").await;
}

async fn an_account_has_a_few_requests_waiting_and_a_bounded_number_in_an_hour(database: Database) {
    let provider =
        Provider::starts_with(database, "[backchannel]\nwaiting_per_account = 2\naccount_per_hour = 4\n").await;
    let (shop, stall) = (&provider.sites.shop, &provider.sites.stall);
    provider.member(ANN).await;
    // More is answered as ever, and reaches nobody.
    for email in [ANN, "nobody@example.com"] {
        let ask = || async { stall.asks_signed(email, &serde_json::json!({})).await.expect(200) };
        ask().await;
        shop.asks_to_sign_in(email).await;
        assert_eq!(reached(&provider).await, 2);
        ask().await;
        assert_eq!(reached(&provider).await, 2);
    }
    provider.waits(300_000);
    for email in [ANN, "nobody@example.com"] {
        shop.asks_to_sign_in(email).await;
        shop.asks_to_sign_in(email).await;
    }
    assert_eq!(reached(&provider).await, 2);
    provider.waits(300_000);
    for email in [ANN, "nobody@example.com"] {
        let unseen = shop.asks_to_sign_in(email).await;
        is_refused(&shop.fetches(&unseen).await, "authorization_pending");
    }
    assert_eq!(reached(&provider).await, 0);
    provider.waits(3_600_000);
    shop.asks_to_sign_in(ANN).await;
    assert_eq!(reached(&provider).await, 1);
}

/// How many requests Ann would see.
async fn reached(provider: &Provider) -> usize {
    let (db, now) = (provider.app.db.read(), provider.clock.now());
    let ann = account::by_email(db, ANN).await.unwrap().unwrap();
    backchannel::waiting(db, &ann.id, now).await.unwrap().len()
}

async fn two_addresses_of_one_person_do_not_show_as_one(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    provider.member(ANN).await;
    provider.has_also(ANN, "anna@example.com").await;
    for email in [ANN, "anna@example.com", "nobody@example.com"] {
        for spelling in [email.to_owned(), email.to_uppercase()] {
            shop.asks_to_sign_in(&spelling).await;
        }
        is_too_much(&shop.asks_behind(email, &[]).await);
    }
    assert_eq!(reached(&provider).await, 2);
}

async fn neither_a_mute_nor_a_lock_shows_nor_makes_room(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    for _ in 0..2 {
        shop.asks_to_sign_in(ANN).await;
    }
    let refused = || async { is_too_much(&shop.asks_behind(ANN, &[]).await) };
    refused().await;
    ann.enters("/account/requests").await.person.presses("mute-1").await;
    refused().await;
    ann.person.presses("unmute-1").await;
    refused().await;
    let db = provider.app.db.read();
    let id = account::by_email(db, ANN).await.unwrap().unwrap().id;
    for status in ["locked", "active"] {
        account::set_status(db, &id, status).await.unwrap();
        refused().await;
    }
}

async fn of_many_at_once_no_more_get_through(database: Database) {
    let provider = std::sync::Arc::new(Provider::starts(database).await);
    provider.member(ANN).await;
    let mut tries = JoinSet::new();
    for _ in 0..8 {
        let provider = provider.clone();
        tries.spawn(async move { provider.sites.shop.asks_behind(ANN, &[]).await.status.as_u16() });
    }
    let all = tries.join_all().await;
    assert_eq!(all.iter().filter(|status| **status == 200).count(), 2, "{all:?}");
    assert!(all.iter().all(|status| matches!(status, 200 | 503)), "{all:?}");
}

async fn a_merchant_s_own_rate_is_bounded(database: Database) {
    let settings = "[backchannel]\nclient_per_minute = 3\nclient_and_account_per_hour = 1\n";
    let provider = Provider::starts_with(database, settings).await;
    let shop = &provider.sites.shop;
    let id = shop.asks_to_sign_in(ANN).await;
    is_too_much(&shop.asks_behind(ANN, &[]).await);
    shop.asks_to_sign_in(EVE).await;
    is_too_much(&shop.asks_behind("x@example.com", &[]).await);
    is_refused(&shop.fetches(&id).await, "authorization_pending");
    provider.waits(60_000);
    shop.asks_to_sign_in("x@example.com").await;
}
