//! The change: who makes it, what proves the number, and who is told.

use enum_idp::{
    clock::{DAY, HOUR, MINUTE, SECOND},
    store::log,
};

use super::{
    super::{EVE, account, hidden},
    ANN, NEW, answers, asks_for, changes, code, is_free_to_change, is_still, member, number_of, provider,
    provider_with, times,
};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{is_refused_on_a_page, person_phone},
    },
};

on_both_databases! {
    a_number_is_changed_by_the_code_that_came_to_it,
    a_session_alone_changes_nothing,
    what_is_no_mobile_number_is_refused,
    a_code_works_once_for_ten_minutes_and_for_its_number,
    of_two_answers_at_once_one_changes_it,
    what_was_asked_for_can_be_left,
    nobody_answers_for_others,
    a_number_that_is_new_stays_for_a_while,
    the_guard_holds_messages_back,
}

async fn a_number_is_changed_by_the_code_that_came_to_it(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    provider.has_also(ANN, "ann@example.org").await;
    asks_for(&mut ann.person, "+44 7400 999 888").await;
    assert!(ann.person.page.text_of("waits").unwrap().contains("+44 7400 999888"), "{}", ann.person.what_is_shown());
    is_still(&provider, ANN).await;
    let code = code(&provider, NEW, 1).await;
    assert!(!ann.person.page.html.contains(&code) && !ann.person.at.as_str().contains(&code));
    answers(&mut ann.person, &format!("{} {}", &code[..3], &code[3..])).await;
    assert!(ann.person.sees("notice"), "{}", ann.person.what_is_shown());
    assert_eq!(number_of(&provider, ANN).await, NEW);
    for email in [ANN, "ann@example.org"] {
        let told = provider.mail.wait_for(email, 1, |letter| letter.subject.contains("number of your account")).await;
        assert!(told[0].text.contains("/account/phone/restore/") && !told[0].text.contains(NEW), "{told:?}");
    }
    let old = person_phone(ANN);
    let told = provider.sms.wait_for(&old, 1, |letter| letter.text.contains("no longer the number")).await;
    assert!(!told[0].text.contains("http"), "whoever has the earlier phone gets no link: {told:?}");
    let log = provider.log_of(ANN).await;
    assert_eq!(log[log.len() - 2..], ["phone_code ok", "phone_changed ok"], "{log:?}");
    let id = account(&provider, ANN).await.id;
    let verdict = log::verify(provider.app.db.read(), &provider.app.seal, &id).await.unwrap();
    assert!(matches!(verdict, log::Verdict::Whole { .. }), "{verdict:?}");
    ann.person.opens("/account/profile").await;
    assert_eq!(ann.person.page.text_of("account-phone").unwrap(), "+44 7400 999888");
}

async fn a_session_alone_changes_nothing(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann.person, NEW).await;
    let code = code(&provider, NEW, 1).await;
    let token = hidden(&ann.person, "confirm", "token");
    provider.waits(5 * MINUTE);
    for (path, field, value) in
        [("confirm", "code", code.as_str()), ("again", "", ""), ("send", "phone", "+447400111222")]
    {
        let mut thief = ann.person.clone();
        thief.posts(&format!("/account/phone/{path}"), &[("token", &token), (field, value)]).await;
        assert!(thief.sees("challenge"), "a stale proof does {path}: {}", thief.what_is_shown());
    }
    // Nor does a form of somebody else's making, whatever was proven.
    is_free_to_change(&mut ann).await;
    for token in ["", "x"] {
        let mut forged = ann.person.clone();
        forged.posts("/account/phone/confirm", &[("token", token), ("code", &code)]).await;
        is_refused_on_a_page(&forged);
    }
    is_still(&provider, ANN).await;
    assert!(provider.sms.to("+447400111222").is_empty());
    answers(&mut ann.person, &code).await;
    assert_eq!(number_of(&provider, ANN).await, NEW, "the code itself was good all the time");
}

async fn what_is_no_mobile_number_is_refused(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    for wrong in
        ["", "0912345678", "+84", "+44 20 7946 0018", "+44 909 8790000", &person_phone(ANN), "<script>alert(1)"]
    {
        ann.person.types("new-phone", wrong).presses("send").await;
        assert!(
            ann.person.complaint().is_some() && !ann.person.sees("waits"),
            "{wrong}: {}",
            ann.person.what_is_shown()
        );
        assert!(!ann.person.page.html.contains("<script>"));
    }
    assert_eq!(times(&provider, "phone_code ok").await, 0);
}

