//! Signing in without saying who one is: the passkey says it.

mod attacks;
mod offering;
mod rules;
mod signing_in;
mod strangers;

use enum_idp::store;
use fingerprint_key::{Key, Manner};

use super::{ANN, adds, fingers, honest, is_in, is_not_in, member, options, provider};
use crate::support::{
    person::Person,
    provider::{GENEROUS, Provider},
    sites::Visit,
};

/// What the page says, whatever was wrong.
const NOBODY_CAME_IN: &str = "Nobody was signed in by that";
/// Of an address block that fails a lot people are asked for their address; here all come from one.
const PATIENT: &str = "failures_until_check = 1000\n";

/// Limits that are out of the way of tests with many failures.
fn patient() -> String {
    format!("{GENEROUS}{PATIENT}")
}

/// A fresh browser at the page that asks who somebody is.
async fn arrives(provider: &Provider) -> Person {
    arrives_at(provider, &provider.sites.own.sends(&[])).await
}

async fn arrives_at(provider: &Provider, visit: &Visit) -> Person {
    let mut person = provider.stranger();
    person.opens(&visit.link).await;
    assert!(person.sees("email") && person.sees("use-passkey"), "{}", person.what_is_shown());
    person
}

/// Answers by this key, and says nothing.
async fn touches(person: &mut Person, key: &mut Key, manner: &Manner) {
    let answer = key.get(&options(person), manner).unwrap();
    sends(person, &answer).await;
}

async fn sends(person: &mut Person, answer: &str) {
    person.types("credential", answer).presses("use-passkey").await;
}

#[track_caller]
fn is_refused_as_ever(person: &Person) {
    is_not_in(person);
    assert!(person.complaint().unwrap().contains(NOBODY_CAME_IN), "{}", person.what_is_shown());
    assert!(person.sees("email") && person.sees("use-passkey"), "{}", person.what_is_shown());
}

/// The opaque id of an account, which its passkeys keep.
async fn handle(provider: &Provider, email: &str) -> String {
    store::account::by_email(provider.app.db.read(), email).await.unwrap().unwrap().id
}
