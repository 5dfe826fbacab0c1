//! Nobody learns from what is sent, shown or written whether an address belongs to an account.

use enum_idp::{
    clock::{MINUTE, Millis},
    store::{challenge, code_pace},
};
use sea_orm::EntityTrait;

use super::{ANN, adds, answers, asked, goes, member, provider, provider_of_both, sent};
use crate::{
    login::strangers::comparable,
    on_both_databases,
    support::{database::Database, person::Person, provider::Provider},
};

on_both_databases! {
    an_unknown_address_meets_with_the_same_at_every_step,
    an_unknown_address_with_several_methods_meets_with_the_same,
    an_unknown_address_never_gets_in,
}

/// As long as Ann's, and masked alike.
const NOBODY: &str = "ada@example.com";

/// Number, sendings, times and length of a challenge.
type Challenge = (i64, i32, Millis, Millis, usize);

/// What is written about each enrolment, without what is secret or made up: for two addresses it must come in pairs.
async fn written(provider: &Provider) -> (Vec<Challenge>, Vec<(String, i64)>) {
    let db = provider.app.db.read();
    let rows = challenge::Entity::find().all(db).await.unwrap().into_iter();
    let mut challenges: Vec<_> =
        rows.map(|row| (row.number, row.sends, row.sent_at, row.expires_at, row.sealed.len())).collect();
    challenges.sort_unstable();
    let rows = code_pace::Entity::find().all(db).await.unwrap().into_iter();
    let mut paces: Vec<_> = rows.map(|row| (row.sent, row.version)).collect();
    paces.sort();
    (challenges, paces)
}

#[track_caller]
fn are_pairs<T: PartialEq + std::fmt::Debug>(rows: &[T], what: &str) {
    assert!(rows.chunks(2).all(|pair| pair.len() == 2 && pair[0] == pair[1]), "{what}: {rows:?}");
}

async fn both(provider: &Provider, (ann, ada): (&mut Person, &mut Person), step: &str, press: &str) {
    for person in [&mut *ann, &mut *ada] {
        if press == "continue" {
            answers(person, "000000x").await;
        } else {
            person.presses(press).await;
        }
        assert!(person.away.is_none());
    }
    assert_eq!(comparable(ann, ANN), comparable(ada, NOBODY), "{step}");
    let (challenges, paces) = written(provider).await;
    are_pairs(&challenges, step);
    are_pairs(&paces, step);
}

async fn an_unknown_address_meets_with_the_same_at_every_step(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (mut ann, mut ada) = (asked(&provider, ANN).await, asked(&provider, NOBODY).await);
    assert_eq!(comparable(&ann, ANN), comparable(&ada, NOBODY));
    both(&provider, (&mut ann, &mut ada), "again, too early", "again").await;
    provider.waits(MINUTE);
    both(&provider, (&mut ann, &mut ada), "again", "again").await;
    for step in ["wrong", "wrong again", "burnt"] {
        both(&provider, (&mut ann, &mut ada), step, "continue").await;
    }
    both(&provider, (&mut ann, &mut ada), "another, too early", "factor-email").await;
    provider.waits(MINUTE);
    both(&provider, (&mut ann, &mut ada), "another", "factor-email").await;
    both(&provider, (&mut ann, &mut ada), "the fourth wrong one", "continue").await;
    both(&provider, (&mut ann, &mut ada), "the fifth, which pauses", "continue").await;
    assert_eq!(sent(&provider).await, 3, "to Ann alone");
    assert!(provider.mail.to(NOBODY).is_empty());
}

/// What fails by one method leaves the other as it was, for either.
async fn an_unknown_address_with_several_methods_meets_with_the_same(database: Database) {
    let provider = provider_of_both(database).await;
    provider.member(ANN).await;
    adds(&provider, ANN).await;
    let visit = || provider.sites.own.sends(&[]);
    let (mut ann, mut ada) = (goes(&provider, &visit(), ANN).await, goes(&provider, &visit(), NOBODY).await);
    assert!(ann.sees("factor-email") && ann.sees("factor-cipherpad"), "{}", ann.what_is_shown());
    assert_eq!(comparable(&ann, ANN), comparable(&ada, NOBODY));
    for (step, press) in [("by mail", "factor-email"), ("wrong", "continue"), ("wrong", "continue")] {
        both(&provider, (&mut ann, &mut ada), step, press).await;
    }
    for (step, press) in [("burnt", "continue"), ("by pad", "factor-cipherpad"), ("wrong by pad", "continue")] {
        both(&provider, (&mut ann, &mut ada), step, press).await;
    }
    for (step, press) in [("wrong by pad", "continue"), ("not yet burnt", "other")] {
        both(&provider, (&mut ann, &mut ada), step, press).await;
    }
    assert_eq!(sent(&provider).await, 1);
}

async fn an_unknown_address_never_gets_in(database: Database) {
    let provider = provider(database).await;
    let mut ada = asked(&provider, NOBODY).await;
    for guess in ["", "000000", "123456"] {
        ada.types("answer", guess).presses("continue").await;
        assert!(ada.away.is_none());
    }
    let row = challenge::Entity::find().one(provider.app.db.read()).await.unwrap().unwrap();
    let step = row.step(&provider.app.seal).unwrap();
    let right = step.state["code"].as_str().unwrap();
    provider.waits(MINUTE);
    let mut ada = asked(&provider, NOBODY).await;
    answers(&mut ada, right).await;
    assert!(ada.away.is_none());
    let rows = challenge::Entity::find().all(provider.app.db.read()).await.unwrap();
    let newest = rows.into_iter().max_by_key(|row| row.sent_at).unwrap().step(&provider.app.seal).unwrap();
    answers(&mut ada, newest.state["code"].as_str().unwrap()).await;
    assert!(ada.away.is_none(), "even the code that was made");
    assert_eq!(sent(&provider).await, 0);
}
