//! How often access can be recovered.

use enum_idp::clock::DAY;

use super::{ANSWER, EMAIL, activates, answers, asks, follows_the_link, registered, without_waiting};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{GENEROUS, Provider, is_refused_on_a_page},
    },
};

on_both_databases! {
    three_within_thirty_days_whatever_the_browser,
    of_two_links_at_once_one_begins,
    one_address_block_asks_only_so_often,
}

async fn three_within_thirty_days_whatever_the_browser(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    for done in 0..3 {
        let mut person = provider.stranger();
        follows_the_link(&provider, &mut person, done + 1).await;
        let left = person.page.text_of("recover-left").unwrap();
        assert_eq!(left, format!("You have {} of 3 recoveries left within 30 days.", 3 - done));
        person.presses("continue").await;
        activates(&provider, done + 2).await;
        provider.waits(DAY);
    }
    let mut person = provider.stranger();
    answers(&mut person, EMAIL, ANSWER).await;
    assert!(person.sees("recover-sent"), "the page does not tell: {}", person.what_is_shown());
    provider.mail.wait_for(EMAIL, 1, |mail| mail.text.contains("are used up")).await;
    provider.waits(27 * DAY);
    follows_the_link(&provider, &mut person, 4).await;
    assert_eq!(person.page.text_of("recover-left").unwrap(), "You have 1 of 3 recoveries left within 30 days.");
}

/// Both by the same person, and both of them good.
async fn of_two_links_at_once_one_begins(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let (mut one, mut other) = (provider.stranger(), provider.stranger());
    follows_the_link(&provider, &mut one, 1).await;
    follows_the_link(&provider, &mut other, 2).await;
    let presses = |mut person: Person| {
        tokio::spawn(async move {
            person.presses("continue").await;
            person
        })
    };
    let (first, second) = (presses(one), presses(other));
    let ended = [first.await.unwrap(), second.await.unwrap()];
    let waiting = ended.iter().filter(|person| person.sees("recover-waiting")).count();
    assert_eq!(waiting, 1, "{}\n{}", ended[0].what_is_shown(), ended[1].what_is_shown());
    for mut loser in ended.into_iter().filter(|person| !person.sees("recover-waiting")) {
        if loser.sees("continue") {
            loser.presses("continue").await;
        }
        is_refused_on_a_page(&loser);
    }
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log.iter().filter(|entry| *entry == "recovery waiting").count(), 1, "{log:?}");
}

async fn one_address_block_asks_only_so_often(database: Database) {
    let settings = GENEROUS.replace("recovery_visits_per_hour = 10000", "recovery_visits_per_hour = 3");
    let provider = Provider::starts_with(database, &settings).await;
    for number in 0..4 {
        let mut person = provider.stranger();
        asks(&mut person, &format!("nobody{number}@example.com")).await;
        assert_eq!(person.sees("security_answer"), number < 3, "{}", person.what_is_shown());
    }
}
