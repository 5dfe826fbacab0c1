//! Room 3: the person's own things: registering, activating a method, getting back in, and what they are told about it.
//!
//! Nothing here decides whether somebody is who they say: that is the login room's matter. What is kept here is that an
//! e-mail belongs to one account, that a link and a code work once, and that nobody learns from a page whether an address
//! is registered.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::json;

use crate::{app::App, error::Internal, limits, pages};

pub mod activation;
pub mod admin;
mod answer;
pub mod area;
mod bound;
mod confirmation;
pub mod deletion;
pub mod enrol;
mod form;
mod phone;
pub mod recovery;
pub mod registration;
pub mod rights;

pub use admin::{
    Begun, CreateError, Created, NewAccount, create_by_admin, delete_by_admin, enrol_by_admin, keep_by_admin,
    recovery_codes_by_admin, unenrol_by_admin, unenrol_one_by_admin,
};

/// `GET /`: what this is, and where to begin.
pub async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let discovery = app.config.url("/.well-known/openid-configuration");
    or_problem(&app, locale, app.pages.render("home.html", locale, json!({ "discovery": discovery })))
}

/// The page, or one that says that we failed; what failed goes to the log.
fn or_problem(app: &App, locale: &str, result: Result<Response, Internal>) -> Response {
    result.unwrap_or_else(|error| {
        tracing::error!(%error, "an account page failed");
        match error {
            Internal::Held => app.pages.problem(StatusCode::TOO_MANY_REQUESTS, locale, "sms_held", &json!({})),
            Internal::Plugin(error) if error.is_temporary() => {
                app.pages.problem(StatusCode::SERVICE_UNAVAILABLE, locale, "busy", &json!({}))
            }
            _ => app.pages.problem(StatusCode::INTERNAL_SERVER_ERROR, locale, "internal", &json!({})),
        }
    })
}

/// Who connects: the address for the log, and its block for limits.
#[derive(Debug)]
struct Caller {
    address: String,
    block: String,
}

impl From<ConnectInfo<SocketAddr>> for Caller {
    fn from(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> Self {
        let ip = peer.ip().to_canonical();
        Self { address: ip.to_string(), block: limits::block(ip) }
    }
}

#[cfg(test)]
mod tests;
