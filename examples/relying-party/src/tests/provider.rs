//! An OpenID provider for tests: real signatures, PKCE and pushed requests, and an approval at the test's word.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Form, Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode, get_current_timestamp,
    jwk::{Jwk, ThumbprintHash},
};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier, reqwest, url::Url};
use serde_json::{Value, json};

type Fields = HashMap<String, String>;
type Answer = (StatusCode, Json<Value>);

/// What a test may bend before it is signed and sent.
pub(crate) struct Answers {
    pub(crate) id_token: Value,
    pub(crate) receipt: Value,
    pub(crate) details: Value,
}

type Bend = Box<dyn Fn(&mut Answers) + Send>;

pub(crate) struct Provider {
    pub(crate) issuer: String,
    key: Mutex<(EncodingKey, Jwk)>,
    pushed: Mutex<HashMap<String, Fields>>,
    codes: Mutex<HashMap<String, Fields>>,
    refresh_tokens: Mutex<Vec<String>>,
    bend: Mutex<Bend>,
    down: Mutex<bool>,
    /// Every form that was posted, with its path.
    pub(crate) posted: Mutex<Vec<(&'static str, Fields)>>,
}

fn new_key() -> (EncodingKey, Jwk) {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let key = EncodingKey::from_ec_der(der.as_ref());
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).unwrap());
    (key, jwk)
}

