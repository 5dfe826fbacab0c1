//! Websites that rely on the provider.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use enum_idp::clock::Clock;
use hyper::{
    Method,
    header::{self, HeaderName},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::http::{self, Lost, Reply, try_post_form};

/// `client_assertion_type` (RFC 7523 §2.2).
pub(crate) const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// `grant_type` of CIBA Core 1.0 §10.1.
pub(crate) const CIBA: &str = "urn:openid:params:grant-type:ciba";
/// Whom the shop's customers pay.
pub(crate) const PURSE: &str = "Z123456789012";

/// How a site proves who it is.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    Basic,
    Post,
    Key,
    None,
}

/// One relying party.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) id: &'static str,
    pub(crate) secret: String,
    pub(crate) redirect_uri: &'static str,
    pub(crate) proof: Proof,
    pub(crate) key: EcdsaKeyPair,
    pub(crate) provider: Url,
    pub(crate) issuer: String,
    clock: Clock,
    /// What it is registered with besides the usual.
    more: Value,
}

/// One request that a browser is sent away with.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// Address at the provider.
    pub(crate) link: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// The sites that every test's provider knows.
pub(crate) struct Sites {
    /// A website with a secret, in the header.
    pub(crate) site: Site,
    /// Another one, with the secret in the form.
    pub(crate) forum: Site,
    /// One of the provider's own, which needs no consent.
    pub(crate) own: Site,
    /// A public client: PKCE is all it has.
    pub(crate) app: Site,
    /// A shop with a key.
    pub(crate) shop: Site,
    /// Its competitor.
    pub(crate) stall: Site,
    /// A program on somebody's computer whose tokens are bound to a key.
    pub(crate) keeper: Site,
    /// A television, which has no browser.
    pub(crate) television: Site,
}

impl Sites {
    pub(crate) fn of(provider: &Url, issuer: &str, clock: &Clock) -> Self {
        let site = |id, redirect_uri, proof, more| Site {
            id,
            secret: random(),
            redirect_uri,
            proof,
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            provider: provider.clone(),
            issuer: issuer.to_owned(),
            clock: clock.clone(),
            more,
        };
        let logout = json!({ "post_logout_redirect_uris": ["https://site.example/bye"] });
        let own = json!({ "enum_trusted": true, "scope": "openid profile email phone offline_access enum:admin" });
        let types = ["payment_initiation", "payment_batch", "3ds:payment_authorisation", "enum_operation"];
        let device = "urn:ietf:params:oauth:grant-type:device_code";
        let bound = json!({
            "application_type": "native", "dpop_bound_access_tokens": true,
            "grant_types": ["authorization_code", "refresh_token", device],
            "scope": "openid email offline_access enum:keeper",
        });
        let screen = json!({ "redirect_uris": [], "response_types": [], "grant_types": [device, "refresh_token"] });
        // The stall signs what it asks behind the browser's back, the shop does not.
        let pays = |alg: Option<&str>| {
            json!({
                "authorization_details_types": types,
                "grant_types": ["authorization_code", "refresh_token", CIBA],
                "backchannel_token_delivery_mode": "poll",
                "backchannel_authentication_request_signing_alg": alg,
            })
        };
        Self {
            site: site("site", "https://site.example/callback", Proof::Basic, logout),
            forum: site("forum", "https://forum.example/callback", Proof::Post, json!({ "subject_type": "pairwise" })),
            own: site("own", "https://own.example/callback", Proof::Basic, own),
            app: site("app", "https://app.example/callback", Proof::None, json!({})),
            shop: site("shop", "https://shop.example/callback", Proof::Key, pays(None)),
            stall: site("stall", "https://stall.example/callback", Proof::Key, pays(Some("ES256"))),
            keeper: site("keeper", "http://127.0.0.1/callback", Proof::None, bound),
            television: site("television", "", Proof::None, screen),
        }
    }

    /// `clients_file`.
    pub(crate) fn registration(&self) -> Value {
        let all =
            [&self.site, &self.forum, &self.own, &self.app, &self.shop, &self.stall, &self.keeper, &self.television];
        all.into_iter().map(Site::registration).collect()
    }
}

