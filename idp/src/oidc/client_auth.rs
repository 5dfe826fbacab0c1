//! Client authentication (RFC 6749 §2.3, OpenID Connect Core §9), the same for every back-channel endpoint.
//!
//! Every failure looks alike from outside: which part was wrong is for our log.

use std::sync::Arc;

use axum::http::{HeaderMap, Method, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::{
    client::{AuthMethod, Client, hash_secret},
    device,
    dpop::{self, Proof, Target},
    error::{ErrorCode, OAuthError, Refusal},
    params::Params,
};
use crate::{
    app::App,
    clock::SECOND,
    config::Config,
    error::Internal,
    keys::jws::{Alg, JwsError, PublicKey, Unverified},
    seal::Seal,
    store::{self, Change, StoreError},
};

/// Where clients authenticate.
const ENDPOINTS: [&str; 6] =
    ["/token", "/par", "/backchannel-authentication", device::PATH, "/payments/confirmations", "/payments/refunds"];
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Farthest `exp` of an assertion, in seconds from now.
const LONGEST_LIFE: f64 = 600.0;
/// How far another clock may be ahead or behind, in seconds.
const SKEW: f64 = 30.0;

/// A client that has proven who it is.
#[derive(Debug)]
pub struct Caller {
    /// Who.
    pub client: Arc<Client>,
    /// The key that it has proven to have, where it brought a proof.
    pub proof: Option<Proof>,
    /// The assertion's `jti`.
    spend: Option<store::spent::Model>,
}

impl Caller {
    /// With the proof of possession of its request to `path`, if there is one.
    ///
    /// # Errors
    /// As [`dpop::read`].
    pub fn with_proof(self, app: &App, headers: &HeaderMap, path: &str) -> Result<Self, OAuthError> {
        let target = Target { method: &Method::POST, path };
        Ok(Self { proof: dpop::read(app, headers, target, None)?, ..self })
    }

    /// Thumbprint of the key that it has proven to have.
    pub(super) fn jkt(&self) -> Option<String> {
        self.proof.as_ref().map(|proof| proof.jkt.clone())
    }

    /// Spends what counts once, before anything else of the request happens: the assertion and the proof of possession. A
    /// conflict that [`replay`] knows means that one of them was spent before.
    pub fn spending(&self) -> Vec<Change> {
        let assertion = self.spend.clone().map(store::spent::spending);
        assertion.into_iter().chain(self.proof.as_ref().map(Proof::spending)).collect()
    }

    /// Spends that by itself, for a request that does nothing else or may be sent twice.
    ///
    /// # Errors
    /// `invalid_client` or `invalid_dpop_proof` when it was spent before.
    pub async fn spend(&self, app: &App) -> Result<(), Refusal> {
        let spending = self.spending();
        if spending.is_empty() {
            return Ok(());
        }
        match app.db.write(move |tx| Box::pin(store::apply(tx, spending.clone()))).await {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict(record)) if let Some(replayed) = replay(record) => Err(replayed.into()),
            Err(error) => Err(Internal::from(error).into()),
        }
    }
}

/// RFC 7523 §3 (7).
pub fn assertion_replayed() -> OAuthError {
    failed("the assertion was used before")
}

/// What to answer when a conflict says that an assertion (RFC 7523 §3 (7)) or a proof was used before.
pub fn replay(record: &str) -> Option<OAuthError> {
    match record {
        store::spent::RECORD => Some(assertion_replayed()),
        store::spent::PROOF => Some(dpop::replayed()),
        _ => None,
    }
}

/// Finds out who calls, by exactly one method, which must be the one that the client is registered with.
///
/// # Errors
/// `invalid_client`; `invalid_request` when several methods are tried at once (RFC 6749 §2.3).
pub async fn authenticate(app: &App, headers: &HeaderMap, params: &Params) -> Result<Caller, Refusal> {
    let claimed = Claimed::read(headers, params)?;
    let client = app.clients.find(claimed.client_id()).await?;
    let (client, spend) = judge(&app.seal, &app.config, app.clock.seconds(), &claimed, client)?;
    Ok(Caller { client, proof: None, spend })
}

