//! What becomes of an account when two have believed it, and of whoever still has the old address.

use enum_idp::{
    account::{
        recovery::approval::{self, SupportError},
        recovery_codes_by_admin,
    },
    clock::{DAY, HOUR},
    store::{address, phone_undo, recovery},
};
use sea_orm::EntityTrait;

use super::{EMAIL, NEW, PHONE, approve, approved, asked, newest, registered, writes};
use crate::{
    on_both_databases,
    recovery::{ANSWER, account, answers, asks, follows_the_link, mailed_link, stop_link},
    support::{
        database::Database,
        pad::Pad,
        provider::{Member, Provider, is_refused_on_a_page, person_phone},
    },
};

on_both_databases! {
    somebody_without_mail_and_phone_gets_in_again,
    the_old_address_stops_it,
    whoever_has_the_old_address_has_nothing_any_more,
    an_address_of_another_account_is_not_given_away,
    support_ends_a_recovery_that_waits,
    a_recovery_code_ends_what_support_began,
    an_approved_request_outlives_its_time_as_an_open_one,
    without_a_waiting_time_the_old_address_learns_nothing,
}

/// Presses the button of the link, up to the page that waits for the pad.
async fn goes_on(provider: &Provider, link: &str) -> crate::support::person::Person {
    let mut person = provider.stranger();
    person.opens(link).await.chooses("factor-cipherpad").presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    person
}

async fn somebody_without_mail_and_phone_gets_in_again(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    provider.has_also(EMAIL, "ann.second@example.com").await;
    let link = approved(&provider, &id).await;
    for address in [EMAIL, "ann.second@example.com"] {
        stop_link(&provider, address, 1).await;
    }
    provider.sms.wait_for(&person_phone(EMAIL), 1, |sms| sms.text.contains("/recover/stop/")).await;
    assert_eq!(account(&provider, EMAIL).await.phone, person_phone(EMAIL), "nothing has changed yet");
    let mut person = goes_on(&provider, &link).await;
    let code = provider.activation_code(PHONE, 1).await;
    let pad = Pad::activate(&provider.origin, NEW, &code, &provider.clock).await;
    is_refused_on_a_page(person.opens(&link).await);
    let mut ann = Member { person: provider.stranger(), pad, email: NEW.to_owned() };
    ann.logs_in_at(&provider.sites.own).await;
    for address in [EMAIL, "ann.second@example.com"] {
        provider.mail.wait_for(address, 1, |mail| mail.subject.contains("a new address and number")).await;
    }
    provider.sms.wait_for(&person_phone(EMAIL), 1, |sms| sms.text.contains("another address and number")).await;
    let log = provider.log_of(NEW).await;
    for entry in ["support asked", "support approved_once", "support approved", "recovery done"] {
        assert!(log.iter().any(|logged| logged == entry), "{entry}: {log:?}");
    }
}

async fn the_old_address_stops_it(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    approve(&provider, &id).await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, EMAIL, 1).await).await.presses("stop").await;
    assert!(owner.sees("recover-stopped"), "{}", owner.what_is_shown());
    provider.waits(24 * HOUR);
    provider.app.courier.wake();
    provider.mail.wait_for(EMAIL, 1, |mail| mail.subject == "The recovery was stopped").await;
    let told = provider.mail.to(NEW);
    assert!(!told.iter().any(|mail| mail.text.contains("/recover/link/")), "{told:?}");
    assert_eq!(account(&provider, EMAIL).await.email, EMAIL);
}

