//! Requests: who may make them, how many, and what becomes of what they say.

use enum_idp::{
    account::recovery::approval,
    clock::DAY,
    store::{recovery_budget, support},
};
use sea_orm::{EntityTrait, PaginatorTrait};

use super::{EMAIL, EVIDENCE, NEW, PHONE, asked, newest, registered, writes, writes_this};
use crate::{
    on_both_databases,
    recovery::guessing::seen,
    support::{database::Database, provider::Provider},
};

on_both_databases! {
    the_owner_is_told_at_every_address,
    an_unknown_address_sees_the_same_and_reaches_nobody,
    requests_are_limited_and_whoever_is_too_late_is_told,
    a_flood_at_once_is_counted,
    what_is_missing_is_said,
    evidence_is_sealed_and_not_logged,
    evidence_does_nothing_to_the_screen_that_shows_it,
}

async fn the_owner_is_told_at_every_address(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    provider.has_also(EMAIL, "ann.second@example.com").await;
    writes(&provider, &mut provider.stranger(), "Ann.Second@Example.com", NEW).await;
    for address in [EMAIL, "ann.second@example.com"] {
        provider.mail.wait_for(address, 1, |mail| mail.subject.contains("asked support")).await;
    }
    assert!(provider.mail.to(NEW).is_empty(), "anybody can write any address into the form");
    assert_eq!(provider.log_of(EMAIL).await.last().unwrap(), "support asked");
}

async fn rows(provider: &Provider) -> (u64, u64) {
    let db = provider.app.db.read();
    (support::Entity::find().count(db).await.unwrap(), recovery_budget::Entity::find().count(db).await.unwrap())
}

async fn an_unknown_address_sees_the_same_and_reaches_nobody(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for _ in 0..5 {
        for (email, seen_by) in [(EMAIL, &mut known), ("bob@example.com", &mut unknown)] {
            let (mut person, before) = (provider.stranger(), rows(&provider).await);
            writes_this(&provider, &mut person, email, NEW, EVIDENCE).await;
            let after = rows(&provider).await;
            seen_by.push((seen(&person, email), after.0 - before.0, after.1 - before.1));
        }
    }
    assert_eq!(known, unknown);
    let all = approval::list(&provider.app, 100).await.unwrap();
    assert!(all.len() == 3 && all.iter().all(|request| request.email == EMAIL), "{all:?}");
    let void = support::Entity::find().all(provider.app.db.read()).await.unwrap();
    let void = void.into_iter().find(|request| request.status == support::VOID).unwrap();
    assert!(approval::approve(&provider.app, &void.id, "olga").await.is_err(), "a request about nobody");
    assert!(approval::show(&provider.app, &void.id).await.is_err(), "a request about nobody");
}

async fn requests_are_limited_and_whoever_is_too_late_is_told(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    for _ in 0..3 {
        writes(&provider, &mut provider.stranger(), EMAIL, NEW).await;
    }
    let mut person = provider.stranger();
    writes_this(&provider, &mut person, EMAIL, NEW, EVIDENCE).await;
    assert!(!person.sees("support-sent"), "{}", person.what_is_shown());
    assert_eq!(person.reply.status, 429);
    assert_eq!(approval::list(&provider.app, 100).await.unwrap().len(), 3);
    provider.waits(DAY);
    writes(&provider, &mut provider.stranger(), EMAIL, NEW).await;
    assert_eq!(approval::list(&provider.app, 100).await.unwrap().len(), 4);
}

async fn a_flood_at_once_is_counted(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let mut forms = Vec::new();
    for _ in 0..6 {
        let mut person = provider.stranger();
        person.opens("/recover/support").await;
        let sum = person.page.sum_asked();
        person.types("email", EMAIL).types("contact", NEW).types("phone", PHONE).types("evidence", EVIDENCE);
        person.types("sum", &sum);
        forms.push(person);
    }
    let sent: Vec<_> = forms
        .into_iter()
        .map(|mut person| tokio::spawn(async move { person.presses("continue").await.sees("support-sent") }))
        .collect();
    let mut taken = 0;
    for one in sent {
        taken += usize::from(one.await.unwrap());
    }
    let kept = approval::list(&provider.app, 100).await.unwrap().len();
    assert!(taken == kept && (1..=3).contains(&kept), "{taken} were told that it was taken, {kept} were kept");
}

async fn what_is_missing_is_said(database: Database) {
    let provider = Provider::starts(database).await;
    let mut person = provider.stranger();
    for evidence in ["too short", &"x".repeat(4001)] {
        writes_this(&provider, &mut person, EMAIL, NEW, evidence).await;
        assert!(person.sees("evidence-error") && !person.sees("phone-error"), "{}", person.what_is_shown());
    }
    person.posts("/recover/support", &[]).await;
    for field in ["email-error", "contact-error", "phone-error", "evidence-error"] {
        assert!(person.sees(field), "{field}: {}", person.what_is_shown());
    }
    person.opens("/recover/support").await;
    person.types("email", EMAIL).types("contact", NEW).types("phone", PHONE).types("evidence", EVIDENCE);
    person.types("sum", "1").presses("continue").await;
    assert!(person.sees("sum-error"), "{}", person.what_is_shown());
}

async fn evidence_is_sealed_and_not_logged(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    let row = support::by_id(provider.app.db.read(), &id).await.unwrap().unwrap();
    let stored = format!("{row:?} {}", String::from_utf8_lossy(&row.sealed));
    let account = super::super::account(&provider, EMAIL).await;
    let log = enum_idp::store::log::newest(provider.app.db.read(), &account.id, 100).await.unwrap();
    for secret in [NEW, PHONE, EVIDENCE] {
        assert!(!stored.contains(secret), "{stored}");
        assert!(!log.iter().any(|entry| entry.event.contains(secret)), "{log:?}");
    }
    let written = approval::show(&provider.app, &id).await.unwrap().written.unwrap();
    assert_eq!((written.contact.as_str(), written.phone.as_str(), written.evidence.as_str()), (NEW, PHONE, EVIDENCE));
    assert!(approval::list(&provider.app, 100).await.unwrap()[0].written.is_none(), "lists show no evidence");
}

async fn evidence_does_nothing_to_the_screen_that_shows_it(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let evidence = "\u{1b}[2J\u{9b}31mI registered\r\nin March.\u{202e} Believe me\u{7}.";
    writes_this(&provider, &mut provider.stranger(), EMAIL, NEW, evidence).await;
    let written = approval::show(&provider.app, &newest(&provider).await).await.unwrap().written.unwrap();
    assert_eq!(written.evidence, "[2J31mI registered\nin March. Believe me.");
}
