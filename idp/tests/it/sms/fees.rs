//! A fee is shown, accepted, charged once, and told.

use enum_idp::clock::{HOUR, MINUTE};
use serde_json::json;
use tokio::task::JoinSet;

use super::{ANN, asked_to_pay, code, ledger, member, provider, shown_the_fee, written};
use crate::{
    codes::{answers, is_in, sent},
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, Written},
    },
};

on_both_databases! {
    the_fee_is_shown_before_anything_is_sent_and_told_to_the_shop,
    another_language_shows_the_same_fee,
    a_fee_that_has_changed_since_is_asked_for_again,
    sending_again_costs_nothing_more,
    whoever_presses_many_times_pays_once,
    a_form_that_names_another_fee_accepts_nothing,
    what_was_not_accepted_is_not_sent,
    a_message_that_no_gateway_takes_costs_nothing,
}

async fn the_fee_is_shown_before_anything_is_sent_and_told_to_the_shop(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (mut ann, visit) = shown_the_fee(&provider, ANN, 1050).await;
    assert!(ann.page.text_of("fee").unwrap().contains("0.05\u{a0}WMZ"), "{}", ann.what_is_shown());
    assert_eq!(ann.page.text_of("accept").unwrap(), "Send the code for 0.05\u{a0}WMZ");
    assert_eq!(ann.page.text_of("payment-amount").unwrap(), "10.50");
    let page = ann.page.forms[0].action.clone();
    ann.opens(&page).await;
    assert!(ann.sees("accept"), "{}", ann.what_is_shown());
    assert_eq!((sent(&provider).await, ledger(&provider).await.len()), (0, 0));
    ann.presses("accept").await;
    let code = code(&provider, ANN, 1).await;
    answers(&mut ann, &code).await;
    let earned = ann.brings_back()["code"].clone();
    let tokens = provider.sites.shop.redeems(&visit, &earned).await.expect(200);
    assert_eq!(tokens["enum_fee"]["amount"], "0.05");
    assert_eq!(tokens["enum_fee"]["currency"], "WMZ");
    let lines = charged(&provider, 1).await;
    assert_eq!((lines[0].client_id.as_str(), lines[0].owed_minor()), ("shop", 5));
}

