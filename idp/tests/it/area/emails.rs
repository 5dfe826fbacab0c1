//! Addresses: added by a mailed link, removed, made the main one, and restored by whoever had it before.

use enum_idp::{
    clock::{DAY, HOUR, MINUTE},
    store::address,
};

use super::{ANN, EVE, account, hidden, provider, was_somewhere};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        outbox::word,
        person::Person,
        provider::{Member, Provider, is_refused_on_a_page, text},
    },
};

on_both_databases! {
    an_address_that_is_confirmed_signs_in,
    an_address_of_somebody_else_looks_the_same_and_stays_theirs,
    a_link_works_once_for_the_account_that_asked_and_for_a_day,
    of_two_accounts_that_confirm_one_address_one_has_it,
    links_are_sent_now_and_then_only,
    an_address_is_removed_and_signs_in_no_more,
    the_main_address_stays,
    another_main_address_is_told_to_both_and_can_be_undone,
    whoever_took_the_account_cannot_undo_the_undoing,
    nobody_touches_the_addresses_of_others,
    registration_knows_further_addresses,
}

const SECOND: &str = "ann.lee@example.org";

/// On the page of addresses, free to change them.
async fn member(provider: &Provider, email: &str) -> Member {
    let mut member = provider.member(email).await;
    member.enters("/account/emails").await.confirms().await;
    member
}

async fn asks_for(member: &mut Member, email: &str) {
    member.person.opens("/account/emails").await.types("new-email", email).presses("add").await;
    assert!(member.person.sees("notice"), "{}", member.person.what_is_shown());
}

/// The newest of `count` links to confirm an address.
async fn link(provider: &Provider, email: &str, count: usize) -> String {
    let start = provider.origin.join("/account/emails/confirm/").unwrap();
    let letters = provider.mail.wait_for(email, count, |letter| letter.text.contains(start.as_str())).await;
    word(&letters.last().unwrap().text, start.as_str()).unwrap()
}

async fn adds(provider: &Provider, member: &mut Member, email: &str) {
    asks_for(member, email).await;
    let link = link(provider, email, 1).await;
    member.person.opens(&link).await.presses("confirm").await;
    assert!(member.person.sees("notice"), "{}", member.person.what_is_shown());
}

async fn addresses(provider: &Provider, id: &str) -> Vec<String> {
    let all = address::of_account(provider.app.db.read(), id).await.unwrap();
    let mut all: Vec<String> = all.into_iter().map(|address| address.email).collect();
    all.sort();
    all
}

async fn is_told(provider: &Provider, email: &str, part: &str) {
    provider.mail.wait_for(email, 1, |letter| letter.text.contains(part)).await;
}

async fn an_address_that_is_confirmed_signs_in(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann, SECOND).await;
    let link = link(&provider, SECOND, 1).await;
    let id = account(&provider, ANN).await.id;
    ann.person.opens(&link).await;
    assert!(ann.person.page.html.contains(SECOND) && ann.person.page.html.contains(ANN));
    assert_eq!(addresses(&provider, &id).await, [ANN], "opening the link changes nothing");
    ann.person.presses("confirm").await;
    assert_eq!(addresses(&provider, &id).await, [SECOND, ANN]);
    for email in [ANN, SECOND] {
        is_told(&provider, email, &format!("added to your account: {SECOND}")).await;
    }
    assert!(provider.log_of(ANN).await.contains(&"email_added ok".to_owned()));
    let mut there = ann.clone();
    there.person = provider.stranger();
    SECOND.clone_into(&mut there.email);
    let tokens = there.logs_in_at(&provider.sites.site).await;
    let who = provider.sites.site.asks_who(&text(&tokens, "access_token")).await.expect(200);
    assert_eq!(who["email"], ANN, "websites are told the main address");
}

async fn an_address_of_somebody_else_looks_the_same_and_stays_theirs(database: Database) {
    let provider = provider(database).await;
    provider.member(EVE).await;
    let mut ann = member(&provider, ANN).await;
    asks_for(&mut ann, EVE).await;
    let shown = ann.person.page.html.clone();
    let taken = provider.mail.wait_for(EVE, 1, |letter| letter.subject.contains("already")).await;
    assert!(!taken[0].text.contains("/confirm/"), "{taken:?}");
    asks_for(&mut ann, SECOND).await;
    assert_eq!(ann.person.page.html, shown, "the page tells whether an address has an account");
}

