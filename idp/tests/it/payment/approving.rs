//! A payment is shown, answered in payment mode, and told to the shop.

use enum_idp::store::log::Event;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Member, Provider, text},
        sites::{PURSE, payload, payment},
    },
};

on_both_databases! {
    a_payment_is_shown_approved_and_told_to_the_shop,
    a_payment_opens_no_session,
    a_session_does_not_approve_a_payment,
    declining_is_an_answer_too,
    of_two_right_answers_at_once_one_pays,
    a_payment_is_approved_once,
    the_question_of_one_payment_is_not_that_of_another,
}

async fn asked(provider: &Provider, email: &str, minor: u64) -> (Member, crate::support::sites::Visit) {
    let mut member = provider.member(email).await;
    let visit = provider.sites.shop.asks_to_pay(minor, &[]).await;
    member.goes(&visit).await;
    (member, visit)
}

async fn a_payment_is_shown_approved_and_told_to_the_shop(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let (mut ann, visit) = asked(&provider, "ann@example.com", 1050).await;
    for (id, shown) in [
        ("payment-amount", "10.50"),
        ("payment-currency", "WMZ"),
        ("payment-payee", "The shop"),
        ("payment-account", PURSE),
        ("pad-payee", PURSE),
        ("pad-amount", "10.50"),
    ] {
        assert_eq!(ann.person.page.text_of(id).as_deref(), Some(shown), "{}", ann.person.what_is_shown());
    }
    assert!(!ann.person.page.html.contains("<b>books"), "the shop's words are words: {}", ann.person.what_is_shown());
    ann.pays(PURSE, 1050).await;
    let code = ann.person.brings_back()["code"].clone();
    let tokens = shop.redeems(&visit, &code).await.expect(200);

    let approved = &tokens["authorization_details"][0];
    for (name, value) in payment(1050)[0].as_object().unwrap() {
        assert_eq!(&approved[name], value, "{name}");
    }
    let id_token = payload(&text(&tokens, "id_token"));
    assert_eq!(id_token["authorization_details"], tokens["authorization_details"]);
    assert_eq!(id_token["acr"], "urn:enum:acr:payment");
    assert_eq!(approved["receipt"], tokens["receipt"]);
    let receipt = payload(&text(&tokens, "receipt"));
    assert_eq!(receipt["jti"], approved["confirmation"]);

    let account = enum_idp::store::account::by_email(provider.app.db.read(), &ann.email).await.unwrap().unwrap();
    let newest = enum_idp::store::log::newest(provider.app.db.read(), &account.id, 1).await.unwrap();
    let event: Event = serde_json::from_str(&newest[0].event).unwrap();
    assert_eq!((event.what.as_str(), event.result.as_str()), ("payment", "ok"));
    let transaction = event.transaction.expect("the transaction is in the log");
    assert_eq!((transaction.amount_minor, transaction.payee_account.as_str()), (1050, PURSE));
    let id = text(approved, "confirmation");
    let stored = enum_idp::store::confirmation::by_id(provider.app.db.read(), &id).await.unwrap().unwrap();
    assert_eq!((stored.status.as_str(), stored.receipt), ("approved", text(&tokens, "receipt")));
}

async fn a_payment_opens_no_session(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, _) = asked(&provider, "ann@example.com", 1050).await;
    ann.pays(PURSE, 1050).await;
    assert!(ann.person.brings_back().contains_key("code"));
    ann.person.opens(&provider.sites.own.sends(&[("prompt", "none")]).link).await;
    assert_eq!(ann.person.brings_back()["error"], "login_required");
}

async fn a_session_does_not_approve_a_payment(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    ann.person.opens(&provider.sites.shop.asks_to_pay(1050, &[]).await.link).await;
    assert!(ann.person.away.is_none() && ann.person.sees("payment-amount"), "{}", ann.person.what_is_shown());
    let silent = provider.sites.shop.asks_to_pay(1050, &[("prompt", "none")]).await;
    ann.person.opens(&silent.link).await;
    assert_eq!(ann.person.brings_back()["error"], "interaction_required");
}

async fn declining_is_an_answer_too(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, visit) = asked(&provider, "ann@example.com", 1050).await;
    ann.person.presses("deny").await;
    let back = ann.person.brings_back();
    assert_eq!((back["error"].as_str(), &back["state"]), ("access_denied", &visit.state));
    assert_eq!(provider.log_of(&ann.email).await.last().unwrap(), "payment declined");
    // What was declined is over.
    ann.person.opens(&visit.link).await;
    if ann.person.away.is_none() && ann.person.sees("email") {
        ann.person.types("email", "ann@example.com").presses("continue").await;
    }
    if ann.person.sees("answer") {
        ann.pays(PURSE, 1050).await;
    }
    assert!(
        ann.person.away.is_none_or(|url| !url.query().unwrap_or_default().contains("code=")),
        "paid after declining"
    );
}

async fn of_two_right_answers_at_once_one_pays(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, _) = asked(&provider, "ann@example.com", 1050).await;
    let question = ann.person.challenge();
    let mut tabs = JoinSet::new();
    for _ in 0..4 {
        let (mut tab, answer) = (ann.person.clone(), ann.pad.pay(&question, PURSE, 1050));
        tabs.spawn(async move {
            tab.types("answer", &answer).presses("continue").await;
            tab.away.is_some_and(|url| url.query_pairs().any(|(name, _)| name == "code"))
        });
    }
    assert_eq!(tabs.join_all().await.into_iter().filter(|paid| *paid).count(), 1);
    let log = provider.log_of(&ann.email).await;
    assert_eq!(log.iter().filter(|entry| *entry == "payment ok").count(), 1, "{log:?}");
}

async fn a_payment_is_approved_once(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, visit) = asked(&provider, "ann@example.com", 1050).await;
    let mut other_tab = ann.clone();
    ann.pays(PURSE, 1050).await;
    assert!(ann.person.brings_back().contains_key("code"));
    other_tab.pad = ann.pad.clone();
    other_tab.pays(PURSE, 1050).await;
    assert!(other_tab.person.away.is_none(), "{:?}", other_tab.person.away);
    // Not even with a new question, if the page shows one.
    if other_tab.person.sees("answer") {
        other_tab.pays(PURSE, 1050).await;
        assert!(other_tab.person.away.is_none(), "one request, two payments: {:?}", other_tab.person.away);
    }
    other_tab.person.opens(&visit.link).await;
    assert!(
        other_tab.person.away.is_none() && !other_tab.person.sees("answer"),
        "{}",
        other_tab.person.what_is_shown()
    );
}

async fn the_question_of_one_payment_is_not_that_of_another(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let mut questions = Vec::new();
    for minor in [1050, 1051, 1050] {
        let visit = provider.sites.shop.asks_to_pay(minor, &[]).await;
        ann.person = provider.stranger();
        ann.goes(&visit).await;
        questions.push(json!(ann.person.challenge()));
    }
    assert!(
        questions[0] != questions[1] && questions[0] != questions[2] && questions[1] != questions[2],
        "{questions:?}"
    );
}
