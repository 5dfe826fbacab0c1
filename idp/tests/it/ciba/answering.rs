//! The person finds the request, sees exactly what is asked, and answers it with a proof of its own.

use enum_idp::store::{account, log};

use super::{ANN, EVE};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{GENEROUS, Provider, text},
        sites::{PURSE, payload},
    },
};

on_both_databases! {
    a_payment_is_found_approved_and_fetched_with_its_receipt,
    a_sign_in_is_approved_with_a_proof_and_consent,
    a_session_alone_approves_nothing,
    an_answer_for_another_amount_does_not_approve,
    declining_in_the_area_tells_the_reason,
    declining_at_the_question_is_an_answer_too,
    nobody_else_looks_at_it_or_answers_it,
    somebody_else_s_proof_does_not_answer_it,
    somebody_who_says_who_they_are_does_not_answer_it,
    one_visit_does_not_answer_another_request,
    the_mail_about_it_has_a_link_and_no_secret,
}

async fn a_payment_is_found_approved_and_fetched_with_its_receipt(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    assert_eq!(shop.fetches(&id).await.error(), "authorization_pending");

    ann.enters("/account").await;
    assert_eq!(ann.person.page.text_of("requests-count").as_deref(), Some("1"));
    ann.enters("/account/requests").await;
    for (name, shown) in [("payment-amount-1", "10.50"), ("payment-account-1", PURSE), ("binding-message-1", "W4SCT")] {
        assert_eq!(ann.person.page.text_of(name).as_deref(), Some(shown), "{}", ann.person.what_is_shown());
    }
    ann.person.presses_link("look-1").await;
    for (name, shown) in [
        ("payment-amount", "10.50"),
        ("payment-payee", "The shop"),
        ("payment-account", PURSE),
        ("pad-amount", "10.50"),
        ("binding-message", "W4SCT"),
    ] {
        assert_eq!(ann.person.page.text_of(name).as_deref(), Some(shown), "{}", ann.person.what_is_shown());
    }
    ann.pays(PURSE, 1050).await;
    ann.has_approved();
    assert!(ann.person.sees("nothing"), "{}", ann.person.what_is_shown());

    provider.waits(5_000);
    let tokens = shop.fetches(&id).await.expect(200);
    let receipt = payload(&text(&tokens, "receipt"));
    assert_eq!(receipt["jti"], tokens["authorization_details"][0]["confirmation"]);
    assert_eq!(payload(&text(&tokens, "id_token"))["acr"], "urn:enum:acr:payment");
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "payment ok");
    assert_eq!(shop.fetches(&id).await.error(), "invalid_grant", "it is fetched once");
}

async fn a_sign_in_is_approved_with_a_proof_and_consent(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let id = shop.asks_to_sign_in(ANN).await;
    ann.looks().await.answers().await;
    assert!(ann.person.sees("allow") && ann.person.sees("binding-message"), "{}", ann.person.what_is_shown());
    assert_eq!(shop.fetches(&id).await.error(), "authorization_pending", "not before the consent");
    ann.person.presses("allow").await;
    ann.has_approved();
    provider.waits(5_000);
    let tokens = shop.fetches(&id).await.expect(200);
    let who = shop.asks_who(&text(&tokens, "access_token")).await.expect(200);
    assert_eq!((who["email"].as_str(), tokens["scope"].as_str()), (Some(ANN), Some("openid email")));
    assert!(tokens.get("receipt").is_none());
}

async fn a_session_alone_approves_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    // Signed in, has allowed all this before, and is in the area.
    let before = shop.asks_to_sign_in(ANN).await;
    ann.looks().await.answers().await.allows().await;
    provider.waits(5_000);
    shop.fetches(&before).await.expect(200);
    let id = shop.asks_to_sign_in(ANN).await;
    ann.enters("/account/requests").await;
    ann.person.presses_link("look-1").await;
    assert!(ann.person.sees("answer"), "a proof of its own: {}", ann.person.what_is_shown());
    assert_eq!(shop.fetches(&id).await.error(), "authorization_pending");
    ann.answers().await;
    ann.has_approved();
    provider.waits(5_000);
    shop.fetches(&id).await.expect(200);
}

