//! Whatever was wrong, the page is the same: nobody learns from it whose a passkey is, or whether anybody's.

use std::collections::BTreeSet;

use enum_idp::{
    account::{deletion, unenrol_one_by_admin},
    clock::MINUTE,
    store,
};
use fingerprint_key::{Key, Manner};
use hyper::StatusCode;
use serde_json::json;

use super::{ANN, arrives, fingers, handle, honest, is_in, is_refused_as_ever, member, patient, sends, touches};
use crate::{
    fingers::{BOB, FACTOR, answers, asked, provider_with},
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{GENEROUS, Provider},
    },
};

on_both_databases! {
    nobody_can_tell_what_was_wrong,
    failures_count_as_with_an_address,
    a_disabled_method_signs_nobody_in,
    answers_in_one_name_are_counted,
    a_name_that_failed_a_lot_is_asked_for_a_sum_and_tells_nothing_of_its_address,
    names_that_make_no_sense_are_nobodys,
}

/// Somebody else's key, which says that it is of this account.
pub(super) fn made_for(handle: &[u8]) -> (Key, Manner) {
    let made = json!({ "challenge": "AA", "rp": { "id": "127.0.0.1" }, "user": { "id": "AA" } }).to_string();
    let (key, _) = Key::create(&made, &Manner::at("x")).unwrap();
    (key, Manner { user: Some(handle.to_vec()), ..Manner::at("x") })
}

/// An answer by a wrong key in the name of `handle`; gives the page without what differs from visit to visit.
async fn claims(provider: &Provider, handle: &[u8]) -> String {
    let (mut key, manner) = made_for(handle);
    let mut person = arrives(provider).await;
    touches(&mut person, &mut key, &Manner { origin: honest(provider).origin, ..manner }).await;
    comparable(&person)
}

/// The page, which has to be that of a refusal, without what differs from visit to visit.
fn comparable(person: &Person) -> String {
    is_refused_as_ever(person);
    let mut text = person.reply.text();
    for form in &person.page.forms {
        text = text.replace(&form.action, &format!("ACTION of {} characters", form.action.len()));
    }
    let (before, rest) = text.split_once("data-options=\"").unwrap();
    let (options, after) = rest.split_once('"').unwrap();
    let mut headers: Vec<_> = person.reply.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    format!("{} {headers:?} {} {before}{after}", person.reply.status, options.len())
}

async fn status(provider: &Provider, email: &str, status: &str) {
    let (db, id) = (provider.app.db.read(), handle(provider, email).await);
    assert!(store::account::set_status(db, &id, status).await.unwrap());
}

async fn nobody_can_tell_what_was_wrong(database: Database) {
    let provider = provider_with(database, &patient()).await;
    let mut anns = member(&provider, ANN).await;
    let ann = handle(&provider, ANN).await;
    let mut pages = BTreeSet::new();
    // A wrong key, a name that is nobody's, a name that is none.
    pages.insert(claims(&provider, ann.as_bytes()).await);
    pages.insert(claims(&provider, "x".repeat(ann.len()).as_bytes()).await);
    pages.insert(claims(&provider, b"").await);
    let mut nothing = arrives(&provider).await;
    sends(&mut nothing, "").await;
    pages.insert(comparable(&nothing));
    // The right key of a locked account.
    status(&provider, ANN, "locked").await;
    let mut locked = arrives(&provider).await;
    touches(&mut locked, &mut anns, &honest(&provider)).await;
    pages.insert(comparable(&locked));
    status(&provider, ANN, "active").await;
    // Of one that pauses.
    for _ in 0..5 {
        claims(&provider, ann.as_bytes()).await;
    }
    let mut paused = arrives(&provider).await;
    touches(&mut paused, &mut anns, &honest(&provider)).await;
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login blocked");
    pages.insert(comparable(&paused));
    provider.waits(16 * MINUTE);
    // With a method that was taken away.
    let row = fingers(&provider, ANN).await.remove(0);
    unenrol_one_by_admin(&provider.app, ANN, FACTOR, &row.id).await.unwrap();
    let mut removed = arrives(&provider).await;
    touches(&mut removed, &mut anns, &honest(&provider)).await;
    pages.insert(comparable(&removed));
    // Of an account that is gone.
    let mut bobs = member(&provider, BOB).await;
    let (id, now) = (handle(&provider, BOB).await, provider.clock.now());
    let going = provider.app.db.write(move |tx| {
        let deleting = store::account::deleting(&id, now);
        Box::pin(async move { deleting.apply(tx).await })
    });
    going.await.unwrap();
    assert_eq!(deletion::work::carry_out_due(&provider.app).await.unwrap(), 1);
    let mut gone = arrives(&provider).await;
    touches(&mut gone, &mut bobs, &honest(&provider)).await;
    pages.insert(comparable(&gone));
    assert_eq!(pages.len(), 1, "{pages:#?}");
}

