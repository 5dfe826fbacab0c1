//! The device's own request.

use serde_json::json;

use super::{GRANT, begins};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::post_form,
        provider::{GENEROUS, Provider, is_refused, text},
    },
};

on_both_databases! {
    a_device_is_told_two_codes_and_where_to_type_one,
    who_is_not_registered_for_it_gets_none,
    what_a_device_cannot_ask_for_is_refused,
    who_asks_too_often_has_to_wait,
}

async fn a_device_is_told_two_codes_and_where_to_type_one(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let begun = begins(site).await;
    let user_code = text(&begun, "user_code");
    let letters = user_code.chars().filter(|c| "BCDFGHJKLMNPQRSTVWXZ".contains(*c)).count();
    assert_eq!((user_code.len(), letters, &user_code[4..5]), (9, 8, "-"), "{user_code}");
    assert_eq!(begun["verification_uri"], format!("{}/device", site.issuer));
    assert_eq!(begun["verification_uri_complete"], format!("{}/device?user_code={user_code}", site.issuer));
    assert_eq!((&begun["expires_in"], &begun["interval"]), (&json!(600), &json!(5)));
    let another = begins(site).await;
    assert_ne!(text(&another, "device_code"), text(&begun, "device_code"));
    assert_ne!(text(&another, "user_code"), user_code);
    let document = provider.stranger().opens("/.well-known/openid-configuration").await.reply.json();
    assert_eq!(document["device_authorization_endpoint"], format!("{}/device_authorization", site.issuer));
    assert!(document["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
}

async fn who_is_not_registered_for_it_gets_none(database: Database) {
    let provider = Provider::starts(database).await;
    let url = provider.origin.join("/device_authorization").unwrap();
    is_refused(&provider.sites.site.posts("/device_authorization", &[]).await, "unauthorized_client");
    is_refused(&post_form(&url, &[], &[("client_id", "nobody")]).await, "invalid_client");
    is_refused(&post_form(&url, &[], &[("scope", "openid")]).await, "invalid_client");
    let fields = [("grant_type", GRANT), ("device_code", "made-up")];
    is_refused(&provider.sites.site.posts("/token", &fields).await, "unauthorized_client");
    is_refused(&provider.sites.television.posts("/token", &fields).await, "invalid_grant");
}

async fn what_a_device_cannot_ask_for_is_refused(database: Database) {
    let provider = Provider::starts(database).await;
    let site = &provider.sites.television;
    let path = "/device_authorization";
    let payment = crate::support::sites::payment(1).to_string();
    for (fields, error) in [
        (vec![("scope", "openid"), ("authorization_details", payment.as_str())], "invalid_request"),
        (vec![("scope", "enum:admin")], "invalid_scope"),
        (vec![("scope", "")], "invalid_scope"),
        (vec![("scope", "openid"), ("max_age", "-1")], "invalid_request"),
        (vec![("scope", "openid"), ("dpop_jkt", "short")], "invalid_request"),
        (vec![("scope", "openid"), ("scope", "email")], "invalid_request"),
    ] {
        is_refused(&site.posts(path, &fields).await, error);
    }
}

async fn who_asks_too_often_has_to_wait(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}[device]\nrequests_per_minute = 3\n")).await;
    let site = &provider.sites.television;
    for _ in 0..3 {
        begins(site).await;
    }
    let refused = site.posts("/device_authorization", &[("scope", "openid")]).await;
    assert_eq!((refused.status.as_u16(), text(&refused.json(), "error").as_str()), (503, "temporarily_unavailable"));
    provider.waits(enum_idp::clock::MINUTE);
    begins(site).await;
}
