//! What becomes of a passphrase that is changed or taken away.

use enum_idp::{
    account::{enrol_by_admin, unenrol_by_admin},
    clock::MINUTE,
};

use super::{EMAIL, OTHER, SECRET, at_the_question, gets_in, member, provider, sets};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    a_new_passphrase_ends_the_earlier_one_and_not_before,
    a_passphrase_that_was_taken_away_signs_nobody_in,
}

async fn a_new_passphrase_ends_the_earlier_one_and_not_before(database: Database) {
    let provider = provider(database).await;
    member(&provider, "hello", SECRET).await;
    let link = enrol_by_admin(&provider.app, EMAIL, Some("hello")).await.unwrap().link.unwrap();
    assert!(gets_in(&provider, SECRET).await, "a change that was begun is none yet");
    let mut ann = provider.stranger();
    sets(ann.opens(&link).await, SECRET).await;
    assert!(ann.page.text_of("problem").unwrap().contains("present passphrase"), "{}", ann.what_is_shown());
    sets(&mut ann, OTHER).await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
    assert!(!gets_in(&provider, SECRET).await);
    assert!(gets_in(&provider, OTHER).await);
    assert_eq!(provider.enrolment_of(EMAIL).await.factor, "hello");
}

async fn a_passphrase_that_was_taken_away_signs_nobody_in(database: Database) {
    let provider = provider(database).await;
    member(&provider, "hello", SECRET).await;
    let mut before = at_the_question(&provider, &provider.sites.own.sends(&[])).await;
    unenrol_by_admin(&provider.app, EMAIL, "hello").await.unwrap();
    before.types("answer", SECRET).presses("continue").await;
    assert!(before.away.is_none(), "a question that was asked before: {}", before.what_is_shown());
    // By then it is known that nobody has a passphrase any more.
    provider.waits(MINUTE);
    let after = at_the_question(&provider, &provider.sites.own.sends(&[])).await;
    assert!(!after.challenge().is_empty(), "as an address that nobody has: {}", after.what_is_shown());
    let log = provider.log_of(EMAIL).await;
    assert!(log.contains(&"unenrolled by_admin".to_owned()), "{log:?}");
}