impl Site {
    /// Another site at the same provider, which has to be registered there.
    pub(crate) fn another(&self, id: &'static str, proof: Proof, more: Value) -> Self {
        Self {
            id,
            secret: random(),
            redirect_uri: self.redirect_uri,
            proof,
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            provider: self.provider.clone(),
            issuer: self.issuer.clone(),
            clock: self.clock.clone(),
            more,
        }
    }

    /// What it is registered with.
    pub(crate) fn registration(&self) -> Value {
        let mut metadata = json!({
            "client_id": self.id, "client_name": format!("The {}", self.id), "redirect_uris": [self.redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "scope": "openid profile email phone offline_access",
            "token_endpoint_auth_method": match self.proof {
                Proof::Basic => "client_secret_basic",
                Proof::Post => "client_secret_post",
                Proof::Key => "private_key_jwt",
                Proof::None => "none",
            },
        });
        match self.proof {
            Proof::Basic | Proof::Post => metadata["client_secret"] = json!(self.secret),
            Proof::Key => metadata["jwks"] = json!({ "keys": [self.public_jwk()] }),
            Proof::None => {}
        }
        let more = self.more.as_object().cloned().unwrap_or_default();
        metadata.as_object_mut().unwrap().extend(more);
        metadata
    }

    fn public_jwk(&self) -> Value {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let encode = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": encode(x), "y": encode(y) })
    }

    /// Unix seconds, by the clock of the test.
    pub(crate) fn now(&self) -> i64 {
        self.clock.seconds()
    }

    /// An address at the provider.
    pub(crate) fn at(&self, path: &str) -> Url {
        self.provider.join(path).unwrap()
    }

    /// Sends a browser to log in; `changes` replace or add parameters, an empty value removes one.
    pub(crate) fn sends(&self, changes: &[(&str, &str)]) -> Visit {
        let visit = Visit { link: String::new(), state: random(), nonce: random(), verifier: random() };
        let fields = self.request(&visit, changes);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Visit { link: format!("{}?{}", self.at("/authorize"), http::encoded(&fields)), ..visit }
    }

    /// The parameters of a request; `changes` as in [`Site::sends`].
    pub(crate) fn request(&self, visit: &Visit, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&visit.verifier));
        let usual = [
            ("response_type", "code"),
            ("client_id", self.id),
            ("redirect_uri", self.redirect_uri),
            ("scope", "openid email offline_access"),
            ("state", &visit.state),
            ("nonce", &visit.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let mut fields: Vec<(String, String)> =
            usual.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            if !value.is_empty() {
                fields.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        fields
    }

    /// Pushes a request (RFC 9126) as [`Site::sends`] would send it.
    pub(crate) async fn pushes(&self, changes: &[(&str, &str)]) -> (Visit, Reply) {
        let visit = Visit { link: String::new(), state: random(), nonce: random(), verifier: random() };
        let fields = self.request(&visit, changes);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = self.posts("/par", &fields).await;
        (visit, reply)
    }

    /// Pushes a request for which the provider must have a `request_uri`, and gives its visit.
    pub(crate) async fn sends_pushed(&self, changes: &[(&str, &str)]) -> Visit {
        let (visit, reply) = self.pushes(changes).await;
        let pushed = reply.expect(201);
        Visit { link: self.link_to(pushed["request_uri"].as_str().unwrap()), ..visit }
    }

    /// Address at the provider for what was pushed.
    pub(crate) fn link_to(&self, request_uri: &str) -> String {
        let query = http::encoded(&[("client_id", self.id), ("request_uri", request_uri)]);
        format!("{}?{query}", self.at("/authorize"))
    }

    /// Asks to confirm a payment of so much (in minor units) to [`PURSE`].
    pub(crate) async fn asks_to_pay(&self, minor: u64, changes: &[(&str, &str)]) -> Visit {
        let details = payment(minor).to_string();
        let mut all = vec![("authorization_details", details.as_str())];
        all.extend_from_slice(changes);
        self.sends_pushed(&all).await
    }

    /// Redeems a code.
    pub(crate) async fn redeems(&self, visit: &Visit, code: &str) -> Reply {
        self.posts("/token", &self.code_fields(visit, code)).await
    }

    /// The fields with which a code is redeemed.
    pub(crate) fn code_fields<'a>(&self, visit: &'a Visit, code: &'a str) -> [(&'static str, &'a str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri),
            ("code_verifier", &visit.verifier),
        ]
    }

