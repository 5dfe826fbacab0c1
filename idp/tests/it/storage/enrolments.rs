//! Enrolments change by compare-and-set: no two requests act on what both have read.

use enum_idp::{
    error::Internal,
    store::{self, StoreError},
};
use tokio::task::JoinSet;

use super::{NOW, seal};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    of_64_who_change_what_they_read_one_wins,
    sixty_four_failures_that_try_again_are_all_counted,
    the_state_of_one_enrolment_does_not_open_in_another,
}

fn enrolment(id: &str) -> store::enrolment::Model {
    store::enrolment::Model {
        id: id.to_owned(),
        account_id: "ann".to_owned(),
        factor: "cipherpad".to_owned(),
        label: String::new(),
        status: "active".to_owned(),
        sealed: seal().record_json("enrolment", id, &"key").unwrap(),
        version: 1,
        challenge_number: 1,
        wrong_here: 0,
        failures: 0,
        blocked_until: None,
        payments_blocked: false,
        resends: 0,
        resent_at: None,
        created_at: NOW,
        last_used_at: None,
        expires_at: None,
        data_version: 0,
        acr: None,
    }
}

async fn with_an_enrolment(database: &Database) -> store::Db {
    let db = database.open().await;
    db.write(|tx| Box::pin(async move { store::enrolment::add(tx, enrolment("e")).await })).await.unwrap();
    db
}

async fn of_64_who_change_what_they_read_one_wins(database: Database) {
    let db = with_an_enrolment(&database).await;
    let read = store::enrolment::by_id(db.read(), "e").await.unwrap().unwrap();
    let mut tries = JoinSet::new();
    for number in 0..64 {
        let (db, mut row) = (db.clone(), read.clone());
        row.challenge_number = 100 + number;
        tries.spawn(async move {
            db.write(move |tx| Box::pin(async move { store::enrolment::saving(row).apply(tx).await }))
                .await
                .map(|()| number)
        });
    }
    let results = tries.join_all().await;
    let won: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    let lost = results.iter().filter(|result| matches!(result, Err(StoreError::Conflict("enrolment")))).count();
    assert_eq!((won.len(), lost), (1, 63), "{results:?}");
    let now = store::enrolment::by_id(db.read(), "e").await.unwrap().unwrap();
    assert_eq!((now.version, now.challenge_number), (2, 100 + won[0]));
}

async fn sixty_four_failures_that_try_again_are_all_counted(database: Database) {
    let db = with_an_enrolment(&database).await;
    let mut tries = JoinSet::new();
    for _ in 0..64 {
        let db = db.clone();
        tries.spawn(async move {
            loop {
                let mut row = store::enrolment::by_id(db.read(), "e").await.unwrap().unwrap();
                row.failures += 1;
                let saved: Result<(), Internal> = db
                    .write(move |tx| Box::pin(async move { Ok(store::enrolment::saving(row).apply(tx).await?) }))
                    .await;
                match saved {
                    Err(error) if error.is_conflict() => {}
                    other => return other.unwrap(),
                }
            }
        });
    }
    tries.join_all().await;
    let now = store::enrolment::by_id(db.read(), "e").await.unwrap().unwrap();
    assert_eq!((now.failures, now.version), (64, 65));
}

async fn the_state_of_one_enrolment_does_not_open_in_another(database: Database) {
    let db = with_an_enrolment(&database).await;
    let mine = store::enrolment::by_id(db.read(), "e").await.unwrap().unwrap();
    assert_eq!(mine.state(&seal()).unwrap(), "key");
    let theirs = store::enrolment::Model { id: "f".to_owned(), ..mine.clone() };
    assert!(matches!(theirs.state(&seal()), Err(StoreError::Unreadable { table: "enrolment", .. })));
    let mut altered = mine;
    *altered.sealed.last_mut().unwrap() ^= 1;
    assert!(altered.state(&seal()).is_err(), "a flipped bit");
}
