//! How many messages are free, and what does not refill them.

use enum_idp::{
    account::{enrol_by_admin, unenrol_by_admin},
    clock::{DAY, MINUTE},
};

use super::{ANN, asked, asked_to_pay, member, provider_with};
use crate::{
    codes::{goes, proves, sent},
    on_both_databases,
    support::{
        database::Database,
        provider::{GENEROUS, Provider},
    },
};

on_both_databases! {
    five_are_free_in_any_day_and_nothing_refills_them,
    payments_take_nothing_from_what_is_free,
}

async fn generous(database: Database) -> Provider {
    let guard = "[sms.guard]\nnumber_per_hour = 0\naccount_per_hour = 0\n";
    provider_with(database, &format!("{GENEROUS}codes_per_hour = 60\n{guard}")).await
}

async fn is_told_to_wait(provider: &Provider, hours: i32) {
    let ann = goes(provider, &provider.sites.own.sends(&[]), ANN).await;
    assert!(ann.complaint().unwrap().contains(&format!("in {hours} h")), "{}", ann.what_is_shown());
    assert!(!ann.sees("answer"), "{}", ann.what_is_shown());
}

async fn five_are_free_in_any_day_and_nothing_refills_them(database: Database) {
    let provider = generous(database).await;
    member(&provider, ANN, "en").await;
    member(&provider, "bob@example.com", "en").await;
    // Another browser and another visit each time.
    for _ in 0..5 {
        asked(&provider, ANN).await;
        provider.waits(MINUTE);
    }
    is_told_to_wait(&provider, 24).await;
    // Nor a new enrolment of the method.
    unenrol_by_admin(&provider.app, ANN, "sms").await.unwrap();
    let begun = enrol_by_admin(&provider.app, ANN, Some("sms")).await.unwrap();
    proves(&provider, begun).await;
    is_told_to_wait(&provider, 24).await;
    let provider = provider.restarts().await;
    is_told_to_wait(&provider, 24).await;
    assert_eq!(sent(&provider).await, 5);
    asked(&provider, "bob@example.com").await;
    provider.waits(DAY - 5 * MINUTE);
    asked(&provider, ANN).await;
    provider.waits(MINUTE - 1);
    let ann = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    assert!(!ann.sees("answer"), "one place is free each time that one leaves the day: {}", ann.what_is_shown());
}

async fn payments_take_nothing_from_what_is_free(database: Database) {
    let provider = generous(database).await;
    member(&provider, ANN, "en").await;
    for _ in 0..6 {
        asked_to_pay(&provider, ANN, 1050).await;
        provider.waits(MINUTE);
    }
    for _ in 0..5 {
        asked(&provider, ANN).await;
        provider.waits(MINUTE);
    }
    is_told_to_wait(&provider, 24).await;
    asked_to_pay(&provider, ANN, 1050).await;
}
