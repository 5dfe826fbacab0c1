//! What may be presented once is taken once, however many present it at the same moment.

use std::future::Future;

use enum_idp::{
    clock::DAY,
    error::Internal,
    store::{self, Db},
};
use tokio::task::JoinSet;

use super::{NOW, add_code};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    of_64_who_redeem_a_code_one_wins,
    of_64_who_use_a_refresh_token_one_wins,
    of_64_who_use_a_pushed_request_one_wins,
    of_64_who_follow_a_registration_link_one_wins,
    of_64_who_spend_an_assertion_one_wins,
    of_64_who_end_a_session_one_does,
    of_64_who_take_an_email_one_gets_it,
    what_has_expired_is_used_by_nobody,
}

/// Runs `attempt` 64 times at once and says how many won.
async fn winners<F>(db: &Db, attempt: fn(Db) -> F) -> usize
where
    F: Future<Output = Result<bool, Internal>> + Send + 'static,
{
    let mut tries = JoinSet::new();
    for _ in 0..64 {
        tries.spawn(attempt(db.clone()));
    }
    tries.join_all().await.into_iter().filter(|won| *won.as_ref().unwrap()).count()
}

async fn of_64_who_redeem_a_code_one_wins(database: Database) {
    let db = database.open().await;
    add_code(&db, "c").await.unwrap();
    let won = winners(&db, |db| async move {
        db.write(|tx| Box::pin(async move { Ok(store::code::using_up("c", NOW).touches(tx).await?) })).await
    });
    assert_eq!(won.await, 1);
}

async fn of_64_who_use_a_refresh_token_one_wins(database: Database) {
    let db = database.open().await;
    add_refresh(&db, "r").await;
    let won = winners(&db, |db| async move {
        db.write(|tx| Box::pin(async move { Ok(store::grant::using_up_refresh("r", NOW).touches(tx).await?) })).await
    });
    assert_eq!(won.await, 1);
}

async fn add_refresh(db: &Db, hash: &str) {
    let row = store::grant::refresh::Model {
        hash: hash.to_owned(),
        grant_id: "g".to_owned(),
        created_at: NOW,
        expires_at: NOW + DAY,
        used_at: None,
    };
    db.write(move |tx| Box::pin(async move { store::grant::adding_refresh(row).apply(tx).await })).await.unwrap();
}

async fn of_64_who_use_a_pushed_request_one_wins(database: Database) {
    let db = database.open().await;
    add_pushed(&db, "p").await;
    let won = winners(&db, |db| async move {
        db.write(|tx| Box::pin(async move { Ok(store::pushed::using_up("p", NOW).touches(tx).await?) })).await
    });
    assert_eq!(won.await, 1);
    assert_eq!(store::pushed::live(&db, "p", NOW).await.unwrap(), None);
}

async fn add_pushed(db: &Db, hash: &str) {
    let row = store::pushed::Model {
        hash: hash.to_owned(),
        client_id: "site".to_owned(),
        sealed: Vec::new(),
        expires_at: NOW + DAY,
        used_at: None,
    };
    db.write(move |tx| Box::pin(async move { store::pushed::adding(row).apply(tx).await })).await.unwrap();
}

async fn of_64_who_follow_a_registration_link_one_wins(database: Database) {
    let db = database.open().await;
    add_registration(&db, "l").await;
    let won = winners(&db, |db| async move {
        db.write(|tx| Box::pin(async move { Ok(store::registration::use_up(tx, "l", NOW).await?) })).await
    });
    assert_eq!(won.await, 1);
    assert_eq!(store::registration::live(db.read(), "l", NOW).await.unwrap(), None);
}

async fn add_registration(db: &Db, token_hash: &str) {
    let row = store::registration::Model {
        token_hash: token_hash.to_owned(),
        email: "ann@example.com".to_owned(),
        sealed: Vec::new(),
        created_at: NOW,
        expires_at: NOW + DAY,
        used_at: None,
    };
    db.write(move |tx| Box::pin(async move { store::registration::add(tx, row).await })).await.unwrap();
}

async fn of_64_who_spend_an_assertion_one_wins(database: Database) {
    let db = database.open().await;
    let won = winners(&db, |db| async move {
        let spent = store::spent::Model { purpose: "jti".to_owned(), hash: "1".to_owned(), expires_at: NOW };
        db.write(move |tx| Box::pin(async move { Ok(store::spent::spending(spent).touches(tx).await?) })).await
    });
    assert_eq!(won.await, 1);
    let other = store::spent::Model { purpose: "bot".to_owned(), hash: "1".to_owned(), expires_at: NOW };
    let elsewhere = db.write(move |tx| Box::pin(async move { store::spent::spending(other).touches(tx).await })).await;
    assert!(elsewhere.unwrap(), "the same name in another slot is another thing");
}

async fn of_64_who_end_a_session_one_does(database: Database) {
    let db = database.open().await;
    add_session(&db, "s").await;
    let won = winners(&db, |db| async move {
        db.write(|tx| Box::pin(async move { Ok(store::session::end(tx, "s", NOW).await?) })).await
    });
    assert_eq!(won.await, 1);
    assert_eq!(store::session::live(db.read(), "s", NOW).await.unwrap(), None);
}

async fn add_session(db: &Db, id_hash: &str) {
    let row = store::session::Model {
        id_hash: id_hash.to_owned(),
        sid: "sid".to_owned(),
        account_id: "ann".to_owned(),
        levels: "{}".to_owned(),
        amr: "[]".to_owned(),
        auth_time: NOW,
        created_at: NOW,
        expires_at: NOW + DAY,
        ended_at: None,
        agent: String::new(),
        address: String::new(),
    };
    db.write(move |tx| Box::pin(async move { store::session::adding(row).apply(tx).await })).await.unwrap();
}

async fn of_64_who_take_an_email_one_gets_it(database: Database) {
    let db = database.open().await;
    let mut tries = JoinSet::new();
    for number in 0..64 {
        let db = db.clone();
        tries.spawn(async move {
            let row = store::account::Model {
                email: "ann@example.com".to_owned(),
                ..super::account(&format!("account {number}"))
            };
            db.write(move |tx| Box::pin(async move { store::account::add(tx, row).await })).await.unwrap()
        });
    }
    assert_eq!(tries.join_all().await.into_iter().filter(|won| *won).count(), 1);
    let found = store::account::by_email(db.read(), " Ann@Example.COM ").await.unwrap();
    assert!(found.is_some(), "an address is found in any spelling");
}

async fn what_has_expired_is_used_by_nobody(database: Database) {
    let db = database.open().await;
    add_code(&db, "c").await.unwrap();
    add_refresh(&db, "r").await;
    add_registration(&db, "l").await;
    add_session(&db, "s").await;
    add_pushed(&db, "p").await;
    let late = NOW + DAY;
    let used: Result<_, Internal> = db
        .write(move |tx| {
            Box::pin(async move {
                Ok([
                    store::code::using_up("c", late).touches(tx).await?,
                    store::grant::using_up_refresh("r", late).touches(tx).await?,
                    store::registration::use_up(tx, "l", late).await?,
                    store::session::live(tx, "s", late).await?.is_some(),
                ])
            })
        })
        .await;
    assert_eq!(used.unwrap(), [false; 4], "code, refresh token, link, session at the end of their lives");
    assert_eq!(store::pushed::live(&db, "p", late).await.unwrap(), None);
}