/// The fields of an address's query.
pub(crate) fn query(url: &str) -> Fields {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

impl Provider {
    pub(crate) async fn start() -> Arc<Self> {
        Self::serve(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn serve(listener: tokio::net::TcpListener) -> Arc<Self> {
        let provider = Arc::new(Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            key: Mutex::new(new_key()),
            pushed: Mutex::default(),
            codes: Mutex::default(),
            refresh_tokens: Mutex::default(),
            bend: Mutex::new(Box::new(|_| {})),
            down: Mutex::default(),
            posted: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(async |State(p): State<Arc<Self>>| Json(json!({ "keys": [p.key.lock().unwrap().1] }))))
            .route("/par", post(par))
            .route("/token", post(token))
            .route(
                "/userinfo",
                get(async || Json(json!({ "sub": "person-1", "name": "Ann <b>", "email": "ann@example.org" }))),
            )
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        provider
    }

    /// The person approves what the browser was sent here with: the address that it is sent back to.
    pub(crate) fn approve(&self, authorize: &str) -> String {
        let mut asked = query(authorize);
        if let Some(uri) = asked.get("request_uri") {
            asked = self.pushed.lock().unwrap().remove(uri).unwrap();
        }
        let code = format!("code-{}", PkceCodeVerifier::new(asked["state"].clone()).secret());
        let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .append_pair("iss", &self.issuer);
        self.codes.lock().unwrap().insert(code, asked);
        back.into()
    }

    /// The person declines.
    pub(crate) fn decline(&self, authorize: &str) -> String {
        let back = self.approve(authorize);
        let mut url = Url::parse(&back).unwrap();
        let state = query(&back)["state"].clone();
        url.query_pairs_mut()
            .clear()
            .append_pair("error", "access_denied")
            .append_pair("state", &state)
            .append_pair("iss", &self.issuer);
        url.into()
    }

    /// Bends every later answer.
    pub(crate) fn bend(&self, bend: impl Fn(&mut Answers) + Send + 'static) {
        *self.bend.lock().unwrap() = Box::new(bend);
    }

    /// Answers no form from now on.
    pub(crate) fn leave(&self) {
        *self.down.lock().unwrap() = true;
    }

    /// Whether the form is to be answered; keeps it for the test.
    fn takes(&self, path: &'static str, form: &Fields) -> Result<(), Answer> {
        self.posted.lock().unwrap().push((path, form.clone()));
        let down = (StatusCode::SERVICE_UNAVAILABLE, Json(json!("back soon")));
        if *self.down.lock().unwrap() { Err(down) } else { Ok(()) }
    }

    /// Signs with a new key from now on.
    pub(crate) fn rotate(&self) {
        *self.key.lock().unwrap() = new_key();
    }

    fn sign(&self, typ: &str, claims: &Value) -> String {
        let key = self.key.lock().unwrap();
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(typ.into());
        header.kid.clone_from(&key.1.common.key_id);
        encode(&header, claims, &key.0).unwrap()
    }

    /// ID token, details and receipt for what was asked.
    fn answers(&self, asked: &Fields) -> Answers {
        let now = get_current_timestamp();
        let client = &asked["client_id"];
        let mut details: Value = asked
            .get("authorization_details")
            .map_or(Value::Null, |text| serde_json::from_str::<Value>(text).unwrap()[0].clone());
        let mut receipt = Value::Null;
        if !details.is_null() {
            let amount = details["instructedAmount"]["amount"].as_str().unwrap();
            receipt = json!({
                "iss": self.issuer, "aud": client, "sub": "person-1", "iat": now, "jti": "confirmation-1",
                "factor": "cipherpad", "acr": "urn:enum:acr:payment", "transaction_hash": "h", "evidence_hash": "h",
                "transaction": {
                    "payee_account": details["creditorAccount"]["purse"], "payee_name": details["creditorName"],
                    "amount_minor": amount.replace('.', "").parse::<u64>().unwrap(), "minor_digits": 2,
                    "currency": details["instructedAmount"]["currency"], "reference": details["reference"],
                    "description": details["remittanceInformation"],
                },
            });
            details["confirmation"] = json!("confirmation-1");
        }
        let id_token = json!({
            "iss": self.issuer, "aud": client, "sub": "person-1", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "acr": asked.get("acr_values").map_or("urn:enum:acr:2", String::as_str), "amr": ["otp", "pin"],
        });
        let mut answers = Answers { id_token, receipt, details };
        self.bend.lock().unwrap()(&mut answers);
        answers
    }

    fn granted(&self, asked: &Fields) -> Value {
        let Answers { id_token, receipt, mut details } = self.answers(asked);
        let refresh_token = PkceCodeChallenge::new_random_sha256().1.secret().clone();
        self.refresh_tokens.lock().unwrap().push(refresh_token.clone());
        let mut granted = json!({
            "access_token": "access", "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh_token,
            "id_token": self.sign("JWT", &id_token),
        });
        if !details.is_null() {
            details["receipt"] = self.sign("enum-receipt+jwt", &receipt).into();
            granted["receipt"] = details["receipt"].clone();
            granted["authorization_details"] = json!([details]);
        }
        granted
    }
}

async fn discovery(State(p): State<Arc<Provider>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", p.issuer);
    Json(json!({
        "issuer": p.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/jwks"), "end_session_endpoint": at("/logout"),
        "pushed_authorization_request_endpoint": at("/par"), "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn par(State(p): State<Arc<Provider>>, Form(form): Form<Fields>) -> Answer {
    if let Err(down) = p.takes("/par", &form) {
        return down;
    }
    let uri = format!("urn:ietf:params:oauth:request_uri:{}", form["state"]);
    p.pushed.lock().unwrap().insert(uri.clone(), form);
    (StatusCode::CREATED, Json(json!({ "request_uri": uri, "expires_in": 60 })))
}

async fn token(State(p): State<Arc<Provider>>, Form(form): Form<Fields>) -> Answer {
    if let Err(down) = p.takes("/token", &form) {
        return down;
    }
    let refused = || (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
    if let Some(old) = form.get("refresh_token") {
        let mut live = p.refresh_tokens.lock().unwrap();
        let Some(at) = live.iter().position(|token| token == old) else { return refused() };
        live.remove(at);
        live.push("second".into());
        return (
            StatusCode::OK,
            Json(json!({ "access_token": "a2", "token_type": "Bearer", "refresh_token": "second" })),
        );
    }
    let Some(asked) = p.codes.lock().unwrap().remove(&form["code"]) else { return refused() };
    let verifier = PkceCodeVerifier::new(form["code_verifier"].clone());
    let same_verifier = PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str() == asked["code_challenge"];
    if !same_verifier || form["redirect_uri"] != asked["redirect_uri"] {
        return refused();
    }
    (StatusCode::OK, Json(p.granted(&asked)))
}

/// A browser: keeps the cookie, follows nothing by itself.
pub(crate) struct Browser {
    http: reqwest::Client,
    pub(crate) cookie: Mutex<Option<String>>,
}

/// A page, or where the browser is sent.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) text: String,
}

impl Page {
    /// The text of the element with this id.
    pub(crate) fn element(&self, id: &str) -> String {
        let start = self.text.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no #{id} in {}", self.text));
        let inner = &self.text[start..];
        inner[inner.find('>').unwrap() + 1..inner.find("</").unwrap()].to_owned()
    }
}

impl Browser {
    pub(crate) fn new() -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, cookie: Mutex::default() }
    }

    pub(crate) async fn get(&self, url: &str) -> Page {
        self.send(self.http.get(url)).await
    }

    pub(crate) async fn post(&self, url: &str, form: &[(&str, &str)]) -> Page {
        self.send(self.http.post(url).form(form)).await
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Page {
        if let Some(cookie) = self.cookie.lock().unwrap().clone() {
            request = request.header("cookie", cookie);
        }
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        if let Some(set) = header("set-cookie") {
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
            *self.cookie.lock().unwrap() = set.split(';').next().map(ToOwned::to_owned);
        }
        let (status, location) = (answer.status().as_u16(), header("location").unwrap_or_default());
        Page { status, location, text: answer.text().await.unwrap() }
    }
}

/// Claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
