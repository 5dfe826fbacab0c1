//! A device that asks whether there is an answer.

use enum_idp::clock::SECOND;

use super::{begins, links, polls};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, is_refused},
    },
};

on_both_databases! {
    a_device_that_asks_too_often_is_told_to_slow_down,
    a_device_that_was_told_to_slow_down_gets_its_answer_all_the_same,
    a_device_whose_person_never_comes_is_told_so,
}

async fn a_device_that_asks_too_often_is_told_to_slow_down(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let begun = begins(site).await;
    is_refused(&polls(site, &begun).await, "authorization_pending");
    is_refused(&polls(site, &begun).await, "slow_down");
    provider.waits(5 * SECOND);
    is_refused(&polls(site, &begun).await, "authorization_pending");
    provider.waits(SECOND);
    is_refused(&polls(site, &begun).await, "slow_down");
    // Another device is not concerned.
    is_refused(&polls(site, &begins(site).await).await, "authorization_pending");
}

async fn a_device_that_was_told_to_slow_down_gets_its_answer_all_the_same(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    is_refused(&polls(site, &begun).await, "authorization_pending");
    is_refused(&polls(site, &begun).await, "slow_down");
    links(&mut ann, &begun).await;
    polls(site, &begun).await.expect(200);
}

async fn a_device_whose_person_never_comes_is_told_so(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let begun = begins(site).await;
    provider.waits(599 * SECOND);
    is_refused(&polls(site, &begun).await, "authorization_pending");
    provider.waits(SECOND);
    is_refused(&polls(site, &begun).await, "expired_token");
}
