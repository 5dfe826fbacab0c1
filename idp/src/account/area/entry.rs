//! The way in: a proof made on `/authorize`, for a client that is part of this program.
//!
//! Its code is used up here and redeemed by nobody: what it rests on is the session that the same proof opened in the same
//! browser. Nobody can redeem it elsewhere either, since the code verifier is forgotten as soon as it is made.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::{Area, Place, or_problem, see_other};
use crate::{
    app::App,
    clock::Millis,
    config::Config,
    error::Internal,
    login::{acr, interaction, session},
    pages,
    seal::SealError,
    store,
};

/// `client_id` of the area.
pub const CLIENT: &str = "enum-account";
const SLOT: &str = "account-entry";
const BACK: &str = "/account/return";
/// Errors that a page is told by; what else may come is told like the first.
const KNOWN: [&str; 2] = ["access_denied", "unmet_authentication_requirements"];

/// Metadata (RFC 7591) of the client that the area asks for proofs as.
pub fn client(config: &Config) -> Value {
    json!({
        "client_id": CLIENT, "client_name": "E-num", "redirect_uris": [config.url(BACK)],
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"], "scope": "openid",
        "enum_trusted": true,
    })
}

/// What a proof is wanted for; travels as the request's `state`, sealed and bound to the browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// Path below `/account` of the page to go to afterwards: one that the browser asked us for.
    page: String,
    /// A proof made before is none.
    #[serde(default)]
    at: Millis,
    /// For changes: whose account it has to be, and the level.
    only: Option<(String, String)>,
    #[serde(skip)]
    email: Option<String>,
}

impl Asked {
    /// To see the area at all.
    pub(super) fn to_open(page: String) -> Self {
        Self { page, at: 0, only: None, email: None }
    }

    /// To change something there.
    pub(super) fn to_change(area: &Area, level: &str) -> Self {
        Self {
            only: Some((area.account.id.clone(), level.to_owned())),
            email: Some(area.account.email.clone()),
            ..Self::to_open(area.place.link())
        }
    }
}

/// Sends the browser to prove who it is.
///
/// # Errors
/// When sealing or the generator fails.
pub(super) fn lead_to_proof(app: &App, headers: &HeaderMap, locale: &str, asked: &Asked) -> Result<Response, Internal> {
    let (browser, cookie) = match session::browser(app, headers) {
        Some(browser) => (browser.to_owned(), None),
        None => session::name_browser(app).map(|(browser, cookie)| (browser, Some(cookie)))?,
    };
    let now = app.clock.now();
    let asked = Asked { at: now, ..asked.clone() };
    let state = app.seal.travel(SLOT, &browser, now + interaction::LIFETIME, &asked)?;
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(app.entropy.token()?));
    let redirect_uri = app.config.url(BACK);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", &redirect_uri),
        ("scope", "openid"),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "login"),
        ("ui_locales", locale),
    ]);
    if let Some((_, level)) = &asked.only {
        let claims = json!({ "id_token": { "acr": { "essential": true, "values": [level] } } }).to_string();
        query.append_pair("acr_values", level).append_pair("claims", &claims);
    }
    if let Some(email) = &asked.email {
        query.append_pair("login_hint", email);
    }
    let mut response = see_other(&format!("/authorize?{}", query.finish()))?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `GET /account/prove/{page}`: proves the account's highest level, for changes on that page.
pub async fn prove(area: Area, Path(page): Path<String>, headers: HeaderMap) -> Response {
    let area = Area { place: Place::named(&page), ..area };
    let led = async {
        let guard = area.guard().await?;
        lead_to_proof(&area.app, &headers, area.locale, &Asked::to_change(&area, guard.level))
    };
    area.answer(led.await)
}

/// What `/authorize` sends back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Back {
    state: String,
    code: String,
    error: Option<String>,
}

/// `GET /account/return`: the proof was made, or was not.
pub async fn back(
    State(app): State<Arc<App>>,
    _peer: ConnectInfo<SocketAddr>,
    Query(back): Query<Back>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    or_problem(&app, locale, arrive(&app, &headers, locale, back).await)
}

async fn arrive(app: &App, headers: &HeaderMap, locale: &str, back: Back) -> Result<Response, Internal> {
    let problem = |key| Ok(app.pages.problem(StatusCode::BAD_REQUEST, locale, key, &json!({})));
    let Some(browser) = session::browser(app, headers) else { return problem("foreign_browser") };
    let asked: Asked = match app.seal.open_travel(SLOT, browser, app.clock.now(), &back.state) {
        Ok(asked) => asked,
        Err(SealError::Expired) => return problem("expired"),
        Err(_) => return problem("foreign_browser"),
    };
    let place = Place::of(&asked.page);
    if let Some(error) = &back.error {
        return not_proven(app, locale, place, &asked, (&back.state, error));
    }
    if !use_up(app, &back.code).await? {
        return problem("link_used");
    }
    let session = session::current(app, headers).await?;
    if session.is_some_and(|session| has_proven(app, &session, &asked)) {
        return see_other(&asked.page);
    }
    not_proven(app, locale, place, &asked, (&back.state, "login_required"))
}

/// Whether the proof that was asked for was made: since then, and for a change in that account and at that level.
fn has_proven(app: &App, session: &store::session::Model, asked: &Asked) -> bool {
    let wanted = |acr: &str| asked.only.as_ref().is_none_or(|(_, level)| acr::satisfies(acr, level));
    let theirs = asked.only.as_ref().is_none_or(|(account, _)| *account == session.account_id);
    theirs && session::worth(app, session, CLIENT).iter().any(|(acr, at)| *at >= asked.at && wanted(acr))
}

/// Uses the code up: the address that brought it works once.
async fn use_up(app: &App, code: &str) -> Result<bool, Internal> {
    let hash = app.seal.hash("code", code);
    let found = store::code::find(&app.db, &hash).await?;
    if found.is_none_or(|code| code.client_id != CLIENT) {
        return Ok(false);
    }
    let now = app.clock.now();
    app.db.write(move |tx| Box::pin(async move { Ok(store::code::using_up(&hash, now).touches(tx).await?) })).await
}

/// Says why nothing is open. `state` is the one that was opened as ours.
fn not_proven(
    app: &App,
    locale: &str,
    place: &Place,
    asked: &Asked,
    (state, error): (&str, &str),
) -> Result<Response, Internal> {
    let (key, again) = match (&asked.only, error) {
        (Some(_), "unmet_authentication_requirements") => {
            ("account_entry_weak", format!("/account/prove/{}", place.path))
        }
        (Some(_), _) => ("account_entry_unconfirmed", format!("/account/prove/{}", place.path)),
        (None, _) => ("account_entry_closed", asked.page.clone()),
    };
    let options = pages::Options::default().status(StatusCode::FORBIDDEN);
    // The same page in another language; of what came with the address only what is known goes into a link.
    let error = KNOWN.into_iter().find(|known| *known == error).unwrap_or(KNOWN[0]);
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs([("state", state), ("error", error)]).finish();
    let context = json!({ "lead": key, "again": again, "page": place.link(), "query": query });
    app.pages.render_with("account_entry.html", locale, context, &options)
}
