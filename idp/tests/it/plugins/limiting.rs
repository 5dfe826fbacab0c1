//! What a plugin may take up, what a node says of it, and that a library is mapped once.

use enum_idp::{
    clock::{Clock, MINUTE},
    store::{StoreError, plugin::node},
};
use serde_json::json;

use super::{Place, text};
use crate::{
    on_both_databases,
    support::{database::Database, provider::GENEROUS},
};

on_both_databases! {
    limits_are_the_administrators,
    nodes_say_what_they_run,
    what_nodes_said_is_forgotten,
}

const SIZED: &str =
    r#"SCHEMA="{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"size\":{\"type\":\"integer\"}}}""#;

async fn limits_are_the_administrators(database: Database) {
    let place = Place::new(database).await;
    let lamb = place.publisher.beast("lamb.so", &[r#"ID="lamb""#]);
    place.admin.does(&["install", &text(&place.publisher.signed(lamb))]);
    let enabled = place.admin.does(&["enable", "lamb", "--deadline-ms", "100", "--threads", "1"]);
    assert_eq!(enabled["limits"], json!({ "threads": 1, "queue": null, "deadline_ms": 100 }));
    place.follows(|provider| provider.app.plugins.factor("lamb").is_some()).await;
    place.enables_cipherpad().await;
    place.provider.member("ann@example.com").await;
    // The lamb takes 400 ms when it is told to dawdle.
    super::switching::also_has_a_lamb(&place.provider, "ann@example.com", "dawdle").await;
    assert_eq!(asks(&place).await, 503, "it is late");
    let enabled = place.admin.does(&["enable", "lamb", "--deadline-ms", "20000", "--queue", "7"]);
    assert_eq!(enabled["limits"], json!({ "threads": 1, "queue": 7, "deadline_ms": 20000 }), "what is not named stays");
    place.looks().await;
    assert_eq!(asks(&place).await, 200, "it has the time");
    for (limit, value) in [("--threads", "0"), ("--threads", "65"), ("--queue", "10001"), ("--deadline-ms", "60001")] {
        let refused = place.admin.command(&["enable", "lamb", limit, value]).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{limit} {value}");
    }
}

async fn asks(place: &Place) -> u16 {
    let mut ann = place.provider.stranger();
    ann.opens(&place.provider.sites.site.sends(&[("login_hint", "ann@example.com")]).link).await;
    ann.presses("factor-lamb").await;
    ann.reply.status.as_u16()
}

async fn nodes_say_what_they_run(database: Database) {
    let place = Place::new(database).await;
    place.admin.does(&["install", &place.cipherpad("")]);
    assert_eq!(place.admin.does(&["list"])[0]["nodes"], json!(null), "nobody runs it");
    place.admin.does(&["enable", "cipherpad", "--grant-all"]);
    let (_other, _serving) = place.provider.another_node().await;
    let nodes = says(&place, |nodes| nodes.len() == 2).await;
    for node in &nodes {
        assert_eq!(
            (&node["state"], &node["why"], &node["settings_version"]),
            (&json!("running"), &json!(null), &json!(0))
        );
        assert_eq!(node["sha256"], place.catalog()[0]["sha256"]);
    }
    assert_ne!(nodes[0]["node"], nodes[1]["node"]);

    // What they cannot start they say as well, and what runs goes on.
    let direct = place.provider.app.db.clone();
    let broken = direct.write(|tx| {
        Box::pin(async move {
            use sea_orm::ConnectionTrait;
            tx.execute_unprepared("UPDATE plugin SET isolation = 'thread'").await?;
            tx.execute_unprepared("UPDATE plugin_revision SET revision = revision + 1").await?;
            Ok::<_, StoreError>(())
        })
    });
    broken.await.unwrap();
    let nodes = says(&place, |nodes| nodes.len() == 2 && nodes.iter().all(|node| node["state"] == "failed")).await;
    assert!(nodes[0]["why"].as_str().unwrap().contains("in_process = true"), "{nodes:?}");
    assert!(place.provider.app.plugins.factor("cipherpad").is_some());
    place.admin.does(&["disable", "cipherpad"]);
    says(&place, <[_]>::is_empty).await;
}

/// How long the nodes' words are waited for: each look is a program that starts, on a machine that may be busy. How soon nodes
/// follow is another test's matter.
const LOOKING: std::time::Duration = std::time::Duration::from_mins(1);

async fn says(place: &Place, done: impl Fn(&[serde_json::Value]) -> bool) -> Vec<serde_json::Value> {
    let said = async {
        loop {
            let nodes = place.admin.does(&["list"])[0]["nodes"].as_array().cloned().unwrap_or_default();
            if done(&nodes) {
                return nodes;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LOOKING, said).await.expect("the nodes say it")
}

async fn what_nodes_said_is_forgotten(database: Database) {
    let db = database.open().await;
    let now = Clock::system().now();
    let row = |node: &str, seen_at| node::Model {
        node: node.to_owned(),
        plugin: "lamb".to_owned(),
        sha256: String::new(),
        settings_version: 1,
        state: "running".to_owned(),
        why: None,
        seen_at,
    };
    for (node, at) in [("old", now - 3 * MINUTE), ("new", now)] {
        let rows = vec![row(node, at)];
        let old = at - 2 * MINUTE;
        db.write(move |tx| Box::pin(async move { node::say(tx, node, rows, old).await })).await.unwrap();
    }
    let known = node::said_since(db.read(), 0).await.unwrap();
    assert_eq!(known, [row("new", now)]);
    db.write(move |tx| Box::pin(async move { node::say(tx, "new", Vec::new(), 0).await })).await.unwrap();
    assert_eq!(node::said_since(db.read(), 0).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_is_mapped_once() {
    let place = Place::new(Database::sqlite()).await;
    let settings = format!("trusted_keys = [{}]\n{GENEROUS}", place.publisher.trusted(true));
    let place = place.restarts_as(vec!["merchant"], &settings).await;
    let build = |name: &str, more: &[&str]| {
        text(&place.publisher.signed(place.publisher.beast(name, &[&[r#"ID="lamb""#, SIZED], more].concat())))
    };
    place.admin.does(&["install", &build("1.so", &[])]);
    place.admin.does(&["enable", "lamb"]);
    place.follows(|provider| provider.app.plugins.factor("lamb").is_some()).await;
    let sha256 = place.catalog()[0]["sha256"].as_str().unwrap().to_owned();
    let mapped = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().filter(|line| line.contains(&sha256)).count()
    };
    let once = mapped();
    assert!(once > 0, "it runs in the server's threads");
    for size in 0..3 {
        let settings = place.settings("size.json", &json!({ "size": size }));
        place.admin.does(&["settings", "lamb", "--set", &settings]);
        place.looks().await;
    }
    place.admin.does(&[
        "upgrade",
        "lamb",
        &build("2.so", &[r#"TEXTS="{\"name\":\"Lamb 2\",\"description\":\"Bleats\"}""#]),
    ]);
    place.looks().await;
    place.admin.does(&["rollback", "lamb"]);
    place.follows(|provider| provider.app.plugins.factor("lamb").unwrap().sha256() == sha256).await;
    assert_eq!(mapped(), once);
}