async fn failures_count_as_with_an_address(database: Database) {
    let provider = provider_with(database, &patient()).await;
    let mut thumb = member(&provider, ANN).await;
    let ann = handle(&provider, ANN).await;
    for _ in 0..4 {
        claims(&provider, ann.as_bytes()).await;
    }
    assert_eq!(fingers(&provider, ANN).await[0].failures, 4);
    let mut person = asked(&provider, ANN).await;
    person.types("credential", "{}").presses("continue").await;
    // The fifth of both kinds pauses both ways.
    let mut typed = asked(&provider, ANN).await;
    answers(&mut typed, &mut thumb, &honest(&provider)).await;
    assert!(typed.away.is_none(), "{}", typed.what_is_shown());
    let mut ann = arrives(&provider).await;
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_refused_as_ever(&ann);
    provider.mail.wait_for(ANN, 1, |letter| letter.text.contains("blocked for 15 minutes")).await;
    provider.waits(16 * MINUTE);
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    assert!(ann.away.is_none(), "the page was open for too long");
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_in(&ann);
    assert_eq!(fingers(&provider, ANN).await[0].failures, 0);
}

async fn a_disabled_method_signs_nobody_in(database: Database) {
    let provider = provider_with(database, &format!("{}failures_until_disabled = 4\n", patient())).await;
    let mut thumb = member(&provider, ANN).await;
    let ann = handle(&provider, ANN).await;
    let pages = [
        claims(&provider, ann.as_bytes()).await,
        claims(&provider, ann.as_bytes()).await,
        claims(&provider, ann.as_bytes()).await,
        claims(&provider, ann.as_bytes()).await,
        claims(&provider, ann.as_bytes()).await,
    ];
    assert_eq!(fingers(&provider, ANN).await[0].status, "disabled");
    let mut person = arrives(&provider).await;
    touches(&mut person, &mut thumb, &honest(&provider)).await;
    assert!(pages.iter().all(|page| *page == comparable(&person)));
}

async fn answers_in_one_name_are_counted(database: Database) {
    let settings =
        "[limits]\nchallenges_per_minute = 100000\nemail_challenges_per_minute = 3\nfailures_until_check = 1000\n";
    let provider = provider_with(database, settings).await;
    let mut thumb = member(&provider, ANN).await;
    let ann = handle(&provider, ANN).await;
    for name in [ann.as_bytes(), b"nobody", b""] {
        for _ in 0..3 {
            claims(&provider, name).await;
        }
        let (mut key, manner) = made_for(name);
        let mut person = arrives(&provider).await;
        touches(&mut person, &mut key, &manner).await;
        assert_eq!(person.reply.status, StatusCode::TOO_MANY_REQUESTS, "{}", person.what_is_shown());
    }
    // An address has a count of its own: what was sent in a name says nothing of it.
    let mut typed = asked(&provider, ANN).await;
    answers(&mut typed, &mut thumb, &honest(&provider)).await;
    is_in(&typed);
}

async fn a_name_that_failed_a_lot_is_asked_for_a_sum_and_tells_nothing_of_its_address(database: Database) {
    let provider = provider_with(database, &format!("{GENEROUS}failures_until_check = 3\n")).await;
    member(&provider, ANN).await;
    let ann = handle(&provider, ANN).await;
    let nobody = "x".repeat(ann.len());
    for name in [ann.as_bytes(), nobody.as_bytes()] {
        for _ in 0..3 {
            claims(&provider, name).await;
        }
        let (mut key, manner) = made_for(name);
        let mut person = arrives(&provider).await;
        touches(&mut person, &mut key, &manner).await;
        assert!(person.sees("sum") && !person.sees("use-passkey"), "{}", person.what_is_shown());
    }
    assert_eq!(fingers(&provider, ANN).await[0].failures, 3, "without the sum nothing is looked at");
    // Whoever tries addresses does not find out by the sum to which of them the name belongs.
    for email in [ANN, BOB] {
        let mut typed = provider.stranger();
        typed.opens(&provider.sites.own.sends(&[]).link).await.types("email", email).presses("continue").await;
        assert!(!typed.sees("sum"), "{email}: {}", typed.what_is_shown());
    }
}

async fn names_that_make_no_sense_are_nobodys(database: Database) {
    let provider = provider_with(database, &patient()).await;
    member(&provider, ANN).await;
    let ann = handle(&provider, ANN).await;
    let mut pages = BTreeSet::from([claims(&provider, ann.as_bytes()).await]);
    let before = provider.log_of(ANN).await;
    let (with_zero, spelt) = (format!("{ann}\0"), format!(" {ann}"));
    for name in [with_zero.as_bytes(), spelt.as_bytes(), b"\0", b"\xff\xfe", b"' OR 1=1 --", &[b'x'; 8_000]] {
        pages.insert(claims(&provider, name).await);
    }
    assert_eq!((pages.len(), provider.log_of(ANN).await), (1, before), "{pages:#?}");
}
