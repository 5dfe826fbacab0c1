//! `/device`: where a person types the code that their device shows.
//!
//! Whoever sends somebody a link to this page, code and all, wants to be signed in as them (RFC 8628 §5.4). So the code is only
//! looked up when a person presses a button; the next page says who asks and for what, and warns, before anything is proven; and
//! the proof is asked for anew, whoever is signed in here.

use std::sync::Arc;

use axum::{
    Form,
    extract::{ConnectInfo, Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::form_urlencoded;

use super::{user_code, user_hash};
use crate::{
    app::{App, Peer},
    clock::HOUR,
    error::Internal,
    limits,
    login::{self, session},
    oidc::{interact, request::AuthorizationRequest, response},
    pages::{self, Options},
    store::{self, StoreError},
};

const SLOT: &str = "device";
/// Where people end who have allowed it.
pub const ALLOWED: &str = "/device/allowed";
/// Where people end who have not.
pub const DENIED: &str = "/device/denied";

/// What the page is opened or sent with.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    user_code: String,
}

/// What the second page is sent with.
#[derive(Debug, Deserialize)]
pub struct Decided {
    #[serde(default)]
    state: String,
    deny: Option<String>,
}

/// Which request somebody was asked about; travels sealed, bound to the browser.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    hash: String,
}

/// `GET /device`, and of the page that follows it, for whoever asks for that in another language. A code in the address is filled
/// in, and not looked up.
pub async fn form(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    typed: Result<Query<Typed>, QueryRejection>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let code = typed.ok().and_then(|Query(typed)| user_code::typed(&typed.user_code));
    or_problem(&app, locale, ask(&app, locale, &code.map(|code| user_code::shown(&code)).unwrap_or_default(), None))
}

fn ask(app: &App, locale: &str, code: &str, error: Option<&str>) -> Result<Response, Internal> {
    let status = if error.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let options = Options::default().status(status);
    // Who reads the page in another language keeps the code.
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("user_code", code).finish();
    let context = json!({ "user_code": code, "error": error, "here": "/device", "query": query });
    app.pages.render_with("device.html", locale, context, &options)
}

/// `POST /device`: the code that was typed.
pub async fn look_up(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): Peer,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    // Another website that sends this form would show its own device here, and take the browser's name away.
    if !login::is_from_here(&app.config.issuer, &headers) {
        return app.pages.problem(StatusCode::FORBIDDEN, locale, "device_form", &json!({}));
    }
    if !may_try(&app, &limits::block(peer.ip())) {
        return app.pages.problem(StatusCode::TOO_MANY_REQUESTS, locale, "too_many", &json!({}));
    }
    or_problem(&app, locale, found(&app, locale, &headers, &typed.user_code).await)
}

/// Whoever guesses from many networks meets the count of all of them.
fn may_try(app: &App, block: &str) -> bool {
    let (settings, now) = (&app.config.device, app.clock.now());
    app.limits.allow("user_code", block, HOUR, settings.tries_per_hour, now)
        && app.limits.allow("user_codes", "", HOUR, settings.tries_in_all_per_hour, now)
}

/// Who asks, and for what, if a device waits under this code.
async fn found(app: &App, locale: &str, headers: &HeaderMap, typed: &str) -> Result<Response, Internal> {
    let unknown = || ask(app, locale, typed.get(..40).unwrap_or(typed), Some("device_unknown"));
    let Some(code) = user_code::typed(typed) else { return unknown() };
    let row = store::device_code::waiting(app.db.read(), &user_hash(app, &code), app.clock.now()).await?;
    let Some(row) = row else { return unknown() };
    let Some(client) = app.clients.find(&row.client_id).await? else { return unknown() };
    let request: AuthorizationRequest = app.seal.open_record_json("device_request", &row.hash, &row.sealed)?;
    let (browser, cookie) = match session::browser(app, headers) {
        Some(name) => (name.to_owned(), None),
        None => session::name_browser(app).map(|(name, header)| (name, Some(header)))?,
    };
    let state = app.seal.travel(SLOT, &browser, row.expires_at, &Shown { hash: row.hash })?;
    let context = json!({
        "site": { "name": client.client_name }, "scopes": request.consent_scope(), "state": state,
        "user_code": user_code::shown(&code), "here": "/device",
        "query": format!("user_code={}", user_code::shown(&code)),
    });
    let mut response = app.pages.render("device_confirm.html", locale, context)?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `POST /device/confirm`: whether it is the person's own device. If so, they prove who they are as for any website.
pub async fn confirm(State(app): State<Arc<App>>, headers: HeaderMap, Form(decided): Form<Decided>) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let now = app.clock.now();
    let shown = session::browser(&app, &headers)
        .and_then(|browser| app.seal.open_travel::<Shown>(SLOT, browser, now, &decided.state).ok());
    let gone = || app.pages.problem(StatusCode::BAD_REQUEST, locale, "device_gone", &json!({}));
    let Some(Shown { hash }) = shown else { return gone() };
    if decided.deny.is_some() {
        return or_problem(&app, locale, denied(&app, locale, &hash).await);
    }
    match waiting(&app, hash).await {
        Ok(Some(request)) => interact::open(&app, request, &headers).await,
        Ok(None) => gone(),
        Err(error) => or_problem(&app, locale, Err(error)),
    }
}

async fn waiting(app: &App, hash: String) -> Result<Option<AuthorizationRequest>, Internal> {
    let found = store::device_code::find(app.db.read(), &hash).await?;
    let waits =
        |row: &store::device_code::Model| row.status == store::device_code::PENDING && app.clock.now() < row.expires_at;
    let Some(row) = found.filter(waits) else { return Ok(None) };
    let request: AuthorizationRequest = app.seal.open_record_json("device_request", &hash, &row.sealed)?;
    Ok(Some(AuthorizationRequest { device: Some(hash), ..request }))
}

async fn denied(app: &App, locale: &str, hash: &str) -> Result<Response, Internal> {
    let denying = store::device_code::denying(hash, app.clock.now());
    match app.db.write(move |tx| Box::pin(denying.apply(tx))).await {
        // Answered in another window: what was said there holds.
        Err(StoreError::Conflict(_)) => {
            Ok(app.pages.problem(StatusCode::BAD_REQUEST, locale, "device_gone", &json!({})))
        }
        done => {
            done?;
            to_the_end(false)
        }
    }
}

/// The end of it, on a page that can be read again and in another language.
///
/// # Errors
/// None: the addresses are our own.
pub(in crate::oidc) fn to_the_end(allowed: bool) -> Result<Response, Internal> {
    response::redirect(if allowed { ALLOWED } else { DENIED })
}

/// `GET` [`ALLOWED`]: back to the device.
pub async fn allowed(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    end(&app, &headers, true)
}

/// `GET` [`DENIED`]: the device gets nothing.
pub async fn nothing_allowed(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    end(&app, &headers, false)
}

fn end(app: &App, headers: &HeaderMap, allowed: bool) -> Response {
    let locale = pages::locale_of(headers, &[]);
    or_problem(app, locale, app.pages.render("device_done.html", locale, json!({ "allowed": allowed })))
}

fn or_problem(app: &App, locale: &str, page: Result<Response, Internal>) -> Response {
    page.unwrap_or_else(|error| {
        tracing::error!(%error, "the page of a device");
        app.pages.problem(StatusCode::INTERNAL_SERVER_ERROR, locale, "internal", &json!({}))
    })
}
