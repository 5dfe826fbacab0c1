//! Where a passkey is offered before anybody has said who they are, where not, and what that costs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use enum_idp::clock::MINUTE;

use fingerprint_key::Manner;

use super::{
    ANN, arrives, handle, honest, is_in, member, options, patient, provider, sends, strangers::made_for, touches,
};
use crate::{
    fingers::levels::ESSENTIAL,
    on_both_databases,
    policy::says,
    support::{
        database::Database,
        person::Person,
        provider::{Provider, Written},
    },
};

on_both_databases! {
    nobody_is_offered_it_where_no_factor_can,
    the_administrator_may_want_the_address_first,
    it_is_not_offered_where_it_would_not_do,
    a_payment_is_never_approved_so,
    it_is_not_offered_where_a_robot_is_likely,
    whoever_opens_the_page_again_and_again_is_offered_it_so_often,
    every_page_asks_anew_and_says_nothing_of_anybody,
    a_factor_that_was_switched_off_leaves_the_address,
    a_factor_that_fails_leaves_the_address,
}

#[track_caller]
fn only_asks_for_the_address(person: &Person) {
    assert!(person.sees("email") && !person.sees("use-passkey"), "{}", person.what_is_shown());
    assert!(person.page.html.contains("autocomplete=\"username\""), "{}", person.what_is_shown());
    assert!(!person.reply.header("content-security-policy").contains("script-src"));
}

async fn with(database: Database, pins: &[&'static str]) -> Provider {
    Provider::starts_as(database, Written { pins: pins.to_vec(), settings: patient(), ..Written::default() }).await
}

async fn nobody_is_offered_it_where_no_factor_can(database: Database) {
    let provider = Provider::starts(database).await;
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[]).link).await;
    only_asks_for_the_address(&person);
}

/// Each offer asks a plugin: one browser must not keep it busy.
async fn whoever_opens_the_page_again_and_again_is_offered_it_so_often(database: Database) {
    let settings = "[limits]\nchallenges_per_minute = 5\n".to_owned();
    let pins = vec!["fingerprint_factor", "merchant"];
    let provider = Provider::starts_as(database, Written { pins, settings, ..Written::default() }).await;
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[]).link).await;
    let page = person.at.to_string();
    for _ in 1..5 {
        assert!(person.sees("use-passkey"), "{}", person.what_is_shown());
        person.opens(&page).await;
    }
    assert!(person.sees("use-passkey"), "{}", person.what_is_shown());
    only_asks_for_the_address(person.opens(&page).await);
    provider.waits(MINUTE);
    assert!(person.opens(&page).await.sees("use-passkey"));
}

async fn the_administrator_may_want_the_address_first(database: Database) {
    let pin = "fingerprint_factor settings = { address_first = true }";
    let provider = with(database, &[pin, "merchant"]).await;
    member(&provider, ANN).await;
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[]).link).await;
    only_asks_for_the_address(&person);
}

async fn it_is_not_offered_where_it_would_not_do(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    says(&provider, &json!({ "factors": { "fingerprint": { "acr": "phr" } } })).await;
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[ESSENTIAL]).link).await;
    only_asks_for_the_address(&person);
    assert!(person.opens(&provider.sites.own.sends(&[]).link).await.sees("use-passkey"));
}

async fn a_payment_is_never_approved_so(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = provider.stranger();
    ann.opens(&provider.sites.shop.asks_to_pay(1050, &[]).await.link).await;
    only_asks_for_the_address(&ann);
    // Nor when somebody sends what the page has no place for: here an answer to a login.
    let login = arrives(&provider).await;
    let answer = thumb.get(&options(&login), &honest(&provider)).unwrap();
    let action = ann.page.forms[0].action.clone();
    ann.posts(&action, &[("nameless", "1"), ("credential", &answer)]).await;
    assert!(ann.away.is_none() && ann.complaint().is_some(), "{}", ann.what_is_shown());
    only_asks_for_the_address(&ann);
    assert!(!provider.log_of(ANN).await.iter().any(|entry| entry.starts_with("payment")));
}

