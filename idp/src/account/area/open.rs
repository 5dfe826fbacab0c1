//! Whether the area is open for a browser: by a session whose proof is fresh, or by the cookie of somebody who has been
//! in it since, for as long as they neither rest for too long nor stay for too long.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderValue, Method, StatusCode, request::Parts},
};
use serde_json::json;

use super::{Area, Caller, Place, Turned, entry, or_problem, when};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    login::session,
    pages,
    store::{self, session::Model as Session},
};

const COOKIE: &str = "enum_account";
const SLOT: &str = "account";

impl FromRequestParts<Arc<App>> for Area {
    /// Leads to a proof.
    type Rejection = Turned;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let locale = pages::locale_of(&parts.headers, &[]);
        let Ok(peer) = ConnectInfo::<SocketAddr>::from_request_parts(parts, app).await else {
            return Err(Turned::to(app.pages.problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                locale,
                "internal",
                &json!({}),
            )));
        };
        let place = Place::of(parts.uri.path());
        match open(app, &parts.headers, locale, Caller::from(peer), place).await {
            Ok(Some(area)) => Ok(area),
            Ok(None) => {
                // Back to what was asked for; a form is not sent again.
                let page = if parts.method == Method::GET { parts.uri.path().to_owned() } else { place.link() };
                let led = entry::lead_to_proof(app, &parts.headers, locale, &entry::Asked::to_open(page));
                Err(Turned::to(or_problem(app, locale, led)))
            }
            Err(error) => Err(Turned::to(or_problem(app, locale, Err(error)))),
        }
    }
}

async fn open(
    app: &Arc<App>,
    headers: &HeaderMap,
    locale: &'static str,
    caller: Caller,
    place: &'static Place,
) -> Result<Option<Area>, Internal> {
    let Some(session) = session::current(app, headers).await? else { return Ok(None) };
    let now = app.clock.now();
    let Some(since) = since(app, headers, &session, now) else { return Ok(None) };
    let Some(account) = store::account::by_id(app.db.read(), &session.account_id).await? else { return Ok(None) };
    let zone = when::zone(&account);
    let stay = stay(app, &session, since, now)?;
    Ok(Some(Area { app: app.clone(), locale, session, account, caller, place, zone, stay }))
}

/// Since when the area has been open; `None` when it is not.
fn since(app: &App, headers: &HeaderMap, session: &Session, now: Millis) -> Option<Millis> {
    let settings = &app.config.account;
    let been_here = session::cookie(app, headers, COOKIE)
        .and_then(|sealed| app.seal.open_travel::<Millis>(SLOT, &session.id_hash, now, sealed).ok())
        .filter(|since| now - since < settings.stay_seconds * SECOND);
    let fresh = now - session.auth_time < settings.fresh_seconds * SECOND;
    been_here.or(fresh.then_some(session.auth_time))
}

/// The cookie that keeps it open: worth nothing without the session that it was made in.
fn stay(app: &App, session: &Session, since: Millis, now: Millis) -> Result<HeaderValue, Internal> {
    let settings = &app.config.account;
    let until = (now + settings.idle_seconds * SECOND).min(since + settings.stay_seconds * SECOND);
    let sealed = app.seal.travel(SLOT, &session.id_hash, until, &since)?;
    session::set_cookie(app, COOKIE, &sealed, settings.idle_seconds)
}
