//! A person does not want to hear from somebody any more.

use super::{ANN, EVE};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, is_refused},
    },
};

on_both_databases! {
    who_is_muted_is_answered_as_ever_and_reaches_nobody,
    a_mute_is_taken_back,
    who_is_muted_takes_nobody_s_place,
}

async fn who_is_muted_is_answered_as_ever_and_reaches_nobody(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    shop.asks_to_confirm(ANN, 1).await;
    provider.mail.wait_for(ANN, 1, |letter| letter.subject.contains("asks you to confirm")).await;
    ann.enters("/account/requests").await.person.presses("mute-1").await;
    assert!(ann.person.sees("muted"), "{}", ann.person.what_is_shown());
    ann.person.presses("decline-1").await;

    let told = shop.asks_behind(ANN, &[]).await.expect(200);
    assert_eq!((&told["expires_in"], &told["interval"]), (&300.into(), &5.into()));
    let id = told["auth_req_id"].as_str().unwrap();
    is_refused(&shop.fetches(id).await, "authorization_pending");
    ann.enters("/account/requests").await;
    assert!(ann.person.sees("nothing"), "{}", ann.person.what_is_shown());
    // Only of this one merchant, and of this one person.
    provider.member(EVE).await;
    shop.asks_to_confirm(EVE, 1).await;
    let letters = provider.mail.wait_for(EVE, 1, |letter| letter.subject.contains("asks you to confirm")).await;
    assert_eq!(letters.len(), 1);
    let to_ann = provider.mail.to(ANN);
    assert_eq!(to_ann.iter().filter(|letter| letter.subject.contains("asks you to confirm")).count(), 1);
    provider.waits(300_000);
    is_refused(&shop.fetches(id).await, "expired_token");
    let log = provider.log_of(ANN).await;
    assert!(log.contains(&"requests_muted ok".to_owned()), "{log:?}");
}

async fn a_mute_is_taken_back(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    shop.asks_to_sign_in(ANN).await;
    ann.enters("/account/requests").await.person.presses("mute-1").await;
    let unseen = shop.asks_to_sign_in(ANN).await;
    ann.person.presses("unmute-1").await;
    assert!(!ann.person.sees("muted"), "{}", ann.person.what_is_shown());
    ann.person.presses("decline-1").await;
    assert!(ann.person.sees("nothing"), "what came meanwhile stays unseen: {}", ann.person.what_is_shown());
    is_refused(&shop.fetches(&unseen).await, "authorization_pending");
    shop.asks_to_sign_in(ANN).await;
    ann.enters("/account/requests").await;
    assert!(ann.person.sees("look-1"), "{}", ann.person.what_is_shown());
}

async fn who_is_muted_takes_nobody_s_place(database: Database) {
    let provider =
        Provider::starts_with(database, "[backchannel]\nwaiting_per_account = 2\naccount_per_hour = 3\n").await;
    let (shop, stall) = (&provider.sites.shop, &provider.sites.stall);
    let mut ann = provider.member(ANN).await;
    shop.asks_to_confirm(ANN, 1).await;
    ann.enters("/account/requests").await.person.presses("mute-1").await;
    ann.person.presses("decline-1").await;
    for _ in 0..2 {
        shop.asks_to_confirm(ANN, 1).await;
    }
    stall.asks_signed(ANN, &serde_json::json!({})).await.expect(200);
    ann.enters("/account/requests").await;
    assert!(ann.person.sees("look-1") && !ann.person.sees("look-2"), "{}", ann.person.what_is_shown());
}