async fn it_is_not_offered_where_a_robot_is_likely(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut open = arrives(&provider).await;
    // Three times as many failures as one name may have.
    for number in 0..15 {
        let (mut key, manner) = made_for(format!("nobody-{number}").as_bytes());
        let mut person = arrives(&provider).await;
        touches(&mut person, &mut key, &Manner { origin: honest(&provider).origin, ..manner }).await;
    }
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[]).link).await;
    only_asks_for_the_address(&person);
    // A page from before does not help.
    touches(&mut open, &mut thumb, &honest(&provider)).await;
    assert!(open.away.is_none() && open.sees("sum") && !open.sees("use-passkey"), "{}", open.what_is_shown());
    provider.waits(16 * MINUTE);
    let mut ann = arrives(&provider).await;
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_in(&ann);
}

async fn every_page_asks_anew_and_says_nothing_of_anybody(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let mut one = arrives(&provider).await;
    let asked = |person: &Person| serde_json::from_str::<Value>(&options(person)).unwrap()["challenge"].clone();
    let first = asked(&one);
    assert_ne!(asked(&arrives(&provider).await), first);
    let at = one.at.to_string();
    assert_ne!(asked(one.opens(&at).await), first);
    assert!(!one.page.html.contains(&handle(&provider, ANN).await));
}

async fn a_factor_that_was_switched_off_leaves_the_address(database: Database) {
    let provider = with(database, &["fingerprint_factor", "cipherpad", "merchant"]).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = arrives(&provider).await;
    let answer = thumb.get(&options(&ann), &honest(&provider)).unwrap();
    let pins = vec!["cipherpad", "merchant"];
    let provider = provider.restarts_as(Written { pins, settings: patient(), ..Written::default() }).await;
    sends(&mut ann, &answer).await;
    assert!(ann.away.is_none() && ann.complaint().unwrap().contains("does not work"), "{}", ann.what_is_shown());
    only_asks_for_the_address(&ann);
    drop(provider);
}

async fn a_factor_that_fails_leaves_the_address(database: Database) {
    let mut provider = with(database, &["cipherpad", "merchant"]).await;
    for pin in [
        "examples/panics settings = { nameless = 'panic' }",
        "examples/panics settings = { nameless = 'send' }",
        "examples/panics settings = { nameless = 'show' }",
        "examples/panics deadline_ms = 60000, settings = { nameless = 'rest' }",
    ] {
        let pins = vec![pin, "cipherpad", "merchant"];
        provider = provider.restarts_as(Written { pins, settings: patient(), ..Written::default() }).await;
        let asked = Instant::now();
        let mut person = provider.stranger();
        person.opens(&provider.sites.own.sends(&[]).link).await;
        only_asks_for_the_address(&person);
        assert!(asked.elapsed() < Duration::from_secs(40), "the page waited for the call's deadline: {pin}");
    }
    drop(provider);
}

/// PostgreSQL counts what it is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_whoever_is_there_asks_the_database_nothing() {
    use sea_orm::{ConnectionTrait, Statement};
    const VISITS: i64 = 40;
    let provider = provider(Database::postgres().await).await;
    let mut person = arrives(&provider).await;
    let at = person.at.to_string();
    let db = provider.app.db.read();
    db.execute_unprepared("CREATE EXTENSION pg_stat_statements").await.unwrap();
    let counts = async || {
        let query = "SELECT query, calls FROM pg_stat_statements \
                     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), query)).await.unwrap();
        let count = |row: sea_orm::QueryResult| {
            (row.try_get_by_index::<String>(0).unwrap(), row.try_get_by_index::<i64>(1).unwrap())
        };
        rows.into_iter().map(count).collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = counts().await;
    for _ in 0..VISITS {
        assert!(person.opens(&at).await.sees("use-passkey"));
    }
    let after = counts().await;
    // What goes on by itself does so now and then.
    let more = |(text, calls): (&String, &i64)| (calls - before.get(text).unwrap_or(&0), text.clone());
    let asked: Vec<_> = after.iter().map(more).filter(|(times, _)| *times >= VISITS).collect();
    assert!(asked.is_empty(), "{asked:?}");
    // Otherwise this would show nothing.
    for _ in 0..VISITS {
        arrives(&provider).await.types("email", "nobody@example.com").presses("continue").await;
    }
    let most = counts().await.iter().map(more).map(|(times, _)| times).max();
    assert!(most >= Some(VISITS), "{most:?}");
}
