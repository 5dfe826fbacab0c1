//! The account log: an entry that was altered, removed or cut off shows.

use enum_idp::{
    error::Internal,
    store::{
        self, Db,
        log::{Event, Verdict},
    },
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use tokio::task::JoinSet;

use super::{NOW, add_account, seal};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    an_untouched_log_is_whole,
    an_altered_entry_shows,
    an_altered_time_shows,
    a_removed_entry_shows,
    a_cut_off_end_shows,
    an_end_cut_off_together_with_the_counter_shows,
    a_log_moved_to_another_account_shows,
    entries_that_come_at_once_make_one_chain,
}

async fn with_entries(database: &Database, entries: i64) -> Db {
    let db = database.open().await;
    add_account(&db, "ann").await;
    for number in 0..entries {
        append(&db, "ann", number).await.unwrap();
    }
    db
}

async fn append(db: &Db, account: &'static str, number: i64) -> Result<(), Internal> {
    db.write(move |tx| {
        Box::pin(async move {
            let event = Event { reference: Some(number.to_string()), ..Event::new("login", "ok") };
            Ok(store::log::append(tx, &seal(), account, NOW + number, &event).await?)
        })
    })
    .await
}

async fn verdict(db: &Db, account: &str) -> Verdict {
    store::log::verify(db.read(), &seal(), account).await.unwrap()
}

async fn an_untouched_log_is_whole(database: Database) {
    // More than one page of what `verify` reads at a time.
    let db = with_entries(&database, 520).await;
    assert_eq!(verdict(&db, "ann").await, Verdict::Whole { entries: 520 });
    let newest = store::log::newest(db.read(), "ann", 2).await.unwrap();
    assert_eq!(newest.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [520, 519]);
}

async fn an_altered_entry_shows(database: Database) {
    let db = with_entries(&database, 5).await;
    let altered = serde_json::to_string(&Event::new("login", "wrong")).unwrap();
    change(&db, 3, store::log::Column::Event, altered).await;
    assert_eq!(verdict(&db, "ann").await, Verdict::Broken { at: 3, reason: "the entry was altered" });
}

async fn an_altered_time_shows(database: Database) {
    let db = with_entries(&database, 5).await;
    change(&db, 5, store::log::Column::At, NOW).await;
    assert_eq!(verdict(&db, "ann").await, Verdict::Broken { at: 5, reason: "the entry was altered" });
}

async fn change(db: &Db, seq: i64, column: store::log::Column, value: impl Into<sea_orm::Value>) {
    let changed = store::log::Entity::update_many()
        .col_expr(column, Expr::value(value))
        .filter(store::log::Column::Seq.eq(seq))
        .exec(db.read())
        .await;
    assert_eq!(changed.unwrap().rows_affected, 1);
}

async fn a_removed_entry_shows(database: Database) {
    let db = with_entries(&database, 5).await;
    remove_from(&db, 2, 2).await;
    assert_eq!(verdict(&db, "ann").await, Verdict::Broken { at: 2, reason: "the entry is missing" });
}

async fn remove_from(db: &Db, first: i64, last: i64) {
    store::log::Entity::delete_many()
        .filter(store::log::Column::Seq.between(first, last))
        .exec(db.read())
        .await
        .unwrap();
}

async fn a_cut_off_end_shows(database: Database) {
    let db = with_entries(&database, 5).await;
    remove_from(&db, 4, 5).await;
    assert_eq!(verdict(&db, "ann").await, Verdict::Broken { at: 4, reason: "entries at the end are missing" });
}

async fn an_end_cut_off_together_with_the_counter_shows(database: Database) {
    let db = with_entries(&database, 5).await;
    remove_from(&db, 5, 5).await;
    db.read().execute_unprepared("UPDATE account SET log_seq = 4").await.unwrap();
    assert!(
        matches!(verdict(&db, "ann").await, Verdict::Broken { .. }),
        "the chain value at the end is not that of entry 4"
    );
}

async fn a_log_moved_to_another_account_shows(database: Database) {
    let db = with_entries(&database, 3).await;
    add_account(&db, "bob").await;
    db.read().execute_unprepared("UPDATE log SET account_id = 'bob'").await.unwrap();
    db.read()
        .execute_unprepared(
            "UPDATE account SET log_seq = 3, log_head = (SELECT log_head FROM account WHERE id = 'ann') WHERE id = 'bob'",
        )
        .await
        .unwrap();
    assert_eq!(verdict(&db, "bob").await, Verdict::Broken { at: 1, reason: "the entry was altered" });
}

async fn entries_that_come_at_once_make_one_chain(database: Database) {
    let db = with_entries(&database, 0).await;
    let mut writers = JoinSet::new();
    for number in 0..64 {
        let db = db.clone();
        writers.spawn(async move {
            loop {
                match append(&db, "ann", number).await {
                    Err(error) if error.is_conflict() => {}
                    other => return other.unwrap(),
                }
            }
        });
    }
    writers.join_all().await;
    assert_eq!(verdict(&db, "ann").await, Verdict::Whole { entries: 64 });
}
