//! What we say of ourselves (OpenID Connect Discovery §3, RFC 8414) and our public keys. Only what is true.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{claims, cors, device, dpop, metadata::backchannel, scope};
use crate::{
    app::App,
    config::Config,
    keys::{Published, SIGNING, jws::Alg},
    login::policy::Policy,
    pages,
    plugins::{FactorHandle, Plugins},
};

/// Documents that are the same until other plugins run, or another policy is in force.
#[derive(Debug)]
pub struct Documents {
    metadata: ArcSwap<Published>,
}

impl Documents {
    /// Writes them for this configuration, these plugins and this policy.
    pub fn new(config: &Config, plugins: &Plugins, policy: &Policy) -> Self {
        Self { metadata: ArcSwap::from_pointee(published(config, plugins, policy)) }
    }

    /// Writes them anew.
    pub fn renew(&self, config: &Config, plugins: &Plugins, policy: &Policy) {
        self.metadata.store(Arc::new(published(config, plugins, policy)));
    }
}

fn published(config: &Config, plugins: &Plugins, policy: &Policy) -> Published {
    let levels = policy.reachable(plugins.factors().iter().map(FactorHandle::manifest));
    Published::new(&metadata(config, &plugins.details_types(), &levels))
}

/// `GET /.well-known/openid-configuration`.
pub async fn openid(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    serve(&app.discovery.metadata.load(), &headers)
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414): the same document.
pub async fn oauth(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    serve(&app.discovery.metadata.load(), &headers)
}

/// `GET /jwks` (RFC 7517 §5).
pub async fn jwks(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    serve(&app.keys.jwks(), &headers)
}

/// RFC 9110 §13.1.2: 304 when the caller has it already.
fn serve(document: &Published, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|tags| {
        tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == document.etag || tag == "*")
    });
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], document.body.clone()).into_response()
    };
    // Short, so that a new key is seen soon; a relying party that meets an unknown `kid` asks anyway.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    if let Ok(etag) = HeaderValue::from_str(&document.etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    cors::allow(response)
}

fn metadata(config: &Config, details_types: &[String], levels: &[&str]) -> Value {
    let client_auth = json!(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]);
    let assertion_algs = json!([Alg::Es256, Alg::Rs256, Alg::Ps256, Alg::EdDsa]);
    let mut claims = vec!["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];
    claims.extend(claims::SUPPORTED);
    json!({
        "issuer": config.issuer,
        "authorization_endpoint": config.url("/authorize"),
        "pushed_authorization_request_endpoint": config.url("/par"),
        "token_endpoint": config.url("/token"),
        "userinfo_endpoint": config.url("/userinfo"),
        "end_session_endpoint": config.url("/logout"),
        "jwks_uri": config.url("/jwks"),
        "enum_receipt_log_endpoint": config.url("/receipts/log"),
        "enum_confirmations_endpoint": config.url("/payments/confirmations"),
        "enum_refund_endpoint": config.url("/payments/refunds"),
        "scopes_supported": scope::KNOWN,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token", backchannel::GRANT, device::GRANT],
        "device_authorization_endpoint": config.url(device::PATH),
        "backchannel_authentication_endpoint": config.url("/backchannel-authentication"),
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_user_code_parameter_supported": false,
        "backchannel_authentication_request_signing_alg_values_supported": assertion_algs,
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": SIGNING,
        "token_endpoint_auth_methods_supported": client_auth,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": dpop::ALGS,
        "acr_values_supported": levels,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims,
        "ui_locales_supported": pages::LOCALES,
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "require_request_uri_registration": false,
        "require_pushed_authorization_requests": false,
        "authorization_response_iss_parameter_supported": true,
        "authorization_details_types_supported": details_types,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeMap;

    use super::*;

    fn document() -> Arc<Published> {
        let config = Config::parse("issuer = 'https://id.example'\ndata_dir = 'd'", "test", BTreeMap::new()).unwrap();
        Documents::new(&config, &Plugins::none(), &Policy::default()).metadata.load_full()
    }

    #[test]
    fn required_members_are_there() {
        let document: Value = serde_json::from_slice(&document().body).unwrap();
        for name in [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
        ] {
            assert!(document.get(name).is_some(), "{name} is REQUIRED by Discovery 3");
        }
        let algs = document["id_token_signing_alg_values_supported"].as_array().unwrap();
        assert!(algs.contains(&json!("RS256")), "Discovery 3: RS256 MUST be included");
        assert_eq!(document["request_uri_parameter_supported"], false, "its default would be true");
    }

    #[test]
    fn who_has_it_already_gets_304() {
        let document = document();
        let status = |tag: &str| {
            serve(&document, &HeaderMap::from_iter([(header::IF_NONE_MATCH, tag.parse().unwrap())])).status()
        };
        assert_eq!(status(&document.etag), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&format!("\"x\", W/{}", document.etag)), StatusCode::NOT_MODIFIED);
        assert_eq!(status("\"x\""), StatusCode::OK);
        assert_eq!(serve(&document, &HeaderMap::new()).status(), StatusCode::OK);
    }
}
