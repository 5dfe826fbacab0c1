//! The store room: what is durable, what happens once, what shows when somebody tampers with it.

mod account_log;
mod enrolments;
mod expiry;
mod migrations;
mod plans;
mod single_use;
mod units_of_work;

use enum_idp::{
    clock::{DAY, Millis},
    entropy::Entropy,
    error::Internal,
    seal::Seal,
    store::{self, Db},
};

/// When these tests happen.
const NOW: Millis = 1_790_000_000_000;

fn seal() -> Seal {
    Seal::new(&[7; 32], Entropy::system()).unwrap()
}

fn account(id: &str) -> store::account::Model {
    store::account::Model {
        id: id.to_owned(),
        email: format!("{id}@example.com"),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        phone: "+447400123456".to_owned(),
        locale: "en".to_owned(),
        security_question: "book".to_owned(),
        security_answer: String::new(),
        status: "active".to_owned(),
        created_at: NOW,
        log_seq: 0,
        log_head: Vec::new(),
        recovering: None,
        time_zone: String::new(),
        phone_changed_at: None,
        notices: String::new(),
        delete_at: None,
        places: String::new(),
        places_until: None,
    }
}

fn code(hash: &str) -> store::code::Model {
    store::code::Model {
        hash: hash.to_owned(),
        client_id: "site".to_owned(),
        grant_id: format!("grant of {hash}"),
        sealed: Vec::new(),
        expires_at: NOW + DAY,
        used_at: None,
    }
}

async fn add_account(db: &Db, id: &str) {
    let row = account(id);
    let added = db.write(move |tx| Box::pin(async move { store::account::add(tx, row).await })).await;
    assert!(added.unwrap(), "the e-mail of {id} was taken");
}

async fn add_code(db: &Db, hash: &str) -> Result<(), Internal> {
    let row = code(hash);
    db.write(move |tx| Box::pin(async move { Ok(store::code::adding(row).apply(tx).await?) })).await
}
