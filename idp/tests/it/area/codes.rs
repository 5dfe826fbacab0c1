//! Recovery codes: made by their owner alone, shown once, and good at `/recover`.

use enum_idp::{clock::MINUTE, store::recovery_code};
use tokio::task::JoinSet;

use super::{ANN, EVE, account, adds_mail_codes, hidden, proves_by_mail, provider};
use crate::{
    on_both_databases,
    recovery::{asks, mailed_link, registered},
    support::{
        database::Database,
        person::Person,
        provider::{Member, Provider},
    },
};

on_both_databases! {
    they_are_shown_once_and_every_address_is_told,
    one_of_them_opens_the_account_and_is_counted,
    new_ones_void_the_earlier_ones_at_once,
    without_a_fresh_proof_none_are_made,
    a_mailbox_makes_none,
    the_same_form_again_makes_none_and_shows_none,
    of_two_forms_at_once_one_makes_codes,
    nobody_makes_them_for_others,
}

/// What the page shows.
fn shown(person: &Person) -> Vec<String> {
    let codes = person.page.html.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
    codes.collect()
}

/// Makes new codes, as far as that is allowed.
async fn makes(member: &mut Member) -> Vec<String> {
    member.enters("/account/codes").await.confirms().await.person.presses("make").await;
    shown(&member.person)
}

async fn kept(provider: &Provider, email: &str) -> Vec<recovery_code::Model> {
    recovery_code::of_account(provider.app.db.read(), &account(provider, email).await.id).await.unwrap()
}

/// Gives a code at `/recover`, in a fresh browser.
async fn gives(provider: &Provider, code: &str) {
    let mut person = provider.stranger();
    asks(&mut person, ANN).await;
    person.types("code", code).presses("use-code").await;
    assert!(person.sees("recover-sent"), "{}", person.what_is_shown());
}

async fn they_are_shown_once_and_every_address_is_told(database: Database) {
    const OTHER: &str = "ann@example.org";
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.has_also(ANN, OTHER).await;
    ann.enters("/account").await;
    assert!(ann.person.sees("no-codes"), "{}", ann.person.what_is_shown());
    ann.person.opens("/account/codes").await;
    assert!(ann.person.sees("none") && shown(&ann.person).is_empty(), "{}", ann.person.what_is_shown());
    let codes = makes(&mut ann).await;
    assert_eq!(codes.len(), 10, "{}", ann.person.what_is_shown());
    assert_eq!(ann.person.reply.header("cache-control"), "no-store");
    assert!(ann.person.at.path() == "/account/codes/make" && ann.person.at.query().is_none());
    assert!(!ann.person.page.html.contains(ANN), "whoever finds the paper does not learn whose it is");
    for email in [ANN, OTHER] {
        let told = provider.mail.wait_for(email, 1, |mail| mail.text.contains("New recovery codes were made")).await;
        assert!(codes.iter().all(|code| !told[0].text.contains(code)));
    }
    assert!(provider.log_of(ANN).await.contains(&"recovery_codes ok".to_owned()));
    for page in ["/account/codes", "/account/codes/make", "/account/log", "/account"] {
        ann.person.opens(page).await;
        let html = ann.person.reply.text();
        assert!(codes.iter().all(|code| !html.contains(code)), "{page}: {}", ann.person.what_is_shown());
    }
    ann.person.opens("/account/codes").await;
    assert_eq!(ann.person.page.text_of("left").unwrap(), "10 of 10");
    assert_eq!(kept(&provider, ANN).await.len(), 10, "nor does looking make any");
    ann.enters("/account/data").await.confirms().await.person.presses("export").await;
    let told = ann.person.reply.json()["recovery_codes"].as_array().cloned().unwrap();
    assert!(told.len() == 10 && told.iter().all(|code| code["made"].is_string() && code["used"].is_null()), "{told:?}");
    let file = ann.person.reply.text();
    assert!(codes.iter().all(|code| !file.contains(code) && !file.contains(&code.replace('-', ""))));
}

async fn one_of_them_opens_the_account_and_is_counted(database: Database) {
    let provider = provider(database).await;
    let mut ann = registered(&provider, ANN).await;
    let codes = makes(&mut ann).await;
    gives(&provider, &codes[7]).await;
    let mut person = provider.stranger();
    person.opens(&mailed_link(&provider, ANN, 1).await).await;
    assert!(person.page.html.contains("takes effect at once"), "{}", person.what_is_shown());
    ann.person.opens("/account/codes").await;
    assert_eq!(ann.person.page.text_of("left").unwrap(), "10 of 10", "it is used with the button");
    person.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    assert_eq!(kept(&provider, ANN).await.iter().filter(|code| code.used_at.is_none()).count(), 9);
}