/// What a request brings to prove who sends it.
#[derive(Debug)]
enum Claimed<'a> {
    Basic { id: String, secret: String },
    Post { id: &'a str, secret: &'a str },
    Assertion { id: String, text: &'a str },
    Nothing { id: &'a str },
}

impl<'a> Claimed<'a> {
    fn read(headers: &HeaderMap, params: &'a Params) -> Result<Self, OAuthError> {
        let authorization = headers.get(header::AUTHORIZATION);
        let (secret, assertion) = (params.get("client_secret"), params.get("client_assertion"));
        let tried = usize::from(authorization.is_some())
            + usize::from(secret.is_some())
            + usize::from(assertion.is_some() || params.get("client_assertion_type").is_some());
        if tried > 1 {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "more than one client authentication method"));
        }
        let claimed = match (authorization, secret, assertion) {
            (Some(value), _, _) => {
                basic(value.to_str().unwrap_or_default()).ok_or_else(|| failed("malformed Basic"))?
            }
            (_, Some(secret), _) => Self::Post { id: params.require("client_id")?, secret },
            (_, _, Some(text)) => Self::assertion(params, text)?,
            _ => Self::Nothing { id: params.get("client_id").ok_or_else(|| failed("no client authentication"))? },
        };
        match params.get("client_id") {
            Some(id) if id != claimed.client_id() => Err(failed("client_id is not that of the credentials")),
            _ => Ok(claimed),
        }
    }

    fn assertion(params: &'a Params, text: &'a str) -> Result<Self, OAuthError> {
        if params.get("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(failed("client_assertion_type"));
        }
        let id = match params.get("client_id") {
            Some(id) => id.to_owned(),
            None => unverified_subject(text).ok_or_else(|| failed("malformed assertion"))?,
        };
        Ok(Self::Assertion { id, text })
    }

    fn client_id(&self) -> &str {
        match self {
            Self::Basic { id, .. } | Self::Assertion { id, .. } => id,
            Self::Post { id, .. } | Self::Nothing { id } => id,
        }
    }
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they go into RFC 7617's pair.
fn basic(header: &str) -> Option<Claimed<'static>> {
    let (scheme, value) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some(Claimed::Basic { id: form_decoded(id), secret: form_decoded(secret) })
}

fn form_decoded(text: &str) -> String {
    // As the name of a parameter without value: `&` and `=` cannot be in an encoded text, so there is one at most.
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// Whom an assertion claims to speak for: only good for choosing the keys that it is then held against.
fn unverified_subject(text: &str) -> Option<String> {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let payload = BASE64_URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok().map(|Subject { sub }| sub)
}

/// The one answer to every failed authentication.
fn failed(reason: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, "client authentication failed").logged(reason)
}

type Judged = (Arc<Client>, Option<store::spent::Model>);

fn judge(
    seal: &Seal,
    config: &Config,
    now: i64,
    claimed: &Claimed<'_>,
    client: Option<Arc<Client>>,
) -> Result<Judged, OAuthError> {
    // Compared before anything is known to be wrong, so that an unknown client takes as long as a wrong secret.
    let secret_fits = claimed.secret().is_some_and(|secret| {
        let known = client.as_ref().and_then(|client| client.secret_hash.as_deref()).unwrap_or(NO_HASH);
        hash_secret(seal, secret).as_bytes().ct_eq(known.as_bytes()).into()
    });
    let client = client.ok_or_else(|| failed("unknown client"))?;
    if client.auth_method != claimed.method() {
        return Err(failed(format!("{} is registered with another method", client.client_id)));
    }
    match claimed {
        Claimed::Nothing { .. } => Ok((client, None)),
        Claimed::Assertion { text, .. } => {
            let spend = assertion(seal, config, now, &client, text).map_err(|error| failed(error.to_string()))?;
            Ok((client, Some(spend)))
        }
        _ if secret_fits => Ok((client, None)),
        _ => Err(failed(format!("wrong secret of {}", client.client_id))),
    }
}

/// As long as a real hash, and the hash of nothing.
const NO_HASH: &str = "----------------------------------------------------------------";

