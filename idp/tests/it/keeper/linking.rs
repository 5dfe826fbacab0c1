//! Wallet numbers: a light keeper's is bound to one address of the account, once and for good.

use serde_json::json;

use super::{Program, starts};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    a_light_keeper_is_bound_to_one_address_for_good,
}

async fn a_light_keeper_is_bound_to_one_address_for_good(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    let link = |wmid: &str, email: &str| json!({ "kind": "light", "wmid": wmid, "email": email }).to_string();
    let first = link("123456789012", "ann@example.com");
    assert_eq!(program.asks("POST", "links", &first).await.status, 201);
    assert_eq!(program.asks("POST", "links", &first).await.status, 200);
    for (wmid, email, status) in [
        ("210987654321", "ann@example.com", 409),
        ("210987654321", "ann@work.example", 403),
        ("210987654321", "eve@example.com", 403),
        ("21098765432", "ann@example.com", 422),
    ] {
        assert_eq!(program.asks("POST", "links", &link(wmid, email)).await.status, status, "{wmid} {email}");
    }
    provider.has_also("ann@example.com", "ann@work.example").await;
    assert_eq!(program.asks("POST", "links", &link("123456789012", "ann@work.example")).await.status, 409);
    assert_eq!(program.asks("POST", "links", &link("210987654321", "ann@work.example")).await.status, 201);
    let links = program.asks("GET", "links", "").await.expect(200);
    assert_eq!(links["links"].as_array().unwrap().len(), 2);
    for nonsense in ["", "{}", "[]", "{\"kind\":\"mini\",\"wmid\":\"123456789012\"}"] {
        assert_eq!(program.asks("POST", "links", nonsense).await.status, 422, "{nonsense}");
    }
}
