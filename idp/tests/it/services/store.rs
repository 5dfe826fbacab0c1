//! What a plugin keeps: for whom, for how long, and who of several wins.

use enum_idp::{
    plugins::Isolation,
    store::{self, plugin_data},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Errand, Host, NOW, ROOMS, refused};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    an_account_sees_its_own_data_alone,
    an_address_without_an_account_leaves_nothing,
    of_many_swaps_of_one_version_one_wins,
    a_swap_sees_what_was_there,
    what_has_expired_is_gone,
    keys_come_in_pages_in_the_order_of_their_bytes,
    a_row_that_is_moved_does_not_open,
    a_row_of_another_data_version_is_neither_read_nor_overwritten,
    data_goes_with_its_account,
}

const K: (&str, &str) = ("key", "k");
const ACCOUNT: (&str, &str) = ("scope", "account");

async fn rows(host: &Host) -> u64 {
    plugin_data::Entity::find().count(host.db.read()).await.unwrap()
}

async fn value(errand: &Errand, account: &str, fields: &[(&str, &str)]) -> Value {
    errand.does(account, "get", fields).await["value"].clone()
}

async fn an_account_sees_its_own_data_alone(database: Database) {
    let host = Host::new(database).await;
    for (turn, room) in ROOMS.into_iter().enumerate() {
        let errand = host.runs(room, |_| {}).await;
        let before = turn as u64 * 3;
        let secret = format!(r#"{{"counter": {turn}}}"#);
        let key = format!("k{turn}");
        let key = ("key", key.as_str());
        assert_eq!(errand.does("ann", "put", &[ACCOUNT, key, ("value", &secret)]).await, Value::Null);
        assert_eq!(errand.does("ben", "get", &[ACCOUNT, key]).await, Value::Null);
        assert_eq!(errand.does("ben", "list", &[ACCOUNT]).await["keys"].as_array().unwrap().len(), turn);
        assert_eq!(errand.does("ann", "get", &[key]).await, Value::Null, "of the plugin as a whole there is none");
        assert_eq!(errand.does("ben", "put", &[ACCOUNT, key, ("value", "2")]).await, Value::Null);
        assert_eq!(errand.does("ben", "put", &[key, ("value", "3")]).await, Value::Null);
        assert_eq!(value(&errand, "ann", &[ACCOUNT, key]).await, json!({ "counter": turn }));
        assert_eq!(value(&errand, "ben", &[ACCOUNT, key]).await, 2);
        assert_eq!(value(&errand, "ann", &[key]).await, 3, "everybody's");
        assert_eq!(rows(&host).await, before + 3);
        assert_eq!(errand.does("ben", "delete", &[ACCOUNT, ("key", "none")]).await, Value::Null);
        assert_eq!(rows(&host).await, before + 3);
    }
    let sealed = plugin_data::Entity::find().all(host.db.read()).await.unwrap();
    assert!(sealed.iter().all(|row| !String::from_utf8_lossy(&row.sealed).contains("counter")), "it lies there sealed");
}

async fn an_address_without_an_account_leaves_nothing(database: Database) {
    let host = Host::new(database).await;
    for room in ROOMS {
        let errand = host.runs(room, |_| {}).await;
        let account = ["put", "swap", "delete", "list", "get"];
        for errand_name in account {
            let fields = [ACCOUNT, K, ("value", "1")];
            let real = errand.does("ann", errand_name, &fields).await;
            errand.does("ann", "delete", &[ACCOUNT, K]).await;
            let decoy = errand.does_for_nobody("d3c0y", errand_name, &fields).await;
            match errand_name {
                "get" => assert_eq!((real, decoy), (Value::Null, Value::Null)),
                "list" => assert_eq!(
                    (real, decoy),
                    (json!({ "keys": [], "more": false }), json!({ "keys": [], "more": false }))
                ),
                _ => assert_eq!(real, decoy, "{errand_name} answers alike"),
            }
            assert_eq!(rows(&host).await, 0, "{errand_name}");
        }
        assert_eq!(errand.does_for_nobody("d3c0y", "get", &[ACCOUNT, K]).await, Value::Null);
    }
    let audit = host.audit().await;
    let decoys = audit
        .iter()
        .filter(|[service, _, account, outcome]| service == "store.put" && account.is_empty() && outcome == "ok");
    assert_eq!(decoys.count(), 2, "a durable write each, as for an account: {audit:?}");
}

async fn of_many_swaps_of_one_version_one_wins(database: Database) {
    let host = Host::new(database).await;
    let errand = host
        .runs(Isolation::Thread, |config| {
            config.threads = 16;
            config.deadline_ms = 30_000;
        })
        .await;
    errand.does("ann", "put", &[ACCOUNT, K, ("value", "0")]).await;
    for round in 0..3 {
        let version = errand.does("ann", "get", &[ACCOUNT, K]).await["version"].to_string();
        let fields = vec![ACCOUNT, K, ("value", "1"), ("version", &version)];
        assert_eq!(fifty_swaps(&errand, &fields).await, 1, "round {round}");
    }
    let new = ("key", "new");
    assert_eq!(fifty_swaps(&errand, &[ACCOUNT, new, ("value", "1")]).await, 1, "there was nothing");
    let version = errand.does("ann", "get", &[ACCOUNT, new]).await["version"].to_string();
    assert_eq!(fifty_swaps(&errand, &[ACCOUNT, new, ("version", &version)]).await, 1, "what is taken is taken once");
}

/// How many of fifty at once win.
async fn fifty_swaps(errand: &Errand, fields: &[(&str, &str)]) -> usize {
    let mut tries = JoinSet::new();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    for _ in 0..50 {
        let (errand, fields) = (errand.clone(), fields.iter().map(owned).collect::<Vec<_>>());
        tries.spawn(async move {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            errand.does("ann", "swap", &fields).await
        });
    }
    let swapped = tries.join_all().await;
    assert!(swapped.iter().all(Value::is_boolean), "{swapped:?}");
    swapped.iter().filter(|swapped| **swapped == true).count()
}

async fn a_swap_sees_what_was_there(database: Database) {
    let host = Host::new(database).await;
    for room in ROOMS {
        let errand = host.runs(room, |_| {}).await;
        assert_eq!(errand.does("ann", "swap", &[K, ("value", "1")]).await, true, "there was nothing");
        assert_eq!(errand.does("ann", "swap", &[K, ("value", "2")]).await, false);
        let first = errand.does("ann", "get", &[K]).await["version"].to_string();
        assert_eq!(errand.does("ann", "swap", &[K, ("value", "3"), ("version", &first)]).await, true);
        assert_eq!(errand.does("ann", "swap", &[K, ("value", "4"), ("version", &first)]).await, false);
        assert_eq!(errand.does("ann", "swap", &[K, ("version", &first)]).await, false, "nor is it forgotten");
        let second = errand.does("ann", "get", &[K]).await;
        assert_eq!(second["value"], 3);
        assert_eq!(errand.does("ann", "swap", &[K, ("version", &second["version"].to_string())]).await, true);
        assert_eq!(errand.does("ann", "get", &[K]).await, Value::Null);
        assert_eq!(errand.does("ann", "swap", &[K, ("value", "5"), ("version", "18446744073709551615")]).await, false);
        // What comes later under the same key never meets a version of its earlier life.
        host.hand.advance(1000);
        errand.does("ann", "put", &[K, ("value", "6")]).await;
        assert_eq!(errand.does("ann", "swap", &[K, ("value", "7"), ("version", &first)]).await, false);
        errand.does("ann", "delete", &[K]).await;
    }
}

async fn what_has_expired_is_gone(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |_| {}).await;
    let until = (NOW + 1000).to_string();
    for key in ["k", "l"] {
        errand.does("ann", "put", &[ACCOUNT, ("key", key), ("value", "1"), ("expires_at", &until)]).await;
    }
    host.hand.advance(999);
    assert_eq!(value(&errand, "ann", &[ACCOUNT, K]).await, 1);
    host.hand.advance(1);
    assert_eq!(errand.does("ann", "get", &[ACCOUNT, K]).await, Value::Null);
    assert_eq!(errand.does("ann", "list", &[ACCOUNT]).await, json!({ "keys": [], "more": false }));
    assert_eq!(errand.does("ann", "swap", &[ACCOUNT, K, ("value", "2")]).await, true, "there is nothing any more");
    assert_eq!(rows(&host).await, 2);
    let now = NOW + 1000;
    let swept = host.db.write(move |tx| Box::pin(async move { store::expiry::sweep(tx, now).await }));
    assert_eq!(swept.await.unwrap(), 1);
    assert_eq!(value(&errand, "ann", &[ACCOUNT, K]).await, 2, "what was put again stays");
}