impl Claimed<'_> {
    fn secret(&self) -> Option<&str> {
        match self {
            Self::Basic { secret, .. } => Some(secret),
            Self::Post { secret, .. } => Some(secret),
            Self::Assertion { .. } | Self::Nothing { .. } => None,
        }
    }

    fn method(&self) -> AuthMethod {
        match self {
            Self::Basic { .. } => AuthMethod::SecretBasic,
            Self::Post { .. } => AuthMethod::SecretPost,
            Self::Assertion { .. } => AuthMethod::PrivateKeyJwt,
            Self::Nothing { .. } => AuthMethod::None,
        }
    }
}

/// RFC 7523 §3. Each claim must have its JSON type: an `exp` that is a string is not an absent `exp` (CVE-2026-25537).
#[derive(Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    jti: String,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<f64>,
}

/// A member that is there must be a number: `null` is not an absent claim either.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    f64::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    /// Only us: an assertion that is also meant for somebody else could be replayed there, or come from there. The endpoints
    /// are names of ours too (RFC 7523 §3, RFC 9126 §2, CIBA Core 1.0 §7.1).
    pub(super) fn is_us(&self, config: &Config) -> bool {
        let ours =
            |aud: &String| *aud == config.issuer || ENDPOINTS.iter().any(|endpoint| *aud == config.url(endpoint));
        match self {
            Self::One(aud) => ours(aud),
            Self::Many(list) => !list.is_empty() && list.iter().all(ours),
        }
    }

    /// Whether it has this value, perhaps among others.
    pub(super) fn holds(&self, value: &str) -> bool {
        match self {
            Self::One(aud) => aud == value,
            Self::Many(list) => list.iter().any(|aud| aud == value),
        }
    }
}

/// Holds an assertion against the client's registered keys; returns the `jti` to spend.
fn assertion(
    seal: &Seal,
    config: &Config,
    now: i64,
    client: &Client,
    text: &str,
) -> Result<store::spent::Model, JwsError> {
    let claims: AssertionClaims = verified(client, text, &["JWT", "jwt", "client-authentication+jwt"], None)?;
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age fit into 52 bits")]
    let now = now as f64;
    let wrong = |what: &str| Err(JwsError::Claims(what.to_owned()));
    if claims.iss != client.client_id || claims.sub != client.client_id {
        return wrong("iss and sub must be the client_id");
    }
    if !claims.aud.is_us(config) {
        return wrong("aud is not us alone");
    }
    if !(claims.exp > now - SKEW && claims.exp <= now + LONGEST_LIFE + SKEW) {
        return wrong("exp is past, or more than 10 minutes ahead");
    }
    if claims.nbf.is_some_and(|nbf| nbf > now + SKEW) || claims.iat.is_some_and(|iat| iat > now + SKEW) {
        return wrong("nbf or iat is in the future");
    }
    if claims.jti.is_empty() || claims.jti.len() > 256 {
        return wrong("jti must have 1 to 256 bytes");
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the check of exp above")]
    let expires_at = ((claims.exp + SKEW) as i64 + 1) * SECOND;
    let hash = seal.hash("assertion", &format!("{}\0{}", client.client_id, claims.jti));
    Ok(store::spent::Model { purpose: "assertion".to_owned(), hash, expires_at })
}

/// The claims of a JWS of one of these types that one of the client's keys has signed; of those for `alg` alone, if given.
pub(super) fn verified<T: DeserializeOwned>(
    client: &Client,
    text: &str,
    types: &[&str],
    alg: Option<Alg>,
) -> Result<T, JwsError> {
    let token = Unverified::parse(text)?;
    if !types.contains(&token.header.typ.as_deref().unwrap_or("JWT")) {
        return Err(JwsError::Header("typ"));
    }
    let named = token.header.kid.as_deref();
    let is_named = |key: &&PublicKey| named.is_none() || key.kid.is_none() || key.kid.as_deref() == named;
    let fitting = client.keys.iter().filter(is_named).filter(|key| alg.is_none_or(|alg| key.alg == alg));
    let mut verdict = Err(JwsError::UnknownKey);
    for key in fitting {
        verdict = token.verify(key);
        if !matches!(verdict, Err(JwsError::Signature | JwsError::Header(_))) {
            break;
        }
    }
    verdict
}

#[cfg(test)]
mod tests;
