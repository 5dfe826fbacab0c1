//! Which answers are right, and how often.

use enum_idp::clock::MINUTE;
use tokio::task::JoinSet;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        pad::wrong,
        person::Person,
        provider::{Member, Provider},
        sites::PURSE,
    },
};

on_both_databases! {
    a_wrong_answer_is_counted_and_a_right_one_after_it_signs_in,
    an_accepted_answer_is_not_accepted_again,
    an_answer_written_in_another_way_is_the_same_answer,
    a_late_answer_gets_a_new_question,
    the_answer_of_somebody_elses_pad_is_wrong,
    an_answer_of_the_payment_mode_does_not_sign_in,
    of_two_right_answers_at_once_exactly_one_signs_in,
    of_two_hundred_wrong_answers_at_once_no_more_are_judged_than_the_budget_allows,
    a_page_that_is_loaded_again_shows_the_same_question,
}

/// Somebody before a number-question.
async fn asked(provider: &Provider, email: &str) -> Member {
    let mut member = provider.member(email).await;
    member.goes(&provider.sites.own.sends(&[])).await;
    member
}

#[track_caller]
fn is_not_let_in(person: &Person) {
    assert!(person.away.is_none(), "let in: {:?}", person.away);
    assert!(person.complaint().is_some(), "{}", person.what_is_shown());
}

async fn a_wrong_answer_is_counted_and_a_right_one_after_it_signs_in(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, "ann@example.com").await;
    let question = ann.person.challenge();
    is_not_let_in(&ann.answers_wrongly().await.person);
    assert_eq!(ann.person.challenge(), question, "the question stays");
    assert_eq!(provider.enrolment_of(&ann.email).await.failures, 1);
    ann.answers().await;
    assert!(ann.person.brings_back().contains_key("code"));
    let row = provider.enrolment_of(&ann.email).await;
    assert_eq!((row.failures, row.wrong_here), (0, 0));
    assert_eq!(provider.log_of(&ann.email).await[3..], ["login wrong", "login ok"]);
}

async fn an_accepted_answer_is_not_accepted_again(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, "ann@example.com").await;
    let mut other_tab = ann.person.clone();
    let answer = ann.pad.answer(&ann.person.challenge());
    ann.person.types("answer", &answer).presses("continue").await;
    assert!(ann.person.brings_back().contains_key("code"));
    is_not_let_in(other_tab.types("answer", &answer).presses("continue").await);
    assert_eq!(provider.log_of(&ann.email).await.last().unwrap(), "login replayed");

    let mut thief = ann.clone();
    thief.person = provider.stranger();
    thief.goes(&provider.sites.own.sends(&[])).await;
    is_not_let_in(thief.person.types("answer", &answer).presses("continue").await);
}

async fn an_answer_written_in_another_way_is_the_same_answer(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, "ann@example.com").await;
    let mut other_tab = ann.person.clone();
    let answer = ann.pad.answer(&ann.person.challenge());
    let spaced = format!(" {}\u{a0}{} ", &answer[..4], &answer[4..]);
    ann.person.types("answer", &spaced).presses("continue").await;
    assert!(ann.person.brings_back().contains_key("code"), "spaces do not matter");
    let arabic: String = answer.bytes().map(|b| char::from_u32(0x660 + u32::from(b - b'0')).unwrap()).collect();
    for again in [answer.clone(), format!("{answer} "), format!("0{answer}"), arabic] {
        is_not_let_in(other_tab.types("answer", &again).presses("continue").await);
    }
}

async fn a_late_answer_gets_a_new_question(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, "ann@example.com").await;
    let question = ann.person.challenge();
    provider.waits(4 * MINUTE);
    is_not_let_in(&ann.answers().await.person);
    assert_ne!(ann.person.challenge(), question);
    let row = provider.enrolment_of(&ann.email).await;
    assert_eq!((row.failures, row.challenge_number), (0, 0), "being late is no failure");
    ann.answers().await;
    assert!(ann.person.brings_back().contains_key("code"));
}

