//! Browsers that an account knows: what makes one known, and who is told of another.

use enum_idp::clock::{DAY, MINUTE};

use super::{ANN, COOKIE, EVE, elsewhere, known, proves, told};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{GENEROUS, Provider},
        sites::PURSE,
    },
};

on_both_databases! {
    every_address_is_told_of_a_new_browser_and_of_no_other,
    a_payment_in_a_new_browser_is_told_of,
    a_cookie_of_somebody_else_makes_no_browser_known,
    a_cookie_that_was_made_up_makes_no_browser_known,
    a_cookie_that_was_planted_is_worth_nothing_after_the_proof,
    a_browser_serves_several_accounts,
    a_wrong_answer_makes_nothing_known,
    a_browser_that_was_forgotten_is_new_again,
    nobody_forgets_the_browsers_of_others,
    a_browser_that_rests_for_too_long_is_forgotten,
    a_browser_that_keeps_no_cookies_is_told_of_so_often_a_day,
    browsers_that_come_back_are_not_pushed_out,
}

async fn every_address_is_told_of_a_new_browser_and_of_no_other(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    provider.has_also(ANN, "other@example.com").await;
    proves(&provider, &mut ann).await;
    assert_eq!(told(&provider).await, 0, "the first browser of an account is not new");
    proves(&provider, &mut ann).await;
    assert_eq!((told(&provider).await, known(&provider, ANN).await.len()), (0, 1));
    let mut second = elsewhere(&provider, &ann);
    proves(&provider, &mut second).await;
    for email in [ANN, "other@example.com"] {
        let letters = provider.mail.wait_for(email, 1, |letter| letter.subject.contains("unusual")).await;
        let text = &letters[0].text;
        assert!(text.contains("not used in this browser before") && text.contains("127.0.0.1"), "{text}");
    }
    proves(&provider, &mut second).await;
    ann.pad = second.pad;
    proves(&provider, &mut ann).await;
    assert_eq!((told(&provider).await, known(&provider, ANN).await.len()), (2, 2));
    // Days later both are known as well.
    provider.waits(3 * DAY);
    proves(&provider, &mut ann).await;
    assert_eq!(told(&provider).await, 2);
    ann.enters("/account/log").await;
    assert!(ann.person.reply.text().contains("new browser"), "{}", ann.person.what_is_shown());
}

async fn a_payment_in_a_new_browser_is_told_of(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    proves(&provider, &mut ann).await;
    let mut elsewhere = elsewhere(&provider, &ann);
    for _ in 0..2 {
        let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
        elsewhere.goes(&visit).await.pays(PURSE, 1050).await;
        assert!(elsewhere.person.brings_back().contains_key("code"));
        assert_eq!(told(&provider).await, 1);
    }
}

async fn a_cookie_of_somebody_else_makes_no_browser_known(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, mut eve) = (provider.member(ANN).await, provider.member(EVE).await);
    proves(&provider, &mut ann).await;
    proves(&provider, &mut eve).await;
    let hers = eve.person.cookies[COOKIE].clone();
    let mut elsewhere = elsewhere(&provider, &ann);
    elsewhere.person.cookies.insert(COOKIE.to_owned(), hers);
    proves(&provider, &mut elsewhere).await;
    assert_eq!((told(&provider).await, known(&provider, ANN).await.len()), (1, 2));
}

async fn a_cookie_that_was_made_up_makes_no_browser_known(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}unusual_notices_per_day = 100\n")).await;
    let mut ann = provider.member(ANN).await;
    proves(&provider, &mut ann).await;
    let (right, browser) = (ann.person.cookies[COOKIE].clone(), ann.person.cookies["enum_browser"].clone());
    let session = ann.person.cookies["enum_session"].clone();
    let mut altered = right.clone();
    altered.replace_range(30..31, if &right[30..31] == "A" { "B" } else { "A" });
    let cut = right[..right.len() - 1].to_owned();
    for (number, forged) in [altered, cut, String::new(), "[]".to_owned(), browser, session].into_iter().enumerate() {
        let mut elsewhere = elsewhere(&provider, &ann);
        elsewhere.person.cookies.insert(COOKIE.to_owned(), forged.clone());
        proves(&provider, &mut elsewhere).await;
        ann.pad = elsewhere.pad;
        assert_eq!(told(&provider).await, number as u64 + 1, "{forged}");
    }
    let mut again = elsewhere(&provider, &ann);
    again.person.cookies.insert(COOKIE.to_owned(), right);
    proves(&provider, &mut again).await;
    assert_eq!(told(&provider).await, 6, "the right one is known in whatever browser it is");
}

