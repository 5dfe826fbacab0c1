//! Ten fingers have one budget; what a clone costs, it costs all of them.

use fingerprint_key::Manner;

use super::{ANN, adds, answers, asked, fingers, honest, is_in, is_not_in, member, provider, provider_with, signs_in};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{GENEROUS, Provider},
    },
};

on_both_databases! {
    wrong_answers_count_on_the_oldest_and_a_pause_holds_for_all,
    the_last_wrong_answer_disables_all_of_them,
    a_clone_is_refused_and_blocks_payments_by_any_of_them,
}

async fn fails(provider: &Provider) -> Person {
    let mut person = asked(provider, ANN).await;
    person.types("credential", "{}").presses("continue").await;
    is_not_in(&person);
    person
}

async fn wrong_answers_count_on_the_oldest_and_a_pause_holds_for_all(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let mut ring = adds(&provider, ANN, "Ring finger").await;
    for _ in 0..4 {
        fails(&provider).await;
    }
    let rows = fingers(&provider, ANN).await;
    assert_eq!((rows[0].failures, rows[1].failures), (4, 0));
    fails(&provider).await;
    assert!(signs_in(&provider, ANN, &mut ring).await.away.is_none(), "the pause holds for every finger");
    provider.waits(enum_idp::login::ceremony::PAUSE);
    is_in(&signs_in(&provider, ANN, &mut ring).await);
    assert_eq!(fingers(&provider, ANN).await[0].failures, 0, "a right answer by any of them clears the count");
}

async fn the_last_wrong_answer_disables_all_of_them(database: Database) {
    let provider = provider_with(database, &format!("{GENEROUS}failures_until_disabled = 4\n")).await;
    member(&provider, ANN).await;
    adds(&provider, ANN, "Ring finger").await;
    for _ in 0..4 {
        fails(&provider).await;
    }
    let statuses: Vec<_> = fingers(&provider, ANN).await.into_iter().map(|row| row.status).collect();
    assert_eq!(statuses, ["disabled", "disabled"]);
    // Whoever is led to set up a new one signs in with that.
    let mut index = adds(&provider, ANN, "Index").await;
    is_in(&signs_in(&provider, ANN, &mut index).await);
}

async fn a_clone_is_refused_and_blocks_payments_by_any_of_them(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let mut ring = adds(&provider, ANN, "Ring finger").await;
    is_in(&signs_in(&provider, ANN, &mut ring).await);
    is_in(&signs_in(&provider, ANN, &mut ring).await);
    let mut person = asked(&provider, ANN).await;
    answers(&mut person, &mut ring, &Manner { counter: Some(1), ..honest(&provider) }).await;
    is_not_in(&person);
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login clone");
    let rows = fingers(&provider, ANN).await;
    assert!(rows.iter().all(|row| row.payments_blocked && row.status == "active"), "{rows:?}");
    provider.mail.wait_for(ANN, 1, |letter| letter.text.contains("payment")).await;
    is_in(&signs_in(&provider, ANN, &mut ring).await);
}