async fn the_answer_of_somebody_elses_pad_is_wrong(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, "ann@example.com").await;
    let mut bob = asked(&provider, "bob@example.com").await;
    let to_anns_question = bob.pad.answer(&ann.person.challenge());
    is_not_let_in(ann.person.types("answer", &to_anns_question).presses("continue").await);
    let to_bobs_question = bob.pad.answer(&bob.person.challenge());
    is_not_let_in(ann.person.types("answer", &to_bobs_question).presses("continue").await);
    assert_eq!(provider.enrolment_of(&ann.email).await.failures, 2);
    assert_eq!(provider.enrolment_of(&bob.email).await.failures, 0);
}

async fn an_answer_of_the_payment_mode_does_not_sign_in(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, "ann@example.com").await;
    let approving = ann.pad.pay(&ann.person.challenge(), PURSE, 1050);
    is_not_let_in(ann.person.types("answer", &approving).presses("continue").await);
    assert_eq!(provider.enrolment_of(&ann.email).await.failures, 1);
}

async fn of_two_right_answers_at_once_exactly_one_signs_in(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    for _ in 0..5 {
        ann.goes(&provider.sites.own.sends(&[("prompt", "login")])).await;
        let question = ann.person.challenge();
        let mut tabs = JoinSet::new();
        for _ in 0..2 {
            let (mut tab, answer) = (ann.person.clone(), ann.pad.answer(&question));
            tabs.spawn(async move {
                tab.types("answer", &answer).presses("continue").await;
                tab.away.is_some_and(|url| url.query_pairs().any(|(name, _)| name == "code"))
            });
        }
        let let_in = tabs.join_all().await.into_iter().filter(|in_| *in_).count();
        assert_eq!(let_in, 1);
        ann.person = provider.stranger();
    }
    let log = provider.log_of(&ann.email).await;
    assert_eq!(log.iter().filter(|entry| *entry == "login ok").count(), 5, "{log:?}");
}

async fn of_two_hundred_wrong_answers_at_once_no_more_are_judged_than_the_budget_allows(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = asked(&provider, "ann@example.com").await;
    // Three burn the question, two more pause the method; then nothing is judged any more.
    let mut tried = 0;
    for (wave, failures) in [(1, 3), (2, 5), (3, 5)] {
        tried += two_hundred_try(&ann).await;
        let row = provider.enrolment_of(&ann.email).await;
        assert_eq!(row.failures, failures, "wave {wave}");
        let log = provider.log_of(&ann.email).await;
        let count = |entry: &str| log.iter().filter(|known| *known == entry).count();
        assert_eq!(count("login wrong"), usize::try_from(failures).unwrap(), "wave {wave}");
        let logged = log.iter().filter(|entry| entry.starts_with("login")).count();
        assert_eq!(logged, tried, "every try is in the log");
        // So many new questions are more than one address gets in a minute.
        provider.waits(MINUTE);
        ann.person = provider.stranger();
        ann.goes(&provider.sites.own.sends(&[])).await;
    }
    is_not_let_in(&ann.answers().await.person);
}

/// Says how many were looked at; the others were told to come back, as the factor had too much to do.
async fn two_hundred_try(ann: &Member) -> usize {
    let mistyped = wrong(&ann.pad.clone().answer(&ann.person.challenge()));
    let mut tries = JoinSet::new();
    for _ in 0..200 {
        let (mut tab, mistyped) = (ann.person.clone(), mistyped.clone());
        tries.spawn(async move {
            tab.types("answer", &mistyped).presses("continue").await;
            assert!(tab.away.is_none(), "let in: {:?}", tab.away);
            assert!(matches!(tab.reply.status.as_u16(), 200 | 503), "{}", tab.what_is_shown());
            tab.reply.status == 200
        });
    }
    tries.join_all().await.into_iter().filter(|judged| *judged).count()
}

async fn a_page_that_is_loaded_again_shows_the_same_question(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.person.opens(&provider.sites.own.sends(&[("login_hint", "ann@example.com")]).link).await;
    let (address, question) = (ann.person.at.to_string(), ann.person.challenge());
    for _ in 0..3 {
        assert_eq!(ann.person.opens(&address).await.challenge(), question);
    }
    let row = provider.enrolment_of(&ann.email).await;
    assert_eq!((row.version, row.challenge_number), (1, 0), "asking writes nothing");
}
