//! Codes by text message, from the real plugin through the real outbox: for logins and for payments.

mod enrolling;
mod fees;
mod free;
mod guard;
mod ledger;
mod paying;
mod signing_in;
mod strangers;

pub(crate) use fees::charged;

use enum_idp::{
    account::{NewAccount, create_by_admin},
    clock::Millis,
    store::fee::{self, Filter, Line},
};

use crate::{
    codes::{goes, proves},
    support::{
        database::Database,
        outbox::Letter,
        person::Person,
        provider::{GENEROUS, Provider, Written, person_phone},
        sites::Visit,
    },
};

const ANN: &str = "ann@example.com";

/// With codes by text message as the only method.
async fn provider(database: Database) -> Provider {
    provider_with(database, GENEROUS).await
}

async fn provider_with(database: Database, settings: &str) -> Provider {
    Provider::starts_as(database, Written { settings: settings.to_owned(), ..written("sms_factor") }).await
}

/// A configuration with this entry for codes by text message.
fn written(sms: &'static str) -> Written {
    Written { pins: vec![sms, "merchant"], ..Written::default() }
}

/// The whole ledger.
async fn ledger(provider: &Provider) -> Vec<Line> {
    let all = Filter { account_id: None, since: 0, until: Millis::MAX };
    fee::page(provider.app.db.read(), &all, None).await.unwrap()
}

/// Somebody with an account who gets codes by text message.
async fn member(provider: &Provider, email: &str, locale: &str) {
    let new = NewAccount {
        email: email.to_owned(),
        phone: person_phone(email),
        locale: locale.to_owned(),
        factor: Some("sms".to_owned()),
        activate: true,
        ..NewAccount::default()
    };
    let begun = create_by_admin(&provider.app, new).await.unwrap().begun;
    proves(provider, begun).await;
}

/// A fresh browser that is asked for the code of a login.
async fn asked(provider: &Provider, email: &str) -> Person {
    let person = goes(provider, &provider.sites.own.sends(&[]), email).await;
    assert!(person.sees("answer") && person.sees("again"), "{}", person.what_is_shown());
    person
}

/// A fresh browser that is shown the fee of the message for a payment of so much, in minor units.
async fn shown_the_fee(provider: &Provider, email: &str, minor: u64) -> (Person, Visit) {
    let visit = provider.sites.shop.asks_to_pay(minor, &[]).await;
    let person = goes(provider, &visit, email).await;
    assert!(person.sees("accept") && !person.sees("answer"), "{}", person.what_is_shown());
    (person, visit)
}

/// A fresh browser that has accepted the fee and is asked for the code of a payment.
async fn asked_to_pay(provider: &Provider, email: &str, minor: u64) -> (Person, Visit) {
    let (mut person, visit) = shown_the_fee(provider, email, minor).await;
    person.presses("accept").await;
    assert!(person.sees("answer") && person.sees("compare"), "{}", person.what_is_shown());
    (person, visit)
}

/// The code as a browser reads it: out of the last line.
fn code_in(letter: &Letter) -> Option<String> {
    let (host, code) = letter.text.lines().last()?.strip_prefix('@')?.split_once(" #")?;
    assert_eq!(host, "127.0.0.1", "{letter:?}");
    Some(code.to_owned())
}

/// The newest of `count` messages with codes.
async fn letter(provider: &Provider, email: &str, count: usize) -> Letter {
    let letters = provider.sms.wait_for(&person_phone(email), count, |letter| code_in(letter).is_some()).await;
    assert_eq!(letters.len(), count, "{letters:?}");
    letters.last().unwrap().clone()
}

/// The newest of `count` codes.
async fn code(provider: &Provider, email: &str, count: usize) -> String {
    code_in(&letter(provider, email, count).await).unwrap()
}
