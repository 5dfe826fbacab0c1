//! "This was not me."

use enum_idp::clock::{DAY, HOUR};

use super::{ANSWER, EMAIL, account, answers, follows_the_link, registered, stop_link, without_waiting};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        outbox::word,
        person::Person,
        provider::{Member, Provider, is_refused_on_a_page, person_phone},
    },
};

on_both_databases! {
    the_owner_stops_a_recovery_and_nothing_is_recovered_for_a_week,
    every_address_of_the_account_can_stop_it,
    opening_the_link_stops_nothing,
    the_link_in_the_text_message_stops_as_well,
    who_made_the_link_up_stops_nothing,
    either_it_is_stopped_or_it_goes_through,
    a_login_in_the_meantime_tells_of_it,
    what_went_through_at_once_can_be_stopped_for_a_week,
    what_went_through_after_waiting_cannot_be_stopped,
}

/// Somebody's account whose recovery waits: the owner, whoever has the link, and the link.
async fn waiting(provider: &Provider) -> (Member, Person, String) {
    let owner = registered(provider, EMAIL).await;
    let mut intruder = provider.stranger();
    let link = follows_the_link(provider, &mut intruder, 1).await;
    intruder.presses("continue").await;
    assert!(intruder.sees("recover-waiting"), "{}", intruder.what_is_shown());
    (owner, intruder, link)
}

async fn the_owner_stops_a_recovery_and_nothing_is_recovered_for_a_week(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut owner, mut intruder, link) = waiting(&provider).await;
    let mut person = provider.stranger();
    person.opens(&stop_link(&provider, EMAIL, 1).await).await;
    person.presses("stop").await;
    assert!(person.sees("recover-stopped"), "{}", person.what_is_shown());
    provider.mail.wait_for(EMAIL, 1, |mail| mail.subject == "The recovery was stopped").await;
    provider.sms.wait_for(&person_phone(EMAIL), 1, |sms| sms.text.contains("was stopped")).await;
    is_refused_on_a_page(intruder.opens(&link).await);
    is_refused_on_a_page(intruder.posts(&link, &[("factor", "cipherpad")]).await);

    answers(&mut intruder, EMAIL, ANSWER).await;
    assert!(intruder.sees("recover-sent"), "the page does not tell: {}", intruder.what_is_shown());
    provider.mail.wait_for(EMAIL, 1, |mail| mail.text.contains("nothing can be recovered before")).await;
    provider.waits(24 * HOUR);
    provider.app.courier.wake();
    owner.logs_in_at(&provider.sites.own).await;
    provider.waits(6 * DAY);
    follows_the_link(&provider, &mut intruder, 2).await;
    let told = provider.mail.to(EMAIL);
    assert!(!told.iter().any(|mail| mail.subject == "You can go on"), "{told:?}");
    let log = provider.log_of(EMAIL).await;
    for entry in ["recovery stopped", "recovery locked"] {
        assert!(log.iter().any(|logged| logged == entry), "{log:?}");
    }
    assert_eq!(account(&provider, EMAIL).await.recovering, None);
}

async fn every_address_of_the_account_can_stop_it(database: Database) {
    const OTHER: &str = "ann@other.example";
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    provider.has_also(EMAIL, OTHER).await;
    let mut intruder = provider.stranger();
    follows_the_link(&provider, &mut intruder, 1).await;
    intruder.presses("continue").await;
    let mut person = provider.stranger();
    person.opens(&stop_link(&provider, OTHER, 1).await).await;
    person.presses("stop").await;
    assert!(person.sees("recover-stopped"), "{}", person.what_is_shown());
    for email in [EMAIL, OTHER] {
        provider.mail.wait_for(email, 1, |mail| mail.subject == "The recovery was stopped").await;
    }
}

async fn opening_the_link_stops_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, mut person, link) = waiting(&provider).await;
    let stop = stop_link(&provider, EMAIL, 1).await;
    for _ in 0..3 {
        assert!(provider.stranger().opens(&stop).await.sees("stop"));
    }
    provider.waits(24 * HOUR);
    assert!(person.opens(&link).await.sees("recover-due"), "{}", person.what_is_shown());
}

