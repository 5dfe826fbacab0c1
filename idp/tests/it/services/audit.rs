//! The audit trail: there when the change is, kept for a while, and read at the command line.

use enum_idp::{
    clock::DAY,
    plugins::Isolation,
    store::{self, plugin_call},
};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::Value;

use super::{Host, NOW};
use crate::{
    on_both_databases,
    support::{database::Database, plugins::configuration_of, publisher::Administrator},
};

on_both_databases! {
    a_change_and_its_entry_are_there_together,
    what_was_only_read_is_written_soon,
    the_administrator_reads_it,
    it_is_kept_for_thirty_days,
}

async fn entries(host: &Host) -> u64 {
    plugin_call::Entity::find().count(host.db.read()).await.unwrap()
}

/// Without a word to the audit trail in between: whoever dies now loses neither.
async fn a_change_and_its_entry_are_there_together(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Process, |_| {}).await;
    let fields = [("scope", "account"), ("key", "k"), ("value", "1")];
    for (number, change) in ["put", "swap", "delete"].into_iter().enumerate() {
        errand.does("ann", change, &fields).await;
        let other = host.database.open().await;
        let last = &plugin_call::last(other.read(), "errand", false, 1).await.unwrap()[0];
        assert_eq!((last.subject.as_str(), last.account.as_deref()), ("account:k", Some("ann")), "{change}");
        assert_eq!((last.outcome.as_str(), last.at), ("ok", NOW), "{change}");
        assert_eq!(entries(&host).await, number as u64 + 1);
    }
    let last = &plugin_call::last(host.db.read(), "errand", false, 1).await.unwrap()[0];
    assert_eq!((last.version.as_str(), last.sha256.len()), ("1.0.0", 64), "which build it was");
}

async fn what_was_only_read_is_written_soon(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |_| {}).await;
    for _ in 0..300 {
        errand.does("ann", "get", &[("key", "k")]).await;
    }
    let started = std::time::Instant::now();
    while entries(&host).await < 300 {
        assert!(started.elapsed().as_secs() < 20, "{} entries", entries(&host).await);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn the_administrator_reads_it(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |_| {}).await;
    errand.does("ann", "put", &[("key", "first"), ("value", "1")]).await;
    errand.does("ann", "http", &[("method", "GET"), ("url", "https://api.example/p?q=secret")]).await;
    errand.does("ann", "get", &[("key", "last")]).await;
    let audit = host.audit().await;
    assert_eq!(audit.len(), 3);

    // The command opens the database as the server does, with a master key of its own making.
    let dir = host.database.dir();
    std::fs::write(dir.join("clients.json"), "[]").unwrap();
    let admin = Administrator::of(&dir, &configuration_of(&[], "http://127.0.0.1:9", &dir, &host.database.url, ""));
    let told = admin.does(&["audit", "errand"]);
    let services: Vec<&Value> = told.as_array().unwrap().iter().map(|call| &call["service"]).collect();
    assert_eq!(services, ["store.get", "http.send", "store.put"], "newest first");
    let told = admin.does(&["audit", "errand", "--denied"]);
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!((&told[0]["subject"], &told[0]["outcome"]), (&"https://api.example/p".into(), &"denied".into()));
    let told = admin.does(&["audit", "errand", "--last", "1"]);
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!(told[0]["subject"], "plugin:last");
    assert_eq!(admin.does(&["audit", "nobody"]), Value::Array(Vec::new()));
}

async fn it_is_kept_for_thirty_days(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |_| {}).await;
    errand.does("ann", "put", &[("key", "k"), ("value", "1")]).await;
    for (later, left) in [(30 * DAY, 1), (30 * DAY + 1, 0)] {
        let now = NOW + later;
        let swept = host.db.write(move |tx| Box::pin(async move { store::expiry::sweep(tx, now).await }));
        assert_eq!(swept.await.unwrap(), 1 - left);
        assert_eq!(entries(&host).await, left);
    }
    assert_eq!(errand.does("ann", "get", &[("key", "k")]).await["value"], 1, "data without an end stays");
}
