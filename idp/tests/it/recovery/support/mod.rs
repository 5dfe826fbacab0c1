//! Mail and phone are both lost: two administrators have to believe it.

mod api;
mod asking;
mod deciding;
mod moving;

use enum_idp::{
    account::recovery::approval::{self, Approved},
    clock::{HOUR, SECOND},
};

use super::{EMAIL, registered};
use crate::support::{outbox::word, person::Person, provider::Provider};

const NEW: &str = "ann.new@example.com";
const PHONE: &str = "+447400777777";
const EVIDENCE: &str = "I registered in March and paid 10.50 WMZ last week.";

/// Fills the form in and sends it.
async fn writes_this(provider: &Provider, person: &mut Person, email: &str, contact: &str, evidence: &str) {
    provider.waits(SECOND);
    person.opens("/recover/support").await;
    let sum = person.page.sum_asked();
    person.types("email", email).types("contact", contact).types("phone", PHONE).types("evidence", evidence);
    person.types("sum", &sum).presses("continue").await;
}

async fn writes(provider: &Provider, person: &mut Person, email: &str, contact: &str) {
    writes_this(provider, person, email, contact, EVIDENCE).await;
    assert!(person.sees("support-sent"), "{}", person.what_is_shown());
}

/// The newest request that is open.
async fn newest(provider: &Provider) -> String {
    approval::list(&provider.app, 100).await.unwrap().pop().unwrap().id
}

/// A request about Ann's account.
async fn asked(provider: &Provider) -> String {
    registered(provider, EMAIL).await;
    writes(provider, &mut provider.stranger(), EMAIL, NEW).await;
    newest(provider).await
}

/// Two approve.
async fn approve(provider: &Provider, id: &str) {
    assert_eq!(approval::approve(&provider.app, id, "olga").await.unwrap(), Approved::First);
    assert_eq!(approval::approve(&provider.app, id, "pavel").await.unwrap(), Approved::Second);
}

/// Two approve; the link that the new address gets when the waiting time is over.
async fn approved(provider: &Provider, id: &str) -> String {
    approve(provider, id).await;
    link(provider).await
}

/// The link that the new address gets when the waiting time is over.
async fn link(provider: &Provider) -> String {
    provider.waits(24 * HOUR);
    provider.app.courier.wake();
    let start = provider.origin.join("/recover/link/").unwrap().to_string();
    let letters = provider.mail.wait_for(NEW, 1, |mail| mail.text.contains(&start)).await;
    word(&letters.last().unwrap().text, &start).unwrap()
}