async fn keys_come_in_pages_in_the_order_of_their_bytes(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Process, |_| {}).await;
    let odd = ["B", "a", "Z", "é", "a%", "a_b", "aa"];
    for key in odd {
        errand.does("ann", "put", &[("key", key), ("value", "1")]).await;
    }
    assert_eq!(
        errand.does("ann", "list", &[]).await,
        json!({ "keys": ["B", "Z", "a", "a%", "a_b", "aa", "é"], "more": false })
    );
    assert_eq!(errand.does("ann", "list", &[("key", "a")]).await["keys"], json!(["a", "a%", "a_b", "aa"]));
    let after = errand.does("ann", "list", &[("key", "a"), ("after", "a%")]).await;
    assert_eq!(after["keys"], json!(["a_b", "aa"]));
    let many: Vec<_> = (0..150)
        .map(|number| plugin_data::ActiveModel {
            plugin: Set("errand".to_owned()),
            account: Set("ben".to_owned()),
            key: Set(format!("key{number:03}")),
            data_version: Set(1),
            sealed: Set(Vec::new()),
            version: Set(1),
            expires_at: Set(None),
            updated_at: Set(NOW),
        })
        .collect();
    plugin_data::Entity::insert_many(many).exec_without_returning(host.db.read()).await.unwrap();
    let first = errand.does("ben", "list", &[ACCOUNT, ("key", "key")]).await;
    assert_eq!((first["keys"].as_array().unwrap().len(), &first["more"]), (100, &json!(true)));
    let rest = errand.does("ben", "list", &[ACCOUNT, ("key", "key"), ("after", "key099")]).await;
    assert_eq!((rest["keys"].as_array().unwrap().len(), &rest["more"]), (50, &json!(false)));
    assert_eq!(rest["keys"][0], "key100");
}

