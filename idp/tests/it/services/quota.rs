//! How much a plugin may keep.

use enum_idp::{
    plugins::Isolation,
    store::{Db, plugin_data},
};
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use serde_json::Value;

use super::{Host, refused};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    keys_and_values_have_their_bounds,
    an_account_has_a_thousand_values,
    a_plugin_has_a_hundred_thousand_values,
}

async fn keys_and_values_have_their_bounds(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Process, |_| {}).await;
    // With its quotation marks.
    let longest = "x".repeat((64 << 10) - 2);
    let too_long = format!("{longest}x");
    assert_eq!(errand.does("ann", "put", &[("key", "k"), ("value", &longest)]).await, Value::Null);
    let told = errand.does("ann", "put", &[("key", "l"), ("value", &too_long)]).await;
    refused(&told, "failed", "has 65537 bytes as JSON, and may have 65536");
    refused(&errand.does("ann", "swap", &[("key", "l"), ("value", &too_long)]).await, "failed", "may have 65536");
    let key = "k".repeat(128);
    assert_eq!(errand.does("ann", "put", &[("key", &key), ("value", "1")]).await, Value::Null);
    let key = format!("{key}k");
    refused(&errand.does("ann", "get", &[("key", &key)]).await, "failed", "at most 128 bytes");
    refused(&errand.does("ann", "put", &[("key", ""), ("value", "1")]).await, "failed", "at least one byte");
    refused(&errand.does("ann", "put", &[("key", "a\0b"), ("value", "1")]).await, "failed", "control characters");
    refused(&errand.does("ann", "list", &[("key", "a\0b")]).await, "failed", "control characters");
    assert_eq!(plugin_data::Entity::find().count(host.db.read()).await.unwrap(), 2);
    let audit = host.audit().await;
    assert!(audit.iter().all(|[_, subject, ..]| subject.len() < 200 && !subject.contains('\0')), "{audit:?}");
}

/// Rows that the errand could have written, numbered.
async fn fill(db: &Db, account: &str, count: u32) {
    let numbers = if db.is_embedded() {
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n")
    } else {
        format!("SELECT i FROM generate_series(1, {count}) AS s(i)")
    };
    let sealed = if db.is_embedded() { "x''" } else { "''::bytea" };
    let insert = format!(
        "INSERT INTO plugin_data (plugin, account, key, data_version, sealed, version, updated_at) \
         SELECT 'errand', '{account}', 'key' || i, 1, {sealed}, 1, 1 FROM ({numbers}) AS numbered"
    );
    db.read().execute_unprepared(&insert).await.unwrap();
}

async fn an_account_has_a_thousand_values(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |_| {}).await;
    fill(&host.db, "ann", 999).await;
    let account = ("scope", "account");
    assert_eq!(errand.does("ann", "put", &[account, ("key", "last"), ("value", "1")]).await, Value::Null);
    let words = "there are 1000 values of this account";
    refused(&errand.does("ann", "put", &[account, ("key", "more"), ("value", "1")]).await, "failed", words);
    refused(&errand.does("ann", "swap", &[account, ("key", "more"), ("value", "1")]).await, "failed", words);
    assert_eq!(errand.does("ann", "put", &[account, ("key", "last"), ("value", "2")]).await, Value::Null, "replaced");
    assert_eq!(errand.does("ben", "put", &[account, ("key", "more"), ("value", "1")]).await, Value::Null, "another");
    assert_eq!(errand.does("ann", "delete", &[account, ("key", "key1")]).await, Value::Null);
    assert_eq!(errand.does("ann", "put", &[account, ("key", "more"), ("value", "1")]).await, Value::Null, "room again");
    let failed = host.audit().await.into_iter().filter(|[.., outcome]| outcome == "failed").count();
    assert_eq!(failed, 2);
}

async fn a_plugin_has_a_hundred_thousand_values(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |config| config.deadline_ms = 30_000).await;
    fill(&host.db, "", 99_999).await;
    assert_eq!(errand.does("ann", "put", &[("key", "last"), ("value", "1")]).await, Value::Null);
    let words = "keeps 100000 values, and may keep no more";
    refused(&errand.does("ann", "put", &[("key", "more"), ("value", "1")]).await, "failed", words);
    refused(&errand.does("ann", "swap", &[("key", "more"), ("value", "1")]).await, "failed", words);
    assert_eq!(errand.does("ann", "put", &[("key", "last"), ("value", "2")]).await, Value::Null, "replaced");
}