async fn an_answer_for_another_amount_does_not_approve(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    ann.looks().await.pays(PURSE, 1051).await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    assert_eq!(shop.fetches(&id).await.error(), "authorization_pending");
    ann.pays(PURSE, 1050).await;
    ann.has_approved();
}

async fn declining_in_the_area_tells_the_reason(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    for (reason, told) in [("unknown", "the person declined: unknown"), ("anything else", "the person declined")] {
        let id = shop.asks_to_confirm(ANN, 1050).await;
        ann.enters("/account/requests").await.person.types("reason-1", reason).presses("decline-1").await;
        assert!(ann.person.what_is_shown().contains("You have declined"), "{}", ann.person.what_is_shown());
        for _ in 0..2 {
            let reply = shop.fetches(&id).await;
            assert_eq!(
                (reply.error().as_str(), text(&reply.json(), "error_description")),
                ("access_denied", told.to_owned())
            );
        }
        assert_eq!(provider.log_of(ANN).await.last().unwrap(), "payment declined");
    }
    let account = account::by_email(provider.app.db.read(), ANN).await.unwrap().unwrap();
    let entries = log::newest(provider.app.db.read(), &account.id, 2).await.unwrap();
    let reasons: Vec<_> = entries.iter().map(|entry| entry.event().unwrap().reason).collect();
    assert_eq!(reasons, [None, Some("unknown".to_owned())]);
    ann.enters("/account/log").await;
    assert!(ann.person.what_is_shown().contains("I did not ask for this"), "{}", ann.person.what_is_shown());
}

async fn declining_at_the_question_is_an_answer_too(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    ann.looks().await;
    let mut other_tab = ann.clone();
    ann.person.presses("deny").await;
    assert!(ann.person.what_is_shown().contains("You have declined"), "{}", ann.person.what_is_shown());
    assert_eq!(shop.fetches(&id).await.error(), "access_denied");
    // What was declined is over.
    other_tab.pays(PURSE, 1050).await;
    assert!(other_tab.person.what_is_shown().contains("waits no more"), "{}", other_tab.person.what_is_shown());
    assert_eq!(shop.fetches(&id).await.error(), "access_denied");
}

async fn nobody_else_looks_at_it_or_answers_it(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let (mut ann, mut eve) = (provider.member(ANN).await, provider.member(EVE).await);
    let id = shop.asks_to_confirm(ANN, 1050).await;
    ann.enters("/account/requests").await;
    let link = ann.person.page.link("look-1").unwrap();
    let name = link.rsplit('/').next().unwrap().to_owned();

    eve.enters("/account/requests").await;
    assert!(eve.person.sees("nothing"), "{}", eve.person.what_is_shown());
    eve.person.opens(&link).await;
    assert!(!eve.person.sees("payment-amount") && !eve.person.sees("answer"), "{}", eve.person.what_is_shown());
    // With a form of her own session about Ann's request.
    let mute = shop.asks_to_confirm(EVE, 1).await;
    eve.enters("/account/requests").await;
    let (form, _) = eve.person.page.control("decline-1").unwrap();
    let token = form.controls.iter().find(|control| control.name == "token").unwrap().value.clone();
    eve.person.posts("/account/requests/decline", &[("token", &token), ("id", &name)]).await;
    assert!(eve.person.what_is_shown().contains("waits no more"), "{}", eve.person.what_is_shown());
    eve.person.posts("/account/requests/decline", &[("token", "none"), ("id", &name)]).await;
    assert_eq!(eve.person.reply.status, 403);
    let mut stranger = provider.stranger();
    stranger.opens(&link).await;
    assert!(!stranger.sees("payment-amount"), "{}", stranger.what_is_shown());
    assert_eq!(shop.fetches(&id).await.error(), "authorization_pending");
    assert_eq!(shop.fetches(&mute).await.error(), "authorization_pending");
}

