//! `enum-idp account delete`: the same, for administrators.

use enum_idp::store::{self, Db};
use serde_json::Value;

use crate::{
    on_both_databases,
    support::{database::Database, program::Program},
};

on_both_databases! {
    an_administrator_deletes_keeps_and_deletes_at_once,
}

async fn an_administrator_deletes_keeps_and_deletes_at_once(database: Database) {
    let program = Program::new(&database);
    let email = "ann@example.com";
    program.succeeds(&["account", "create", "--email", email, "--phone", "+447400123456", "--activate"]);
    let told = |arguments: &[&str]| serde_json::from_str::<Value>(&program.succeeds(arguments)).unwrap();
    let asked = told(&["account", "delete", email]);
    assert_eq!(asked["status"], "waiting");
    assert!(asked["delete_at"].is_i64(), "{asked}");
    let twice = program.runs(&["account", "delete", email]);
    assert!(!twice.success && twice.stderr.contains("already"), "{twice:?}");
    assert_eq!(told(&["account", "delete", email, "--keep"])["status"], "kept");
    assert!(!program.runs(&["account", "delete", email, "--keep"]).success);
    // A lock holds the person's own wish back, and not the administrator's.
    program.succeeds(&["account", "lock", "--email", email]);
    let gone = told(&["account", "delete", email, "--now"]);
    assert_eq!(gone["status"], "deleted");
    let id = gone["account"].as_str().unwrap();
    // An id may begin with a hyphen.
    let by_id = format!("--email={id}");
    assert!(!program.runs(&["account", "show", "--email", email]).success);
    assert!(!program.runs(&["account", "lock", &by_id, "--unlock"]).success, "nobody brings it back");
    assert!(!program.runs(&["account", "delete", "--now", "--", id]).success);
    assert!(program.succeeds(&["account", "audit", "verify", &by_id]).contains("\"whole\""));
    let shown = told(&["account", "show", &by_id]);
    assert_eq!((&shown["status"], &shown["phone"]), (&"deleted".into(), &"".into()));
    program.succeeds(&["account", "create", "--email", email, "--phone", "+447400123456"]);
    let db = Db::open(&database.url).await.unwrap();
    assert_ne!(store::account::by_email(db.read(), email).await.unwrap().unwrap().id, id);
}
