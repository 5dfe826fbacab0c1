//! The endpoints of this room as relying parties and thieves meet them, over a real store. What a person does in between
//! is arranged: a code is made as [`super::interact`] would make it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod authorize;
mod logout;
mod par;
mod token;
mod userinfo;

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{
    body::{self, Bytes},
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::Response,
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::form_urlencoded;

use super::{
    claims::Wished,
    code::{self, Authenticated},
    request::AuthorizationRequest,
    subject,
};
use crate::{
    app::App,
    clock::{Clock, Hand, Millis, SECOND},
    config::Config,
    entropy::Entropy,
    error::Internal,
    serve, store,
};

const START: Millis = 1_800_000_000_000;
const REDIRECT: &str = "https://rp.example/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SECRET: &str = "a secret of the relying party";

/// A provider with an account `ada` and a few clients, whose clock stands still.
struct World {
    app: Arc<App>,
    hand: Hand,
    dir: TempDir,
    key: EcdsaKeyPair,
}

/// What an endpoint answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body::to_bytes(body, 1 << 20).await.unwrap();
        Self { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect(&self.text)
    }

    fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    fn header(&self, name: &HeaderName) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn location(&self) -> &str {
        self.header(&header::LOCATION)
    }

    /// Parameters of the redirect.
    fn returned(&self) -> BTreeMap<String, String> {
        let query = self.location().split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}

fn clients(key: &EcdsaKeyPair) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": BASE64_URL_SAFE_NO_PAD.encode(x), "y": BASE64_URL_SAFE_NO_PAD.encode(y) });
    let both = json!(["authorization_code", "refresh_token"]);
    json!([
        { "client_id": "rp", "client_name": "The Site", "client_secret": SECRET, "redirect_uris": [REDIRECT], "grant_types": both,
          "post_logout_redirect_uris": ["https://rp.example/bye", "https://rp.example/bye?x=1"] },
        { "client_id": "other", "client_secret": "another", "redirect_uris": [REDIRECT], "grant_types": both },
        { "client_id": "plain", "client_secret": SECRET, "redirect_uris": [REDIRECT],
          "id_token_signed_response_alg": "RS256", "subject_type": "pairwise" },
        { "client_id": "app", "token_endpoint_auth_method": "none", "redirect_uris": [REDIRECT], "grant_types": both },
        { "client_id": "keyed", "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [jwk] },
          "redirect_uris": [REDIRECT], "grant_types": both },
    ])
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    std::fs::write(dir.path().join("clients.json"), clients(&key).to_string()).unwrap();
    let (app, hand) = start(&dir, START).await;
    let account = store::account::Model {
        id: "ada".into(),
        email: "ada@example.org".into(),
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        phone: "+84901234567".into(),
        locale: "en".into(),
        security_question: String::new(),
        security_answer: String::new(),
        status: "active".into(),
        created_at: START,
        log_seq: 0,
        log_head: Vec::new(),
        recovering: None,
        time_zone: String::new(),
        phone_changed_at: None,
        notices: String::new(),
        delete_at: None,
        places: String::new(),
        places_until: None,
    };
    app.db
        .write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::account::add(tx, account).await?) }))
        .await
        .unwrap();
    World { app, hand, dir, key }
}

async fn start(dir: &TempDir, now: Millis) -> (Arc<App>, Hand) {
    let data = dir.path().join("data");
    let text = format!(
        "issuer = 'https://id.example'\ndata_dir = '{}'\nclients_file = '{}'\n[mail]\nurl = 'file:{}'\n[sms]\nurl = 'file:{}'",
        data.display(),
        dir.path().join("clients.json").display(),
        dir.path().join("mail").display(),
        dir.path().join("sms").display(),
    );
    let (clock, hand) = Clock::by_hand(now);
    let config = Config::parse(&text, "test", BTreeMap::new()).unwrap();
    (serve::build_with(config, clock, Entropy::system()).await.unwrap(), hand)
}