async fn somebody_else_s_proof_does_not_answer_it(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let (mut ann, mut eve) = (provider.member(ANN).await, provider.member(EVE).await);
    let id = shop.asks_to_confirm(ANN, 1050).await;
    ann.looks().await;
    // Eve sits at Ann's browser: her pad answers Ann's question wrongly, whatever she does.
    let answer = eve.pad.pay(&ann.person.challenge(), PURSE, 1050);
    ann.person.types("answer", &answer).presses("continue").await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    assert_eq!(shop.fetches(&id).await.error(), "authorization_pending");
}

async fn somebody_who_says_who_they_are_does_not_answer_it(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}failures_until_check = 1\n")).await;
    let shop = &provider.sites.shop;
    let (mut ann, mut eve) = (provider.member(ANN).await, provider.member(EVE).await);
    let id = shop.asks_to_confirm(ANN, 1050).await;
    ann.looks().await.pays("Z000000000001", 1050).await;
    // After a failure the page asks for an address once more, and Eve gives hers.
    ann.enters("/account/requests").await.person.presses_link("look-1").await;
    assert!(ann.person.sees("sum"), "{}", ann.person.what_is_shown());
    ann.person.types("email", EVE).presses("continue").await;
    assert!(ann.person.sees("answer"), "{}", ann.person.what_is_shown());
    let answer = eve.pad.pay(&ann.person.challenge(), PURSE, 1050);
    ann.person.types("answer", &answer).presses("continue").await;
    let shown = ann.person.what_is_shown();
    assert!(ann.person.sees("look-1") && !shown.contains("You have approved"), "{shown}");
    assert_eq!(provider.log_of(EVE).await.last().unwrap(), "payment refused");
    assert!(!provider.log_of(ANN).await.contains(&"payment ok".to_owned()));
    assert_eq!(shop.fetches(&id).await.error(), "authorization_pending");
    // It waits on, and she can still approve it.
    provider.waits(5_000);
    ann.person.presses_link("look-1").await;
    let sum = ann.person.page.sum_asked();
    ann.person.types("email", ANN).types("sum", &sum).presses("continue").await;
    ann.pays(PURSE, 1050).await;
    ann.has_approved();
    let tokens = shop.fetches(&id).await.expect(200);
    assert!(tokens.get("receipt").is_some(), "{tokens}");
}

async fn one_visit_does_not_answer_another_request(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    let mut ann = provider.member(ANN).await;
    let cheap = shop.asks_to_confirm(ANN, 1).await;
    provider.waits(1);
    let dear = shop.asks_to_confirm(ANN, 105_000).await;
    ann.looks().await;
    assert_eq!(ann.person.page.text_of("payment-amount").as_deref(), Some("0.01"));
    let answer = ann.pad.pay(&ann.person.challenge(), PURSE, 1);
    let mut tab = ann.clone();
    tab.enters("/account/requests").await;
    tab.person.presses_link("look-2").await;
    assert_eq!(tab.person.page.text_of("payment-amount").as_deref(), Some("1050.00"));
    tab.person.types("answer", &answer).presses("continue").await;
    assert!(tab.person.complaint().is_some(), "{}", tab.person.what_is_shown());
    ann.person.types("answer", &answer).presses("continue").await;
    ann.has_approved();
    provider.waits(5_000);
    shop.fetches(&cheap).await.expect(200);
    assert_eq!(shop.fetches(&dear).await.error(), "authorization_pending");
}

async fn the_mail_about_it_has_a_link_and_no_secret(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    provider.member(ANN).await;
    let id = shop.asks_to_confirm(ANN, 1050).await;
    let letters = provider.mail.wait_for(ANN, 1, |letter| letter.subject.contains("asks you to confirm")).await;
    let (subject, text) = (&letters[0].subject, &letters[0].text);
    assert!(subject.contains("The shop") && text.contains("/account/requests\n"), "{subject}\n{text}");
    for told_elsewhere in [id.as_str(), "W4SCT", "10.50", PURSE] {
        assert!(!text.contains(told_elsewhere), "{told_elsewhere} in {text}");
    }
}
