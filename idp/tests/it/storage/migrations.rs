//! Migrations run up, down and up again, and leave a database as it is when there is nothing to do.

use enum_idp::store;
use enum_migrations::Migrator;
use sea_orm_migration::MigratorTrait;

use super::{add_account, add_code};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    migrations_run_up_and_down_and_up_again,
    opening_a_database_again_changes_nothing,
}

async fn migrations_run_up_and_down_and_up_again(database: Database) {
    let db = database.open().await;
    let connection = &database.connect().await;
    assert!(Migrator::get_pending_migrations(connection).await.unwrap().is_empty());
    add_code(&db, "c").await.unwrap();
    Migrator::down(connection, None).await.unwrap();
    assert!(store::code::find(&db, "c").await.is_err(), "the table is gone");
    let all = Migrator::migrations().len();
    assert_eq!(Migrator::get_pending_migrations(connection).await.unwrap().len(), all);
    Migrator::up(connection, None).await.unwrap();
    assert_eq!(store::code::find(&db, "c").await.unwrap(), None);
    add_code(&db, "c").await.unwrap();
}

async fn opening_a_database_again_changes_nothing(database: Database) {
    let first = database.open().await;
    add_account(&first, "ann").await;
    let second = database.open().await;
    assert!(store::account::by_id(second.read(), "ann").await.unwrap().is_some());
    add_account(&second, "bob").await;
    assert!(store::account::by_email(first.read(), "bob@example.com").await.unwrap().is_some());
}
