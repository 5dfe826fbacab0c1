//! Nobody learns from what is asked whether an address belongs to an account.

use enum_idp::clock::MINUTE;

use super::{ANN, asked, asked_to_pay, ledger, member, provider_with, shown_the_fee};
use crate::{
    codes::{answers, goes, sent},
    login::strangers::comparable,
    on_both_databases,
    support::{database::Database, provider::GENEROUS},
};

on_both_databases! {
    an_unknown_address_meets_with_the_same,
}

/// As long as Ann's.
const NOBODY: &str = "ada@example.com";

async fn an_unknown_address_meets_with_the_same(database: Database) {
    let provider = provider_with(database, &format!("{GENEROUS}codes_per_hour = 60\n")).await;
    member(&provider, ANN, "en").await;
    let (mut ann, mut ada) = (asked(&provider, ANN).await, asked(&provider, NOBODY).await);
    assert_eq!(comparable(&ann, ANN), comparable(&ada, NOBODY));
    for press in ["again", "continue", "other"] {
        for person in [&mut ann, &mut ada] {
            match press {
                "continue" => answers(person, "000000x").await,
                press if person.sees(press) => drop(person.presses(press).await),
                _ => {}
            }
        }
        assert_eq!(comparable(&ann, ANN), comparable(&ada, NOBODY), "{press}");
    }
    provider.waits(MINUTE);
    let ((ann, _), (ada, _)) =
        (shown_the_fee(&provider, ANN, 1050).await, shown_the_fee(&provider, NOBODY, 1050).await);
    assert_eq!(comparable(&ann, ANN), comparable(&ada, NOBODY), "the fee");
    let ((ann, _), (ada, _)) = (asked_to_pay(&provider, ANN, 1050).await, asked_to_pay(&provider, NOBODY, 1050).await);
    assert_eq!(comparable(&ann, ANN), comparable(&ada, NOBODY), "a payment");
    assert_eq!(sent(&provider).await, 2, "to Ann alone");
    assert_eq!(ledger(&provider).await.len(), 1, "and she alone is charged");
    // What is free runs out for both alike, by their addresses.
    for _ in 0..4 {
        provider.waits(MINUTE);
        asked(&provider, ANN).await;
        asked(&provider, NOBODY).await;
    }
    provider.waits(MINUTE);
    let visit = || provider.sites.own.sends(&[]);
    let (ann, ada) = (goes(&provider, &visit(), ANN).await, goes(&provider, &visit(), NOBODY).await);
    assert!(ann.complaint().is_some() && !ann.sees("answer"), "{}", ann.what_is_shown());
    assert_eq!(comparable(&ann, ANN), comparable(&ada, NOBODY), "nothing free is left");
}
