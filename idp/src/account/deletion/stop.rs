//! `/account/keep/{token}`: "keep my account". Opening it changes nothing; its button stops the deletion and signs every
//! browser out. It needs no sign-in, since whoever wants the account gone may have taken the ways in.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::json;

use super::{By, keep, of_link};
use crate::{
    account::{Caller, or_problem},
    app::App,
    pages, when,
};

/// `GET /account/keep/{token}`.
pub async fn page(State(app): State<Arc<App>>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let shown = async {
        let Some((account, at)) = of_link(&app, &token).await? else { return Ok(gone(&app, locale)) };
        let context = json!({ "email": account.email, "at": when::of(&account, at) });
        app.pages.render("account_keep.html", locale, context)
    };
    or_problem(&app, locale, shown.await)
}

/// `POST /account/keep/{token}`.
pub async fn press(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let done = async {
        let Some((account, at)) = of_link(&app, &token).await? else { return Ok(gone(&app, locale)) };
        let by = By::Person(Caller::from(peer).address);
        if !keep(&app, &account, &by, at, true).await? {
            return Ok(gone(&app, locale));
        }
        app.pages.render("account_keep.html", locale, json!({ "done": true, "email": account.email }))
    };
    or_problem(&app, locale, done.await)
}

fn gone(app: &App, locale: &str) -> Response {
    app.pages.problem(StatusCode::GONE, locale, "keep_link", &json!({}))
}
