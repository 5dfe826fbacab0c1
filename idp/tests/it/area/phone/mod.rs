//! Another number: proven by the code that comes to it, told to everybody, and undone by a link.

mod budgets;
mod changing;
mod ending;
mod undoing;

use super::{ANN, account};
use crate::support::{
    database::Database,
    outbox::{Letter, word},
    person::Person,
    provider::{GENEROUS, Member, Provider, Written, person_phone},
};

const NEW: &str = "+447400999888";

/// With codes by text message behind the cipherpad.
async fn provider(database: Database) -> Provider {
    provider_with(database, "").await
}

async fn provider_with(database: Database, settings: &str) -> Provider {
    let pins = vec!["cipherpad", "sms_factor", "merchant"];
    let settings = format!("{GENEROUS}{settings}");
    Provider::starts_as(database, Written { pins, settings, ..Written::default() }).await
}

/// On the page of the number, free to change it.
async fn member(provider: &Provider, email: &str) -> Member {
    let mut member = provider.member(email).await;
    is_free_to_change(&mut member).await;
    member
}

async fn is_free_to_change(member: &mut Member) {
    member.enters("/account/phone").await.confirms().await;
}

/// Asks for a code to a new number.
async fn asks_for(person: &mut Person, phone: &str) {
    person.types("new-phone", phone).presses("send").await;
    assert!(person.sees("notice") && person.sees("waits"), "{}", person.what_is_shown());
}

fn code_in(letter: &Letter) -> Option<String> {
    let (host, code) = letter.text.lines().last()?.strip_prefix('@')?.split_once(" #")?;
    assert_eq!(host, "127.0.0.1", "{letter:?}");
    Some(code.to_owned())
}

/// The newest of `count` codes that came to a number.
async fn code(provider: &Provider, phone: &str, count: usize) -> String {
    let letters = provider.sms.wait_for(phone, count, |letter| letter.text.contains("is the code that makes")).await;
    assert_eq!(letters.len(), count, "{letters:?}");
    code_in(letters.last().unwrap()).unwrap()
}

async fn answers(person: &mut Person, code: &str) {
    person.types("code", code).presses("confirm").await;
}

/// The whole way to another number.
async fn changes(provider: &Provider, member: &mut Member, phone: &str) {
    is_free_to_change(member).await;
    let count = provider.sms.to(phone).iter().filter(|letter| letter.text.contains("is the code that makes")).count();
    asks_for(&mut member.person, phone).await;
    let code = code(provider, phone, count + 1).await;
    answers(&mut member.person, &code).await;
    assert!(member.person.sees("notice"), "{}", member.person.what_is_shown());
    assert_eq!(account(provider, &member.email).await.phone, phone);
}

/// The newest of `count` links that put an earlier number back.
async fn undoing_link(provider: &Provider, email: &str, count: usize) -> String {
    let start = provider.origin.join("/account/phone/restore/").unwrap();
    let letters = provider.mail.wait_for(email, count, |letter| letter.text.contains(start.as_str())).await;
    word(&letters.last().unwrap().text, start.as_str()).unwrap()
}

async fn number_of(provider: &Provider, email: &str) -> String {
    account(provider, email).await.phone
}

async fn is_still(provider: &Provider, email: &str) {
    assert_eq!(number_of(provider, email).await, person_phone(email));
}

/// How often something stands in the log of Ann.
async fn times(provider: &Provider, entry: &str) -> usize {
    provider.log_of(ANN).await.iter().filter(|line| *line == entry).count()
}
