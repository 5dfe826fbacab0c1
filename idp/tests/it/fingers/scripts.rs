//! Scripts of a plugin run on pages that show one of its own, and nowhere else.

use hyper::{Method, StatusCode};

use enum_idp::account::enrol_by_admin;

use super::{ANN, FACTOR, asked, member, provider};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http,
        person::Person,
        provider::{Provider, Written},
    },
};

on_both_databases! {
    a_page_may_run_the_scripts_of_the_plugin_that_it_shows_and_no_others,
    pages_reach_the_bridge_at_its_port_where_the_administrator_offers_it,
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
    let (folder, _) = address.rsplit_once('/').unwrap();
    let (_, runs) = policy.split_once("; script-src ").unwrap();
    let mut runs: Vec<&str> = runs.split(';').next().unwrap().split(' ').collect();
    runs.sort_unstable();
    let own = ["bridge.js", "credential.js", "nameless.js", "webauthn.js"].map(|name| format!("{folder}/{name}"));
    assert_eq!(runs, own, "the plugin's own and no other");
    assert!(!policy.contains("connect-src"), "nobody offers a bridge: {policy}");
    let mut person = provider.stranger();
    for place in ["/", "/register"] {
        person.opens(place).await;
        assert!(!person.reply.header("content-security-policy").contains("script-src"), "{place}");
    }
    // The page that asks who somebody is shows one of its own as well.
    person.opens(&provider.sites.own.sends(&[]).link).await;
    assert!(person.sees("email") && script(&person.page.html).ends_with("/nameless.js"));
    assert_eq!(person.reply.header("content-security-policy"), policy);
    person.opens(&provider.sites.shop.asks_to_pay(1050, &[]).await.link).await;
    assert!(person.sees("email") && !person.reply.header("content-security-policy").contains("script-src"));
}

async fn pages_reach_the_bridge_at_its_port_where_the_administrator_offers_it(database: Database) {
    const REACH: &str = "; connect-src http://127.0.0.1:17316";
    let pins = vec!["fingerprint_factor settings = { bridge_port = 17316 }", "merchant"];
    let provider = Provider::starts_as(database, Written { pins, ..Written::default() }).await;
    let policy = |person: &Person| person.reply.header("content-security-policy").to_owned();
    member(&provider, ANN).await;
    let page = asked(&provider, ANN).await;
    assert!(page.sees("use-bridge") && policy(&page).ends_with(REACH), "{}", policy(&page));
    let nobody = asked(&provider, "nobody@example.com").await;
    assert!(nobody.sees("use-bridge") && policy(&nobody).ends_with(REACH), "{}", policy(&nobody));
    let link = enrol_by_admin(&provider.app, ANN, Some(FACTOR)).await.unwrap().link.unwrap();
    let mut person = provider.stranger();
    person.opens(&link).await;
    assert!(person.sees("use-bridge") && policy(&person).ends_with(REACH), "{}", policy(&person));
    for place in ["/", "/register", &provider.sites.own.sends(&[]).link] {
        person.opens(place).await;
        assert!(!policy(&person).contains("connect-src"), "{place}");
    }
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
