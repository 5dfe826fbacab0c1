//! The userinfo endpoint (OpenID Connect Core §5.3), a protected resource (RFC 6750).

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{
    claims,
    code::Granted,
    cors,
    error::{ErrorCode, OAuthError, Refusal, server_error},
    params::{self, Params},
    tokens::{ACCESS_TOKEN, AccessToken},
};
use crate::{app::App, store};

/// `GET /userinfo`.
pub async fn get(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    answer(&app, bearer(&headers)).await
}

/// `POST /userinfo`: the token in the header, or in the form (RFC 6750 §2.2).
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&app, posted(&headers, &body)).await
}

/// The token of the header. `Ok(None)`: there is none.
fn bearer(headers: &HeaderMap) -> Result<Option<String>, OAuthError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "Authorization must be Bearer and a token");
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim().to_owned())) } else { Err(malformed()) }
}

fn posted(headers: &HeaderMap, body: &Bytes) -> Result<Option<String>, OAuthError> {
    let by_header = bearer(headers)?;
    if !params::is_form(headers) {
        return Ok(by_header);
    }
    let by_form = Params::parse(body)?.get("access_token").map(str::to_owned);
    match (by_header, by_form) {
        // RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request."
        (Some(_), Some(_)) => Err(OAuthError::new(ErrorCode::InvalidRequest, "two access tokens in one request")),
        (header, form) => Ok(header.or(form)),
    }
}

async fn answer(app: &App, token: Result<Option<String>, OAuthError>) -> Response {
    let claims = match token {
        Ok(Some(token)) => claims(app, &token).await,
        Ok(None) => return cors::allow(challenge(StatusCode::UNAUTHORIZED, None)),
        Err(error) => Err(error.into()),
    };
    cors::allow(match claims {
        Ok(claims) => ([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response(),
        Err(Refusal::OAuth(error)) => {
            error.trace();
            challenge(error.code.status(), Some(&error))
        }
        Err(Refusal::Internal(error)) => server_error(&error).into_response(),
    })
}

/// RFC 6750 §3: without a token, no error code; with one, what is wrong with it.
fn challenge(status: StatusCode, error: Option<&OAuthError>) -> Response {
    let mut response = match error {
        None => status.into_response(),
        Some(error) => {
            let body = json!({ "error": error.code.name(), "error_description": error.description });
            (status, Json(body)).into_response()
        }
    };
    let told = error.map_or_else(
        || "Bearer realm=\"E-num\"".to_owned(),
        |error| {
            // A description is printable ASCII without quotes: see `OAuthError::new`.
            format!(
                "Bearer realm=\"E-num\", error=\"{}\", error_description=\"{}\"",
                error.code.name(),
                error.description
            )
        },
    );
    let headers = response.headers_mut();
    if let Ok(told) = HeaderValue::from_str(&told) {
        headers.insert(header::WWW_AUTHENTICATE, told);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn invalid(reason: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked").logged(reason)
}

/// The claims that the token's grant allows, after one look into the store for grant and account.
async fn claims(app: &App, text: &str) -> Result<Map<String, Value>, Refusal> {
    let token: AccessToken =
        app.keys.verify_fresh(&app.seal, text, &[ACCESS_TOKEN]).await?.map_err(|error| invalid(error.to_string()))?;
    check(app, &token)?;
    let found = store::grant::with_account(app.db.read(), &token.grant).await?;
    let (grant, account) = found.ok_or_else(|| invalid("the grant or its account is gone"))?;
    if grant.revoked_at.is_some() || app.clock.now() >= grant.expires_at || !account.is_active() {
        return Err(invalid("the grant is revoked, or the account locked").into());
    }
    let granted: Granted = app.seal.open_record_json("token_grant", &grant.id, &grant.sealed)?;
    let scope: Vec<String> = token.scope.split(' ').map(str::to_owned).collect();
    let mut claims = claims::of_account(&account, &scope, &granted.claims.userinfo);
    claims.insert("sub".to_owned(), json!(token.sub));
    Ok(claims)
}

/// RFC 9068 §4; OpenID Connect Core §5.3.1: only for tokens of an OpenID Connect request.
fn check(app: &App, token: &AccessToken) -> Result<(), OAuthError> {
    let issuer = &app.config.issuer;
    if token.iss != *issuer || token.aud != *issuer {
        return Err(invalid("iss or aud is not us"));
    }
    if app.clock.seconds() >= token.exp {
        return Err(invalid("expired"));
    }
    if token.scope.split(' ').any(|scope| scope == "openid") {
        Ok(())
    } else {
        Err(OAuthError::new(ErrorCode::InsufficientScope, "the token has no openid scope"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn with(headers: &[(header::HeaderName, &str)], body: &str) -> Result<Option<String>, ErrorCode> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        posted(&headers, &Bytes::copy_from_slice(body.as_bytes())).map_err(|error| error.code)
    }

    #[test]
    fn one_token_from_one_place() {
        let form = (header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let bearer = (header::AUTHORIZATION, "bearer abc");
        assert_eq!(with(std::slice::from_ref(&form), "access_token=abc"), Ok(Some("abc".to_owned())));
        assert_eq!(with(std::slice::from_ref(&bearer), ""), Ok(Some("abc".to_owned())));
        assert_eq!(with(&[form.clone(), bearer], "access_token=abc"), Err(ErrorCode::InvalidRequest));
        assert_eq!(with(&[], "access_token=abc"), Ok(None), "not a form");
        assert_eq!(with(&[form], "access_token=a&access_token=b"), Err(ErrorCode::InvalidRequest));
        assert_eq!(with(&[(header::AUTHORIZATION, "Basic abc")], ""), Err(ErrorCode::InvalidRequest));
    }
}
