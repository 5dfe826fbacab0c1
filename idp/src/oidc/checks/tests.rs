#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::*;
use crate::{
    clock::Clock,
    entropy::Entropy,
    keys::jws::Alg,
    oidc::metadata,
    seal::Seal,
    store::{Db, embedded_url},
};

const REDIRECT: &str = "https://shop.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct World {
    config: Config,
    keys: Keys,
    _dir: tempfile::TempDir,
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let seal = Seal::new(&[5; 32], Entropy::system()).unwrap();
    let db = Db::open(&embedded_url(dir.path())).await.unwrap();
    World {
        config: Config::parse("issuer = 'https://id.example'\ndata_dir = 'd'", "test", BTreeMap::new()).unwrap(),
        keys: Keys::load(db, &seal, Clock::system()).await.unwrap(),
        _dir: dir,
    }
}

fn client(changes: &Value) -> Client {
    let mut metadata = json!({
        "client_id": "shop", "redirect_uris": [REDIRECT], "grant_types": ["authorization_code", "refresh_token"],
    });
    metadata.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let secret = (metadata["token_endpoint_auth_method"] != "none").then(|| "hash".to_owned());
    metadata::read(&metadata, secret).unwrap()
}

impl World {
    fn examine(
        &self,
        client: &Client,
        source: Source,
        changes: &[(&str, &str)],
    ) -> Result<AuthorizationRequest, ErrorCode> {
        let mut fields = BTreeMap::from([("response_type", "code"), ("scope", "openid")]);
        fields.extend(changes.iter().copied());
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let params = Params::parse(text.as_bytes()).unwrap();
        let asked = Asked { config: &self.config, keys: &self.keys, client, params: &params, source };
        super::examine(&asked, REDIRECT).map_err(|error| error.code)
    }

    fn browser(&self, changes: &[(&str, &str)]) -> Result<AuthorizationRequest, ErrorCode> {
        self.examine(&client(&json!({})), Source::Browser, changes)
    }

    fn id_token(&self, claims: &Value) -> String {
        self.keys.sign(Alg::Es256, "JWT", claims).unwrap()
    }
}

