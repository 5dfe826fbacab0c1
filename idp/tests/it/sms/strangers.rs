//! Nobody learns from what is asked whether an address belongs to an account.

use enum_idp::clock::MINUTE;

use super::{ANN, asked, asked_to_pay, member, provider};
use crate::{
    codes::{answers, sent},
    login::strangers::comparable,
    on_both_databases,
    support::database::Database,
};

on_both_databases! {
    an_unknown_address_meets_with_the_same,
}

/// As long as Ann's.
const NOBODY: &str = "ada@example.com";

async fn an_unknown_address_meets_with_the_same(database: Database) {
    let provider = provider(database).await;
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
    let ((ann, _), (ada, _)) = (asked_to_pay(&provider, ANN, 1050).await, asked_to_pay(&provider, NOBODY, 1050).await);
    assert_eq!(comparable(&ann, ANN), comparable(&ada, NOBODY), "a payment");
    assert_eq!(sent(&provider).await, 2, "to Ann alone");
}
