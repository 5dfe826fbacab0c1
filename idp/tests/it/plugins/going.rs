//! A plugin goes between two steps of somebody: each time there is a page, or an answer, that says so.

use enum_idp::clock::MINUTE;
use serde_json::json;

use super::{Place, text};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::post_json,
        provider::{GENEROUS, person_phone},
        sites::PURSE,
    },
};

on_both_databases! {
    a_payment_whose_service_goes_is_told_to_the_shop,
    who_is_about_to_activate_is_told_to_come_back,
}

impl Place {
    /// With the cipherpad pinned and the merchant in the catalog, enabled.
    async fn with_a_merchant(database: Database) -> Self {
        let place = Self::new(database).await;
        let settings = format!("trusted_keys = [{}]\n{GENEROUS}", place.publisher.trusted(true));
        let place = place.restarts_as(vec!["cipherpad"], &settings).await;
        let file = place.publisher.build("merchant.so", "merchant", b"");
        place.admin.does(&["install", &text(&place.publisher.signed(file))]);
        place.merchant_comes().await;
        place
    }

    async fn merchant_comes(&self) {
        self.admin.does(&["enable", "merchant", "--grant-all"]);
        self.follows(|provider| !provider.app.plugins.details_types().is_empty()).await;
    }

    async fn merchant_goes(&self) {
        self.admin.does(&["disable", "merchant"]);
        self.follows(|provider| provider.app.plugins.details_types().is_empty()).await;
    }
}

async fn a_payment_whose_service_goes_is_told_to_the_shop(database: Database) {
    let place = Place::with_a_merchant(database).await;
    let provider = &place.provider;
    let shop = &provider.sites.shop;
    let mut ann = provider.member("ann@example.com").await;
    let pushed = shop.asks_to_pay(1050, &[]).await;
    let shown = shop.asks_to_pay(2000, &[]).await;
    ann.goes(&shown).await;
    assert!(ann.person.sees("answer"), "{}", ann.person.what_is_shown());
    let (mut answering, mut reloading, mut declining) = (ann.clone(), ann.person.clone(), ann.person.clone());
    place.merchant_goes().await;

    ann.person.opens(&pushed.link).await;
    let back = ann.person.brings_back();
    assert_eq!((back["error"].as_str(), &back["state"]), ("temporarily_unavailable", &pushed.state), "before the page");
    answering.pays(PURSE, 2000).await;
    let back = answering.person.brings_back();
    assert_eq!((back["error"].as_str(), &back["state"]), ("temporarily_unavailable", &shown.state), "with the answer");
    let address = reloading.at.clone();
    reloading.opens(address.as_str()).await;
    assert_eq!(reloading.brings_back()["error"], "temporarily_unavailable", "on reload");
    declining.presses("deny").await;
    assert_eq!(declining.brings_back()["error"], "access_denied", "no is an answer at any time");

    place.merchant_comes().await;
    let again = shop.asks_to_pay(3000, &[]).await;
    ann.person = provider.stranger();
    ann.goes(&again).await.pays(PURSE, 3000).await;
    let code = ann.person.brings_back()["code"].clone();
    shop.redeems(&again, &code).await.expect(200);
}

async fn who_is_about_to_activate_is_told_to_come_back(database: Database) {
    let place = Place::new(database).await;
    place.enables_cipherpad().await;
    let provider = &place.provider;
    let email = "new@example.com";
    let mut person = provider.stranger();
    provider.registers(&mut person, email).await;
    provider.activation_code(&person_phone(email), 1).await;
    let page = person.at.to_string();
    place.admin.does(&["disable", "cipherpad"]);
    place.follows(|provider| provider.app.plugins.factor("cipherpad").is_none()).await;

    provider.waits(MINUTE);
    let mut reloading = person.clone();
    person.presses("resend").await;
    reloading.opens(&page).await;
    for person in [&person, &reloading] {
        assert_eq!(person.reply.status, 503, "{}", person.what_is_shown());
        assert!(person.sees("main"), "a page for people: {}", person.what_is_shown());
    }
    let endpoint = provider.origin.join("/enrol/cipherpad").unwrap();
    let reply = post_json(&endpoint, &json!({ "email": email, "input": {} })).await;
    assert_eq!(reply.expect(503)["error"], "busy");

    place.admin.does(&["enable", "cipherpad"]);
    place.follows(|provider| provider.app.plugins.factor("cipherpad").is_some()).await;
    person.opens(&page).await.presses("resend").await;
    assert_eq!(person.reply.status, 200, "{}", person.what_is_shown());
    let code = provider.activation_code(&person_phone(email), 2).await;
    crate::support::pad::Pad::activate(&provider.origin, email, &code, &provider.clock).await;
}