async fn a_link_works_once_for_the_account_that_asked_and_for_a_day(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    let mut eve = member(&provider, EVE).await;
    asks_for(&mut ann, SECOND).await;
    let first = link(&provider, SECOND, 1).await;
    eve.person.opens(&first).await;
    is_refused_on_a_page(&eve.person);
    let token = {
        eve.person.opens("/account/emails").await;
        hidden(&eve.person, "add", "token")
    };
    eve.person.posts(&first, &[("token", &token)]).await;
    is_refused_on_a_page(&eve.person);
    // Nobody signed in: the proof leads on to the link.
    let mut stranger = ann.clone();
    stranger.person = provider.stranger();
    stranger.enters(&first).await.person.presses("confirm").await;
    assert!(stranger.person.sees("notice"), "{}", stranger.person.what_is_shown());
    ann.pad = stranger.pad;
    ann.person.opens(&first).await;
    is_refused_on_a_page(&ann.person);
    asks_for(&mut ann, "third@example.org").await;
    let third = link(&provider, "third@example.org", 1).await;
    provider.waits(DAY);
    ann.enters(&third).await;
    is_refused_on_a_page(&ann.person);
    let id = account(&provider, ANN).await.id;
    assert_eq!(addresses(&provider, &id).await, [SECOND, ANN]);
}

async fn of_two_accounts_that_confirm_one_address_one_has_it(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    let mut eve = member(&provider, EVE).await;
    asks_for(&mut ann, SECOND).await;
    let of_ann = link(&provider, SECOND, 1).await;
    asks_for(&mut eve, SECOND).await;
    let letters = provider.mail.wait_for(SECOND, 2, |letter| letter.text.contains("/confirm/")).await;
    let start = provider.origin.join("/account/emails/confirm/").unwrap();
    let links = letters.iter().map(|letter| word(&letter.text, start.as_str()).unwrap());
    let of_eve = links.into_iter().find(|link| *link != of_ann).unwrap();
    ann.person.opens(&of_ann).await;
    eve.person.opens(&of_eve).await;
    tokio::join!(ann.person.presses("confirm"), eve.person.presses("confirm"));
    let statuses = [ann.person.reply.status.as_u16(), eve.person.reply.status.as_u16()];
    assert!(statuses.contains(&200) && statuses.contains(&409), "{statuses:?}");
    let both = [account(&provider, ANN).await.id, account(&provider, EVE).await.id];
    let owner = address::find(provider.app.db.read(), SECOND).await.unwrap().unwrap().account_id;
    assert_eq!(owner, both[usize::from(statuses[0] == 409)]);
    let loser = if statuses[0] == 409 { ANN } else { EVE };
    assert!(!provider.log_of(loser).await.contains(&"email_added ok".to_owned()), "nothing of it happened");
}

async fn links_are_sent_now_and_then_only(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    for number in 0..5 {
        asks_for(&mut ann, &format!("n{number}@example.org")).await;
    }
    ann.person.types("new-email", "n5@example.org").presses("add").await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    for wrong in ["", "x", "a@b@c", "a b@example.org", ANN, " ANN@Example.com "] {
        ann.person.types("new-email", wrong).presses("add").await;
        assert!(ann.person.complaint().is_some(), "{wrong}: {}", ann.person.what_is_shown());
    }
    provider.waits(HOUR + MINUTE);
    ann.enters("/account/emails").await.confirms().await;
    asks_for(&mut ann, "n5@example.org").await;
}

async fn an_address_is_removed_and_signs_in_no_more(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    adds(&provider, &mut ann, SECOND).await;
    ann.person.opens("/account/emails").await.presses("remove-2").await;
    assert!(ann.person.sees("notice"), "{}", ann.person.what_is_shown());
    for email in [ANN, SECOND] {
        is_told(&provider, email, &format!("removed from your account: {SECOND}")).await;
    }
    let mut there = ann.clone();
    there.person = provider.stranger();
    SECOND.clone_into(&mut there.email);
    there.enters("/account").await;
    assert!(!there.person.sees("account-email"), "{}", there.person.what_is_shown());
}

async fn the_main_address_stays(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    let token = hidden(&ann.person, "add", "token");
    ann.person.posts("/account/emails/remove", &[("token", &token), ("email", ANN)]).await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    // Made the main one and removed at the same moment: it is one or the other.
    for round in 0..4 {
        let second = format!("second{round}@example.org");
        adds(&provider, &mut ann, &second).await;
        let (mut one, mut two) = (ann.person.clone(), ann.person.clone());
        let fields = [("token", token.as_str()), ("email", second.as_str())];
        tokio::join!(one.posts("/account/emails/main", &fields), two.posts("/account/emails/remove", &fields));
        let found = address::find(provider.app.db.read(), &second).await.unwrap();
        let id = match &found {
            Some(address) => address.account_id.clone(),
            None => account(&provider, ANN).await.id,
        };
        let main = enum_idp::store::account::by_id(provider.app.db.read(), &id).await.unwrap().unwrap().email;
        assert_eq!(main == second, found.is_some(), "round {round}");
        assert!(addresses(&provider, &id).await.contains(&main));
        let back = [("token", token.as_str()), ("email", ANN)];
        ann.person.posts("/account/emails/main", &back).await;
    }
}

