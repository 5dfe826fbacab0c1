//! `account audit verify`: proves that nothing in an account's log was altered, from outside the server.

use enum_idp::store::Db;
use sea_orm::ConnectionTrait;

use crate::{
    on_both_databases,
    support::{database::Database, program::Program},
};

on_both_databases! {
    an_altered_log_is_told_and_ends_with_an_error,
    a_locked_account_is_shown_as_locked,
}

async fn an_altered_log_is_told_and_ends_with_an_error(database: Database) {
    let program = Program::new(&database);
    program.succeeds(&["account", "create", "--email", "ann@example.com", "--phone", "+447400123456", "--activate"]);
    let verify = ["account", "audit", "verify", "--email", "ann@example.com"];
    assert!(program.succeeds(&verify).contains("\"whole\""));
    let db = Db::open(&database.url).await.unwrap();
    db.read()
        .execute_unprepared("UPDATE log SET event = '{\"what\":\"x\",\"result\":\"ok\"}' WHERE seq = 2")
        .await
        .unwrap();
    let ended = program.runs(&verify);
    assert!(!ended.success && ended.stdout.contains("\"broken\"") && ended.stdout.contains("\"at\":2"), "{ended:?}");
    db.read().execute_unprepared("DELETE FROM log WHERE seq = 2").await.unwrap();
    assert!(program.runs(&verify).stdout.contains("missing"));
}

async fn a_locked_account_is_shown_as_locked(database: Database) {
    let program = Program::new(&database);
    program.succeeds(&["account", "create", "--email", "ann@example.com", "--phone", "+447400123456"]);
    program.succeeds(&["account", "lock", "--email", "ann@example.com"]);
    assert!(program.succeeds(&["account", "show", "--email", "ann@example.com"]).contains("\"locked\""));
    let taken = program.runs(&["account", "create", "--email", "Ann@example.com", "--phone", "+447400123456"]);
    assert!(!taken.success && taken.stderr.contains("exists already"), "{taken:?}");
}
