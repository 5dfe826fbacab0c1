//! Guessing codes, and having them sent to somebody.

use enum_idp::clock::{DAY, HOUR, MINUTE};

use super::{
    super::hidden, ANN, NEW, answers, asks_for, code, is_free_to_change, is_still, member, number_of, provider, times,
};
use crate::{codes::wrong, on_both_databases, support::database::Database};

on_both_databases! {
    three_wrong_answers_end_a_code,
    another_code_refills_nothing,
    of_many_guesses_at_once_none_goes_uncounted,
    codes_are_sent_now_and_then_only,
}

async fn three_wrong_answers_end_a_code(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann.person, NEW).await;
    let code = code(&provider, NEW, 1).await;
    for slip in ["", "12345", "1234567", "12345x", "' OR 1=1"] {
        answers(&mut ann.person, slip).await;
        assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    }
    let mut patient = ann.person.clone();
    for _ in 0..3 {
        answers(&mut patient.clone(), &wrong(&code)).await;
    }
    answers(&mut patient, &code).await;
    assert!(patient.complaint().is_some(), "{}", patient.what_is_shown());
    is_still(&provider, ANN).await;
    assert_eq!(times(&provider, "phone_code wrong").await, 3, "slips are not counted");
}

async fn another_code_refills_nothing(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    let mut sent = 0;
    asks_for(&mut ann.person, NEW).await;
    for round in 0..4 {
        sent += 1;
        let code = code(&provider, NEW, sent).await;
        for _ in 0..if round == 3 { 1 } else { 3 } {
            answers(&mut ann.person.clone(), &wrong(&code)).await;
        }
        provider.waits(MINUTE);
        is_free_to_change(&mut ann).await;
        if round < 3 {
            asks_for(&mut ann.person, NEW).await;
        }
    }
    assert_eq!(times(&provider, "phone_code wrong").await, 10);
    // The last code is right, and nobody looks at it any more.
    let last = code(&provider, NEW, sent).await;
    answers(&mut ann.person, &last).await;
    assert!(ann.person.complaint().unwrap().contains("tomorrow"), "{}", ann.person.what_is_shown());
    ann.person.presses("again").await;
    assert!(ann.person.complaint().unwrap().contains("tomorrow"), "{}", ann.person.what_is_shown());
    is_still(&provider, ANN).await;
    provider.waits(DAY);
    is_free_to_change(&mut ann).await;
    asks_for(&mut ann.person, NEW).await;
    answers(&mut ann.person, &code(&provider, NEW, sent + 1).await).await;
    assert_eq!(number_of(&provider, ANN).await, NEW);
}

async fn of_many_guesses_at_once_none_goes_uncounted(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann.person, NEW).await;
    let code = code(&provider, NEW, 1).await;
    let mut guessing = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (mut person, guess) = (ann.person.clone(), wrong(&code));
        guessing.spawn(async move { answers(&mut person, &guess).await });
    }
    while let Some(done) = guessing.join_next().await {
        done.unwrap();
    }
    let counted = times(&provider, "phone_code wrong").await;
    assert!((1..=3).contains(&counted), "{counted} answers were looked at");
    for _ in counted..3 {
        answers(&mut ann.person.clone(), &wrong(&code)).await;
    }
    answers(&mut ann.person, &code).await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    is_still(&provider, ANN).await;
}

async fn codes_are_sent_now_and_then_only(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann.person, NEW).await;
    let token = hidden(&ann.person, "confirm", "token");
    // To whatever number: it is the account that is counted.
    for (number, is_sent) in [("+447400111222", false), (NEW, false)] {
        ann.person.posts("/account/phone/send", &[("token", &token), ("phone", number)]).await;
        assert_eq!(ann.person.complaint().is_none(), is_sent, "{}", ann.person.what_is_shown());
    }
    for _ in 0..4 {
        provider.waits(MINUTE);
        is_free_to_change(&mut ann).await;
        ann.person.presses("again").await;
        assert!(ann.person.complaint().is_none(), "{}", ann.person.what_is_shown());
    }
    provider.waits(MINUTE);
    is_free_to_change(&mut ann).await;
    ann.person.presses("again").await;
    assert!(ann.person.complaint().is_some(), "a sixth in an hour: {}", ann.person.what_is_shown());
    assert_eq!(times(&provider, "phone_code ok").await, 5);
    provider.waits(HOUR);
    is_free_to_change(&mut ann).await;
    asks_for(&mut ann.person, NEW).await;
    let mut both = [ann.person.clone(), ann.person.clone()];
    provider.waits(MINUTE);
    let [one, two] = &mut both;
    tokio::join!(one.presses("again"), two.presses("again"));
    assert_eq!(times(&provider, "phone_code ok").await, 7, "of two at once one is sent");
}
