//! Access tokens that somebody shows us as a protected resource (RFC 6750), those that are bound to a key with a proof that
//! they have it (RFC 9449 §7): the userinfo endpoint, the administrators' API.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    claims::Wished,
    code::Granted,
    dpop::{self, Proof, Target},
    error::{ErrorCode, OAuthError, Refusal, server_error},
    tokens::{ACCESS_TOKEN, AccessToken},
};
use crate::{
    app::App,
    store::{self, StoreError, account::Model as Account},
};

/// For whom a token speaks, and how far.
#[derive(Debug)]
pub struct Holder {
    /// Whose account.
    pub account: Account,
    /// Which client it was given to.
    pub client_id: String,
    /// What was granted.
    pub scope: Vec<String>,
    /// How they have proven who they are.
    pub acr: String,
    /// When. Unix seconds.
    pub auth_time: i64,
    /// Thumbprint of the key that the token is bound to, and that they have proven to have.
    pub jkt: Option<String>,
    scheme: Scheme,
    pub(super) sub: String,
    pub(super) wished: Wished,
}

impl Holder {
    /// Whether this scope was granted.
    pub fn has(&self, scope: &str) -> bool {
        self.scope.iter().any(|granted| granted == scope)
    }

    /// RFC 6750 §3: the token is good, and not for this.
    pub fn refuse(&self, refusal: Refusal) -> Response {
        refuse(self.scheme, refusal)
    }

    /// RFC 9470 §3: the token is good, and its proof too weak or too old. `max_age` in seconds.
    pub fn ask_for_more(&self, acr: &str, max_age: i64) -> Response {
        let text = "a stronger or fresher proof is needed";
        let error = OAuthError::new(ErrorCode::InsufficientUserAuthentication, text);
        refuse_with(self.scheme, &error, &format!(", acr_values=\"{acr}\", max_age=\"{max_age}\""))
    }
}

/// How a token was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750: whoever has it may use it.
    Bearer,
    /// RFC 9449 §7.1: with a proof that whoever shows it has its key.
    Dpop,
}

/// A token as it was shown, not yet believed.
#[derive(Debug, PartialEq, Eq)]
pub struct Presented {
    scheme: Scheme,
    token: String,
}

impl Presented {
    /// One that came without a scheme (RFC 6750 §2.2).
    pub(super) fn bearer(token: &str) -> Self {
        Self { scheme: Scheme::Bearer, token: token.to_owned() }
    }
}

/// A request for something of ours, as far as its token goes.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// What a proof has to be made for.
    pub target: Target<'a>,
}

impl<'a> Asked<'a> {
    /// From its parts.
    pub fn new(method: &'a Method, path: &'a str, headers: &'a HeaderMap) -> Self {
        Self { headers, target: Target { method, path } }
    }
}

/// The token of the header. `Ok(None)`: there is none.
///
/// # Errors
/// `invalid_request` when the header is malformed.
pub fn presented(headers: &HeaderMap) -> Result<Option<Presented>, OAuthError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "Authorization must be Bearer or DPoP and a token");
    let value = match (all.next(), all.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value,
        _ => return Err(malformed()),
    };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(malformed)?;
    let scheme = match scheme {
        scheme if scheme.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
        scheme if scheme.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
        _ => return Err(malformed()),
    };
    Ok(Some(Presented { scheme, token: token.trim().to_owned() }))
}

/// Whose token the request shows: the way into everything of ours that takes access tokens.
///
/// # Errors
/// The answer to send: a challenge where there is no token, a refusal where it is not one that we believe.
pub async fn admit(app: &App, asked: &Asked<'_>) -> Result<Holder, Response> {
    match presented(asked.headers) {
        Ok(Some(shown)) => believe(app, asked, &shown).await,
        Ok(None) => Err(challenge()),
        Err(error) => Err(malformed(error)),
    }
}

/// The refusal of a request that shows a token in no way that there is.
pub(super) fn malformed(error: OAuthError) -> Response {
    refuse(Scheme::Bearer, error.into())
}

/// As [`admit`], for a token that was found already.
///
/// # Errors
/// The refusal to send.
pub(super) async fn believe(app: &App, asked: &Asked<'_>, shown: &Presented) -> Result<Holder, Response> {
    let refused = |refusal| dpop::offer(app, asked.headers, refuse(shown.scheme, refusal));
    holder(app, asked, shown).await.map_err(refused)
}

