//! Every page, also that of an error, keeps the headers that all pages have; machinery answers machines.

use hyper::Method;

use crate::{
    on_both_databases,
    support::{database::Database, http, provider::Provider},
};

on_both_databases! {
    every_kind_of_page_has_the_headers_of_a_page,
    health_and_metrics_answer,
    a_page_that_is_not_there_says_so,
}

async fn every_kind_of_page_has_the_headers_of_a_page(database: Database) {
    let provider = Provider::starts(database).await;
    for path in [
        "/",
        "/register",
        "/pad",
        "/logout",
        "/authorize",
        "/login/x",
        "/activate/x",
        "/register/confirm/x",
        "/account",
    ] {
        // The person holds every page against them.
        let mut person = provider.stranger();
        person.opens(path).await;
        assert!(person.sees("main"), "{path}: {}", person.what_is_shown());
        assert!(!person.reply.status.is_server_error(), "{path}: {}", person.reply.status);
    }
    let mut person = provider.stranger();
    person.opens("/").await;
    let css = person.page.html.split("href=\"/assets/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    person.opens(&format!("/assets/{css}")).await;
    assert!(person.reply.header("content-type").starts_with("text/css"));
    assert!(person.reply.header("cache-control").contains("immutable"));
    assert_eq!(person.reply.header("x-content-type-options"), "nosniff");
}

async fn health_and_metrics_answer(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    ann.logs_in_at(&provider.sites.own).await;
    for path in ["/healthz", "/readyz"] {
        let reply = http::send(Method::GET, &provider.origin.join(path).unwrap(), &[], String::new()).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    let metrics = http::send(Method::GET, &provider.origin.join("/metrics").unwrap(), &[], String::new()).await.text();
    assert!(metrics.contains("passed") && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(!metrics.contains("ann@example.com"));
}

async fn a_page_that_is_not_there_says_so(database: Database) {
    let provider = Provider::starts(database).await;
    for path in ["/nothing", "/assets/x/y", "/admin/secret", "/.git/config", "/..%2f..%2fetc/passwd"] {
        let reply = http::send(Method::GET, &provider.origin.join(path).unwrap(), &[], String::new()).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    let big = "x".repeat(200_000);
    let mut person = provider.stranger();
    person.posts("/register", &[("first_name", &big)]).await;
    assert!(person.reply.status.is_client_error(), "{}", person.reply.status);
}
