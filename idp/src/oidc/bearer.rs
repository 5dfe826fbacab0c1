//! Access tokens that somebody shows us as a protected resource (RFC 6750): the userinfo endpoint, the administrators' API.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    claims::Wished,
    code::Granted,
    error::{ErrorCode, OAuthError, Refusal, server_error},
    tokens::{ACCESS_TOKEN, AccessToken},
};
use crate::{
    app::App,
    store::{self, account::Model as Account},
};

/// For whom a token speaks, and how far.
#[derive(Debug)]
pub struct Holder {
    /// Whose account.
    pub account: Account,
    /// What was granted.
    pub scope: Vec<String>,
    /// How they have proven who they are.
    pub acr: String,
    /// When. Unix seconds.
    pub auth_time: i64,
    pub(super) sub: String,
    pub(super) wished: Wished,
}

impl Holder {
    /// Whether this scope was granted.
    pub fn has(&self, scope: &str) -> bool {
        self.scope.iter().any(|granted| granted == scope)
    }
}

/// The token of the header. `Ok(None)`: there is none.
///
/// # Errors
/// `invalid_request` when the header is malformed.
pub fn presented(headers: &HeaderMap) -> Result<Option<String>, OAuthError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "Authorization must be Bearer and a token");
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim().to_owned())) } else { Err(malformed()) }
}

/// Believes a token, after one look into the store for its grant and account.
///
/// # Errors
/// `invalid_token` when it is not ours, expired or revoked, or its account locked or gone.
pub async fn holder(app: &App, text: &str) -> Result<Holder, Refusal> {
    let token: AccessToken =
        app.keys.verify_fresh(&app.seal, text, &[ACCESS_TOKEN]).await?.map_err(|error| invalid(error.to_string()))?;
    check(app, &token)?;
    let found = store::grant::with_account(app.db.read(), &token.grant).await?;
    let (grant, account) = found.ok_or_else(|| invalid("the grant or its account is gone"))?;
    if grant.revoked_at.is_some() || app.clock.now() >= grant.expires_at || !account.is_active() {
        return Err(invalid("the grant is revoked, or the account locked").into());
    }
    let granted: Granted = app.seal.open_record_json("token_grant", &grant.id, &grant.sealed)?;
    Ok(Holder {
        account,
        scope: token.scope.split(' ').map(str::to_owned).collect(),
        acr: token.acr,
        auth_time: token.auth_time,
        sub: token.sub,
        wished: granted.claims,
    })
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

/// RFC 6750 §3: the answer to a request without a token, which has no error code.
pub fn challenge() -> Response {
    with_challenge(StatusCode::UNAUTHORIZED.into_response(), "Bearer realm=\"E-num\"")
}

/// RFC 6750 §3: what is wrong with the token.
pub fn refuse(refusal: Refusal) -> Response {
    match refusal {
        Refusal::OAuth(error) => refuse_with(&error, ""),
        Refusal::Internal(error) => server_error(&error).into_response(),
    }
}

/// RFC 9470 §3: the token is good, and its proof too weak or too old. `max_age` in seconds.
pub fn ask_for_more(acr: &str, max_age: i64) -> Response {
    let text = "a stronger or fresher proof is needed";
    let error = OAuthError::new(ErrorCode::InsufficientUserAuthentication, text);
    refuse_with(&error, &format!(", acr_values=\"{acr}\", max_age=\"{max_age}\""))
}

fn refuse_with(error: &OAuthError, more: &str) -> Response {
    error.trace();
    let (name, description) = (error.code.name(), &error.description);
    let body = json!({ "error": name, "error_description": description });
    // A description is printable ASCII without quotes: see `OAuthError::new`.
    let told = format!("Bearer realm=\"E-num\", error=\"{name}\", error_description=\"{description}\"{more}");
    with_challenge((error.code.status(), Json(body)).into_response(), &told)
}

fn with_challenge(mut response: Response, told: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(told) = HeaderValue::from_str(told) {
        headers.insert(header::WWW_AUTHENTICATE, told);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
