//! Units of work: each is whole or not at all, whoever shares its commit.

use std::sync::atomic::{AtomicU32, Ordering};

use enum_idp::{
    error::Internal,
    store::{self, StoreError},
};
use sea_orm::EntityTrait;
use tokio::task::JoinSet;

use super::{NOW, account, add_code, code};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    a_unit_that_fails_takes_nothing_with_it,
    a_broken_statement_fails_its_own_unit_alone,
    what_a_unit_wrote_before_it_failed_is_gone,
    changes_that_travel_together_stop_at_the_first_without_a_row,
    a_unit_that_goes_on_after_a_miss_keeps_what_came_before_it_and_no_more,
    a_unit_that_nobody_waits_for_is_still_done,
    what_was_answered_is_there_for_whoever_opens_the_database_next,
}

async fn a_unit_that_fails_takes_nothing_with_it(database: Database) {
    let db = database.open().await;
    let mut units = JoinSet::new();
    for number in 0..200 {
        let db = db.clone();
        units.spawn(async move {
            let row = code(&format!("{number}"));
            let written = db.write(move |tx| {
                Box::pin(async move {
                    store::code::adding(row).apply(tx).await?;
                    if number % 3 == 0 { Err(Internal::Other("changed my mind".to_owned())) } else { Ok(()) }
                })
            });
            (number, written.await)
        });
    }
    while let Some(done) = units.join_next().await {
        let (number, result) = done.unwrap();
        assert_eq!(result.is_err(), number % 3 == 0, "unit {number}: {result:?}");
        let row = store::code::find(&db, &number.to_string()).await.unwrap();
        assert_eq!(row.is_some(), number % 3 != 0, "unit {number} was told {result:?}");
    }
}

async fn a_broken_statement_fails_its_own_unit_alone(database: Database) {
    let db = database.open().await;
    add_code(&db, "taken").await.unwrap();
    let mut units = JoinSet::new();
    for number in 0..100 {
        let db = db.clone();
        units.spawn(async move {
            let hash = if number % 2 == 0 { "taken".to_owned() } else { format!("free {number}") };
            (number, add_code(&db, &hash).await)
        });
    }
    while let Some(done) = units.join_next().await {
        let (number, result) = done.unwrap();
        assert_eq!(result.is_err(), number % 2 == 0, "unit {number}: {result:?}");
    }
    let rows = store::code::Entity::find().all(db.read()).await.unwrap();
    assert_eq!(rows.len(), 51, "50 units and the row of before");
}

async fn what_a_unit_wrote_before_it_failed_is_gone(database: Database) {
    let db = database.open().await;
    let failed: Result<(), Internal> = db
        .write(|tx| {
            Box::pin(async move {
                store::account::add(tx, account("ann")).await?;
                store::code::adding(code("a")).apply(tx).await?;
                Ok(store::code::adding(code("a")).apply(tx).await?)
            })
        })
        .await;
    assert!(failed.is_err(), "one key twice");
    assert_eq!(store::account::by_id(db.read(), "ann").await.unwrap(), None);
    assert_eq!(store::code::find(&db, "a").await.unwrap(), None);
}

async fn changes_that_travel_together_stop_at_the_first_without_a_row(database: Database) {
    let db = database.open().await;
    add_code(&db, "live").await.unwrap();
    for (used, bought, named) in [("live", "b", None), ("live", "c", Some("code")), ("none", "d", Some("code"))] {
        let changes = [store::code::using_up(used, NOW), store::code::adding(code(bought))];
        let done = db.write(move |tx| Box::pin(store::apply(tx, changes))).await;
        match (done, named) {
            (Ok(()), None) => {}
            (Err(StoreError::Conflict(record)), Some(expected)) if record == expected => {}
            (done, expected) => panic!("{used}, {bought}: {done:?} instead of {expected:?}"),
        }
        let stored = store::code::find(&db, bought).await.unwrap();
        assert_eq!(stored.is_some(), named.is_none(), "{bought}");
    }
}

async fn a_unit_that_goes_on_after_a_miss_keeps_what_came_before_it_and_no_more(database: Database) {
    let db = database.open().await;
    let mut units = JoinSet::new();
    // Beside others in the same commit, and in the way of none of them.
    for number in 0..32 {
        let db = db.clone();
        units.spawn(async move {
            let name = |what: &str| code(&format!("{what} {number}"));
            let miss = if number % 4 == 0 { "none" } else { "before" };
            let miss = format!("{miss} {number}");
            let changes = [
                store::code::adding(name("before")),
                store::code::using_up(&miss, NOW),
                store::code::adding(name("after")),
            ];
            let written = db.write(move |tx| {
                Box::pin(async move {
                    match store::apply(tx, changes).await {
                        Err(StoreError::Conflict(_)) => Ok(false),
                        done => done.map(|()| true),
                    }
                })
            });
            (number, written.await.unwrap())
        });
    }
    while let Some(done) = units.join_next().await {
        let (number, whole) = done.unwrap();
        assert_eq!(whole, number % 4 != 0, "unit {number}");
        let before = store::code::find(&db, &format!("before {number}")).await.unwrap();
        let after = store::code::find(&db, &format!("after {number}")).await.unwrap();
        assert_eq!((before.is_some(), after.is_some()), (true, whole), "unit {number}");
    }
}

async fn a_unit_that_nobody_waits_for_is_still_done(database: Database) {
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    let db = database.open().await;
    let begun = BEGUN.load(Ordering::SeqCst);
    let waiting = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(|tx| {
                Box::pin(async move {
                    BEGUN.fetch_add(1, Ordering::SeqCst);
                    store::code::adding(code("orphan")).apply(tx).await
                })
            })
            .await
        }
    });
    while BEGUN.load(Ordering::SeqCst) == begun {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    // A later unit commits after it, or rolls back what the lost connection left: either way nothing hangs.
    add_code(&db, "next").await.unwrap();
    let orphan = store::code::find(&db, "orphan").await.unwrap();
    if db.is_embedded() {
        assert!(orphan.is_some(), "the writer finishes what it has begun");
    }
    assert!(store::code::find(&db, "next").await.unwrap().is_some());
}

async fn what_was_answered_is_there_for_whoever_opens_the_database_next(database: Database) {
    let db = database.open().await;
    for number in 0..20 {
        add_code(&db, &number.to_string()).await.unwrap();
    }
    drop(db);
    let again = database.open().await;
    for number in 0..20 {
        let row = store::code::find(&again, &number.to_string()).await.unwrap().unwrap();
        assert!(row.used_at.is_none() && row.expires_at > NOW);
    }
}
