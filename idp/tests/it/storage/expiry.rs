//! The sweep: what is long over goes, in small batches; what may still be replayed stays.

use enum_idp::{
    clock::{DAY, MINUTE, Millis},
    error::Internal,
    store::{self, Db, sms_part::Taken},
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, PaginatorTrait};

use super::{NOW, code};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    what_is_long_over_goes_and_what_is_not_stays,
    a_sweep_takes_a_small_batch_at_a_time,
    an_entry_of_another_purpose_outlives_its_namesake,
    what_was_spent_goes_once_it_would_be_refused_for_its_age,
    what_gateways_named_is_forgotten_after_a_week,
}

async fn sweep(db: &Db, now: Millis) -> u64 {
    let swept: Result<u64, Internal> =
        db.write(move |tx| Box::pin(async move { Ok(store::expiry::sweep(tx, now).await?) })).await;
    swept.unwrap()
}

async fn what_is_long_over_goes_and_what_is_not_stays(database: Database) {
    let db = database.open().await;
    for (hash, expires_at) in [("long over", NOW - DAY - 1), ("just over", NOW - 1), ("alive", NOW + 1)] {
        let row = store::code::Model { expires_at, ..code(hash) };
        store::code::adding(row).apply(db.read()).await.unwrap();
    }
    assert_eq!(sweep(&db, NOW).await, 1);
    let mut left: Vec<_> =
        store::code::Entity::find().all(db.read()).await.unwrap().into_iter().map(|row| row.hash).collect();
    left.sort();
    assert_eq!(left, ["alive", "just over"], "a replay of what is just over must still be recognised");
    assert_eq!(sweep(&db, NOW).await, 0);
}

async fn a_sweep_takes_a_small_batch_at_a_time(database: Database) {
    let db = database.open().await;
    let rows = (0..1100).map(|number| {
        store::code::Model { expires_at: NOW - 2 * DAY, ..code(&number.to_string()) }.into_active_model().reset_all()
    });
    store::code::Entity::insert_many(rows).exec_without_returning(db.read()).await.unwrap();
    let mut batches = Vec::new();
    while store::code::Entity::find().count(db.read()).await.unwrap() > 0 {
        batches.push(sweep(&db, NOW).await);
    }
    assert_eq!(batches, [500, 500, 100]);
}

async fn an_entry_of_another_purpose_outlives_its_namesake(database: Database) {
    let db = database.open().await;
    for (purpose, expires_at) in [("bot", NOW - 2 * DAY), ("jti", NOW + DAY)] {
        let spent = store::spent::Model { purpose: purpose.to_owned(), hash: "1".to_owned(), expires_at };
        assert!(store::spent::spending(spent).touches(db.read()).await.unwrap());
    }
    assert_eq!(sweep(&db, NOW).await, 1);
    let replayed = store::spent::Model { purpose: "jti".to_owned(), hash: "1".to_owned(), expires_at: NOW + DAY };
    assert!(!store::spent::spending(replayed).touches(db.read()).await.unwrap(), "what was spent stays spent");
}

async fn what_was_spent_goes_once_it_would_be_refused_for_its_age(database: Database) {
    let db = database.open().await;
    for (hash, expires_at) in [("over", NOW - MINUTE - 1), ("just over", NOW - MINUTE), ("alive", NOW + 1)] {
        let spent = store::spent::Model { purpose: "dpop".to_owned(), hash: hash.to_owned(), expires_at };
        assert!(store::spent::spending(spent).touches(db.read()).await.unwrap());
    }
    assert_eq!(sweep(&db, NOW).await, 1);
    let mut left: Vec<_> =
        store::spent::Entity::find().all(db.read()).await.unwrap().into_iter().map(|row| row.hash).collect();
    left.sort();
    assert_eq!(left, ["alive", "just over"], "the clocks of two nodes may differ");
}

async fn what_gateways_named_is_forgotten_after_a_week(database: Database) {
    let db = database.open().await;
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    for (outbox, at) in [("old", NOW - 7 * DAY - 1), ("new", NOW - 7 * DAY)] {
        let taken = Taken { gateway: "g".to_owned(), names: names(&["1", "2"]) };
        store::sms_part::add(db.read(), outbox, &taken, at).await.unwrap();
    }
    assert_eq!(sweep(&db, NOW).await, 2);
    assert!(store::sms_part::first(db.read(), "old").await.unwrap().is_none());
    assert_eq!(store::sms_part::by_name(db.read(), "g", "2").await.unwrap().unwrap().outbox, "new");
}
