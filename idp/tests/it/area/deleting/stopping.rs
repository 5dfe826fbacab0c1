//! "Keep my account": by its owner's button, and by the link that everybody has.

use enum_idp::clock::{DAY, MINUTE, SECOND};

use super::{super::account, ANN, SECOND_MAIL, asks, is_due, is_known, provider, round, stop_link};
use crate::{
    on_both_databases,
    support::{database::Database, provider::is_refused_on_a_page},
};

on_both_databases! {
    the_button_keeps_the_account,
    the_link_keeps_it_and_ends_sessions,
    a_link_stops_what_it_was_sent_for_and_nothing_else,
    nothing_is_stopped_by_guessing,
}

async fn the_button_keeps_the_account(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.has_also(ANN, SECOND_MAIL).await;
    asks(&mut ann).await;
    ann.person.presses("keep").await;
    assert!(ann.person.sees("notice") && !ann.person.sees("leaving"), "{}", ann.person.what_is_shown());
    for email in [ANN, SECOND_MAIL] {
        provider.mail.wait_for(email, 1, |letter| letter.text.contains("not deleted after all")).await;
    }
    provider.waits(8 * DAY);
    assert_eq!(round(&provider).await, 0);
    assert!(is_known(&provider, ANN).await);
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "deletion_stopped ok");
}

async fn the_link_keeps_it_and_ends_sessions(database: Database) {
    let provider = provider(database).await;
    let mut thief = provider.member(ANN).await;
    asks(&mut thief).await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, ANN, 1).await).await;
    assert!(owner.sees("keep"), "{}", owner.what_is_shown());
    assert!(is_due(&provider, ANN).await, "opening it changes nothing");
    owner.presses("keep").await;
    assert!(owner.sees("kept"), "{}", owner.what_is_shown());
    assert!(!is_due(&provider, ANN).await);
    thief.person.opens("/account/data").await;
    assert!(!thief.person.sees("export") && !thief.person.sees("prove"), "{}", thief.person.what_is_shown());
    provider.mail.wait_for(ANN, 1, |letter| letter.text.contains("not deleted after all")).await;
}

async fn a_link_stops_what_it_was_sent_for_and_nothing_else(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    asks(&mut ann).await;
    let first = stop_link(&provider, ANN, 1).await;
    let mut anybody = provider.stranger();
    anybody.opens(&first).await;
    let mut twice = anybody.clone();
    anybody.presses("keep").await;
    twice.presses("keep").await;
    is_refused_on_a_page(&twice);
    provider.waits(MINUTE);
    asks(&mut ann).await;
    let second = stop_link(&provider, ANN, 2).await;
    assert_ne!(first, second);
    anybody.opens(&first).await;
    is_refused_on_a_page(&anybody);
    anybody.posts(&first, &[]).await;
    is_refused_on_a_page(&anybody);
    assert!(is_due(&provider, ANN).await, "a link of another time stopped it");
    anybody.opens(&second).await;
    provider.waits(7 * DAY + SECOND);
    assert_eq!(round(&provider).await, 1);
    anybody.presses("keep").await;
    is_refused_on_a_page(&anybody);
    assert!(!is_known(&provider, ANN).await, "nothing brings it back");
}

async fn nothing_is_stopped_by_guessing(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let mut eve = provider.member("eve@example.com").await;
    asks(&mut ann).await;
    asks(&mut eve).await;
    let of_eve = stop_link(&provider, "eve@example.com", 1).await;
    let id = account(&provider, ANN).await.id;
    let proof = &of_eve[of_eve.len() - 22..];
    let mut guessing = provider.stranger();
    for token in ["", "x", &id, &format!("{id}{proof}"), &format!("{id}{}", "A".repeat(22)), &"é".repeat(30)] {
        guessing.posts(&format!("/account/keep/{token}"), &[]).await;
        is_refused_on_a_page(&guessing);
    }
    assert!(is_due(&provider, ANN).await && is_due(&provider, "eve@example.com").await);
}
