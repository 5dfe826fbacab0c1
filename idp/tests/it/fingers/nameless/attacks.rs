//! What others try with a passkey's answer, and what none but an honest browser and key would send.

use enum_idp::clock::MINUTE;
use fingerprint_key::Manner;

use super::{
    ANN, adds, arrives, fingers, handle, honest, is_in, is_not_in, is_refused_as_ever, member, options, patient, sends,
    touches,
};
use crate::{
    fingers::{BOB, provider, provider_with},
    on_both_databases,
    support::{database::Database, provider::is_refused_on_a_page},
};

on_both_databases! {
    an_answer_works_once,
    of_two_answers_at_once_one_signs_in,
    an_answer_is_good_for_its_own_visit_and_browser,
    an_answer_to_a_question_from_long_ago_is_too_late,
    an_answer_with_an_address_and_one_without_are_two_things,
    what_was_signed_elsewhere_or_by_nobody_is_wrong,
    a_handle_of_one_and_a_key_of_another_is_wrong,
    a_clone_is_noticed,
}

async fn an_answer_works_once(database: Database) {
    let provider = provider(database).await;
    // One whose counter does not count: nothing but us would notice.
    let still = Manner { counter: Some(0), ..honest(&provider) };
    let mut thumb = member(&provider, ANN).await;
    let mut ann = arrives(&provider).await;
    let mut again = ann.clone();
    let answer = thumb.get(&options(&ann), &still).unwrap();
    sends(&mut ann, &answer).await;
    is_in(&ann);
    sends(&mut again, &answer).await;
    is_refused_as_ever(&again);
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login replayed");
    // The page asks anew.
    touches(&mut again, &mut thumb, &still).await;
    is_in(&again);
}

async fn of_two_answers_at_once_one_signs_in(database: Database) {
    let provider = provider(database).await;
    let still = Manner { counter: Some(0), ..honest(&provider) };
    let mut thumb = member(&provider, ANN).await;
    for _ in 0..5 {
        let mut ann = arrives(&provider).await;
        let mut again = ann.clone();
        let answer = thumb.get(&options(&ann), &still).unwrap();
        tokio::join!(sends(&mut ann, &answer), sends(&mut again, &answer));
        let (one, other) = (ann.away.is_some(), again.away.is_some());
        assert!(one != other, "{} {}", ann.what_is_shown(), again.what_is_shown());
    }
}

async fn an_answer_is_good_for_its_own_visit_and_browser(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = arrives(&provider).await;
    let answer = thumb.get(&options(&ann), &honest(&provider)).unwrap();
    // Somebody who got hold of it, at a page of their own.
    let mut thief = arrives(&provider).await;
    sends(&mut thief, &answer).await;
    is_refused_as_ever(&thief);
    // Who has the page's address as well still has not the browser.
    let action = ann.page.control("credential").unwrap().0.action.clone();
    is_refused_on_a_page(thief.posts(&action, &[("nameless", "1"), ("credential", &answer)]).await);
    // Nor has the same browser asked for it in another visit.
    let mut other = ann.clone();
    other.opens(&provider.sites.own.sends(&[]).link).await;
    sends(&mut other, &answer).await;
    is_refused_as_ever(&other);
    sends(&mut ann, &answer).await;
    is_in(&ann);
}

async fn an_answer_to_a_question_from_long_ago_is_too_late(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = arrives(&provider).await;
    provider.waits(10 * MINUTE);
    let before = provider.log_of(ANN).await;
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_not_in(&ann);
    assert!(ann.complaint().unwrap().contains("open for too long"), "{}", ann.what_is_shown());
    assert_eq!(
        (provider.log_of(ANN).await, fingers(&provider, ANN).await[0].failures),
        (before, 0),
        "it was not looked at"
    );
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_in(&ann);
}

async fn an_answer_with_an_address_and_one_without_are_two_things(database: Database) {
    let provider = provider_with(database, &patient()).await;
    let mut thumb = member(&provider, ANN).await;
    // In one visit, and of one enrolment: what differs is what was asked.
    let mut ann = arrives(&provider).await;
    let (mut typed, mut same) = (ann.clone(), ann.clone());
    typed.types("email", ANN).presses("continue").await;
    let without = thumb.get(&options(&ann), &honest(&provider)).unwrap();
    let with = thumb.get(&options(&typed), &honest(&provider)).unwrap();
    sends(&mut ann, &with).await;
    is_refused_as_ever(&ann);
    typed.types("credential", &without).presses("continue").await;
    is_not_in(&typed);
    sends(&mut same, &without).await;
    is_in(&same);
}

async fn what_was_signed_elsewhere_or_by_nobody_is_wrong(database: Database) {
    let provider = provider_with(database, &patient()).await;
    let mut thumb = member(&provider, ANN).await;
    let manners = [
        ("a foreign origin", Manner::at("https://evil.example")),
        ("a foreign RP ID", Manner { rp_id: Some("evil.example".to_owned()), ..honest(&provider) }),
        ("nobody verified", Manner { verified: false, ..honest(&provider) }),
        ("nobody present", Manner { present: false, ..honest(&provider) }),
        ("a frame", Manner { framed: true, ..honest(&provider) }),
        ("another ceremony", Manner { ceremony: Some("webauthn.create"), ..honest(&provider) }),
    ];
    for (what, manner) in manners {
        let mut person = arrives(&provider).await;
        touches(&mut person, &mut thumb, &manner).await;
        is_refused_as_ever(&person);
        assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login wrong", "{what}");
        touches(&mut person, &mut thumb, &honest(&provider)).await;
        is_in(&person);
    }
}

async fn a_handle_of_one_and_a_key_of_another_is_wrong(database: Database) {
    let provider = provider_with(database, &patient()).await;
    let mut anns = member(&provider, ANN).await;
    let mut bobs = member(&provider, BOB).await;
    adds(&provider, BOB, "Ring finger").await;
    let as_bob = Manner { user: Some(handle(&provider, BOB).await.into_bytes()), ..honest(&provider) };
    let as_ann = Manner { user: Some(handle(&provider, ANN).await.into_bytes()), ..honest(&provider) };
    for (key, manner, whose, others) in [(&mut anns, &as_bob, BOB, ANN), (&mut bobs, &as_ann, ANN, BOB)] {
        let before = provider.log_of(others).await;
        let mut person = arrives(&provider).await;
        touches(&mut person, key, manner).await;
        is_refused_as_ever(&person);
        assert_eq!(provider.log_of(whose).await.last().unwrap(), "login wrong");
        assert_eq!(provider.log_of(others).await, before);
    }
}

async fn a_clone_is_noticed(database: Database) {
    let provider = provider_with(database, &patient()).await;
    let mut thumb = member(&provider, ANN).await;
    for _ in 0..2 {
        let mut ann = arrives(&provider).await;
        touches(&mut ann, &mut thumb, &honest(&provider)).await;
        is_in(&ann);
    }
    let mut copy = arrives(&provider).await;
    touches(&mut copy, &mut thumb, &Manner { counter: Some(1), ..honest(&provider) }).await;
    is_refused_as_ever(&copy);
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login clone");
    assert!(fingers(&provider, ANN).await[0].payments_blocked);
    provider.mail.wait_for(ANN, 1, |letter| letter.text.contains("payment")).await;
}
