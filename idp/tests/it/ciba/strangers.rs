//! Who asks about an address does not learn whether it has an account.

use super::ANN;
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::Reply,
        provider::{Provider, is_refused, text},
    },
};

on_both_databases! {
    an_address_without_an_account_is_answered_as_one_with_one,
    a_locked_account_is_as_out_of_reach_as_none,
}

/// What a client sees of a reply, without what differs each time.
fn seen(reply: &Reply) -> (u16, Vec<(String, usize)>, Vec<String>) {
    let body = reply.json();
    let members =
        body.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.to_string().len())).collect();
    (reply.status.as_u16(), members, reply.headers.keys().map(ToString::to_string).collect())
}

async fn an_address_without_an_account_is_answered_as_one_with_one(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    provider.member(ANN).await;
    let (known, unknown) = (shop.asks_behind(ANN, &[]).await, shop.asks_behind("nobody@example.com", &[]).await);
    assert_eq!(seen(&known), seen(&unknown));
    let (known, unknown) = (text(&known.expect(200), "auth_req_id"), text(&unknown.expect(200), "auth_req_id"));
    for wait in [0, 5_000, 1_000, 300_000] {
        provider.waits(wait);
        let (one, other) = (shop.fetches(&known).await, shop.fetches(&unknown).await);
        assert_eq!((seen(&one), one.text()), (seen(&other), other.text()));
    }
    provider.mail.wait_for(ANN, 1, |letter| letter.subject.contains("asks you to confirm")).await;
    assert!(provider.mail.to("nobody@example.com").is_empty() && provider.mail.to("").is_empty());
}

async fn a_locked_account_is_as_out_of_reach_as_none(database: Database) {
    let provider = Provider::starts(database).await;
    let shop = &provider.sites.shop;
    provider.member(ANN).await;
    let account = enum_idp::store::account::by_email(provider.app.db.read(), ANN).await.unwrap().unwrap();
    enum_idp::store::account::set_status(provider.app.db.read(), &account.id, "locked").await.unwrap();
    let id = shop.asks_to_sign_in(ANN).await;
    is_refused(&shop.fetches(&id).await, "authorization_pending");
    let waiting =
        enum_idp::store::backchannel::waiting(provider.app.db.read(), &account.id, provider.clock.now()).await;
    assert!(waiting.unwrap().is_empty());
}
