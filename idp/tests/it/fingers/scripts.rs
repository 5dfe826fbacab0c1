//! Scripts of a plugin run on pages that show one of its own, and nowhere else.

use hyper::{Method, StatusCode};

use super::{ANN, asked, member, provider};
use crate::{
    on_both_databases,
    support::{database::Database, http, provider::Provider},
};

on_both_databases! {
    a_page_may_run_the_scripts_of_the_plugin_that_it_shows_and_no_others,
    a_script_is_found_under_its_own_address_alone,
}

/// Address of the script on the page.
fn script(html: &str) -> String {
    let (_, rest) = html.split_once("<script type=\"module\" src=\"").unwrap();
    rest.split('"').next().unwrap().replace("&#x2F;", "/")
}

async fn a_page_may_run_the_scripts_of_the_plugin_that_it_shows_and_no_others(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let page = asked(&provider, ANN).await;
    let address = format!("{}{}", provider.app.config.issuer, script(&page.page.html));
    let policy = page.reply.header("content-security-policy").to_owned();
    assert!(policy.contains(&format!("script-src {address}")), "{policy}");
    assert!(!policy.contains("connect-src"), "it asked for no permission to talk to anybody: {policy}");
    let mut person = provider.stranger();
    for place in ["/", "/register"] {
        person.opens(place).await;
        assert!(!person.reply.header("content-security-policy").contains("script-src"), "{place}");
    }
    person.opens(&provider.sites.own.sends(&[]).link).await;
    assert!(person.sees("email") && !person.reply.header("content-security-policy").contains("script-src"));
}

async fn a_script_is_found_under_its_own_address_alone(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let path = script(&asked(&provider, ANN).await.page.html);
    let found = get(&provider, &path).await;
    assert_eq!((found.status, found.header("content-type")), (StatusCode::OK, "text/javascript; charset=utf-8"));
    assert_eq!(found.header("x-content-type-options"), "nosniff");
    assert!(found.header("cache-control").contains("immutable") && found.text().contains("navigator.credentials"));
    let hash = path.split('/').nth(2).unwrap();
    for other in [
        path.replace(hash, "000000000000000000000000"),
        path.replace("webauthn.js", "other.js"),
        path.replace("/fingerprint/", "/merchant/"),
        path.replace("/fingerprint/", "/"),
        path.replace("webauthn.js", "..%2f..%2fwebauthn.js"),
    ] {
        assert_eq!(get(&provider, &other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
}

async fn get(provider: &Provider, path: &str) -> http::Reply {
    http::send(Method::GET, &provider.origin.join(path).unwrap(), &[], String::new()).await
}
