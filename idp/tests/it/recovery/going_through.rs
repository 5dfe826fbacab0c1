//! From the question to a new pad, and what becomes of the old one.

use enum_idp::clock::{DAY, HOUR, MINUTE};

use super::{
    ANSWER, EMAIL, account, activates, answers, asks, follows_the_link, mailed_link, registered, without_waiting,
};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        pad::Activation,
        provider::{Member, Provider, is_refused_on_a_page, person_phone, text},
        sites::PURSE,
    },
};

on_both_databases! {
    somebody_without_a_phone_gets_in_again,
    without_a_waiting_time_it_goes_through_at_once,
    the_old_pad_neither_signs_in_nor_pays,
    an_activation_code_from_before_is_void,
    sessions_and_refresh_tokens_end,
    opening_a_link_changes_nothing,
    a_link_works_once_and_in_another_browser,
    a_link_ends_after_a_day,
    the_waiting_time_cannot_be_skipped,
    what_was_waited_for_ends_after_a_week,
    the_method_has_to_be_one_that_is_offered,
    a_locked_account_is_not_recovered,
    a_used_up_activation_leads_to_recovery,
}

async fn somebody_without_a_phone_gets_in_again(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows_the_link(&provider, &mut person, 1).await;
    let phone = person_phone(EMAIL);
    assert_eq!(person.page.text_of("phone").unwrap(), format!("+44 •••• •••{}", &phone[phone.len() - 3..]));
    assert_eq!(person.page.text_of("recover-left").unwrap(), "You have 3 of 3 recoveries left within 30 days.");
    person.presses("continue").await;
    assert!(person.sees("recover-waiting"), "{}", person.what_is_shown());
    provider.mail.wait_for(EMAIL, 1, |letter| letter.subject.contains("getting access")).await;
    provider.sms.wait_for(&phone, 1, |sms| sms.text.contains("/recover/stop/")).await;
    assert!(account(&provider, EMAIL).await.recovering.is_some());

    provider.waits(24 * HOUR);
    provider.app.courier.wake();
    let ready = provider.mail.wait_for(EMAIL, 1, |letter| letter.subject == "You can go on").await;
    assert!(ready[0].text.contains(&link));
    let mut at_home = provider.stranger();
    at_home.opens(&link).await;
    assert!(at_home.sees("recover-due"), "{}", at_home.what_is_shown());
    at_home.presses("continue").await;
    assert!(at_home.sees("resend"), "{}", at_home.what_is_shown());
    let pad = activates(&provider, 2).await;
    let mut ann = Member { person: at_home, pad, email: EMAIL.to_owned() };
    assert!(ann.logs_in_at(&provider.sites.site).await["id_token"].is_string());
    provider.mail.wait_for(EMAIL, 1, |letter| letter.subject.contains("were replaced")).await;
    assert_eq!(account(&provider, EMAIL).await.recovering, None);
    let log = provider.log_of(EMAIL).await;
    let since = log.iter().position(|entry| entry == "recovery mailed").unwrap();
    assert_eq!(
        log[since..since + 5],
        ["recovery mailed", "recovery waiting", "activation_sent ok", "recovery done", "activated ok"],
        "{log:?}"
    );
}

async fn without_a_waiting_time_it_goes_through_at_once(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    follows_the_link(&provider, &mut person, 1).await;
    person.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    activates(&provider, 2).await;
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "active");
}

async fn the_old_pad_neither_signs_in_nor_pays(database: Database) {
    let provider = without_waiting(database).await;
    let mut thief = registered(&provider, EMAIL).await;
    let mut payer = thief.clone();
    thief.goes(&provider.sites.own.sends(&[])).await;
    payer.goes(&provider.sites.shop.asks_to_pay(1050, &[]).await).await;
    let mut person = provider.stranger();
    follows_the_link(&provider, &mut person, 1).await;
    person.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());

    // To questions from before, and to new ones; before the new pad is there, and afterwards.
    thief.answers().await;
    assert!(thief.person.away.is_none(), "signed in: {:?}", thief.person.away);
    payer.pays(PURSE, 1050).await;
    assert!(payer.person.away.is_none(), "paid: {:?}", payer.person.away);
    activates(&provider, 2).await;
    for _ in 0..2 {
        thief.person = provider.stranger();
        thief.goes(&provider.sites.own.sends(&[])).await.answers().await;
        assert!(thief.person.away.is_none(), "signed in: {:?}", thief.person.away);
    }
    payer.person = provider.stranger();
    payer.goes(&provider.sites.shop.asks_to_pay(1050, &[]).await).await;
    payer.pays(PURSE, 1050).await;
    assert!(payer.person.away.is_none(), "paid: {:?}", payer.person.away);
}

async fn an_activation_code_from_before_is_void(database: Database) {
    let provider = without_waiting(database).await;
    provider.registers(&mut provider.stranger(), EMAIL).await;
    let old = provider.activation_code(&person_phone(EMAIL), 1).await;
    let mut person = provider.stranger();
    follows_the_link(&provider, &mut person, 1).await;
    person.presses("continue").await;
    let activation = Activation::new(EMAIL, &old);
    let asked = activation.hello(&provider.origin).await.expect(200);
    let finished = activation.finish(&provider.origin, &asked, &provider.clock).await;
    assert!(finished.is_none_or(|(reply, _)| reply.status != 200), "the old code activates a pad");
    activates(&provider, 2).await;
}

