//! Codes that let nobody in.

use enum_idp::clock::MINUTE;
use tokio::task::JoinSet;

use super::{ANN, answers, asked, code, is_in, is_not_in, member, provider, wrong};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    a_code_of_another_visit_is_wrong,
    somebody_elses_code_is_wrong,
    a_code_works_once,
    a_late_code_is_refused_and_costs_nothing,
    three_wrong_codes_void_the_right_one,
    of_two_right_answers_at_once_one_wins,
}

async fn a_code_of_another_visit_is_wrong(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = asked(&provider, ANN).await;
    let hers = code(&provider, ANN, 1).await;
    provider.waits(MINUTE);
    let mut eve = asked(&provider, ANN).await;
    answers(&mut eve, &hers).await;
    is_not_in(&eve);
    answers(&mut ann, &hers).await;
    is_in(&ann);
}

async fn somebody_elses_code_is_wrong(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    member(&provider, "bob@example.com", "en").await;
    let mut ann = asked(&provider, ANN).await;
    let mut bob = asked(&provider, "bob@example.com").await;
    let (anns, bobs) = (code(&provider, ANN, 1).await, code(&provider, "bob@example.com", 1).await);
    for (person, code) in [(&mut ann, bobs), (&mut bob, anns)] {
        answers(person, &code).await;
        is_not_in(person);
    }
    assert_eq!(provider.enrolment_of(ANN).await.failures, 1);
}

async fn a_code_works_once(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = asked(&provider, ANN).await;
    let mut other_tab = ann.clone();
    let code = code(&provider, ANN, 1).await;
    answers(&mut ann, &format!(" {} {}", &code[..3], &code[3..])).await;
    is_in(&ann);
    for again in [code.clone(), format!("{code} "), format!("{}-{}", &code[..3], &code[3..])] {
        let mut tab = other_tab.clone();
        answers(&mut tab, &again).await;
        is_not_in(&tab);
    }
    assert_eq!(provider.enrolment_of(ANN).await.failures, 0, "a replay is no failure");
    provider.waits(MINUTE);
    answers(&mut other_tab, &code).await;
    is_not_in(&other_tab);
}

async fn a_late_code_is_refused_and_costs_nothing(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = asked(&provider, ANN).await;
    let mut punctual = ann.clone();
    let code = code(&provider, ANN, 1).await;
    provider.waits(10 * MINUTE);
    answers(&mut ann, &code).await;
    is_not_in(&ann);
    assert!(ann.complaint().unwrap().contains("no longer valid"), "{}", ann.what_is_shown());
    assert_eq!(provider.enrolment_of(ANN).await.failures, 0);
    provider.waits(-1);
    answers(&mut punctual, &code).await;
    is_in(&punctual);
}

async fn three_wrong_codes_void_the_right_one(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let mut ann = asked(&provider, ANN).await;
    let mut other_tab = ann.clone();
    let code = code(&provider, ANN, 1).await;
    for _ in 0..3 {
        answers(&mut ann, &wrong(&code)).await;
        is_not_in(&ann);
    }
    answers(&mut other_tab, &code).await;
    is_not_in(&other_tab);
    let row = provider.enrolment_of(ANN).await;
    assert_eq!((row.failures, row.challenge_number), (3, 1));
}

async fn of_two_right_answers_at_once_one_wins(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    for round in 1..=3 {
        let ann = asked(&provider, ANN).await;
        let code = code(&provider, ANN, round).await;
        let mut tabs = JoinSet::new();
        for _ in 0..2 {
            let (mut tab, code) = (ann.clone(), code.clone());
            tabs.spawn(async move {
                answers(&mut tab, &code).await;
                tab.away.is_some_and(|url| url.query_pairs().any(|(name, _)| name == "code"))
            });
        }
        let won = tabs.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "round {round}");
        provider.waits(MINUTE);
    }
}
