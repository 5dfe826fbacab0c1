//! Of an approval, a refusal and the end of its time exactly one wins.

use tokio::task::JoinSet;

use super::ANN;
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Member, Provider},
        sites::PURSE,
    },
};

on_both_databases! {
    of_an_approval_and_a_refusal_at_once_one_wins,
    of_several_fetches_at_once_one_wins,
    of_two_right_answers_at_once_one_approves,
}

async fn asked(provider: &Provider) -> (Member, String) {
    let ann = provider.member(ANN).await;
    let id = provider.sites.shop.asks_to_confirm(ANN, 1050).await;
    (ann, id)
}

async fn of_an_approval_and_a_refusal_at_once_one_wins(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, id) = asked(&provider).await;
    ann.enters("/account/requests").await;
    let mut refusing = ann.clone();
    ann.person.presses_link("look-1").await;
    let answer = ann.pad.pay(&ann.person.challenge(), PURSE, 1050);
    let approval = tokio::spawn(async move {
        ann.person.types("answer", &answer).presses("continue").await;
        ann.person.what_is_shown().contains("You have approved")
    });
    let refusal = tokio::spawn(async move {
        refusing.person.presses("decline-1").await;
        refusing.person.what_is_shown().contains("You have declined")
    });
    let (approved, declined) = (approval.await.unwrap(), refusal.await.unwrap());
    assert!(approved != declined, "approved: {approved}, declined: {declined}");
    let reply = provider.sites.shop.fetches(&id).await;
    assert_eq!(reply.status == 200, approved, "{}", reply.text());
    let log = provider.log_of(ANN).await;
    let told = |entry: &str| log.iter().filter(|told| *told == entry).count();
    assert_eq!(
        (told("payment ok"), told("payment declined")),
        (usize::from(approved), usize::from(declined)),
        "{log:?}"
    );
}

async fn of_several_fetches_at_once_one_wins(database: Database) {
    let provider = std::sync::Arc::new(Provider::starts(database).await);
    let (mut ann, id) = asked(&provider).await;
    ann.approves(PURSE, 1050).await;
    let mut tries = JoinSet::new();
    for _ in 0..16 {
        let (provider, id) = (provider.clone(), id.clone());
        tries.spawn(async move { provider.sites.shop.fetches(&id).await.status.as_u16() });
    }
    let all = tries.join_all().await;
    assert_eq!(all.iter().filter(|status| **status == 200).count(), 1, "{all:?}");
    assert!(all.iter().all(|status| matches!(status, 200 | 400)), "{all:?}");
}

async fn of_two_right_answers_at_once_one_approves(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, id) = asked(&provider).await;
    ann.looks().await;
    let question = ann.person.challenge();
    let mut tabs = JoinSet::new();
    for _ in 0..4 {
        let (mut tab, answer) = (ann.person.clone(), ann.pad.pay(&question, PURSE, 1050));
        tabs.spawn(async move {
            tab.types("answer", &answer).presses("continue").await;
            tab.what_is_shown().contains("You have approved")
        });
    }
    assert_eq!(tabs.join_all().await.into_iter().filter(|approved| *approved).count(), 1);
    let log = provider.log_of(ANN).await;
    assert_eq!(log.iter().filter(|entry| *entry == "payment ok").count(), 1, "{log:?}");
    provider.sites.shop.fetches(&id).await.expect(200);
}