async fn the_link_in_the_text_message_stops_as_well(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, mut person, link) = waiting(&provider).await;
    let start = provider.origin.join("/recover/stop/").unwrap().to_string();
    let told = provider.sms.wait_for(&person_phone(EMAIL), 1, |sms| sms.text.contains(&start)).await;
    let mut owner = provider.stranger();
    owner.opens(&word(&told[0].text, &start).unwrap()).await.presses("stop").await;
    is_refused_on_a_page(person.opens(&link).await);
}

async fn who_made_the_link_up_stops_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, mut person, link) = waiting(&provider).await;
    let stop = stop_link(&provider, EMAIL, 1).await;
    let id = account(&provider, EMAIL).await.recovering.unwrap();
    let mut forger = provider.stranger();
    for forged in [
        stop[..stop.len() - 1].to_owned(),
        format!("{stop}A"),
        format!("{}{}", &stop[..stop.len() - 22], "A".repeat(22)),
        format!("/recover/stop/{id}"),
        "/recover/stop/x".to_owned(),
    ] {
        is_refused_on_a_page(forger.opens(&forged).await);
        is_refused_on_a_page(forger.posts(&forged, &[]).await);
    }
    provider.waits(24 * HOUR);
    assert!(person.opens(&link).await.sees("recover-due"), "{}", person.what_is_shown());
}

async fn either_it_is_stopped_or_it_goes_through(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, mut intruder, link) = waiting(&provider).await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, EMAIL, 1).await).await;
    provider.waits(24 * HOUR);
    intruder.opens(&link).await;
    let stopping = tokio::spawn(async move {
        owner.presses("stop").await;
        owner
    });
    let completing = tokio::spawn(async move {
        intruder.presses("continue").await;
        intruder
    });
    let (owner, intruder) = (stopping.await.unwrap(), completing.await.unwrap());
    let (stopped, through) = (owner.sees("recover-stopped"), intruder.sees("resend"));
    assert!(stopped != through, "{}\n{}", owner.what_is_shown(), intruder.what_is_shown());
    let log = provider.log_of(EMAIL).await;
    let logged = |entry: &str| log.iter().any(|logged| logged == entry);
    assert_eq!((logged("recovery stopped"), logged("recovery done")), (stopped, through), "{log:?}");
    assert_eq!(provider.enrolment_of(EMAIL).await.status, if stopped { "active" } else { "pending" });
}

async fn a_login_in_the_meantime_tells_of_it(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut owner, mut intruder, link) = waiting(&provider).await;
    for _ in 0..2 {
        owner.person = provider.stranger();
        owner.logs_in_at(&provider.sites.own).await;
    }
    let told = provider.mail.wait_for(EMAIL, 1, |mail| mail.subject.contains("while a recovery goes on")).await;
    let start = provider.origin.join("/recover/stop/").unwrap().to_string();
    owner.person.opens(&word(&told[0].text, &start).unwrap()).await.presses("stop").await;
    is_refused_on_a_page(intruder.opens(&link).await);
    let mails = provider.mail.to(EMAIL);
    let count = mails.iter().filter(|mail| mail.subject.contains("while a recovery goes on")).count();
    assert_eq!(count, 1, "once is enough: {mails:?}");
}

async fn what_went_through_at_once_can_be_stopped_for_a_week(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut intruder = provider.stranger();
    follows_the_link(&provider, &mut intruder, 1).await;
    intruder.presses("continue").await;
    let pad = super::activates(&provider, 2).await;
    let mut intruder = Member { person: intruder, pad, email: EMAIL.to_owned() };
    intruder.logs_in_at(&provider.sites.own).await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, EMAIL, 1).await).await.presses("stop").await;
    assert!(owner.sees("recover-stopped"), "{}", owner.what_is_shown());
    intruder.person.opens(&provider.sites.own.sends(&[("prompt", "none")]).link).await;
    assert_eq!(intruder.person.brings_back()["error"], "login_required");
    intruder.person = provider.stranger();
    intruder.goes(&provider.sites.own.sends(&[])).await.answers().await;
    assert!(intruder.person.away.is_none(), "signed in: {:?}", intruder.person.away);
}

async fn what_went_through_after_waiting_cannot_be_stopped(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, mut person, link) = waiting(&provider).await;
    let stop = stop_link(&provider, EMAIL, 1).await;
    provider.waits(24 * HOUR);
    person.opens(&link).await.presses("continue").await;
    is_refused_on_a_page(provider.stranger().opens(&stop).await);
    provider.stranger().posts(&stop, &[]).await;
    super::activates(&provider, 2).await;
}
