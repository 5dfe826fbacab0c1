//! A method whose codes are sent: codes by e-mail, from the real plugin through the real outbox.

mod enrolling;
mod refusing;
mod sending;
mod sets;
mod signing_in;
mod strangers;

use enum_idp::{
    account::{Begun, NewAccount, create_by_admin, enrol_by_admin},
    store::outbox,
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::support::{
    database::Database,
    outbox::Letter,
    person::Person,
    provider::{GENEROUS, Provider, Written, person_phone},
    sites::Visit,
};

const ANN: &str = "ann@example.com";

/// With codes by e-mail as the only method.
async fn provider(database: Database) -> Provider {
    provider_with(database, GENEROUS).await
}

async fn provider_with(database: Database, settings: &str) -> Provider {
    let pins = vec!["email_factor", "merchant"];
    Provider::starts_as(database, Written { pins, settings: settings.to_owned(), ..Written::default() }).await
}

/// With codes by e-mail behind the cipherpad.
pub(crate) async fn provider_of_both(database: Database) -> Provider {
    let pins = vec!["cipherpad", "email_factor", "merchant"];
    Provider::starts_as(database, Written { pins, ..Written::default() }).await
}

/// Somebody with an account who gets codes by e-mail.
pub(crate) async fn member(provider: &Provider, email: &str, locale: &str) {
    let new = NewAccount {
        email: email.to_owned(),
        phone: person_phone(email),
        locale: locale.to_owned(),
        factor: Some("email".to_owned()),
        activate: true,
        ..NewAccount::default()
    };
    let begun = create_by_admin(&provider.app, new).await.unwrap().begun;
    proves(provider, begun).await;
}

/// Adds codes by e-mail to what a member has.
pub(crate) async fn adds(provider: &Provider, email: &str) {
    adds_by(provider, email, "email").await;
}

/// Adds one of the methods whose codes are sent.
pub(crate) async fn adds_by(provider: &Provider, email: &str, factor: &str) {
    let begun = enrol_by_admin(&provider.app, email, Some(factor)).await.unwrap();
    proves(provider, begun).await;
}

pub(crate) async fn proves(provider: &Provider, begun: Begun) {
    let mut person = provider.stranger();
    person.opens(&begun.link.unwrap()).await;
    person.types("answer", &begun.code.unwrap()).presses("continue").await;
    assert!(person.sees("activated"), "{}", person.what_is_shown());
}

/// A fresh browser that has given its address.
pub(crate) async fn goes(provider: &Provider, visit: &Visit, email: &str) -> Person {
    let mut person = provider.stranger();
    person.opens(&visit.link).await.types("email", email).presses("continue").await;
    // After failures, also a person has to show that they are one.
    if person.sees("sum") {
        let sum = person.page.sum_asked();
        person.types("sum", &sum).presses("continue").await;
    }
    person
}

/// A fresh browser that is asked for a code.
async fn asked(provider: &Provider, email: &str) -> Person {
    let person = goes(provider, &provider.sites.own.sends(&[]), email).await;
    assert!(person.sees("answer") && person.sees("again"), "{}", person.what_is_shown());
    person
}

pub(crate) async fn answers(person: &mut Person, code: &str) {
    person.types("answer", code).presses("continue").await;
}

#[track_caller]
pub(crate) fn is_in(person: &Person) {
    assert!(person.brings_back().contains_key("code"), "{:?}", person.away);
}

#[track_caller]
pub(crate) fn is_not_in(person: &Person) {
    assert!(person.away.is_none(), "let in: {:?}", person.away);
    assert!(person.complaint().is_some(), "{}", person.what_is_shown());
}

pub(crate) fn code_in(letter: &Letter) -> Option<String> {
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    letter.text.split_whitespace().find(is_code).map(str::to_owned)
}

/// The newest of `count` codes that were mailed.
pub(crate) async fn code(provider: &Provider, email: &str, count: usize) -> String {
    let letters = provider.mail.wait_for(email, count, |letter| code_in(letter).is_some()).await;
    assert_eq!(letters.len(), count, "{letters:?}");
    code_in(letters.last().unwrap()).unwrap()
}

/// Another code than the right one.
pub(crate) fn wrong(code: &str) -> String {
    let last = code.bytes().last().unwrap();
    format!("{}{}", &code[..5], (last - b'0' + 1) % 10)
}

/// How many messages logins have caused. What a page says was sent is durable when the page is shown.
pub(crate) async fn sent(provider: &Provider) -> u64 {
    let sent = outbox::Entity::find().filter(outbox::Column::Effect.starts_with("challenge:"));
    sent.count(provider.app.db.read()).await.unwrap()
}
