//! A method of which an account has several: fingerprints and passkeys, from the real plugin, with security keys in software.

mod budgets;
mod enrolling;
mod levels;
mod limit;
mod nameless;
mod paying;
mod scripts;
mod signing_in;
mod strangers;

use enum_idp::{
    account::{NewAccount, create_by_admin, enrol_by_admin},
    clock::SECOND,
    store::{self, enrolment::Model as Enrolment},
};
use fingerprint_key::{Key, Manner};
use serde_json::Value;

use crate::support::{
    database::Database,
    person::Person,
    provider::{GENEROUS, Provider, Written, person_phone},
    sites::Visit,
};

const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";
const FACTOR: &str = "fingerprint";

/// With fingerprints as the only method.
async fn provider(database: Database) -> Provider {
    provider_with(database, GENEROUS).await
}

async fn provider_with(database: Database, settings: &str) -> Provider {
    let pins = vec!["fingerprint_factor", "merchant"];
    Provider::starts_as(database, Written { pins, settings: settings.to_owned(), ..Written::default() }).await
}

/// An honest browser at the provider.
fn honest(provider: &Provider) -> Manner {
    Manner::at(&provider.app.config.issuer)
}

/// Somebody with an account and one finger.
async fn member(provider: &Provider, email: &str) -> Key {
    let new = NewAccount {
        email: email.to_owned(),
        phone: person_phone(email),
        first_name: "Ann".to_owned(),
        factor: Some(FACTOR.to_owned()),
        activate: true,
        ..NewAccount::default()
    };
    let link = create_by_admin(&provider.app, new).await.unwrap().begun.link.unwrap();
    let (key, person) = enrols(provider, &link, "Left thumb").await;
    assert!(person.sees("activated"), "{}", person.what_is_shown());
    key
}

/// One more finger of somebody.
async fn adds(provider: &Provider, email: &str, name: &str) -> Key {
    provider.waits(SECOND);
    let link = enrol_by_admin(&provider.app, email, Some(FACTOR)).await.unwrap().link.unwrap();
    let (key, person) = enrols(provider, &link, name).await;
    assert!(person.sees("activated"), "{}", person.what_is_shown());
    key
}

/// Follows a link to enrol, and does what its page asks for.
async fn enrols(provider: &Provider, link: &str, name: &str) -> (Key, Person) {
    let mut person = provider.stranger();
    person.opens(link).await;
    let (key, answer) = Key::create(&options(&person), &honest(provider)).unwrap();
    person.types("name", name).types("credential", &answer).presses("continue").await;
    (key, person)
}

/// A fresh browser that is asked for a finger.
async fn asked(provider: &Provider, email: &str) -> Person {
    goes(provider, &provider.sites.own.sends(&[]), email).await
}

async fn goes(provider: &Provider, visit: &Visit, email: &str) -> Person {
    let mut person = provider.stranger();
    person.opens(&visit.link).await.types("email", email).presses("continue").await;
    // After failures, also a person has to show that they are one.
    if person.sees("sum") {
        let sum = person.page.sum_asked();
        person.types("sum", &sum).presses("continue").await;
    }
    assert!(person.sees("webauthn"), "{}", person.what_is_shown());
    person
}

/// Answers the page by this key.
async fn answers(person: &mut Person, key: &mut Key, manner: &Manner) {
    let answer = key.get(&options(person), manner).unwrap();
    person.types("credential", &answer).presses("continue").await;
}

/// A whole login by this key.
async fn signs_in(provider: &Provider, email: &str, key: &mut Key) -> Person {
    let mut person = asked(provider, email).await;
    answers(&mut person, key, &honest(provider)).await;
    person
}

/// JSON text of the options on the page.
#[track_caller]
fn options(person: &Person) -> String {
    let html = &person.page.html;
    let (_, rest) = html.split_once("data-options=\"").unwrap_or_else(|| panic!("{}", person.what_is_shown()));
    let escaped = rest.split('"').next().unwrap();
    escaped.replace("&quot;", "\"").replace("&#x2F;", "/").replace("&#x27;", "'").replace("&amp;", "&")
}

/// Ids of the credentials that the page takes.
fn allowed(person: &Person) -> Vec<String> {
    let options: Value = serde_json::from_str(&options(person)).unwrap();
    let all = options["allowCredentials"].as_array().unwrap();
    all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// What an account has of the method, oldest first.
async fn fingers(provider: &Provider, email: &str) -> Vec<Enrolment> {
    let account = store::account::by_email(provider.app.db.read(), email).await.unwrap().unwrap();
    let rows = store::enrolment::of_account(provider.app.db.read(), &account.id).await.unwrap();
    rows.into_iter().filter(|row| row.factor == FACTOR && row.status != "pending").collect()
}

#[track_caller]
fn is_in(person: &Person) {
    assert!(person.away.is_some(), "{}", person.what_is_shown());
    assert!(person.brings_back().contains_key("code"), "{:?}", person.away);
}

#[track_caller]
fn is_not_in(person: &Person) {
    assert!(person.away.is_none(), "let in: {:?}", person.away);
    assert!(person.complaint().is_some(), "{}", person.what_is_shown());
}