    /// Rotates a refresh token.
    pub(crate) async fn refreshes(&self, token: &str) -> Reply {
        self.posts("/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A back-channel request with this site's own proof of who it is.
    pub(crate) async fn posts(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.try_posts(path, fields).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// As [`Site::posts`], at a server that may go away.
    ///
    /// # Errors
    /// When it does.
    pub(crate) async fn try_posts(&self, path: &str, fields: &[(&str, &str)]) -> Result<Reply, Lost> {
        self.try_posts_with(path, fields, &[]).await
    }

    /// As [`Site::posts`], with further headers.
    pub(crate) async fn posts_with(&self, path: &str, fields: &[(&str, &str)], more: &[(HeaderName, &str)]) -> Reply {
        self.try_posts_with(path, fields, more).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn try_posts_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        more: &[(HeaderName, &str)],
    ) -> Result<Reply, Lost> {
        let mut all = fields.to_vec();
        all.retain(|(name, _)| *name != "client_id");
        let url = self.at(path);
        match self.proof {
            Proof::Basic => {
                let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", self.id, self.secret)));
                let headers = [&[(header::AUTHORIZATION, basic.as_str())], more].concat();
                try_post_form(&url, &headers, &all).await
            }
            Proof::Post => {
                all.extend([("client_id", self.id), ("client_secret", &self.secret)]);
                try_post_form(&url, more, &all).await
            }
            Proof::None => {
                all.push(("client_id", self.id));
                try_post_form(&url, more, &all).await
            }
            Proof::Key => {
                let assertion = self.assertion(&json!({}));
                all.extend(self.asserted(&assertion));
                try_post_form(&url, more, &all).await
            }
        }
    }

    /// A back-channel request with this assertion.
    pub(crate) async fn posts_asserting(&self, path: &str, fields: &[(&str, &str)], assertion: &str) -> Reply {
        self.try_asserting(path, fields, assertion).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// As [`Site::posts_asserting`], at a server that may go away.
    ///
    /// # Errors
    /// When it does.
    pub(crate) async fn try_asserting(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        assertion: &str,
    ) -> Result<Reply, Lost> {
        let mut all = fields.to_vec();
        all.retain(|(name, _)| *name != "client_id");
        all.extend(self.asserted(assertion));
        try_post_form(&self.at(path), &[], &all).await
    }

    fn asserted<'a>(&'a self, assertion: &'a str) -> [(&'static str, &'a str); 3] {
        [("client_id", self.id), ("client_assertion_type", ASSERTION), ("client_assertion", assertion)]
    }

    /// A good assertion (RFC 7523 §3), but for `changes`; `null` removes a claim.
    pub(crate) fn assertion(&self, changes: &Value) -> String {
        let now = self.clock.seconds();
        let mut claims = json!({
            "iss": self.id, "sub": self.id, "aud": self.issuer, "jti": random(), "iat": now, "exp": now + 60,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.signs(&json!({ "alg": "ES256", "kid": "1", "typ": "JWT" }), &claims)
    }

    /// A compact JWS with this header under the site's key.
    pub(crate) fn signs(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// Asks who it is that an access token stands for.
    pub(crate) async fn asks_who(&self, access_token: &str) -> Reply {
        let bearer = format!("Bearer {access_token}");
        http::send(Method::GET, &self.at("/userinfo"), &[(header::AUTHORIZATION, &bearer)], String::new()).await
    }
}

/// `authorization_details` for a payment of so much in minor units.
pub(crate) fn payment(minor: u64) -> Value {
    json!([{
        "type": "payment_initiation",
        "instructedAmount": { "currency": "WMZ", "amount": format!("{}.{:02}", minor / 100, minor % 100) },
        "creditorName": "The shop",
        "creditorAccount": { "purse": PURSE },
        "reference": "order-1",
        "remittanceInformation": "Two <b>books</b> & a pen",
    }])
}

/// 256 random bits as text.
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The payload of a JWS, unverified.
#[track_caller]
pub(crate) fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap_or_else(|| panic!("no JWS: {token}"));
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
