//! Two things at once, and a program that ends half-way.

use enum_idp::{
    clock::{DAY, MINUTE},
    error::Internal,
    store,
};
use sea_orm::{EntityTrait, PaginatorTrait};

use super::{super::account, ANN, asks, is_known, provider, round, row, stop_link};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Member, is_refused, text},
    },
};

on_both_databases! {
    a_deletion_that_stopped_half_way_is_gone_on_with,
    of_a_stop_and_a_deletion_at_once_one_wins,
    of_two_nodes_one_deletes,
    who_signs_in_at_that_moment_keeps_nothing,
}

async fn a_deletion_that_stopped_half_way_is_gone_on_with(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let tokens = ann.logs_in_at(&provider.sites.site).await;
    asks(&mut ann).await;
    let link = stop_link(&provider, ANN, 1).await;
    provider.waits(7 * DAY);
    let shut = account(&provider, ANN).await;
    let (id, at, now) = (shut.id.clone(), shut.delete_at, provider.clock.now());
    let shutting = store::account::shutting(&id, at, now);
    let done = provider.app.db.write(move |tx| Box::pin(async move { Ok::<_, Internal>(shutting.apply(tx).await?) }));
    done.await.unwrap();
    // The program has ended here. Nothing works, nothing stops it, nothing is written any more.
    let who = provider.sites.site.asks_who(&text(&tokens, "access_token")).await;
    assert_eq!(who.status, 401);
    is_refused(&provider.sites.site.refreshes(&text(&tokens, "refresh_token")).await, "invalid_grant");
    let mut there = Member { person: provider.stranger(), ..ann.clone() };
    there.goes(&provider.sites.own.sends(&[])).await;
    there.answers().await;
    assert!(there.person.away.is_none(), "{:?}", there.person.away);
    let mut owner = provider.stranger();
    owner.posts(&link, &[]).await;
    assert!(owner.reply.status.is_client_error(), "{}", owner.what_is_shown());
    let (seal, of) = (provider.app.seal.clone(), id.clone());
    let logged = provider.app.db.write(move |tx| {
        Box::pin(async move {
            let event = store::log::Event::new("login", "ok");
            Ok::<_, Internal>(store::log::append(tx, &seal, &of, now, &event).await?)
        })
    });
    assert!(logged.await.unwrap_err().is_conflict());
    assert_eq!(round(&provider).await, 1);
    assert!(!is_known(&provider, ANN).await);
    assert_eq!(row(&provider, &id).await.email, id);
}

async fn of_a_stop_and_a_deletion_at_once_one_wins(database: Database) {
    let provider = provider(database).await;
    for number in 0..6 {
        let email = format!("ann{number}@example.com");
        let mut ann = provider.member(&email).await;
        let id = account(&provider, &email).await.id;
        asks(&mut ann).await;
        let link = stop_link(&provider, &email, 1).await;
        let mut owner = provider.stranger();
        owner.opens(&link).await;
        provider.waits(7 * DAY);
        let (_, deleted) = tokio::join!(owner.presses("keep"), round(&provider));
        let now = row(&provider, &id).await;
        let kept = owner.sees("kept");
        assert_ne!(kept, deleted == 1, "round {number}: {}", owner.what_is_shown());
        assert_eq!(now.status, if kept { "active" } else { "deleted" });
        assert_eq!((now.delete_at, is_known(&provider, &email).await), (None, kept));
        let whole = store::log::verify(provider.app.db.read(), &provider.app.seal, &id).await.unwrap();
        assert!(matches!(whole, store::log::Verdict::Whole { .. }), "{whole:?}");
    }
}

async fn of_two_nodes_one_deletes(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let id = account(&provider, ANN).await.id;
    asks(&mut ann).await;
    provider.waits(7 * DAY);
    tokio::join!(round(&provider), round(&provider));
    assert_eq!(row(&provider, &id).await.email, id);
    let last = store::log::newest(provider.app.db.read(), &id, 2).await.unwrap();
    let what: Vec<String> = last.iter().map(|entry| entry.event().unwrap().what).collect();
    assert_eq!(what.iter().filter(|what| *what == "deleted").count(), 1, "{what:?}");
    let farewells = provider.mail.wait_for(ANN, 1, |letter| letter.subject == "Your account is deleted").await;
    assert_eq!(farewells.len(), 1);
}

async fn who_signs_in_at_that_moment_keeps_nothing(database: Database) {
    let provider = provider(database).await;
    for number in 0..6 {
        let email = format!("ann{number}@example.com");
        let mut ann = provider.member(&email).await;
        asks(&mut ann).await;
        provider.waits(7 * DAY);
        ann.person = provider.stranger();
        let visit = provider.sites.own.sends(&[]);
        ann.goes(&visit).await;
        let mut person = ann.person.clone();
        let answer = ann.pad.answer(&person.challenge());
        person.types("answer", &answer);
        let (_, deleted) = tokio::join!(person.presses("continue"), round(&provider));
        // An answer that came first makes the deletion wait for its next round.
        provider.waits(MINUTE);
        assert_eq!(deleted + round(&provider).await, 1, "round {number}");
        assert!(!is_known(&provider, &email).await);
        if let Some(code) = person.away.as_ref().and_then(|_| person.brings_back().remove("code")) {
            is_refused(&provider.sites.own.redeems(&visit, &code).await, "invalid_grant");
        }
        person.opens("/account").await;
        assert!(!person.sees("account-email"), "{}", person.what_is_shown());
    }
    // Nothing that was opened meanwhile is left behind.
    let sessions = store::session::Entity::find().count(provider.app.db.read()).await.unwrap();
    assert_eq!(sessions, 0);
}
