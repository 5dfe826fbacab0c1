//! The plain case, from the website's link to what the website learns.

use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, text},
        sites::payload,
    },
};

on_both_databases! {
    a_right_answer_signs_in_and_the_website_learns_who_it_is,
}

async fn a_right_answer_signs_in_and_the_website_learns_who_it_is(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let site = &provider.sites.site;
    let visit = site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    assert_eq!(ann.person.brings_back()["iss"], site.issuer, "RFC 9207");
    assert!(ann.person.away.as_ref().unwrap().as_str().starts_with("https://site.example/callback?"));

    let tokens = site.redeems(&visit, &code).await.expect(200);
    assert_eq!(tokens["token_type"], "Bearer");
    let id_token = payload(&text(&tokens, "id_token"));
    assert_eq!((&id_token["iss"], &id_token["aud"]), (&site.issuer.clone().into(), &"site".into()));
    assert_eq!(id_token["nonce"], visit.nonce);
    assert_eq!(id_token["acr"], "urn:enum:acr:2");
    assert_eq!(id_token["amr"], serde_json::json!(["otp"]));
    assert_eq!(id_token["auth_time"], provider.clock.seconds());

    let who = site.asks_who(&text(&tokens, "access_token")).await.expect(200);
    assert_eq!((&who["sub"], &who["email"]), (&id_token["sub"], &"ann@example.com".into()));
    let next = site.refreshes(&text(&tokens, "refresh_token")).await.expect(200);
    assert_ne!(next["refresh_token"], tokens["refresh_token"]);
    assert_eq!(payload(&text(&next, "id_token"))["sub"], id_token["sub"]);
    assert_eq!(
        provider.log_of("ann@example.com").await,
        ["registered by_admin", "activation_sent ok", "activated ok", "login ok", "consent ok"]
    );
}