#[tokio::test]
async fn each_refusal_has_its_own_code() {
    let world = world().await;
    let refused = |changes: &[(&str, &str)]| world.browser(changes).unwrap_err();
    let long = "x".repeat(4097);
    for (changes, code) in [
        ([("response_type", "")], ErrorCode::InvalidRequest),
        ([("response_type", "token")], ErrorCode::UnsupportedResponseType),
        ([("response_type", "code id_token")], ErrorCode::UnsupportedResponseType),
        ([("response_mode", "fragment")], ErrorCode::InvalidRequest),
        ([("response_mode", "web_message")], ErrorCode::InvalidRequest),
        ([("request", "e30.e30.")], ErrorCode::RequestNotSupported),
        ([("request_uri", "https://shop.example/request")], ErrorCode::RequestUriNotSupported),
        ([("registration", "{}")], ErrorCode::RegistrationNotSupported),
        ([("scope", "")], ErrorCode::InvalidScope),
        ([("scope", "wallet")], ErrorCode::InvalidScope),
        ([("state", &long)], ErrorCode::InvalidRequest),
        ([("nonce", &long)], ErrorCode::InvalidRequest),
        ([("prompt", "none login")], ErrorCode::InvalidRequest),
        ([("prompt", "create")], ErrorCode::InvalidRequest),
        ([("max_age", "-1")], ErrorCode::InvalidRequest),
        ([("max_age", "+1")], ErrorCode::InvalidRequest),
        ([("max_age", "1.5")], ErrorCode::InvalidRequest),
        ([("max_age", "99999999999999999999")], ErrorCode::InvalidRequest),
        ([("claims", "{")], ErrorCode::InvalidRequest),
        ([("acr_values", &long)], ErrorCode::InvalidRequest),
        ([("id_token_hint", "x")], ErrorCode::InvalidRequest),
        ([("code_challenge", CHALLENGE)], ErrorCode::InvalidRequest),
        ([("authorization_details", r#"[{"type":"payment_initiation"}]"#)], ErrorCode::InvalidRequest),
    ] {
        assert_eq!(refused(&changes), code, "{changes:?}");
    }
}

#[tokio::test]
async fn what_is_tolerated_is_tolerated() {
    let world = world().await;
    for changes in [
        ("display", "popup"),
        ("claims_locales", "se"),
        ("ui_locales", "xx-YY"),
        ("acr_values", "1 2"),
        ("resource", "https://api.example"),
        ("extra", "foobar"),
        ("login_hint", "somebody"),
        ("scope", "openid wallet address"),
        ("prompt", "consent login"),
        ("max_age", "0"),
    ] {
        assert!(world.browser(&[changes]).is_ok(), "{changes:?}");
    }
}

#[tokio::test]
async fn a_full_request_is_read_in_full() {
    let world = world().await;
    let request = world
        .browser(&[
            ("scope", "email openid offline_access wallet"),
            ("state", "s &\u{1f600}"),
            ("nonce", "n"),
            ("response_mode", "form_post"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("prompt", "consent"),
            ("max_age", "60"),
            ("ui_locales", "vi ru"),
            ("acr_values", "phr urn:enum:acr:2"),
            ("claims", r#"{"userinfo":{"phone_number":null},"id_token":{"acr":{"essential":true,"values":["phrh"]}}}"#),
        ])
        .unwrap();
    assert_eq!(request.scope, ["email", "openid", "offline_access"]);
    assert_eq!(request.consent_scope(), ["email", "openid", "offline_access", "phone"]);
    assert_eq!(request.state.as_deref(), Some("s &\u{1f600}"));
    assert_eq!(request.response_mode, ResponseMode::FormPost);
    assert_eq!((request.max_age, request.prompt.as_slice()), (Some(60), [Prompt::Consent].as_slice()));
    assert_eq!((request.acr_values.as_slice(), request.essential_acr), (["phrh".to_owned()].as_slice(), true));
    assert_eq!(request.ui_locales, ["vi", "ru"]);
}

#[tokio::test]
async fn pkce_is_required_where_nothing_else_protects_the_code() {
    let world = world().await;
    let plain = [("code_challenge", CHALLENGE), ("code_challenge_method", "plain")];
    let s256 = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let refused = Err(ErrorCode::InvalidRequest);
    let outcome = |client: &Client, changes: &[(&str, &str)]| world.examine(client, Source::Browser, changes).map(drop);
    for careful in [client(&json!({ "token_endpoint_auth_method": "none" })), client(&json!({ "require_pkce": true }))]
    {
        assert_eq!(outcome(&careful, &[]), refused);
        assert_eq!(outcome(&careful, &plain), refused);
        assert_eq!(outcome(&careful, &s256), Ok(()));
    }
    assert_eq!(world.browser(&[("scope", "email")]).map(drop), refused, "plain OAuth has no nonce");
    assert_eq!(world.browser(&plain).map(drop), refused, "plain is never accepted");
}

#[tokio::test]
async fn payments_come_pushed_by_a_client_that_authenticates() {
    let world = world().await;
    let details = ("authorization_details", r#"[{"type":"payment_initiation"}]"#);
    let s256 = [details, ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let confidential = client(&json!({}));
    let public = client(&json!({ "token_endpoint_auth_method": "none" }));
    assert!(world.examine(&confidential, Source::Pushed, &s256).is_ok());
    assert_eq!(world.examine(&confidential, Source::Browser, &s256).unwrap_err(), ErrorCode::InvalidRequest);
    assert_eq!(world.examine(&public, Source::Pushed, &s256).unwrap_err(), ErrorCode::UnauthorizedClient);
    assert_eq!(world.examine(&confidential, Source::Pushed, &[details]).unwrap_err(), ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn a_client_registered_for_pushed_requests_cannot_come_through_the_browser() {
    let world = world().await;
    let client = client(&json!({ "require_pushed_authorization_requests": true }));
    assert_eq!(world.examine(&client, Source::Browser, &[]).unwrap_err(), ErrorCode::InvalidRequest);
    assert!(world.examine(&client, Source::Pushed, &[]).is_ok());
}

#[tokio::test]
async fn a_client_gets_only_the_scopes_that_it_is_registered_for() {
    let world = world().await;
    let client = client(&json!({ "scope": "openid email", "grant_types": ["authorization_code"] }));
    let request = world.examine(&client, Source::Browser, &[("scope", "openid email phone offline_access")]).unwrap();
    assert_eq!(request.scope, ["openid", "email"]);
}

#[tokio::test]
async fn an_id_token_hint_is_one_of_ours_for_this_client() {
    let world = world().await;
    let ours = json!({ "iss": "https://id.example", "sub": "ada", "aud": "shop", "exp": 1 });
    let hint = |claims: Value| world.id_token(&claims);
    let with = |token: &str| world.browser(&[("id_token_hint", token)]).map(|request| request.expected_sub);
    assert_eq!(with(&hint(ours.clone())), Ok(Some("ada".to_owned())), "however old");
    let changed = |name: &str, value: &str| {
        let mut claims = ours.clone();
        claims[name] = json!(value);
        claims
    };
    assert_eq!(with(&hint(changed("aud", "other"))), Err(ErrorCode::InvalidRequest));
    assert_eq!(with(&hint(changed("iss", "https://evil.example"))), Err(ErrorCode::InvalidRequest));
    let access_token = world.keys.sign(Alg::Es256, "at+jwt", &ours).unwrap();
    assert_eq!(with(&access_token), Err(ErrorCode::InvalidRequest), "another kind of token");
    let both = [("id_token_hint", &*hint(ours.clone())), ("claims", r#"{"id_token":{"sub":{"value":"bob"}}}"#)];
    assert_eq!(world.browser(&both).unwrap_err(), ErrorCode::InvalidRequest);
}