async fn a_cookie_that_was_planted_is_worth_nothing_after_the_proof(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, mut eve) = (provider.member(ANN).await, provider.member(EVE).await);
    proves(&provider, &mut ann).await;
    proves(&provider, &mut eve).await;
    let planted = eve.person.cookies[COOKIE].clone();
    let mut victim = elsewhere(&provider, &ann);
    victim.person.cookies.insert(COOKIE.to_owned(), planted.clone());
    proves(&provider, &mut victim).await;
    assert_ne!(victim.person.cookies[COOKIE], planted);
    let before = told(&provider).await;
    // Eve has got hold of the pad and still has what she planted.
    let mut thief = elsewhere(&provider, &victim);
    thief.person.cookies = eve.person.cookies.clone();
    thief.person.cookies.remove("enum_session");
    proves(&provider, &mut thief).await;
    assert_eq!(told(&provider).await, before + 1);
}

async fn a_browser_serves_several_accounts(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, mut eve) = (provider.member(ANN).await, provider.member(EVE).await);
    let mut shared = provider.stranger();
    for round in 0..3 {
        for member in [&mut ann, &mut eve] {
            shared.cookies.remove("enum_session");
            member.person = shared.clone();
            proves(&provider, member).await;
            shared = member.person.clone();
        }
        assert_eq!((known(&provider, ANN).await.len(), known(&provider, EVE).await.len()), (1, 1), "{round}");
    }
    assert_eq!(told(&provider).await, 0);
}

async fn a_wrong_answer_makes_nothing_known(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    proves(&provider, &mut ann).await;
    let mut thief = elsewhere(&provider, &ann);
    thief.goes(&provider.sites.own.sends(&[])).await.answers_wrongly().await;
    assert!(!thief.person.cookies.contains_key(COOKIE));
    assert_eq!((told(&provider).await, known(&provider, ANN).await.len()), (0, 1));
}

async fn a_browser_that_was_forgotten_is_new_again(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account/sessions").await;
    assert!(ann.person.sees("forget-1") && !ann.person.sees("forget-2"), "{}", ann.person.what_is_shown());
    ann.person.presses("forget-1").await;
    assert!(ann.person.sees("notice") && ann.person.sees("no-browsers"), "{}", ann.person.what_is_shown());
    assert!(provider.log_of(ANN).await.contains(&"browser_forgotten ok".to_owned()));
    proves(&provider, &mut ann).await;
    assert_eq!((told(&provider).await, known(&provider, ANN).await.len()), (1, 1));
    proves(&provider, &mut ann).await;
    assert_eq!(told(&provider).await, 1);
}

async fn nobody_forgets_the_browsers_of_others(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, mut eve) = (provider.member(ANN).await, provider.member(EVE).await);
    proves(&provider, &mut ann).await;
    let hash = known(&provider, ANN).await[0].hash.clone();
    eve.enters("/account/sessions").await;
    let (form, _) = eve.person.page.control("forget-1").unwrap();
    let token = form.controls.iter().find(|control| control.name == "token").unwrap().value.clone();
    eve.person.posts("/account/sessions/forget", &[("token", &token), ("browser", &hash)]).await;
    assert!(eve.person.complaint().is_some(), "{}", eve.person.what_is_shown());
    ann.person.posts("/account/sessions/forget", &[("token", &token), ("browser", &hash)]).await;
    assert_eq!(known(&provider, ANN).await.len(), 1);
}

async fn a_browser_that_rests_for_too_long_is_forgotten(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member(ANN).await;
    proves(&provider, &mut ann).await;
    // Seen on one day only, for less long than one that has come back.
    provider.waits(29 * DAY);
    proves(&provider, &mut ann).await;
    provider.waits(179 * DAY);
    proves(&provider, &mut ann).await;
    assert_eq!(told(&provider).await, 0);
    provider.waits(181 * DAY);
    proves(&provider, &mut ann).await;
    assert_eq!(told(&provider).await, 1, "nothing is left to compare with, and yet it is not the first");
}

async fn a_browser_that_keeps_no_cookies_is_told_of_so_often_a_day(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}unusual_notices_per_day = 2\n")).await;
    let mut ann = provider.member(ANN).await;
    for expected in [0, 1, 2, 2, 2] {
        ann.person = provider.stranger();
        proves(&provider, &mut ann).await;
        assert_eq!(told(&provider).await, expected);
        provider.waits(MINUTE);
    }
    provider.waits(DAY);
    ann.person = provider.stranger();
    proves(&provider, &mut ann).await;
    assert_eq!(told(&provider).await, 3);
}

async fn browsers_that_come_back_are_not_pushed_out(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}[account]\ndevices = 2\n")).await;
    let mut ann = provider.member(ANN).await;
    proves(&provider, &mut ann).await;
    provider.waits(2 * DAY);
    proves(&provider, &mut ann).await;
    let home = ann.person.clone();
    for _ in 0..4 {
        provider.waits(MINUTE);
        ann.person = provider.stranger();
        proves(&provider, &mut ann).await;
        assert_eq!(known(&provider, ANN).await.len(), 2);
    }
    let before = told(&provider).await;
    ann.person = home;
    proves(&provider, &mut ann).await;
    assert_eq!(told(&provider).await, before, "the browser at home was pushed out");
}