/// The link that undoes a change of the main address.
async fn undoing(provider: &Provider, email: &str) -> String {
    let start = provider.origin.join("/account/restore/").unwrap();
    let letters = provider.mail.wait_for(email, 1, |letter| letter.text.contains(start.as_str())).await;
    word(&letters[0].text, start.as_str()).unwrap()
}

async fn main_of(person: &mut Person) -> String {
    person.opens("/account").await;
    person.page.text_of("account-email").unwrap()
}

async fn another_main_address_is_told_to_both_and_can_be_undone(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    adds(&provider, &mut ann, SECOND).await;
    ann.person.opens("/account/emails").await.presses("main-2").await;
    assert_eq!(main_of(&mut ann.person).await, SECOND);
    for email in [ANN, SECOND] {
        is_told(&provider, email, &format!("is now {SECOND}")).await;
    }
    // Even when it has been removed since.
    ann.person.opens("/account/emails").await;
    let token = hidden(&ann.person, "add", "token");
    ann.person.posts("/account/emails/remove", &[("token", &token), ("email", ANN)]).await;
    let link = undoing(&provider, ANN).await;
    was_somewhere(&provider, SECOND).await;
    let mut anywhere = provider.stranger();
    anywhere.opens(&link).await;
    assert_eq!(main_of(&mut ann.person).await, SECOND, "opening the link changes nothing");
    anywhere.presses("restore").await;
    assert!(anywhere.sees("restored"), "{}", anywhere.what_is_shown());
    ann.person.opens("/account").await;
    assert!(!ann.person.sees("account-email"), "every session has ended");
    ann.proves().await;
    assert_eq!(main_of(&mut ann.person).await, ANN);
    anywhere.opens(&link).await;
    is_refused_on_a_page(&anywhere);
    assert!(provider.log_of(ANN).await.contains(&"email_restored ok".to_owned()));
    let row = account(&provider, ANN).await;
    assert_eq!((row.places.as_str(), row.places_until), ("", None), "places that the other one was at count no more");
}

async fn whoever_took_the_account_cannot_undo_the_undoing(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    adds(&provider, &mut ann, SECOND).await;
    adds(&provider, &mut ann, "third@example.org").await;
    ann.person.opens("/account/emails").await;
    let token = hidden(&ann.person, "add", "token");
    ann.person.posts("/account/emails/main", &[("token", &token), ("email", SECOND)]).await;
    provider.waits(MINUTE);
    ann.person.posts("/account/emails/main", &[("token", &token), ("email", "third@example.org")]).await;
    let (of_owner, of_thief) = (undoing(&provider, ANN).await, undoing(&provider, SECOND).await);
    let mut anywhere = provider.stranger();
    anywhere.opens(&of_owner).await.presses("restore").await;
    assert!(anywhere.sees("restored"), "{}", anywhere.what_is_shown());
    anywhere.opens(&of_thief).await;
    is_refused_on_a_page(&anywhere);
    anywhere.posts(&of_thief, &[]).await;
    is_refused_on_a_page(&anywhere);
    ann.person = provider.stranger();
    ann.enters("/account").await;
    assert_eq!(main_of(&mut ann.person).await, ANN);
    // Nor after the days that a link is good for.
    ann.enters("/account/emails").await.confirms().await;
    let token = hidden(&ann.person, "add", "token");
    ann.person.posts("/account/emails/main", &[("token", &token), ("email", SECOND)]).await;
    let start = provider.origin.join("/account/restore/").unwrap();
    let letters = provider.mail.wait_for(ANN, 2, |letter| letter.text.contains(start.as_str())).await;
    let links: Vec<String> = letters.iter().map(|letter| word(&letter.text, start.as_str()).unwrap()).collect();
    let late = links.iter().find(|link| **link != of_owner).unwrap();
    provider.waits(7 * DAY);
    anywhere.opens(late).await;
    is_refused_on_a_page(&anywhere);
}

async fn nobody_touches_the_addresses_of_others(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    adds(&provider, &mut ann, SECOND).await;
    let id = account(&provider, ANN).await.id;
    let mut eve = member(&provider, EVE).await;
    let token = hidden(&eve.person, "add", "token");
    for path in ["remove", "main"] {
        for email in [SECOND, ANN] {
            eve.person.posts(&format!("/account/emails/{path}"), &[("token", &token), ("email", email)]).await;
            assert!(eve.person.complaint().is_some(), "{path} {email}: {}", eve.person.what_is_shown());
        }
    }
    assert_eq!(addresses(&provider, &id).await, [SECOND, ANN]);
    assert_eq!(account(&provider, EVE).await.email, EVE);
}

async fn registration_knows_further_addresses(database: Database) {
    let provider = provider(database).await;
    let mut ann = member(&provider, ANN).await;
    adds(&provider, &mut ann, SECOND).await;
    provider.applies(&mut provider.stranger(), SECOND).await;
    let letters = provider.mail.wait_for(SECOND, 1, |letter| letter.subject.contains("account already")).await;
    assert!(!letters[0].text.contains("/register/confirm/"), "{letters:?}");
}
