//! Who asks, and what happens until it is carried out.

use enum_idp::clock::{DAY, MINUTE, SECOND};

use super::{
    super::{account, hidden},
    ANN, SECOND_MAIL, asks, is_due, is_free_to_delete, is_known, provider, round, row, stop_link,
};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{GENEROUS, Provider, is_refused_on_a_page, person_phone},
    },
};

on_both_databases! {
    it_waits_and_everybody_is_told,
    a_session_alone_deletes_nothing,
    a_slip_deletes_nothing,
    it_is_asked_for_now_and_then_only,
    of_two_wishes_at_once_one_counts,
    without_a_waiting_time_it_is_gone_at_once,
    a_locked_account_waits,
}

async fn it_waits_and_everybody_is_told(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.has_also(ANN, SECOND_MAIL).await;
    asks(&mut ann).await;
    let link = stop_link(&provider, ANN, 1).await;
    assert_eq!(link, stop_link(&provider, SECOND_MAIL, 1).await);
    provider.sms.wait_for(&person_phone(ANN), 1, |sms| sms.text.contains(&link)).await;
    ann.person.opens("/account").await;
    assert!(ann.person.sees("leaving"), "every page says so: {}", ann.person.what_is_shown());
    provider.waits(7 * DAY - MINUTE);
    assert_eq!(round(&provider).await, 0);
    let tokens = ann.logs_in_at(&provider.sites.site).await;
    assert!(tokens["id_token"].is_string(), "until then everything works");
    provider.waits(MINUTE);
    let id = account(&provider, ANN).await.id;
    assert_eq!(round(&provider).await, 1);
    assert!(!is_known(&provider, ANN).await && !is_known(&provider, SECOND_MAIL).await);
    assert_eq!(row(&provider, &id).await.status, "deleted");
    for email in [ANN, SECOND_MAIL] {
        provider.mail.wait_for(email, 1, |letter| letter.subject == "Your account is deleted").await;
    }
    assert_eq!(round(&provider).await, 0, "once");
}

async fn a_session_alone_deletes_nothing(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    is_free_to_delete(&mut ann).await;
    let token = hidden(&ann.person, "delete", "token");
    for wrong in ["", "x"] {
        let mut forged = ann.person.clone();
        forged.posts("/account/data/delete", &[("token", wrong), ("email", ANN)]).await;
        is_refused_on_a_page(&forged);
    }
    provider.waits(5 * MINUTE + SECOND);
    let mut thief = ann.person.clone();
    thief.posts("/account/data/delete", &[("token", &token), ("email", ANN)]).await;
    assert!(thief.sees("challenge"), "a stale proof deletes: {}", thief.what_is_shown());
    provider.stranger().posts("/account/data/delete", &[("token", &token), ("email", ANN)]).await;
    assert!(!is_due(&provider, ANN).await);
    assert!(!provider.log_of(ANN).await.iter().any(|entry| entry.starts_with("deletion")));
}

async fn a_slip_deletes_nothing(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.has_also(ANN, SECOND_MAIL).await;
    is_free_to_delete(&mut ann).await;
    for wrong in ["", "ann", SECOND_MAIL, "eve@example.com"] {
        ann.person.types("delete-email", wrong).presses("delete").await;
        assert!(ann.person.complaint().is_some(), "{wrong}: {}", ann.person.what_is_shown());
    }
    assert!(!is_due(&provider, ANN).await);
    ann.person.types("delete-email", " ANN@Example.com ").presses("delete").await;
    assert!(is_due(&provider, ANN).await, "{}", ann.person.what_is_shown());
}

async fn it_is_asked_for_now_and_then_only(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    for _ in 0..3 {
        asks(&mut ann).await;
        ann.person.presses("keep").await;
        assert!(!is_due(&provider, ANN).await);
        provider.waits(MINUTE);
    }
    is_free_to_delete(&mut ann).await;
    ann.person.types("delete-email", ANN).presses("delete").await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    assert!(!is_due(&provider, ANN).await);
    provider.waits(30 * DAY);
    asks(&mut ann).await;
}

async fn of_two_wishes_at_once_one_counts(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    is_free_to_delete(&mut ann).await;
    ann.person.types("delete-email", ANN);
    let (mut one, mut two) = (ann.person.clone(), ann.person.clone());
    tokio::join!(one.presses("delete"), two.presses("delete"));
    assert!(is_due(&provider, ANN).await);
    let log = provider.log_of(ANN).await;
    assert_eq!(log.iter().filter(|entry| *entry == "deletion_asked ok").count(), 1, "{log:?}");
}

async fn without_a_waiting_time_it_is_gone_at_once(database: Database) {
    let settings = format!("{GENEROUS}[account]\ndeletion_wait_days = 0\n");
    let provider = Provider::starts_with(database, &settings).await;
    let mut ann = provider.member(ANN).await;
    is_free_to_delete(&mut ann).await;
    ann.person.types("delete-email", ANN).presses("delete").await;
    assert!(ann.person.sees("deleted"), "{}", ann.person.what_is_shown());
    assert!(!is_known(&provider, ANN).await);
    ann.person.opens("/account").await;
    assert!(!ann.person.sees("account-email"), "{}", ann.person.what_is_shown());
}

async fn a_locked_account_waits(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    asks(&mut ann).await;
    let id = account(&provider, ANN).await.id;
    let set = async |status| {
        assert!(enum_idp::store::account::set_status(provider.app.db.read(), &id, status).await.unwrap());
    };
    set("locked").await;
    provider.waits(8 * DAY);
    assert_eq!(round(&provider).await, 0);
    assert!(is_due(&provider, ANN).await);
    set("active").await;
    assert_eq!(round(&provider).await, 1);
    let again = enum_idp::store::account::set_status(provider.app.db.read(), &id, "active").await.unwrap();
    assert!(!again, "nobody brings it back");
}
