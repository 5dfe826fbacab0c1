//! Devices without a browser (RFC 8628): how one is linked, and how nobody links another's.

use std::collections::BTreeMap;

use hyper::header::HeaderName;
use serde_json::Value;

use crate::support::{
    http::{Reply, post_form},
    provider::{Member, Provider, text},
    sites::Site,
};

mod answering;
mod asking;
mod polling;
mod taking_back;
mod typing;

/// `grant_type` of a device code.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A television of the keeper's maker, waiting for its person.
async fn begins(site: &Site) -> Value {
    site.posts("/device_authorization", &[("scope", "openid email offline_access")]).await.expect(200)
}

/// Asks whether there is an answer.
async fn polls(site: &Site, begun: &Value) -> Reply {
    polls_with(site, begun, &[]).await
}

async fn polls_with(site: &Site, begun: &Value, headers: &[(HeaderName, &str)]) -> Reply {
    site.posts_with("/token", &[("grant_type", GRANT), ("device_code", &text(begun, "device_code"))], headers).await
}

/// Somebody types the code that they see, up to the question whose device it is.
async fn types(member: &mut Member, begun: &Value) {
    member.person.opens("/device").await;
    member.person.types("user_code", &text(begun, "user_code")).presses("continue").await;
    assert!(member.person.sees("warning"), "{}", member.person.what_is_shown());
}

/// … and goes on, proves who they are, and allows it.
async fn links(member: &mut Member, begun: &Value) {
    types(member, begun).await;
    member.person.presses("continue").await;
    if member.person.sees("email") {
        let email = member.email.clone();
        member.person.types("email", &email).presses("continue").await;
    }
    member.answers().await.allows().await;
    assert!(member.person.sees("device-done"), "{}", member.person.what_is_shown());
}

/// A code of one's own guess.
async fn guesses(provider: &Provider, code: &str) -> Reply {
    let fields = BTreeMap::from([("user_code", code)]);
    let fields: Vec<(&str, &str)> = fields.into_iter().collect();
    post_form(&provider.origin.join("/device").unwrap(), &[], &fields).await
}
