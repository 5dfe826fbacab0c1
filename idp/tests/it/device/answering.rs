//! What the person answers, and what the device gets for it.

use enum_idp::{clock::MINUTE, store};
use tokio::task::JoinSet;

use super::{GRANT, begins, links, polls, polls_with, types};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::post_form,
        proof::{Key, posts},
        provider::{Provider, is_refused, is_refused_on_a_page, text},
        sites::payload,
    },
};
use hyper::header::HeaderName;

on_both_databases! {
    a_device_that_was_allowed_gets_tokens_of_whoever_allowed_it,
    a_device_that_was_refused_gets_none,
    a_person_who_declines_at_the_proof_refuses_it_too,
    a_request_is_answered_once,
    of_several_who_redeem_a_device_code_one_gets_tokens,
    a_device_code_that_comes_back_revokes_what_it_gave,
    a_device_code_is_of_its_client_alone,
    an_answer_that_comes_too_late_is_none,
    a_device_code_is_bound_to_the_key_that_it_was_asked_for_with,
    an_account_that_goes_takes_its_devices_along,
}

async fn a_device_that_was_allowed_gets_tokens_of_whoever_allowed_it(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    is_refused(&polls(site, &begun).await, "authorization_pending");
    links(&mut ann, &begun).await;
    let tokens = polls(site, &begun).await.expect(200);
    let who = site.asks_who(&text(&tokens, "access_token")).await.expect(200);
    assert_eq!(who["email"], "ann@example.com");
    assert_eq!(payload(&text(&tokens, "id_token"))["acr"], "urn:enum:acr:2");
    site.refreshes(&text(&tokens, "refresh_token")).await.expect(200);
    assert!(provider.log_of("ann@example.com").await.contains(&"login ok".to_owned()));
    ann.person.opens("/account/access").await;
    assert!(ann.person.reply.text().contains("The television"), "{}", ann.person.what_is_shown());
}

async fn a_device_that_was_refused_gets_none(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    types(&mut ann, &begun).await;
    ann.person.presses("deny").await;
    assert!(ann.person.sees("device-denied"), "{}", ann.person.what_is_shown());
    is_refused(&polls(site, &begun).await, "access_denied");
}

async fn a_person_who_declines_at_the_proof_refuses_it_too(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    types(&mut ann, &begun).await;
    ann.person.presses("continue").await.types("email", "ann@example.com").presses("continue").await;
    ann.person.presses("deny").await;
    assert!(ann.person.sees("device-denied"), "{}", ann.person.what_is_shown());
    is_refused(&polls(site, &begun).await, "access_denied");
    assert!(provider.log_of("ann@example.com").await.iter().any(|entry| entry.ends_with(" declined")));
}

async fn a_request_is_answered_once(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let (mut ann, mut eve) = (provider.member("ann@example.com").await, provider.member("eve@example.com").await);
    let begun = begins(site).await;
    // Both have the page; whoever is first has answered.
    types(&mut eve, &begun).await;
    links(&mut ann, &begun).await;
    let mut another = eve.clone();
    eve.person.presses("continue").await;
    is_refused_on_a_page(&eve.person);
    another.person.presses("deny").await;
    is_refused_on_a_page(&another.person);
    let tokens = polls(site, &begun).await.expect(200);
    assert_eq!(site.asks_who(&text(&tokens, "access_token")).await.expect(200)["email"], "ann@example.com");
}

async fn of_several_who_redeem_a_device_code_one_gets_tokens(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    links(&mut ann, &begun).await;
    let mut tries = JoinSet::new();
    for _ in 0..16 {
        let (url, code, id) = (site.at("/token"), text(&begun, "device_code"), site.id);
        tries.spawn(async move {
            post_form(&url, &[], &[("grant_type", GRANT), ("device_code", &code), ("client_id", id)]).await
        });
    }
    let replies = tries.join_all().await;
    let won: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    assert_eq!(site.asks_who(&text(&won[0].json(), "access_token")).await.status, 401, "the others have revoked it");
}

async fn a_device_code_that_comes_back_revokes_what_it_gave(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(&provider.sites.television).await;
    links(&mut ann, &begun).await;
    let provider = provider.restarts().await;
    let site = &provider.sites.television;
    let tokens = polls(site, &begun).await.expect(200);
    is_refused(&polls(site, &begun).await, "invalid_grant");
    assert_eq!(site.asks_who(&text(&tokens, "access_token")).await.status, 401);
    is_refused(&site.refreshes(&text(&tokens, "refresh_token")).await, "invalid_grant");
}

async fn a_device_code_is_of_its_client_alone(database: Database) {
    let provider = Provider::starts(database).await;
    let (site, other) = (&provider.sites.television, &provider.sites.keeper);
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    links(&mut ann, &begun).await;
    let proof = Key::new(&provider.clock).proves_at(other, "/token");
    let theirs = polls_with(other, &begun, &[(HeaderName::from_static("dpop"), &proof)]).await;
    is_refused(&theirs, "invalid_grant");
    polls(site, &begun).await.expect(200);
}

async fn an_answer_that_comes_too_late_is_none(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(site).await;
    types(&mut ann, &begun).await;
    ann.person.presses("continue").await;
    provider.waits(9 * MINUTE);
    ann.person.types("email", "ann@example.com").presses("continue").await;
    provider.waits(MINUTE);
    ann.answers().await.allows().await;
    is_refused_on_a_page(&ann.person);
    is_refused(&polls(site, &begun).await, "expired_token");
    // Approved in time, and fetched too late.
    let begun = begins(site).await;
    links(&mut ann, &begun).await;
    provider.waits(10 * MINUTE);
    is_refused(&polls(site, &begun).await, "expired_token");
}

async fn a_device_code_is_bound_to_the_key_that_it_was_asked_for_with(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.keeper;
    let mut ann = provider.member("ann@example.com").await;
    let (key, thief) = (Key::new(&provider.clock), Key::new(&provider.clock));
    let path = "/device_authorization";
    let begun = posts(site, path, &[("scope", "openid email")], &[&key.proves_at(site, path)]).await.expect(200);
    links(&mut ann, &begun).await;
    let fields = [("grant_type", GRANT), ("device_code", &text(&begun, "device_code"))];
    is_refused(&posts(site, "/token", &fields, &[&thief.proves_at(site, "/token")]).await, "invalid_grant");
    is_refused(&posts(site, "/token", &fields, &[]).await, "invalid_dpop_proof");
    let tokens = posts(site, "/token", &fields, &[&key.proves_at(site, "/token")]).await.expect(200);
    key.asks_who(site, &text(&tokens, "access_token")).await.expect(200);
}

async fn an_account_that_goes_takes_its_devices_along(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let begun = begins(&provider.sites.television).await;
    links(&mut ann, &begun).await;
    let hash = provider.app.seal.hash("device_code", &text(&begun, "device_code"));
    let db = provider.app.db.clone();
    let row = store::device_code::find(db.read(), &hash).await.unwrap().unwrap();
    let id = row.account_id.unwrap();
    let gone = id.clone();
    db.write(move |tx| Box::pin(async move { store::account::set_status(tx, &gone, store::account::DELETED).await }))
        .await
        .unwrap();
    db.write(move |tx| Box::pin(async move { store::erasure::erase(tx, &id).await })).await.unwrap();
    assert_eq!(store::device_code::find(db.read(), &hash).await.unwrap(), None);
}
