//! An account that is to be deleted: asked for, stopped, carried out, and what is left of it.

mod asking;
mod commanding;
mod erasing;
mod racing;
mod stopping;

use enum_idp::{account::deletion::work, store};

use super::{ANN, account};
use crate::support::{
    database::Database,
    outbox::word,
    provider::{Member, Provider},
};

const SECOND_MAIL: &str = "ann@example.org";

async fn provider(database: Database) -> Provider {
    Provider::starts(database).await
}

/// On the page of their data, free to have it all deleted.
async fn is_free_to_delete(member: &mut Member) {
    member.enters("/account/data").await.confirms().await;
}

/// Asks for the deletion of their account.
async fn asks(member: &mut Member) {
    is_free_to_delete(member).await;
    let email = member.email.clone();
    member.person.types("delete-email", &email).presses("delete").await;
    assert!(member.person.sees("leaving") && member.person.sees("keep"), "{}", member.person.what_is_shown());
}

/// The newest of `count` links that stop it.
async fn stop_link(provider: &Provider, email: &str, count: usize) -> String {
    let start = provider.origin.join("/account/keep/").unwrap();
    let letters = provider.mail.wait_for(email, count, |letter| letter.text.contains(start.as_str())).await;
    word(&letters.last().unwrap().text, start.as_str()).unwrap()
}

/// Does what the server does every minute; says how many accounts were deleted.
async fn round(provider: &Provider) -> usize {
    work::carry_out_due(&provider.app).await.unwrap()
}

async fn is_due(provider: &Provider, email: &str) -> bool {
    account(provider, email).await.delete_at.is_some()
}

/// The account as it stands, by its id.
async fn row(provider: &Provider, id: &str) -> store::account::Model {
    store::account::by_id(provider.app.db.read(), id).await.unwrap().unwrap()
}

async fn is_known(provider: &Provider, email: &str) -> bool {
    store::account::by_email(provider.app.db.read(), email).await.unwrap().is_some()
}
