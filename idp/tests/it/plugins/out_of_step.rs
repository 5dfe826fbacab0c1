//! What a node says in the seconds before it has followed an upgrade that has migrated what it serves.

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::Place;
use crate::{
    on_both_databases,
    support::{database::Database, http::post_json, provider::Member},
};

on_both_databases! {
    everybody_is_told_that_it_does_not_work_now,
    what_is_pinned_serves_only_what_it_has_written,
}

const ANN: &str = "ann@example.com";

async fn everybody_is_told_that_it_does_not_work_now(database: Database) {
    let direct = database.connect().await;
    let place = Place::new(database).await;
    place.enables_cipherpad().await;
    let provider = &place.provider;
    let mut ann = provider.member(ANN).await;
    let before = provider.enrolment_of(ANN).await;
    let mut person = provider.stranger();
    provider.registers(&mut person, "new@example.com").await;
    let code = provider.activation_code(&crate::support::provider::person_phone("new@example.com"), 1).await;
    let site = &provider.sites.own;
    let visit = site.sends(&[]);
    ann.goes(&visit).await;
    assert!(ann.person.sees("answer"), "{}", ann.person.what_is_shown());

    // As if another node had upgraded, and this one had not yet looked.
    for table in ["plugin", "enrolment"] {
        direct.execute_unprepared(&format!("UPDATE {table} SET data_version = 7")).await.unwrap();
    }
    direct.execute_unprepared("UPDATE enrolment SET version = version + 1").await.unwrap();
    ann.answers().await;
    is_told(&ann);
    for email in [ANN, "nobody@example.com"] {
        let mut anybody = Member { person: provider.stranger(), email: email.to_owned(), ..ann.clone() };
        anybody.goes(&site.sends(&[])).await;
        is_told(&anybody);
    }
    let row = provider.enrolment_of(ANN).await;
    assert_eq!((row.failures, &row.sealed), (before.failures, &before.sealed), "nothing was counted, nothing written");

    provider.waits(enum_idp::clock::MINUTE);
    person.presses("resend").await;
    assert_eq!(person.reply.status, 503, "{}", person.what_is_shown());
    assert!(person.sees("main"), "{}", person.what_is_shown());
    let endpoint = provider.origin.join("/enrol/cipherpad").unwrap();
    let asked = json!({ "email": "new@example.com", "input": { "step": "hello" } });
    assert_eq!(post_json(&endpoint, &asked).await.expect(503)["error"], "busy");

    for table in ["plugin", "enrolment"] {
        direct.execute_unprepared(&format!("UPDATE {table} SET data_version = {}", before.data_version)).await.unwrap();
    }
    let mut ann = Member { person: provider.stranger(), ..ann };
    ann.logs_in(&site.sends(&[])).await;
    crate::support::pad::Pad::activate(&provider.origin, "new@example.com", &code, &provider.clock).await;
}

#[track_caller]
fn is_told(member: &Member) {
    assert_eq!(member.person.reply.status, 200, "{}", member.person.what_is_shown());
    let told = member.person.complaint().unwrap_or_else(|| panic!("{}", member.person.what_is_shown()));
    assert!(told.contains("does not work at the moment"), "{}: {told}", member.email);
}

async fn what_is_pinned_serves_only_what_it_has_written(database: Database) {
    let direct = database.connect().await;
    let place = Place::new(database).await;
    let place = place.restarts_as(vec!["merchant", "cipherpad"], crate::support::provider::GENEROUS).await;
    let mut ann = place.provider.member(ANN).await;
    direct.execute_unprepared("UPDATE enrolment SET data_version = 7").await.unwrap();
    let place = place.restarts().await;
    ann.person = place.provider.stranger();
    ann.goes(&place.provider.sites.own.sends(&[])).await;
    is_told(&ann);
    let mut bob = place.provider.member("bob@example.com").await;
    bob.logs_in(&place.provider.sites.own.sends(&[])).await;
}