async fn a_code_works_once_for_ten_minutes_and_for_its_number(database: Database) {
    let provider =
        provider_with(database, "[account]\nphone_cooldown_hours = 0\nchange_seconds = 900\nidle_seconds = 1200\n")
            .await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann.person, NEW).await;
    let mut late = ann.person.clone();
    let first = code(&provider, NEW, 1).await;
    provider.waits(10 * MINUTE);
    answers(&mut late, &first).await;
    assert!(late.complaint().is_some(), "{}", late.what_is_shown());
    is_still(&provider, ANN).await;
    // Another number in its place: the code that came to the first says nothing of the second.
    is_free_to_change(&mut ann).await;
    let other = "+447400111222";
    asks_for(&mut ann.person, other).await;
    let (second, stale) = (code(&provider, other, 1).await, first);
    if stale != second {
        answers(&mut ann.person, &stale).await;
        assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    }
    let mut twice = ann.person.clone();
    answers(&mut ann.person, &second).await;
    assert_eq!(number_of(&provider, ANN).await, other);
    answers(&mut twice, &second).await;
    assert!(twice.complaint().is_some(), "{}", twice.what_is_shown());
    assert_eq!(times(&provider, "phone_changed ok").await, 1);
}

async fn of_two_answers_at_once_one_changes_it(database: Database) {
    let provider = provider_with(database, "[account]\nphone_cooldown_hours = 0\n").await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann.person, NEW).await;
    let code = code(&provider, NEW, 1).await;
    let (mut one, mut two) = (ann.person.clone(), ann.person.clone());
    tokio::join!(answers(&mut one, &code), answers(&mut two, &code));
    assert_eq!(number_of(&provider, ANN).await, NEW);
    assert_eq!(times(&provider, "phone_changed ok").await, 1, "{}\n{}", one.what_is_shown(), two.what_is_shown());
}

async fn what_was_asked_for_can_be_left(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann.person, NEW).await;
    let mut another_tab = ann.person.clone();
    ann.person.presses("cancel").await;
    assert!(ann.person.sees("new-phone") && !ann.person.sees("waits"), "{}", ann.person.what_is_shown());
    answers(&mut another_tab, &code(&provider, NEW, 1).await).await;
    assert!(another_tab.complaint().is_some(), "{}", another_tab.what_is_shown());
    is_still(&provider, ANN).await;
}

async fn nobody_answers_for_others(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    let mut eve = member(&provider, EVE).await;
    asks_for(&mut ann.person, NEW).await;
    let code = code(&provider, NEW, 1).await;
    let token = hidden(&eve.person, "send", "token");
    eve.person.posts("/account/phone/confirm", &[("token", &token), ("code", &code)]).await;
    assert!(eve.person.complaint().is_some(), "{}", eve.person.what_is_shown());
    is_still(&provider, EVE).await;
    is_still(&provider, ANN).await;
}

async fn a_number_that_is_new_stays_for_a_while(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    changes(&provider, &mut ann, NEW).await;
    assert!(ann.person.sees("settles") && !ann.person.sees("new-phone"), "{}", ann.person.what_is_shown());
    provider.waits(3 * DAY - HOUR);
    ann.enters("/account/methods").await.confirms().await;
    let token = hidden(&ann.person, "rename-1", "token");
    ann.person.posts("/account/phone/send", &[("token", &token), ("phone", "+447400111222")]).await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    provider.waits(HOUR + SECOND);
    changes(&provider, &mut ann, "+447400111222").await;
}

async fn the_guard_holds_messages_back(database: Database) {
    let provider = provider_with(database, "[sms.guard]\ncountries = ['GB']\nnumber_per_hour = 1\n").await;
    let mut ann = member(&provider, ANN).await;
    ann.person.types("new-phone", "+84912345678").presses("send").await;
    assert!(ann.person.complaint().is_some() && !ann.person.sees("waits"), "{}", ann.person.what_is_shown());
    asks_for(&mut ann.person, NEW).await;
    provider.waits(MINUTE);
    ann.person.presses("again").await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    assert_eq!(times(&provider, "phone_code ok").await, 1);
    // The one that was sent still works.
    answers(&mut ann.person, &code(&provider, NEW, 1).await).await;
    assert_eq!(number_of(&provider, ANN).await, NEW);
}
