//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).
//!
//! Until client and redirect URI are known to be good, a refusal is a page and goes nowhere else: an error redirect to an
//! unchecked address would make us an open redirector. From then on every refusal goes back to the relying party.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::json;

use super::{
    checks::{self, Asked, Source},
    client::Client,
    error::OAuthError,
    interact, par,
    params::{self, Params},
    request::{AuthorizationRequest, ResponseMode},
    response::{self, ReturnTo},
};
use crate::{app::App, error::Internal, pages};

/// `GET /authorize`.
pub async fn get(State(app): State<Arc<App>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    begin(&app, &headers, query.unwrap_or_default().as_bytes()).await
}

/// `POST /authorize` (OpenID Connect Core §3.1.2.1).
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    if !params::is_form(&headers) {
        return page(&app, &headers, &Params::default(), "invalid_request", "the request is not a form");
    }
    begin(&app, &headers, &body).await
}

async fn begin(app: &Arc<App>, headers: &HeaderMap, text: &[u8]) -> Response {
    let Ok(params) = Params::parse(text) else {
        return page(app, headers, &Params::default(), "invalid_request", "a parameter is repeated");
    };
    match validate(app, &params).await {
        Ok(request) => interact::open(app, request, headers).await,
        Err(AuthorizeError::Page { key, detail }) => page(app, headers, &params, key, detail),
        Err(AuthorizeError::Redirect { to, error }) => {
            response::refuse(app, &to, &error, pages::locale_of(headers, &params.list("ui_locales")))
        }
        Err(AuthorizeError::Internal(error)) => {
            tracing::error!(%error, "authorization request");
            let locale = pages::locale_of(headers, &params.list("ui_locales"));
            app.pages.problem(StatusCode::INTERNAL_SERVER_ERROR, locale, "internal", &json!({}))
        }
    }
}

fn page(app: &App, headers: &HeaderMap, params: &Params, key: &str, detail: &str) -> Response {
    tracing::info!(client = params.get("client_id"), key, detail, "authorization request refused on a page");
    let locale = pages::locale_of(headers, &params.list("ui_locales"));
    response::private(app.pages.problem(StatusCode::BAD_REQUEST, locale, key, &json!({ "detail": detail })))
}

/// Why there is no authorization request.
#[derive(Debug)]
pub enum AuthorizeError {
    /// No redirect is safe: the person sees a page.
    Page {
        /// Text key of the page.
        key: &'static str,
        /// For the page and the log.
        detail: &'static str,
    },
    /// The relying party is told.
    Redirect {
        /// Where.
        to: ReturnTo,
        /// What.
        error: OAuthError,
    },
    /// Ours.
    Internal(Internal),
}

impl<E: Into<Internal>> From<E> for AuthorizeError {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

/// Checks a request that came through the browser.
///
/// # Errors
/// See [`AuthorizeError`].
pub async fn validate(app: &App, params: &Params) -> Result<AuthorizationRequest, AuthorizeError> {
    let client = client(app, params).await?;
    if let Some(request_uri) = params.get("request_uri").filter(|uri| uri.starts_with(par::REQUEST_URI)) {
        return pushed(app, &client, request_uri).await;
    }
    let redirect_uri = redirect_uri(&client, params)?;
    let asked = Asked { config: &app.config, keys: &app.keys, client: &client, params, source: Source::Browser };
    checks::examine(&asked, redirect_uri)
        .map_err(|error| AuthorizeError::Redirect { to: way_back(params, redirect_uri), error })
}

/// RFC 6749 §4.1.2.1: "If the request fails due to … the client identifier is missing or invalid, the authorization
/// server … MUST NOT automatically redirect the user-agent".
async fn client(app: &App, params: &Params) -> Result<Arc<Client>, AuthorizeError> {
    let unknown = |detail| AuthorizeError::Page { key: "unknown_client", detail };
    let id = params.get("client_id").ok_or_else(|| unknown("client_id is missing"))?;
    app.clients.find(id).await?.ok_or_else(|| unknown("client_id is unknown"))
}

/// The same for the redirect URI, which OpenID Connect Core §3.1.2.1 requires.
fn redirect_uri<'a>(client: &Client, params: &'a Params) -> Result<&'a str, AuthorizeError> {
    let wrong = |detail| AuthorizeError::Page { key: "redirect_uri", detail };
    let asked = params.get("redirect_uri").ok_or_else(|| wrong("redirect_uri is missing"))?;
    if client.accepts_redirect(asked) {
        Ok(asked)
    } else {
        Err(wrong("redirect_uri is not registered for this client"))
    }
}

/// Where an error goes: by the mode that was asked for, if it is one that we know.
fn way_back(params: &Params, redirect_uri: &str) -> ReturnTo {
    ReturnTo {
        redirect_uri: redirect_uri.to_owned(),
        response_mode: ResponseMode::parse(params.get("response_mode")).unwrap_or(ResponseMode::Query),
        state: params.get("state").filter(|state| state.len() <= 2048).map(str::to_owned),
    }
}

/// A request that the client pushed. All that the browser brings besides is ignored (RFC 9126 §4, RFC 9101 §6.3).
async fn pushed(app: &App, client: &Client, request_uri: &str) -> Result<AuthorizationRequest, AuthorizeError> {
    let gone = AuthorizeError::Page { key: "request_used", detail: "request_uri is unknown, used or expired" };
    let Some(request) = par::find(app, client, request_uri).await? else { return Err(gone) };
    if !client.accepts_redirect(&request.redirect_uri) {
        return Err(AuthorizeError::Page { key: "redirect_uri", detail: "redirect_uri is not registered any more" });
    }
    Ok(request)
}
