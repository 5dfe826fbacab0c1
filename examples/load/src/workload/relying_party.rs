//! The website's and the shop's back channel: pushed requests, tokens, userinfo.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Endpoints;
use crate::Error;
use crate::client::Browser;
use crate::floor::{Signer, digest, random_text};

/// Where codes are sent to. Nobody listens there: the driver reads the redirect.
pub(crate) const REDIRECT_URI: &str = "http://localhost:9/callback";
/// `client_id` of the website.
pub(crate) const WEBSITE: &str = "load-website";
/// `client_id` of the shop.
pub(crate) const SHOP: &str = "load-shop";

/// Two registered clients: a website with `client_secret_basic`, and a shop with `private_key_jwt`.
#[derive(Clone)]
pub(crate) struct RelyingParty {
    basic: String,
    secret: String,
    issuer: String,
    key: Arc<Signer>,
}

/// PKCE pair, state and nonce of one request.
pub(crate) struct Request {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) challenge: String,
    verifier: String,
}

/// What the token endpoint gave.
#[derive(Debug, Deserialize)]
pub(crate) struct Tokens {
    #[serde(rename = "access_token")]
    pub(crate) access: String,
    #[serde(rename = "refresh_token", default)]
    pub(crate) refresh: String,
    pub(crate) id_token: Option<String>,
}

impl Request {
    pub(crate) fn new() -> Result<Self, Error> {
        let verifier = random_text()?;
        let challenge = URL_SAFE_NO_PAD.encode(digest(&verifier));
        Ok(Self { state: random_text()?, nonce: random_text()?, challenge, verifier })
    }
}

impl RelyingParty {
    /// Clients of the provider `issuer`, with a fresh secret and key.
    pub(crate) fn new(issuer: &str) -> Result<Self, Error> {
        let secret = random_text()?;
        let basic = format!("Basic {}", STANDARD.encode(format!("{WEBSITE}:{secret}")));
        Ok(Self { basic, secret, issuer: issuer.to_owned(), key: Arc::new(Signer::generate()?) })
    }

    /// The shop's public key: uncompressed point in hexadecimal.
    pub(crate) fn key_hex(&self) -> String {
        hex::encode(self.key.public_key())
    }

    /// Registration of both clients as an array of RFC 7591 metadata.
    pub(crate) fn registration(&self) -> Value {
        let point = self.key.public_key();
        let (x, y) = (point.get(1..33).unwrap_or_default(), point.get(33..).unwrap_or_default());
        let grants = json!(["authorization_code", "refresh_token"]);
        json!([
            {
                "client_id": WEBSITE, "client_secret": self.secret, "client_name": "Load website",
                "redirect_uris": [REDIRECT_URI], "grant_types": grants, "response_types": ["code"],
                "token_endpoint_auth_method": "client_secret_basic", "enum_trusted": true,
                "scope": "openid profile email offline_access",
            },
            {
                "client_id": SHOP, "client_name": "Load shop", "redirect_uris": [REDIRECT_URI],
                "grant_types": grants, "response_types": ["code"], "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": "ES256", "scope": "openid profile email offline_access",
                "authorization_details_types": ["payment_initiation"], "enum_trusted": true,
                "jwks": { "keys": [{
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": Signer::KEY_ID,
                    "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
                }] },
            },
        ])
    }

    /// Pushes a request of the shop (RFC 9126) and returns its `request_uri`.
    pub(crate) async fn push(
        &self,
        browser: &mut Browser,
        endpoints: &Endpoints,
        fields: &[(&str, &str)],
    ) -> Result<String, Error> {
        let assertion = self.assertion()?;
        let mut all = Self::assertion_fields(&assertion);
        all.extend_from_slice(fields);
        let reply = browser.back_channel(Method::POST, &endpoints.push, None, &all).await?;
        let body: Value = serde_json::from_slice(&reply.expect(StatusCode::CREATED)?)?;
        Ok(body["request_uri"].as_str().ok_or("no request_uri")?.to_owned())
    }

    /// Exchanges the website's code.
    pub(crate) async fn exchange(
        &self,
        browser: &mut Browser,
        endpoints: &Endpoints,
        code: &str,
        request: &Request,
    ) -> Result<Tokens, Error> {
        let fields = exchange_fields(code, request);
        tokens(browser, endpoints, Some(&self.basic), &fields).await
    }

    /// Exchanges the shop's code, with a client assertion.
    pub(crate) async fn exchange_payment(
        &self,
        browser: &mut Browser,
        endpoints: &Endpoints,
        code: &str,
        request: &Request,
    ) -> Result<Tokens, Error> {
        let assertion = self.assertion()?;
        let mut fields = Self::assertion_fields(&assertion);
        fields.extend_from_slice(&exchange_fields(code, request));
        tokens(browser, endpoints, None, &fields).await
    }

    /// Rotates the website's refresh token.
    pub(crate) async fn refresh(
        &self,
        browser: &mut Browser,
        endpoints: &Endpoints,
        token: &str,
    ) -> Result<Tokens, Error> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        tokens(browser, endpoints, Some(&self.basic), &fields).await
    }

    fn assertion(&self) -> Result<String, Error> {
        let now = crate::now::unix_seconds();
        self.key.sign(&json!({
            "iss": SHOP, "sub": SHOP, "aud": self.issuer, "jti": random_text()?, "iat": now, "exp": now + 60,
        }))
    }

    fn assertion_fields(assertion: &str) -> Vec<(&'static str, &str)> {
        vec![
            ("client_id", SHOP),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ]
    }
}

fn exchange_fields<'a>(code: &'a str, request: &'a Request) -> [(&'static str, &'a str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", &request.verifier),
    ]
}

async fn tokens(
    browser: &mut Browser,
    endpoints: &Endpoints,
    authorization: Option<&str>,
    fields: &[(&str, &str)],
) -> Result<Tokens, Error> {
    let reply = browser.back_channel(Method::POST, &endpoints.token, authorization, fields).await?;
    Ok(serde_json::from_slice(&reply.expect(StatusCode::OK)?)?)
}