/// Believes a token, after one look into the store for its grant and account. A proof is spent last: whoever has no good token
/// causes no write.
async fn holder(app: &App, asked: &Asked<'_>, shown: &Presented) -> Result<Holder, Refusal> {
    let text = &shown.token;
    let token: AccessToken =
        app.keys.verify_fresh(&app.seal, text, &[ACCESS_TOKEN]).await?.map_err(|error| invalid(error.to_string()))?;
    check(app, &token)?;
    let proof = proven(app, asked, shown, &token)?;
    let found = store::grant::with_account(app.db.read(), &token.grant).await?;
    let (grant, account) = found.ok_or_else(|| invalid("the grant or its account is gone"))?;
    if grant.revoked_at.is_some() || app.clock.now() >= grant.expires_at || !account.is_active() {
        return Err(invalid("the grant is revoked, or the account locked").into());
    }
    let granted: Granted = app.seal.open_record_json("token_grant", &grant.id, &grant.sealed)?;
    let jkt = proof.as_ref().map(|proof| proof.jkt.clone());
    if let Some(proof) = proof {
        spend(app, &proof).await?;
    }
    Ok(Holder {
        account,
        client_id: token.client_id,
        scope: token.scope.split(' ').map(str::to_owned).collect(),
        acr: token.acr,
        auth_time: token.auth_time,
        jkt,
        scheme: shown.scheme,
        sub: token.sub,
        wished: granted.claims,
    })
}

/// RFC 9449 §7.1, §7.2: a token that is bound to a key is shown with a proof of that key and in no other way, and one that is
/// not bound is no better for a proof.
fn proven(app: &App, asked: &Asked<'_>, shown: &Presented, token: &AccessToken) -> Result<Option<Proof>, OAuthError> {
    let bound = token.cnf.as_ref().map(|cnf| cnf.jkt.as_str());
    let jkt = match (shown.scheme, bound) {
        (Scheme::Bearer, None) => return Ok(None),
        (Scheme::Bearer, Some(_)) => return Err(invalid("bound to a key, and shown as a bearer token")),
        (Scheme::Dpop, None) => return Err(invalid("not bound to a key, and shown as if it were")),
        (Scheme::Dpop, Some(jkt)) => jkt,
    };
    let proof = dpop::read(app, asked.headers, asked.target, Some(&shown.token))?;
    let proof = proof.ok_or_else(|| dpop::invalid("the token is bound to a key, and there is no proof"))?;
    if proof.is_of(jkt) { Ok(Some(proof)) } else { Err(invalid("bound to another key than that of the proof")) }
}

async fn spend(app: &App, proof: &Proof) -> Result<(), Refusal> {
    let spending = proof.spending();
    match app.db.write(move |tx| Box::pin(spending.apply(tx))).await {
        Err(StoreError::Conflict(store::spent::PROOF)) => Err(dpop::replayed().into()),
        done => Ok(done?),
    }
}

/// RFC 9068 §4.
fn check(app: &App, token: &AccessToken) -> Result<(), OAuthError> {
    let issuer = &app.config.issuer;
    if token.iss != *issuer || token.aud != *issuer {
        return Err(invalid("iss or aud is not us"));
    }
    if app.clock.seconds() >= token.exp { Err(invalid("expired")) } else { Ok(()) }
}

fn invalid(reason: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked").logged(reason)
}

/// RFC 6750 §3: the answer to a request without a token, which has no error code. RFC 9449 §7.2: both schemes do.
pub fn challenge() -> Response {
    let bearer = with_challenge(StatusCode::UNAUTHORIZED.into_response(), "Bearer realm=\"E-num\"");
    with_challenge(bearer, &format!("DPoP realm=\"E-num\", algs=\"{}\"", dpop::algs()))
}

/// RFC 6750 §3: what is wrong with the token.
fn refuse(scheme: Scheme, refusal: Refusal) -> Response {
    match refusal {
        Refusal::OAuth(error) => refuse_with(scheme, &error, ""),
        Refusal::Internal(error) => server_error(&error).into_response(),
    }
}

fn refuse_with(scheme: Scheme, error: &OAuthError, more: &str) -> Response {
    error.trace();
    let (name, description) = (error.code.name(), &error.description);
    let body = json!({ "error": name, "error_description": description });
    // A description is printable ASCII without quotes: see `OAuthError::new`.
    let told = format!("realm=\"E-num\", error=\"{name}\", error_description=\"{description}\"{more}");
    let told = match scheme {
        Scheme::Bearer => format!("Bearer {told}"),
        Scheme::Dpop => format!("DPoP {told}, algs=\"{}\"", dpop::algs()),
    };
    // RFC 9449 §7.1: what is wrong with a proof is, to a resource, a question of who asks.
    let status = match error.code {
        ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce => StatusCode::UNAUTHORIZED,
        code => code.status(),
    };
    with_challenge((status, Json(body)).into_response(), &told)
}

fn with_challenge(mut response: Response, told: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(told) = HeaderValue::from_str(told) {
        headers.append(header::WWW_AUTHENTICATE, told);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
