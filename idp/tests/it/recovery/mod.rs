//! Somebody has lost their phone and gets in again; whoever only pretends to does not.

mod codes;
mod going_through;
mod guessing;
mod limits;
mod new_code;
mod stopping;
mod support;

use enum_idp::{account::NewAccount, clock::SECOND, store};

use crate::support::{
    database::Database,
    outbox::word,
    pad::Pad,
    person::Person,
    provider::{GENEROUS, Member, Provider, person_phone},
};

const EMAIL: &str = "ann@example.com";
/// As the registration of tests has it.
pub(crate) const ANSWER: &str = "the jungle book";

/// A provider whose recoveries wait for nothing.
async fn without_waiting(database: Database) -> Provider {
    Provider::starts_with(database, &format!("{GENEROUS}recovery_wait_hours = 0\n")).await
}

/// Somebody who has registered, with a security question, and activated their pad.
pub(crate) async fn registered(provider: &Provider, email: &str) -> Member {
    let mut person = provider.stranger();
    provider.registers(&mut person, email).await;
    let code = provider.activation_code(&person_phone(email), 1).await;
    let pad = Pad::activate(&provider.origin, email, &code, &provider.clock).await;
    Member { person: provider.stranger(), pad, email: email.to_owned() }
}

/// Says whose account it is; the security question is then shown.
pub(crate) async fn asks(person: &mut Person, email: &str) {
    person.opens("/recover").await;
    let sum = person.page.sum_asked();
    person.types("email", email).types("sum", &sum).presses("continue").await;
}

/// Asks, and answers the security question.
pub(crate) async fn answers(person: &mut Person, email: &str, answer: &str) {
    asks(person, email).await;
    person.types("security_answer", answer).presses("continue").await;
}

/// The newest of `count` mailed links.
pub(crate) async fn mailed_link(provider: &Provider, email: &str, count: usize) -> String {
    let start = provider.origin.join("/recover/link/").unwrap().to_string();
    let is_it = |text: &str| text.contains(&start) && text.contains("within 24 hours");
    let letters = provider.mail.wait_for(email, count, |letter| is_it(&letter.text)).await;
    word(&letters.last().unwrap().text, &start).unwrap()
}

/// The link in the newest of `count` notices by mail that stop a recovery.
async fn stop_link(provider: &Provider, email: &str, count: usize) -> String {
    let start = provider.origin.join("/recover/stop/").unwrap().to_string();
    let letters = provider.mail.wait_for(email, count, |letter| letter.text.contains(&start)).await;
    word(&letters.last().unwrap().text, &start).unwrap()
}

/// Up to the page of the mailed link.
async fn follows_the_link(provider: &Provider, person: &mut Person, count: usize) -> String {
    // Messages of one moment have no order.
    provider.waits(SECOND);
    answers(person, EMAIL, ANSWER).await;
    assert!(person.sees("recover-sent"), "{}", person.what_is_shown());
    let link = mailed_link(provider, EMAIL, count).await;
    person.opens(&link).await;
    assert!(person.sees("factor-cipherpad"), "{}", person.what_is_shown());
    link
}

/// The code of the newest of `count` activation messages, and the pad that it makes.
async fn activates(provider: &Provider, count: usize) -> Pad {
    let code = provider.activation_code(&person_phone(EMAIL), count).await;
    Pad::activate(&provider.origin, EMAIL, &code, &provider.clock).await
}

async fn account(provider: &Provider, email: &str) -> store::account::Model {
    store::account::by_email(provider.app.db.read(), email).await.unwrap().unwrap()
}

/// Made by an administrator: without a security question.
async fn made_by_hand(provider: &Provider, email: &str) {
    let new = NewAccount { email: email.to_owned(), phone: person_phone(email), ..NewAccount::default() };
    enum_idp::account::create_by_admin(&provider.app, new).await.unwrap();
}