async fn sessions_and_refresh_tokens_end(database: Database) {
    let provider = without_waiting(database).await;
    let mut ann = registered(&provider, EMAIL).await;
    let site = &provider.sites.site;
    let tokens = ann.logs_in_at(site).await;
    // Approved, and not fetched yet.
    let id = provider.sites.shop.asks_to_sign_in(EMAIL).await;
    ann.looks().await.answers().await.allows().await;
    let mut person = provider.stranger();
    follows_the_link(&provider, &mut person, 1).await;
    assert_eq!(site.asks_who(&text(&tokens, "access_token")).await.status, 200);
    person.presses("continue").await;
    assert_eq!(provider.sites.shop.fetches(&id).await.error(), "expired_token");
    assert_eq!(site.asks_who(&text(&tokens, "access_token")).await.status, 401);
    assert_eq!(site.refreshes(&text(&tokens, "refresh_token")).await.error(), "invalid_grant");
    ann.person.opens(&site.sends(&[("prompt", "none")]).link).await;
    assert_eq!(ann.person.brings_back()["error"], "login_required");
}

async fn opening_a_link_changes_nothing(database: Database) {
    let provider = without_waiting(database).await;
    let mut ann = registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows_the_link(&provider, &mut person, 1).await;
    for _ in 0..3 {
        provider.stranger().opens(&link).await;
    }
    ann.logs_in_at(&provider.sites.site).await;
    person.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
}

async fn a_link_works_once_and_in_another_browser(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows_the_link(&provider, &mut person, 1).await;
    let mut other = provider.stranger();
    other.opens(&link).await;
    let mut again = other.clone();
    other.presses("continue").await;
    assert!(other.sees("resend"), "{}", other.what_is_shown());
    is_refused_on_a_page(again.presses("continue").await);
    is_refused_on_a_page(person.presses("continue").await);
    is_refused_on_a_page(person.opens(&link).await);
    is_refused_on_a_page(person.opens(&format!("{}x", &link[..link.len() - 1])).await);
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log.iter().filter(|entry| *entry == "recovery done").count(), 1, "{log:?}");
}

async fn a_link_ends_after_a_day(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows_the_link(&provider, &mut person, 1).await;
    provider.waits(DAY);
    is_refused_on_a_page(person.presses("continue").await);
    is_refused_on_a_page(person.opens(&link).await);
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "active");
}

async fn the_waiting_time_cannot_be_skipped(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows_the_link(&provider, &mut person, 1).await;
    person.presses("continue").await;
    for wait in [0, 24 * HOUR - 1] {
        provider.waits(wait);
        person.posts(&link, &[("factor", "cipherpad")]).await;
        assert!(person.sees("recover-waiting"), "{}", person.what_is_shown());
        ann.person = provider.stranger();
        ann.logs_in_at(&provider.sites.own).await;
    }
    assert_eq!(provider.sms.to(&person_phone(EMAIL)).iter().filter(|sms| sms.text.contains("#c=")).count(), 1);
}

async fn what_was_waited_for_ends_after_a_week(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows_the_link(&provider, &mut person, 1).await;
    person.presses("continue").await;
    provider.waits(8 * DAY);
    is_refused_on_a_page(person.opens(&link).await);
    is_refused_on_a_page(person.posts(&link, &[]).await);
    // Nor does it keep another one from beginning.
    follows_the_link(&provider, &mut person, 2).await;
    person.presses("continue").await;
    assert!(person.sees("recover-waiting"), "{}", person.what_is_shown());
}

async fn the_method_has_to_be_one_that_is_offered(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows_the_link(&provider, &mut person, 1).await;
    for factor in ["", "merchant", "nothing"] {
        person.posts(&link, &[("factor", factor)]).await;
        assert!(person.complaint().is_some(), "{}", person.what_is_shown());
    }
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "active");
}

async fn a_locked_account_is_not_recovered(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows_the_link(&provider, &mut person, 1).await;
    let id = account(&provider, EMAIL).await.id;
    enum_idp::store::account::set_status(provider.app.db.read(), &id, "locked").await.unwrap();
    is_refused_on_a_page(person.presses("continue").await);
    is_refused_on_a_page(person.opens(&link).await);
    answers(&mut person, EMAIL, ANSWER).await;
    asks(&mut person, "bob@example.com").await;
    registered(&provider, "carl@example.com").await;
    answers(&mut person, "carl@example.com", ANSWER).await;
    mailed_link(&provider, "carl@example.com", 1).await;
    assert_eq!(provider.mail.to(EMAIL).iter().filter(|mail| mail.text.contains("/recover/link/")).count(), 1);
}

async fn a_used_up_activation_leads_to_recovery(database: Database) {
    let provider = without_waiting(database).await;
    let mut person = provider.stranger();
    provider.registers(&mut person, EMAIL).await;
    for _ in 0..3 {
        provider.waits(MINUTE);
        person.presses("resend").await;
    }
    assert!(person.sees("recover"), "{}", person.what_is_shown());
    provider.activation_code(&person_phone(EMAIL), 4).await;
    assert!(person.page.html.contains("/recover/pad"), "{}", person.what_is_shown());
    let mut person = provider.stranger();
    follows_the_link(&provider, &mut person, 1).await;
    person.presses("continue").await;
    activates(&provider, 5).await;
}