async fn a_row_that_is_moved_does_not_open(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |_| {}).await;
    for (account, value) in [("ann", "1"), ("ben", "2")] {
        errand.does(account, "put", &[ACCOUNT, K, ("value", value)]).await;
    }
    // Somebody who can write to the database gives Ben what is Ann's.
    let anns = plugin_data::Entity::find().filter(plugin_data::Column::Account.eq("ann"));
    let anns = anns.one(host.db.read()).await.unwrap().unwrap();
    let bens = plugin_data::Entity::update_many().filter(plugin_data::Column::Account.eq("ben"));
    bens.col_expr(plugin_data::Column::Sealed, Expr::value(anns.sealed)).exec(host.db.read()).await.unwrap();
    refused(&errand.does("ben", "get", &[ACCOUNT, K]).await, "failed", "cannot be read");
    assert_eq!(value(&errand, "ann", &[ACCOUNT, K]).await, 1);
}

async fn a_row_of_another_data_version_is_neither_read_nor_overwritten(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |_| {}).await;
    errand.does("ann", "put", &[ACCOUNT, K, ("value", "1")]).await;
    let version = errand.does("ann", "get", &[ACCOUNT, K]).await["version"].to_string();
    let all = plugin_data::Entity::update_many().col_expr(plugin_data::Column::DataVersion, Expr::value(2));
    all.exec(host.db.read()).await.unwrap();
    let there = plugin_data::Entity::find().all(host.db.read()).await.unwrap();
    let words = "another data version";
    refused(&errand.does("ann", "get", &[ACCOUNT, K]).await, "failed", words);
    refused(&errand.does("ann", "put", &[ACCOUNT, K, ("value", "2")]).await, "failed", words);
    refused(&errand.does("ann", "delete", &[ACCOUNT, K]).await, "failed", words);
    assert_eq!(errand.does("ann", "swap", &[ACCOUNT, K, ("value", "2")]).await, false);
    assert_eq!(errand.does("ann", "swap", &[ACCOUNT, K, ("value", "2"), ("version", &version)]).await, false);
    assert_eq!(errand.does("ann", "swap", &[ACCOUNT, K, ("version", &version)]).await, false);
    assert_eq!(plugin_data::Entity::find().all(host.db.read()).await.unwrap(), there);
}

async fn data_goes_with_its_account(database: Database) {
    let host = Host::new(database).await;
    let errand = host.runs(Isolation::Thread, |_| {}).await;
    for account in ["ann", "ben"] {
        errand.does(account, "put", &[ACCOUNT, K, ("value", "1")]).await;
        errand.does(account, "put", &[ACCOUNT, ("key", "l"), ("value", "1")]).await;
    }
    errand.does("ann", "put", &[K, ("value", "1")]).await;
    let gone = host.db.write(|tx| Box::pin(async { plugin_data::remove_of_account(tx, "ann").await }));
    assert_eq!(gone.await.unwrap(), 2);
    assert_eq!(errand.does("ann", "get", &[ACCOUNT, K]).await, Value::Null);
    assert_eq!(value(&errand, "ben", &[ACCOUNT, K]).await, 1);
    assert_eq!(value(&errand, "ann", &[K]).await, 1);
}
