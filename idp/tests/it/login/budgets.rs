//! Wrong answers burn the question, pause the method and switch it off; nothing refills a budget but a right answer.

use enum_idp::clock::MINUTE;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Member, Provider},
        sites::PURSE,
    },
};

on_both_databases! {
    the_third_wrong_answer_burns_the_question,
    a_new_question_does_not_refill_the_budget,
    the_fifth_failure_pauses_the_method_and_its_owner_is_told_once,
    after_the_pause_a_right_answer_signs_in_and_refills_the_budget,
    the_twentieth_failure_switches_the_method_off_for_good,
    a_copied_pad_is_noticed_and_stops_payments_but_not_logins,
    policy_may_switch_a_method_off_earlier,
}

async fn goes_again(provider: &Provider, member: &mut Member) {
    member.person = provider.stranger();
    member.goes(&provider.sites.own.sends(&[])).await;
}

async fn fails(provider: &Provider, member: &mut Member, times: usize) {
    for _ in 0..times {
        goes_again(provider, member).await;
        member.answers_wrongly().await;
        assert!(member.person.away.is_none());
    }
}

/// Whether a right answer signs in now.
async fn gets_in(provider: &Provider, member: &mut Member) -> bool {
    goes_again(provider, member).await;
    member.answers().await;
    member.person.away.is_some()
}

async fn the_third_wrong_answer_burns_the_question(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    goes_again(&provider, &mut ann).await;
    let burnt = ann.person.clone();
    let question = burnt.challenge();
    for _ in 0..2 {
        ann.answers_wrongly().await;
        assert_eq!(ann.person.challenge(), question);
    }
    ann.answers_wrongly().await;
    assert_ne!(ann.person.challenge(), question, "a new question");
    let mut late = Member { person: burnt, ..ann.clone() };
    late.answers().await;
    assert!(late.person.away.is_none(), "a right answer to a burnt question: {:?}", late.person.away);
    ann.pad = late.pad;
    ann.answers().await;
    assert!(ann.person.brings_back().contains_key("code"));
}

async fn a_new_question_does_not_refill_the_budget(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    // Each with a new browser, a new visit and a new question.
    fails(&provider, &mut ann, 2).await;
    let row = provider.enrolment_of(&ann.email).await;
    assert_eq!((row.failures, row.wrong_here, row.challenge_number), (2, 2, 0));
    fails(&provider, &mut ann, 1).await;
    let row = provider.enrolment_of(&ann.email).await;
    assert_eq!((row.failures, row.wrong_here, row.challenge_number), (3, 0, 1), "burnt");
    provider.waits(60 * MINUTE);
    fails(&provider, &mut ann, 1).await;
    assert_eq!(provider.enrolment_of(&ann.email).await.failures, 4, "nor does time");
}

async fn the_fifth_failure_pauses_the_method_and_its_owner_is_told_once(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    provider.has_also(&ann.email, "ann@other.example").await;
    fails(&provider, &mut ann, 4).await;
    assert!(provider.enrolment_of(&ann.email).await.blocked_until.is_none());
    fails(&provider, &mut ann, 1).await;
    let told = provider.mail.wait_for(&ann.email, 1, |letter| letter.subject.contains("Wrong answers")).await;
    assert!(told[0].text.contains("15 minutes"), "{told:?}");
    provider.mail.wait_for("ann@other.example", 1, |letter| letter.subject.contains("Wrong answers")).await;
    // Two more after the pause began: not judged, not counted, not mailed.
    fails(&provider, &mut ann, 2).await;
    assert!(!gets_in(&provider, &mut ann).await, "a right answer in the pause");
    assert!(ann.person.complaint().unwrap().contains("15 minutes"), "{}", ann.person.what_is_shown());
    assert_eq!(provider.enrolment_of(&ann.email).await.failures, 5);
    let log = provider.log_of(&ann.email).await;
    assert_eq!(log.iter().filter(|entry| *entry == "login blocked").count(), 3, "{log:?}");
    let wrong = provider.mail.to(&ann.email).into_iter().filter(|letter| letter.subject.contains("Wrong answers"));
    assert_eq!(wrong.count(), 1);
}

async fn after_the_pause_a_right_answer_signs_in_and_refills_the_budget(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    fails(&provider, &mut ann, 5).await;
    provider.waits(15 * MINUTE - 1);
    assert!(!gets_in(&provider, &mut ann).await);
    provider.waits(1);
    assert!(gets_in(&provider, &mut ann).await, "{}", ann.person.what_is_shown());
    let row = provider.enrolment_of(&ann.email).await;
    assert_eq!((row.failures, row.blocked_until), (0, None));
}

async fn the_twentieth_failure_switches_the_method_off_for_good(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    for failures in [5, 10, 15, 20] {
        fails(&provider, &mut ann, 5).await;
        assert_eq!(provider.enrolment_of(&ann.email).await.failures, failures);
        provider.waits(15 * MINUTE);
    }
    assert_eq!(provider.enrolment_of(&ann.email).await.status, "disabled");
    assert!(!gets_in(&provider, &mut ann).await);
    provider.waits(30 * 24 * 60 * MINUTE);
    assert!(!gets_in(&provider, &mut ann).await, "time does not switch it on");
    provider.mail.wait_for(&ann.email, 1, |letter| letter.subject.contains("switched off")).await;
}

async fn a_copied_pad_is_noticed_and_stops_payments_but_not_logins(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let copied = ann.pad.clone();
    assert!(gets_in(&provider, &mut ann).await);
    assert!(gets_in(&provider, &mut ann).await);
    let mut thief = Member { pad: copied, ..ann.clone() };
    assert!(!gets_in(&provider, &mut thief).await, "a counter that lies behind");
    assert!(provider.enrolment_of(&ann.email).await.payments_blocked);
    assert_eq!(provider.log_of(&ann.email).await.last().unwrap(), "login clone");
    provider.mail.wait_for(&ann.email, 1, |letter| letter.subject.contains("copied")).await;

    assert!(gets_in(&provider, &mut ann).await, "logins go on");
    ann.person = provider.stranger();
    ann.goes(&provider.sites.shop.asks_to_pay(1050, &[]).await).await;
    ann.pays(PURSE, 1050).await;
    assert!(ann.person.away.is_none(), "a payment by a pad that was copied: {:?}", ann.person.away);
}

async fn policy_may_switch_a_method_off_earlier(database: Database) {
    let limits = "[limits]\nfailures_until_disabled = 3\nchallenges_per_minute = 1000\n";
    let provider = Provider::starts_with(database, limits).await;
    let mut ann = provider.member("ann@example.com").await;
    fails(&provider, &mut ann, 3).await;
    assert_eq!(provider.enrolment_of(&ann.email).await.status, "disabled");
    assert!(!gets_in(&provider, &mut ann).await);
}
