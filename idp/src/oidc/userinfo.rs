//! The userinfo endpoint (OpenID Connect Core §5.3), a protected resource (RFC 6750).

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{
    bearer::{self, Asked, Holder, Presented},
    claims, cors, dpop,
    error::{ErrorCode, OAuthError},
    params::{self, Params},
};
use crate::app::App;

const PATH: &str = "/userinfo";

/// `GET /userinfo`.
pub async fn get(State(app): State<Arc<App>>, method: Method, headers: HeaderMap) -> Response {
    answer(&app, &Asked::new(&method, PATH, &headers), bearer::presented(&headers)).await
}

/// `POST /userinfo`: the token in the header, or in the form (RFC 6750 §2.2).
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&app, &Asked::new(&Method::POST, PATH, &headers), posted(&headers, &body)).await
}

fn posted(headers: &HeaderMap, body: &Bytes) -> Result<Option<Presented>, OAuthError> {
    let by_header = bearer::presented(headers)?;
    if !params::is_form(headers) {
        return Ok(by_header);
    }
    let by_form = Params::parse(body)?.get("access_token").map(Presented::bearer);
    match (by_header, by_form) {
        // RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request."
        (Some(_), Some(_)) => Err(OAuthError::new(ErrorCode::InvalidRequest, "two access tokens in one request")),
        (header, form) => Ok(header.or(form)),
    }
}

async fn answer(app: &App, asked: &Asked<'_>, token: Result<Option<Presented>, OAuthError>) -> Response {
    let holder = match token {
        Ok(Some(shown)) => bearer::believe(app, asked, &shown).await,
        Ok(None) => Err(bearer::challenge()),
        Err(error) => Err(bearer::malformed(error)),
    };
    let response = match holder {
        Ok(holder) => match claims(&holder) {
            Ok(claims) => {
                let answer = ([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response();
                dpop::offer(app, asked.headers, answer)
            }
            Err(error) => holder.refuse(error.into()),
        },
        Err(refusal) => refusal,
    };
    cors::allow(response)
}

/// The claims that the token's grant allows. OpenID Connect Core §5.3.1: only for tokens of an OpenID Connect request.
fn claims(holder: &Holder) -> Result<Map<String, Value>, OAuthError> {
    if !holder.has("openid") {
        return Err(OAuthError::new(ErrorCode::InsufficientScope, "the token has no openid scope"));
    }
    let mut claims = claims::of_account(&holder.account, &holder.scope, &holder.wished.userinfo);
    claims.insert("sub".to_owned(), json!(holder.sub));
    Ok(claims)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn with(headers: &[(header::HeaderName, &str)], body: &str) -> Result<Option<Presented>, ErrorCode> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        posted(&headers, &Bytes::copy_from_slice(body.as_bytes())).map_err(|error| error.code)
    }

    #[test]
    fn one_token_from_one_place() {
        let form = (header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let bearer = (header::AUTHORIZATION, "bearer abc");
        assert_eq!(with(std::slice::from_ref(&form), "access_token=abc"), Ok(Some(Presented::bearer("abc"))));
        assert_eq!(with(std::slice::from_ref(&bearer), ""), Ok(Some(Presented::bearer("abc"))));
        assert_eq!(with(&[form.clone(), bearer], "access_token=abc"), Err(ErrorCode::InvalidRequest));
        assert_eq!(with(&[], "access_token=abc"), Ok(None), "not a form");
        assert_eq!(with(&[form], "access_token=a&access_token=b"), Err(ErrorCode::InvalidRequest));
        assert_eq!(with(&[(header::AUTHORIZATION, "Basic abc")], ""), Err(ErrorCode::InvalidRequest));
    }
}
