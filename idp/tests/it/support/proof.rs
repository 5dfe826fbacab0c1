//! Somebody's key, and proofs that they have it (RFC 9449).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use enum_idp::clock::Clock;
use hyper::{Method, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    http::{self, Reply},
    sites::{Site, random},
};

/// A key pair of a client's own.
#[derive(Debug)]
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    clock: Clock,
}

/// Base64url of the JSON.
pub(crate) fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// `base` with members of `changes` in place of its own; `null` removes one.
pub(crate) fn changed(base: &Value, changes: &Value) -> Value {
    let mut all = base.clone();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    all
}

impl Key {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), clock: clock.clone() }
    }

    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let encode = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
    }

    /// RFC 7638, in the words of the RFC.
    pub(crate) fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let text = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":{},\"y\":{}}}", jwk["x"], jwk["y"]);
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text))
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    /// Claims of a good proof for this request.
    pub(crate) fn claims(&self, method: &str, url: &str, token: Option<&str>) -> Value {
        let ath = token.map(|token| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
        let all = json!({ "jti": random(), "htm": method, "htu": url, "iat": self.clock.seconds(), "ath": ath });
        changed(&all, &json!({}))
    }

    pub(crate) fn signs(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// A good proof for this request.
    pub(crate) fn proves(&self, method: &str, url: &str, token: Option<&str>) -> String {
        self.signs(&self.header(), &self.claims(method, url, token))
    }

    /// A good proof for the token endpoint.
    pub(crate) fn proves_at(&self, site: &Site, path: &str) -> String {
        self.proves("POST", &format!("{}{path}", site.issuer), None)
    }

    /// Asks who it is that a bound token stands for, as its rightful holder.
    pub(crate) async fn asks_who(&self, site: &Site, token: &str) -> Reply {
        let proof = self.proves("GET", &format!("{}/userinfo", site.issuer), Some(token));
        shows(site, "/userinfo", token, &[&proof]).await
    }
}

/// Shows a token by the scheme `DPoP` with these proofs.
pub(crate) async fn shows(site: &Site, path: &str, token: &str, proofs: &[&str]) -> Reply {
    let authorization = format!("DPoP {token}");
    let mut headers = vec![(header::AUTHORIZATION, authorization.as_str())];
    headers.extend(proofs.iter().map(|proof| (header::HeaderName::from_static("dpop"), *proof)));
    http::send(Method::GET, &site.at(path), &headers, String::new()).await
}

/// A back-channel request of the site with these proofs.
pub(crate) async fn posts(site: &Site, path: &str, fields: &[(&str, &str)], proofs: &[&str]) -> Reply {
    let headers: Vec<_> = proofs.iter().map(|proof| (header::HeaderName::from_static("dpop"), *proof)).collect();
    site.posts_with(path, fields, &headers).await
}
