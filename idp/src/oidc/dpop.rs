//! Proofs of possession (DPoP, RFC 9449): a token that is bound to a key is worth nothing to whoever has the token alone.
//!
//! [`read`] holds the proof of a request against §4.3, check by check; the first half of them judges the proof as such, the
//! second what it was made for. Who reads a proof spends it in the unit of work that it pays for ([`Proof::spending`]), so
//! that it counts once on all nodes. What is bound to which key is in [`binding`]. A request without a proof costs nothing.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::Response,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::error::{ErrorCode, OAuthError};
use crate::{
    app::App,
    clock::SECOND,
    keys::jws::{self, Alg, JwsError, PublicKey, Unverified},
    store::{self, Change},
};

pub(super) mod binding;
mod nonce;
mod target;

/// Signatures that we accept under a proof, the best known first.
pub const ALGS: [Alg; 3] = [Alg::Es256, Alg::EdDsa, Alg::Ps256];
/// How far another clock may be ahead or behind, in seconds.
const SKEW: f64 = 30.0;
/// §4.2 `typ`.
const TYP: &str = "dpop+jwt";
const HEADER: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The request that a proof has to be made for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path at our issuer; never what the Host header says.
    pub path: &'a str,
}

/// A proof that has passed every check but one: whether it was shown before is found out by spending it.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Thumbprint (RFC 7638) of the key that has signed it.
    pub(super) jkt: String,
    spent: store::spent::Model,
}

impl Proof {
    /// Spends it. A conflict over [`store::spent::PROOF`] means that it was spent before: answer [`replayed`].
    pub fn spending(&self) -> Change {
        store::spent::spending_proof(self.spent.clone())
    }

    /// Whether it was made with the key of this thumbprint.
    pub(super) fn is_of(&self, jkt: &str) -> bool {
        self.jkt.as_bytes().ct_eq(jkt.as_bytes()).into()
    }
}

/// §11.1: a proof that was shown before.
pub fn replayed() -> OAuthError {
    invalid("the proof was used before")
}

/// The one code for a proof that does not do. What was wrong is for the developer: it tells an attacker nothing new.
pub(super) fn invalid(reason: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidDpopProof, format!("DPoP: {}", reason.into()))
}

/// §4.2, the claims; each must be there and have its JSON type.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    #[serde(default)]
    ath: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

/// The proof of a request, whose access token is `token` where there is one. `Ok(None)`: it brings no proof.
///
/// # Errors
/// `invalid_dpop_proof`; `use_dpop_nonce` where a nonce of ours is wanted ([`offer`] tells it).
pub fn read(
    app: &App,
    headers: &HeaderMap,
    target: Target<'_>,
    token: Option<&str>,
) -> Result<Option<Proof>, OAuthError> {
    let Some(text) = only(headers)? else { return Ok(None) };
    let (claims, jkt) = signed(text).map_err(|error| invalid(error.to_string()))?;
    made_for(app, &claims, target)?;
    bears(&claims, token)?;
    is_recent(app, &claims)?;
    if app.config.dpop.nonce {
        nonce::check(app, claims.nonce.as_deref())?;
    }
    let spent = spent(app, &claims, &jkt)?;
    Ok(Some(Proof { jkt, spent }))
}

/// (1) "There is not more than one DPoP HTTP request header field."
fn only(headers: &HeaderMap) -> Result<Option<&str>, OAuthError> {
    let mut all = headers.get_all(HEADER).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => one.to_str().map(Some).map_err(|_| invalid("the header is not ASCII")),
        _ => Err(invalid("more than one header")),
    }
}

/// (2) to (7): a well-formed JWT with all its claims, of our `typ`, under an asymmetric signature that we accept and that the
/// public key in its header has made.
fn signed(text: &str) -> Result<(Claims, String), JwsError> {
    let proof = Unverified::parse(text)?;
    if proof.header.typ.as_deref() != Some(TYP) {
        return Err(JwsError::Header("typ must be dpop+jwt"));
    }
    let alg = Alg::parse(&proof.header.alg).filter(|alg| ALGS.contains(alg));
    let alg = alg.ok_or(JwsError::Header("alg is not one of dpop_signing_alg_values_supported"))?;
    let jwk = proof.embedded_key()?;
    let key = PublicKey::from_jwk(&jwk, Some(alg)).map_err(|_| JwsError::Header("jwk is not a public key for alg"))?;
    let claims = proof.verify(&key)?;
    Ok((claims, jws::thumbprint(&jwk)))
}

/// (8), (9): for this method, and for this address of ours without query and fragment.
fn made_for(app: &App, claims: &Claims, target: Target<'_>) -> Result<(), OAuthError> {
    if claims.htm != target.method.as_str() {
        return Err(invalid("htm is not the method of the request"));
    }
    if !target::is_same(&claims.htu, &app.config.url(target.path)) {
        return Err(invalid("htu is not the address of the request"));
    }
    Ok(())
}

/// (12): with an access token, its hash.
fn bears(claims: &Claims, token: Option<&str>) -> Result<(), OAuthError> {
    let Some(token) = token else { return Ok(()) };
    let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token));
    let fits = claims.ath.as_ref().is_some_and(|ath| ath.as_bytes().ct_eq(hash.as_bytes()).into());
    if fits { Ok(()) } else { Err(invalid("ath is not the hash of the access token")) }
}

/// (11): made a moment ago. Not even a far future is possible, so that a proof cannot be made in store.
fn is_recent(app: &App, claims: &Claims) -> Result<(), OAuthError> {
    let age = seconds(app.clock.seconds()) - claims.iat;
    let oldest = seconds(app.config.dpop.proof_seconds) + SKEW;
    // Written so that a NaN, were there one in JSON, would not do either.
    if age <= oldest && age >= -SKEW { Ok(()) } else { Err(invalid("iat is too far from now")) }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this age fit into 52 bits")]
fn seconds(whole: i64) -> f64 {
    whole as f64
}

/// §11.1: what is remembered of a proof for as long as its age would do.
fn spent(app: &App, claims: &Claims, jkt: &str) -> Result<store::spent::Model, OAuthError> {
    if claims.jti.is_empty() || claims.jti.len() > 256 {
        return Err(invalid("jti must have 1 to 256 bytes"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the check of iat")]
    let ends = (claims.iat + SKEW) as i64 + app.config.dpop.proof_seconds + 1;
    let hash = app.seal.hash("dpop", &format!("{jkt}\0{}", claims.jti));
    Ok(store::spent::Model { purpose: "dpop".to_owned(), hash, expires_at: ends * SECOND })
}

/// §8, §9: tells whoever uses proofs which nonce the next one needs, where nonces are wanted.
pub fn offer(app: &App, headers: &HeaderMap, mut response: Response) -> Response {
    if app.config.dpop.nonce
        && headers.contains_key(HEADER)
        && let Ok(nonce) = HeaderValue::from_str(&nonce::now(app))
    {
        response.headers_mut().insert(NONCE, nonce);
    }
    response
}

/// §7.1: the challenge that tells of us what a proof may be signed with.
pub(super) fn algs() -> String {
    ALGS.map(Alg::name).join(" ")
}
