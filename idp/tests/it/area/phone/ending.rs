//! What belongs to the earlier number ends with it, and the new one has to settle.

use enum_idp::clock::{DAY, HOUR, MINUTE, SECOND};

use super::{
    super::{adds_texts, enrolments, hidden},
    ANN, NEW, asks_for, changes, code, is_free_to_change, is_still, member, provider, provider_with,
};
use crate::{
    codes::{answers as answers_a_code, goes, is_in, is_not_in},
    on_both_databases, recovery,
    support::{
        database::Database,
        pad::Activation,
        provider::{Provider, person_phone},
    },
};

on_both_databases! {
    codes_by_text_message_end_with_the_number,
    where_they_are_the_only_way_in_the_number_stays,
    what_was_switched_off_does_not_come_back_with_another_number,
    an_activation_from_before_is_void,
    a_new_number_signs_in_and_does_not_pay_yet,
    a_recovery_waits_until_the_number_has_settled,
}

/// The code of the newest of `count` messages of the method that came to a number.
async fn texted(provider: &Provider, phone: &str, count: usize) -> String {
    let is_it = |text: &str| text.contains("\n@") && !text.contains("is the code that makes");
    let letters = provider.sms.wait_for(phone, count, |letter| is_it(&letter.text)).await;
    assert_eq!(letters.len(), count, "{letters:?}");
    letters.last().unwrap().text.rsplit_once('#').unwrap().1.to_owned()
}

async fn codes_by_text_message_end_with_the_number(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    adds_texts(&provider, ANN).await;
    let mut before = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    before.presses("factor-sms").await;
    let asked = texted(&provider, &person_phone(ANN), 1).await;
    is_free_to_change(&mut ann).await;
    assert!(ann.person.sees("ends"), "the page warns: {}", ann.person.what_is_shown());
    changes(&provider, &mut ann, NEW).await;
    answers_a_code(&mut before, &asked).await;
    is_not_in(&before);
    let after = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    assert!(after.sees("challenge") && !after.sees("factor-sms"), "{}", after.what_is_shown());
    let left: Vec<String> = enrolments(&provider, ANN).await.into_iter().map(|row| row.factor).collect();
    assert_eq!(left, ["cipherpad"]);
    assert!(provider.sms.to(NEW).iter().all(|letter| letter.text.contains("is the code that makes")));
}

async fn where_they_are_the_only_way_in_the_number_stays(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann.person, NEW).await;
    let waits = ann.clone();
    let code = code(&provider, NEW, 1).await;
    adds_texts(&provider, ANN).await;
    let pad = enrolments(&provider, ANN).await.into_iter().find(|row| row.factor == "cipherpad").unwrap().id;
    let token = hidden(&ann.person, "confirm", "token");
    ann.person.posts("/account/methods/off", &[("token", &token), ("id", &pad)]).await;
    // The code was sent while there was another way in: what counts is what there is now.
    let mut person = waits.person;
    super::answers(&mut person, &code).await;
    assert!(person.complaint().unwrap().contains("only way in"), "{}", person.what_is_shown());
    person.opens("/account/phone").await;
    assert!(person.sees("only-way") && !person.sees("new-phone"), "{}", person.what_is_shown());
    person.posts("/account/phone/send", &[("token", &token), ("phone", "+447400111222")]).await;
    assert!(person.complaint().is_some(), "{}", person.what_is_shown());
    is_still(&provider, ANN).await;
    assert_eq!(enrolments(&provider, ANN).await.iter().filter(|row| row.status == "active").count(), 1);
}

async fn what_was_switched_off_does_not_come_back_with_another_number(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    adds_texts(&provider, ANN).await;
    ann.enters("/account/methods").await.confirms().await.person.presses("off-2").await;
    let texts = enrolments(&provider, ANN).await.into_iter().find(|row| row.factor == "sms").unwrap();
    assert_eq!(texts.status, "off");
    changes(&provider, &mut ann, NEW).await;
    ann.person.opens("/account/methods").await;
    let token = hidden(&ann.person, "rename-1", "token");
    ann.person.posts("/account/methods/on", &[("token", &token), ("id", &texts.id)]).await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    assert!(enrolments(&provider, ANN).await.iter().all(|row| row.factor != "sms"));
}

async fn an_activation_from_before_is_void(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account/methods").await.confirms().await.person.presses("add-cipherpad").await;
    let sent = provider.activation_code(&person_phone(ANN), 1).await;
    provider.waits(SECOND);
    changes(&provider, &mut ann, NEW).await;
    let found = Activation::new(ANN, &sent);
    let asked = found.hello(&provider.origin).await.expect(200);
    let done = found.finish(&provider.origin, &asked, &provider.clock).await;
    assert!(done.is_none(), "whoever has the earlier phone activates a pad");
}

async fn a_new_number_signs_in_and_does_not_pay_yet(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.waits(SECOND);
    changes(&provider, &mut ann, NEW).await;
    adds_texts(&provider, ANN).await;
    let mut login = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    login.presses("factor-sms").await;
    let code = texted(&provider, NEW, 1).await;
    answers_a_code(&mut login, &code).await;
    is_in(&login);
    let pays = async || goes(&provider, &provider.sites.shop.asks_to_pay(1050, &[]).await, ANN).await;
    provider.waits(3 * DAY - HOUR);
    let early = pays().await;
    assert!(early.sees("challenge") && !early.sees("factor-sms"), "{}", early.what_is_shown());
    provider.waits(HOUR);
    let later = pays().await;
    assert!(later.sees("factor-sms"), "{}", later.what_is_shown());
}

async fn a_recovery_waits_until_the_number_has_settled(database: Database) {
    let provider = provider_with(database, "recovery_wait_hours = 0\n").await;
    let mut ann = recovery::registered(&provider, ANN).await;
    changes(&provider, &mut ann, NEW).await;
    provider.waits(2 * DAY);
    let mut person = provider.stranger();
    recovery::answers(&mut person, ANN, recovery::ANSWER).await;
    let link = recovery::mailed_link(&provider, ANN, 1).await;
    person.opens(&link).await;
    person.presses("continue").await;
    assert!(person.sees("recover-waiting"), "{}", person.what_is_shown());
    provider.waits(DAY - MINUTE);
    person.opens(&link).await;
    assert!(person.sees("recover-waiting"), "{}", person.what_is_shown());
    provider.waits(MINUTE);
    person.opens(&link).await.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    provider.activation_code(NEW, 1).await;
}