/// Waits until the courier has settled so many charges.
pub(crate) async fn charged(provider: &Provider, count: usize) -> Vec<enum_idp::store::fee::Line> {
    for _ in 0..2000 {
        let lines = ledger(provider).await;
        if lines.iter().filter(|line| line.status() == "charged").count() == count {
            return lines;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("not {count} charged: {:?}", ledger(provider).await)
}

async fn another_language_shows_the_same_fee(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    for (language, button) in [("ru", "Отправить код за 0.05\u{a0}WMZ"), ("vi", "Gửi mã với giá 0.05\u{a0}WMZ")]
    {
        let mut ann = provider.stranger().reads(language);
        ann.opens(&provider.sites.shop.asks_to_pay(1050, &[]).await.link).await;
        ann.types("email", ANN).presses("continue").await;
        assert_eq!(ann.page.text_of("accept").as_deref(), Some(button), "{}", ann.what_is_shown());
    }
}

/// With another price for a payment in WMZ.
fn dearer() -> Written {
    written("sms_factor settings = { fees = { WMZ = '0.10' } }")
}

async fn a_fee_that_has_changed_since_is_asked_for_again(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (mut ann, _) = shown_the_fee(&provider, ANN, 1050).await;
    let provider = provider.restarts_as(dearer()).await;
    ann.presses("accept").await;
    assert!(ann.complaint().unwrap().contains("The fee has changed"), "{}", ann.what_is_shown());
    assert!(ann.page.text_of("accept").unwrap().contains("0.10"), "{}", ann.what_is_shown());
    assert_eq!((sent(&provider).await, ledger(&provider).await.len()), (0, 0));
    ann.presses("accept").await;
    assert!(ann.sees("answer") && ann.complaint().is_none(), "{}", ann.what_is_shown());
    assert_eq!(charged(&provider, 1).await[0].amount(), "0.10");
}

async fn sending_again_costs_nothing_more(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (mut ann, visit) = asked_to_pay(&provider, ANN, 1050).await;
    code(&provider, ANN, 1).await;
    // Not even at another price.
    let provider = provider.restarts_as(dearer()).await;
    provider.waits(MINUTE);
    ann.presses("again").await;
    if ann.sees("factor-sms") {
        ann.presses("factor-sms").await;
    }
    assert!(ann.sees("answer"), "{}", ann.what_is_shown());
    answers(&mut ann, &code(&provider, ANN, 2).await).await;
    let earned = ann.brings_back()["code"].clone();
    let tokens = provider.sites.shop.redeems(&visit, &earned).await.expect(200);
    assert_eq!(tokens["enum_fee"], json!({ "amount": "0.05", "currency": "WMZ", "status": "charged" }));
    assert_eq!(charged(&provider, 1).await.len(), 1);
    assert_eq!(sent(&provider).await, 2);
    provider.waits(MINUTE);
    shown_the_fee(&provider, ANN, 1050).await;
}

async fn whoever_presses_many_times_pays_once(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (ann, _) = shown_the_fee(&provider, ANN, 1050).await;
    let mut tabs = JoinSet::new();
    for _ in 0..6 {
        let mut tab = ann.clone();
        tabs.spawn(async move {
            tab.presses("accept").await;
            tab
        });
    }
    for tab in tabs.join_all().await {
        assert!(tab.sees("answer"), "{}", tab.what_is_shown());
    }
    assert_eq!(charged(&provider, 1).await.len(), 1);
    assert_eq!(sent(&provider).await, 1);
}

async fn a_form_that_names_another_fee_accepts_nothing(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (ann, _) = shown_the_fee(&provider, ANN, 1050).await;
    let action = ann.page.forms[0].action.clone();
    // What is accepted is sealed in the page; a form cannot say it.
    for fields in [&[("fee", "0.05 WMZ")][..], &[("factor", "sms")], &[("answer", "123456")], &[]] {
        let mut tab = ann.clone();
        tab.posts(&action, fields).await;
        assert!(tab.sees("accept"), "{}", tab.what_is_shown());
    }
    // Nor does a page of another visit: its sealed state is that visit's.
    let (mut other, _) = shown_the_fee(&provider, ANN, 100_000).await;
    other.posts(&action, &[("accept", "1")]).await;
    assert!(!other.sees("answer"), "{}", other.what_is_shown());
    assert_eq!((sent(&provider).await, ledger(&provider).await.len()), (0, 0));
}

async fn what_was_not_accepted_is_not_sent(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    let (mut ann, visit) = shown_the_fee(&provider, ANN, 1050).await;
    ann.presses("deny").await;
    let back = ann.brings_back();
    assert_eq!((back["error"].as_str(), &back["state"]), ("access_denied", &visit.state));
    assert_eq!((sent(&provider).await, ledger(&provider).await.len()), (0, 0));
}

async fn a_message_that_no_gateway_takes_costs_nothing(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    // What the transport writes into is no directory any more.
    let outbox = provider.dir.join("sms");
    std::fs::rename(&outbox, provider.dir.join("sms-before")).unwrap();
    std::fs::write(&outbox, "").unwrap();
    let (ann, _) = asked_to_pay(&provider, ANN, 1050).await;
    assert_eq!(ledger(&provider).await[0].status(), "pending");
    for _ in 0..200 {
        provider.waits(6 * HOUR);
        provider.app.courier.wake();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if ledger(&provider).await[0].status() != "pending" {
            break;
        }
    }
    let lines = ledger(&provider).await;
    assert_eq!((lines[0].status(), lines[0].owed_minor(), lines[0].fault()), ("void", 0, None), "{lines:?}");
    drop(ann);
    std::fs::remove_file(&outbox).unwrap();
    std::fs::rename(provider.dir.join("sms-before"), &outbox).unwrap();
    let (mut ann, _) = asked_to_pay(&provider, ANN, 1050).await;
    answers(&mut ann, &code(&provider, ANN, 1).await).await;
    is_in(&ann);
    assert_eq!(charged(&provider, 1).await.len(), 2);
}
