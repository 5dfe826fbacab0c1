//! The discovery document promises what is done, and nothing else.

use hyper::Method;
use serde_json::{Value, json};
use url::Url;

use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::{self, post_form},
        provider::{Provider, text},
        sites::{CIBA, payload},
    },
};

on_both_databases! {
    discovery_is_truthful,
    every_endpoint_that_is_named_is_there,
    published_keys_verify_what_we_sign,
    published_documents_are_cached_by_their_tag,
}

async fn fetch(url: &Url) -> http::Reply {
    http::send(Method::GET, url, &[], String::new()).await
}

async fn document(provider: &Provider) -> Value {
    fetch(&provider.origin.join("/.well-known/openid-configuration").unwrap()).await.expect(200)
}

#[track_caller]
fn list(document: &Value, name: &str) -> Vec<String> {
    let list = document[name].as_array().unwrap_or_else(|| panic!("no {name} in {document}"));
    let mut list: Vec<String> = list.iter().map(|item| item.as_str().unwrap().to_owned()).collect();
    list.sort();
    list
}

async fn discovery_is_truthful(database: Database) {
    let provider = Provider::starts(database).await;
    let document = document(&provider).await;
    assert_eq!(document["issuer"], provider.sites.site.issuer);
    assert_eq!(list(&document, "response_types_supported"), ["code"]);
    assert_eq!(list(&document, "response_modes_supported"), ["form_post", "query"]);
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    assert_eq!(list(&document, "grant_types_supported"), ["authorization_code", "refresh_token", device, CIBA]);
    assert_eq!(list(&document, "code_challenge_methods_supported"), ["S256"]);
    assert_eq!(list(&document, "subject_types_supported"), ["pairwise", "public"]);
    assert_eq!(list(&document, "id_token_signing_alg_values_supported"), ["ES256", "RS256"]);
    assert_eq!(
        list(&document, "token_endpoint_auth_methods_supported"),
        ["client_secret_basic", "client_secret_post", "none", "private_key_jwt"]
    );
    assert_eq!(
        list(&document, "authorization_details_types_supported"),
        ["3ds:payment_authorisation", "enum_operation", "payment_batch", "payment_initiation"]
    );
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert!(!document["request_parameter_supported"].as_bool().unwrap_or(false));
    assert_eq!(document["request_uri_parameter_supported"], false, "absent would mean true (Discovery §3)");
    for (name, needed) in [
        ("scopes_supported", "openid"),
        ("scopes_supported", "offline_access"),
        ("claims_supported", "email"),
        ("acr_values_supported", "urn:enum:acr:2"),
        ("ui_locales_supported", "vi"),
        ("prompt_values_supported", "none"),
    ] {
        assert!(list(&document, name).iter().any(|item| item == needed), "{name} without {needed}");
    }
    let oauth = fetch(&provider.origin.join("/.well-known/oauth-authorization-server").unwrap()).await.expect(200);
    assert_eq!(oauth["issuer"], document["issuer"]);
    for absent in ["registration_endpoint", "introspection_endpoint", "check_session_iframe"] {
        assert!(document.get(absent).is_none(), "{absent} is not there yet");
    }
    // What is signed says so.
    let mut ann = provider.member("ann@example.com").await;
    let tokens = ann.logs_in_at(&provider.sites.site).await;
    let header = text(&tokens, "id_token");
    let header: Value = {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header.split('.').next().unwrap()).unwrap()).unwrap()
    };
    assert_eq!(header["alg"], "ES256");
    let granted = payload(&text(&tokens, "id_token"));
    assert!(list(&document, "acr_values_supported").contains(&text(&granted, "acr")));
}

async fn every_endpoint_that_is_named_is_there(database: Database) {
    let provider = Provider::starts(database).await;
    let document = document(&provider).await;
    let mut named = 0;
    for (name, value) in document.as_object().unwrap() {
        if !(name.ends_with("_endpoint") || name == "jwks_uri") {
            continue;
        }
        named += 1;
        let url: Url = value.as_str().unwrap().parse().unwrap();
        assert_eq!(url.origin(), provider.origin.origin(), "{name}");
        let got = fetch(&url).await.status;
        let posted = post_form(&url, &[], &[]).await.status;
        assert!(got != 404 && posted != 404, "{name}: GET {got}, POST {posted}");
        assert!(!got.is_server_error() && !posted.is_server_error(), "{name}: GET {got}, POST {posted}");
    }
    assert!(named >= 6, "{document}");
}

async fn published_keys_verify_what_we_sign(database: Database) {
    use enum_idp::keys::jws::{PublicKey, Unverified};

    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let id_token = text(&ann.logs_in_at(&provider.sites.site).await, "id_token");
    let jwks = fetch(&provider.origin.join("/jwks").unwrap()).await.expect(200);
    let keys = jwks["keys"].as_array().unwrap();
    let mut algorithms: Vec<_> = keys.iter().map(|key| text(key, "alg")).collect();
    algorithms.sort();
    assert_eq!(algorithms, ["ES256", "RS256"]);
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "a private part is published: {private}");
        }
    }
    let token = Unverified::parse(&id_token).unwrap();
    let key = keys.iter().find(|key| key["kid"] == json!(token.header.kid)).expect("the key of the token");
    let claims: Value = token.verify(&PublicKey::from_jwk(key, None).unwrap()).unwrap();
    assert_eq!(claims["aud"], "site");
}

async fn published_documents_are_cached_by_their_tag(database: Database) {
    let provider = Provider::starts(database).await;
    for path in ["/.well-known/openid-configuration", "/jwks"] {
        let url = provider.origin.join(path).unwrap();
        let tag = fetch(&url).await.header("etag").to_owned();
        assert!(!tag.is_empty(), "{path}");
        let again = http::send(Method::GET, &url, &[(hyper::header::IF_NONE_MATCH, &tag)], String::new()).await;
        assert_eq!(again.status, 304, "{path}");
        assert!(again.body.is_empty());
    }
}