async fn new_ones_void_the_earlier_ones_at_once(database: Database) {
    let provider = provider(database).await;
    let mut ann = registered(&provider, ANN).await;
    let old = makes(&mut ann).await;
    gives(&provider, &old[0]).await;
    let mut person = provider.stranger();
    person.opens(&mailed_link(&provider, ANN, 1).await).await;
    ann.person.opens("/account/codes").await;
    assert!(ann.person.sees("voids"), "{}", ann.person.what_is_shown());
    let new = makes(&mut ann).await;
    assert!(new.len() == 10 && new.iter().all(|code| !old.contains(code)));
    person.presses("continue").await;
    assert!(!person.sees("resend"), "by a code that is void: {}", person.what_is_shown());
    gives(&provider, &old[1]).await;
    gives(&provider, &new[0]).await;
    mailed_link(&provider, ANN, 2).await;
    let links = provider.mail.to(ANN).iter().filter(|mail| mail.text.contains("/recover/link/")).count();
    assert_eq!(links, 2, "none for the void one");
}

async fn without_a_fresh_proof_none_are_made(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    makes(&mut ann).await;
    let before = kept(&provider, ANN).await;
    ann.person.opens("/account/codes").await;
    let fields = ["token", "seen"].map(|name| (name, hidden(&ann.person, "make", name)));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut thief = ann.person.clone();
    provider.waits(6 * MINUTE);
    thief.posts("/account/codes/make", &fields).await;
    assert!(thief.sees("deny") && shown(&thief).is_empty(), "{}", thief.what_is_shown());
    thief.opens("/account/codes").await;
    assert!(thief.sees("prove") && !thief.sees("make"), "{}", thief.what_is_shown());
    // Nor without the session, or from another site.
    for mut other in [provider.stranger(), ann.person.clone()] {
        other.posts("/account/codes/make", &fields[1..]).await;
        assert!(shown(&other).is_empty() && !other.sees("codes"), "{}", other.what_is_shown());
    }
    assert_eq!(kept(&provider, ANN).await, before);
    assert_eq!(makes(&mut ann).await.len(), 10, "but with one");
}

async fn a_mailbox_makes_none(database: Database) {
    let provider = provider(database).await;
    provider.member(ANN).await;
    adds_mail_codes(&provider, ANN).await;
    let mut thief = provider.stranger();
    thief.opens("/account/codes").await;
    proves_by_mail(&provider, &mut thief, ANN, 1).await;
    assert!(thief.sees("none") && thief.sees("prove") && !thief.sees("make"), "{}", thief.what_is_shown());
    thief.opens("/account/sessions").await;
    let token = thief.page.forms.iter().flat_map(|form| &form.controls).find(|control| control.name == "token");
    let token = token.unwrap().value.clone();
    thief.posts("/account/codes/make", &[("token", &token)]).await;
    assert!(shown(&thief).is_empty() && thief.sees("deny"), "{}", thief.what_is_shown());
    assert!(kept(&provider, ANN).await.is_empty());
}

async fn the_same_form_again_makes_none_and_shows_none(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account/codes").await.confirms().await;
    let mut again = ann.person.clone();
    ann.person.presses("make").await;
    assert_eq!(shown(&ann.person).len(), 10);
    let before = kept(&provider, ANN).await;
    let told = provider.log_of(ANN).await;
    again.presses("make").await;
    assert!(shown(&again).is_empty() && again.complaint().is_some(), "{}", again.what_is_shown());
    assert_eq!((kept(&provider, ANN).await, provider.log_of(ANN).await), (before, told));
}

async fn of_two_forms_at_once_one_makes_codes(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    for _ in 0..2 {
        ann.enters("/account/codes").await.confirms().await;
        let mut tabs = JoinSet::new();
        for _ in 0..4 {
            let mut tab = ann.person.clone();
            tabs.spawn(async move {
                tab.presses("make").await;
                shown(&tab)
            });
        }
        let made: Vec<_> = tabs.join_all().await.into_iter().filter(|codes| !codes.is_empty()).collect();
        assert_eq!((made.len(), kept(&provider, ANN).await.len()), (1, 10));
    }
}

async fn nobody_makes_them_for_others(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    makes(&mut ann).await;
    let before = kept(&provider, ANN).await;
    ann.person.opens("/account/codes").await;
    let [token, seen] = ["token", "seen"].map(|name| hidden(&ann.person, "make", name));
    let mut eve = provider.member(EVE).await;
    eve.enters("/account/codes").await.confirms().await;
    assert!(eve.person.sees("none"), "{}", eve.person.what_is_shown());
    let own = hidden(&eve.person, "make", "token");
    let account = account(&provider, ANN).await.id;
    for fields in [
        [("token", token.as_str()), ("seen", &seen), ("email", ANN)],
        [("token", &own), ("seen", &seen), ("account", &account)],
    ] {
        eve.person.posts("/account/codes/make", &fields).await;
        assert!(shown(&eve.person).is_empty(), "{}", eve.person.what_is_shown());
    }
    assert_eq!((kept(&provider, ANN).await, kept(&provider, EVE).await.len()), (before, 0));
}
