//! How often something is sent, and what another sending changes.

use enum_idp::clock::{HOUR, MINUTE};
use tokio::task::JoinSet;

use super::{ANN, answers, asked, code, goes, is_in, is_not_in, member, provider, provider_with, sent, wrong};
use crate::{
    on_both_databases,
    support::{database::Database, provider::GENEROUS},
};

on_both_databases! {
    another_code_voids_the_one_before,
    another_code_refills_no_budget,
    three_are_sent_in_one_visit,
    five_are_sent_in_an_hour,
    so_many_as_policy_allows_are_sent_in_a_day,
    of_several_requests_at_once_one_sends,
}

async fn another_code_voids_the_one_before(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = asked(&provider, ANN).await;
    let first = code(&provider, ANN, 1).await;
    ann.presses("again").await;
    assert!(ann.complaint().unwrap().contains("in 1 min"), "{}", ann.what_is_shown());
    assert!(ann.sees("answer"), "the question stays: {}", ann.what_is_shown());
    assert_eq!(sent(&provider).await, 1);
    provider.waits(MINUTE);
    ann.presses("again").await;
    assert!(ann.page.html.contains("A new code is on its way"), "{}", ann.what_is_shown());
    assert_eq!(sent(&provider).await, 2);
    let second = code(&provider, ANN, 2).await;
    assert_ne!(first, second, "one in a million");
    answers(&mut ann, &first).await;
    is_not_in(&ann);
    assert_eq!(provider.enrolment_of(ANN).await.failures, 1);
    answers(&mut ann, &second).await;
    is_in(&ann);
}

async fn another_code_refills_no_budget(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = asked(&provider, ANN).await;
    let first = code(&provider, ANN, 1).await;
    for _ in 0..2 {
        answers(&mut ann, &wrong(&first)).await;
        assert!(ann.sees("again"), "{}", ann.what_is_shown());
    }
    provider.waits(MINUTE);
    ann.presses("again").await;
    let second = code(&provider, ANN, 2).await;
    let mut other_tab = ann.clone();
    answers(&mut ann, &wrong(&second)).await;
    assert!(ann.complaint().unwrap().contains("so many tries"), "{}", ann.what_is_shown());
    assert!(!ann.sees("answer") && ann.sees("factor-email"), "{}", ann.what_is_shown());
    answers(&mut other_tab, &second).await;
    is_not_in(&other_tab);
    assert_eq!(sent(&provider).await, 2, "a wrong answer sends nothing");
    provider.waits(MINUTE);
    ann.presses("factor-email").await;
    answers(&mut ann, &code(&provider, ANN, 3).await).await;
    is_in(&ann);
}

async fn three_are_sent_in_one_visit(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = asked(&provider, ANN).await;
    for _ in 0..2 {
        provider.waits(MINUTE);
        ann.presses("again").await;
        assert_eq!(ann.complaint(), None);
    }
    provider.waits(MINUTE);
    ann.presses("again").await;
    assert!(ann.complaint().unwrap().contains("No more codes"), "{}", ann.what_is_shown());
    assert_eq!(sent(&provider).await, 3);
    answers(&mut ann, &code(&provider, ANN, 3).await).await;
    is_in(&ann);
}

async fn five_are_sent_in_an_hour(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    for _ in 0..5 {
        asked(&provider, ANN).await;
        provider.waits(MINUTE);
    }
    let mut ann = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    assert!(ann.complaint().unwrap().contains("in 55 min"), "{}", ann.what_is_shown());
    assert_eq!(sent(&provider).await, 5);
    let provider = provider.restarts().await;
    ann.presses("factor-email").await;
    assert!(ann.complaint().unwrap().contains("in 55 min"), "counts are durable: {}", ann.what_is_shown());
    provider.waits(55 * MINUTE);
    asked(&provider, ANN).await;
    assert_eq!(sent(&provider).await, 6);
}

async fn so_many_as_policy_allows_are_sent_in_a_day(database: Database) {
    let provider = provider_with(database, &format!("{GENEROUS}codes_per_day = 3\n")).await;
    member(&provider, ANN, "en").await;
    for _ in 0..3 {
        asked(&provider, ANN).await;
        provider.waits(HOUR);
    }
    let ann = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    assert!(ann.complaint().unwrap().contains("in 21 h"), "{}", ann.what_is_shown());
    assert_eq!(sent(&provider).await, 3);
    provider.waits(21 * HOUR);
    asked(&provider, ANN).await;
}

async fn of_several_requests_at_once_one_sends(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = provider.stranger();
    ann.opens(&provider.sites.own.sends(&[]).link).await.types("email", ANN);
    let mut tabs = JoinSet::new();
    for _ in 0..6 {
        let mut tab = ann.clone();
        tabs.spawn(async move {
            tab.presses("continue").await;
            tab
        });
    }
    let mut tabs = tabs.join_all().await;
    assert!(tabs.iter().all(|tab| tab.sees("answer")));
    assert_eq!(sent(&provider).await, 1);
    provider.waits(MINUTE);
    let mut pressed = JoinSet::new();
    for mut tab in tabs.drain(..) {
        pressed.spawn(async move {
            tab.presses("again").await;
        });
    }
    pressed.join_all().await;
    assert_eq!(sent(&provider).await, 2);
}