fn form(fields: &[(&str, &str)]) -> (HeaderMap, Bytes) {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap())].into_iter().collect();
    (headers, body.into())
}

fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

impl World {
    /// The same store after the process has died.
    async fn restart(self) -> Self {
        let Self { app, dir, key, .. } = self;
        let now = app.clock.now();
        drop(app);
        let (app, hand) = start(&dir, now).await;
        Self { app, hand, dir, key }
    }

    fn request(client_id: &str) -> AuthorizationRequest {
        AuthorizationRequest {
            nonce: Some("the nonce".into()),
            scope: vec!["openid".into(), "email".into()],
            code_challenge: Some(CHALLENGE.into()),
            ..AuthorizationRequest::new(client_id, REDIRECT)
        }
    }

    /// A code as the person's verdict would make it.
    async fn code_for(&self, request: &AuthorizationRequest) -> String {
        let proven = Authenticated {
            account_id: "ada".into(),
            sid: "sid".into(),
            auth_time: START / SECOND - 5,
            acr: "urn:enum:acr:2".into(),
            amr: vec!["otp".into()],
            scope: request.scope.clone(),
            confirmation: None,
        };
        let (code, row) = code::prepare(&self.app, request, proven).unwrap();
        self.app
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::code::adding(row).apply(tx).await?) }))
            .await
            .unwrap();
        code
    }

    async fn code(&self, client_id: &str) -> String {
        self.code_for(&Self::request(client_id)).await
    }

    /// A token request of `rp` (or whoever `authorization` names).
    async fn token_as(&self, authorization: Option<String>, fields: &[(&str, &str)]) -> Answer {
        let (mut headers, body) = form(fields);
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        Answer::of(super::token::post(State(self.app.clone()), headers, body).await).await
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.token_as(Some(basic("rp", SECRET)), fields).await
    }

    async fn redeem(&self, code: &str) -> Answer {
        self.token(&redemption(code)).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn userinfo(&self, token: &str) -> Answer {
        let headers = [(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())].into_iter().collect();
        Answer::of(super::userinfo::get(State(self.app.clone()), Method::GET, headers).await).await
    }

    async fn authorize(&self, fields: &[(&str, &str)]) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.authorize_text(&query).await
    }

    async fn authorize_text(&self, query: &str) -> Answer {
        let query = RawQuery(Some(query.to_owned()));
        Answer::of(super::authorize::get(State(self.app.clone()), HeaderMap::new(), query).await).await
    }

    async fn push_as(&self, authorization: Option<String>, fields: &[(&str, &str)]) -> Answer {
        let (mut headers, body) = form(fields);
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        Answer::of(super::par::post(State(self.app.clone()), headers, body).await).await
    }

    fn assertion(&self, jti: &str) -> String {
        let now = self.app.clock.seconds();
        let claims = json!({
            "iss": "keyed", "sub": "keyed", "aud": "https://id.example", "exp": now + 60, "jti": jti,
        });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({ "alg": "ES256" })), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// A session of `ada`, as a `Cookie` header.
    async fn session(&self, token: &str) -> HeaderMap {
        let row = store::session::Model {
            id_hash: self.app.seal.hash("session", token),
            sid: "sid".into(),
            account_id: "ada".into(),
            levels: "{}".into(),
            amr: "[]".into(),
            auth_time: START,
            created_at: START,
            expires_at: START + 3_600 * SECOND,
            ended_at: None,
            agent: String::new(),
            address: String::new(),
        };
        self.app
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::session::adding(row).apply(tx).await?) }))
            .await
            .unwrap();
        let cookie = format!("__Host-enum_session={token}");
        [(header::COOKIE, cookie.parse().unwrap())].into_iter().collect()
    }
}

fn redemption(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
}

/// The claims of a token, unverified.
fn claims_of(token: &str) -> Value {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn wished(userinfo: &[&str], id_token: &[&str]) -> Wished {
    let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    Wished { userinfo: owned(userinfo), id_token: owned(id_token) }
}