/// The old mailbox may be in other hands: neither it nor what was mailed to it opens anything.
async fn whoever_has_the_old_address_has_nothing_any_more(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    provider.has_also(EMAIL, "ann.second@example.com").await;
    let owner = account(&provider, EMAIL).await.id;
    approve(&provider, &id).await;
    provider.waits(24 * HOUR);
    provider.app.courier.wake();
    let mut intruder = provider.stranger();
    let mailed = follows_the_link(&provider, &mut intruder, 1).await;
    let restore = address::link::Model {
        token_hash: provider.app.seal.hash(address::link::RESTORE, "token"),
        account_id: owner.clone(),
        purpose: address::link::RESTORE.to_owned(),
        email: "ann.third@example.com".to_owned(),
        created_at: 0,
        expires_at: provider.clock.now() + DAY,
        used_at: None,
    };
    let undo_hash = provider.app.seal.hash("phone undo", "token");
    let undo = phone_undo::Model {
        sealed: provider.app.seal.record_json(phone_undo::RECORD, &undo_hash, &"+447400888888").unwrap(),
        token_hash: undo_hash,
        account_id: owner.clone(),
        created_at: 0,
        expires_at: provider.clock.now() + DAY,
        used_at: None,
    };
    provider.app.db.write(|tx| Box::pin(async move { address::link::add(tx, restore).await })).await.unwrap();
    provider.app.db.write(|tx| Box::pin(async move { phone_undo::add(tx, undo).await })).await.unwrap();
    assert_eq!(provider.stranger().opens("/account/phone/restore/token").await.reply.status, 200);
    let start = provider.origin.join("/recover/link/").unwrap().to_string();
    let letters = provider.mail.wait_for(NEW, 1, |mail| mail.text.contains(&start)).await;
    goes_on(&provider, &crate::support::outbox::word(&letters[0].text, &start).unwrap()).await;

    let theirs = address::of_account(provider.app.db.read(), &owner).await.unwrap();
    assert_eq!(theirs.iter().map(|address| address.email.as_str()).collect::<Vec<_>>(), [NEW]);
    is_refused_on_a_page(intruder.opens(&mailed).await);
    is_refused_on_a_page(intruder.posts("/account/restore/token", &[]).await);
    is_refused_on_a_page(intruder.posts("/account/phone/restore/token", &[]).await);
    assert_eq!(account(&provider, NEW).await.phone, PHONE);
    is_refused_on_a_page(intruder.opens(&stop_link(&provider, EMAIL, 1).await).await);
    // A right answer is one about nobody now.
    answers(&mut intruder, EMAIL, ANSWER).await;
    answers(&mut intruder, NEW, ANSWER).await;
    mailed_link(&provider, NEW, 1).await;
    assert_eq!(provider.mail.to(EMAIL).iter().filter(|mail| mail.text.contains(&start)).count(), 1, "the earlier one");
}

async fn an_address_of_another_account_is_not_given_away(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    let link = approved(&provider, &id).await;
    registered(&provider, NEW).await;
    let mut person = provider.stranger();
    person.opens(&link).await.chooses("factor-cipherpad").presses("continue").await;
    is_refused_on_a_page(&person);
    assert_ne!(account(&provider, EMAIL).await.id, account(&provider, NEW).await.id);
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "active", "nothing has ended");
    writes(&provider, &mut person, EMAIL, NEW).await;
    let id = newest(&provider).await;
    let refused = approval::approve(&provider.app, &id, "olga").await.unwrap_err();
    assert!(matches!(refused, SupportError::Taken(_)), "{refused}");
}

async fn support_ends_a_recovery_that_waits(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    let mut intruder = provider.stranger();
    let link = follows_the_link(&provider, &mut intruder, 1).await;
    intruder.presses("continue").await;
    approved(&provider, &id).await;
    is_refused_on_a_page(intruder.opens(&link).await);
    is_refused_on_a_page(intruder.posts(&link, &[]).await);
}

async fn a_recovery_code_ends_what_support_began(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    let link = approved(&provider, &id).await;
    let codes = recovery_codes_by_admin(&provider.app, EMAIL).await.unwrap();
    let mut owner = provider.stranger();
    asks(&mut owner, EMAIL).await;
    owner.types("code", &codes[0]).presses("use-code").await;
    owner.opens(&mailed_link(&provider, EMAIL, 1).await).await.presses("continue").await;
    assert!(owner.sees("resend"), "{}", owner.what_is_shown());
    is_refused_on_a_page(provider.stranger().opens(&link).await);
    assert_eq!(account(&provider, EMAIL).await.phone, person_phone(EMAIL));
}

async fn an_approved_request_outlives_its_time_as_an_open_one(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    provider.waits(30 * DAY - HOUR);
    let link = approved(&provider, &id).await;
    provider.waits(3 * DAY);
    let now = provider.clock.now();
    provider
        .app
        .db
        .write(move |tx| Box::pin(async move { enum_idp::store::expiry::sweep(tx, now).await }))
        .await
        .unwrap();
    goes_on(&provider, &link).await;
    assert_eq!(account(&provider, NEW).await.phone, PHONE);
}

/// Then nothing could be stopped before; after it, the old address neither ends what two have decided nor learns the new one.
async fn without_a_waiting_time_the_old_address_learns_nothing(database: Database) {
    let provider = super::super::without_waiting(database).await;
    let id = asked(&provider).await;
    approve(&provider, &id).await;
    let start = provider.origin.join("/recover/link/").unwrap().to_string();
    let letters = provider.mail.wait_for(NEW, 1, |mail| mail.text.contains(&start)).await;
    goes_on(&provider, &crate::support::outbox::word(&letters[0].text, &start).unwrap()).await;
    let mut stranger = provider.stranger();
    is_refused_on_a_page(stranger.opens(&stop_link(&provider, EMAIL, 1).await).await);
    assert!(!stranger.page.html.contains(NEW), "{}", stranger.what_is_shown());
    let rows = recovery::Entity::find().all(provider.app.db.read()).await.unwrap();
    assert!(rows.iter().any(|row| row.status == recovery::DONE), "{rows:?}");
}
