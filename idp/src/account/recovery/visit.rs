//! `/recover`: whose account it is. The next page is the same for every address.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Form as Body,
    extract::{ConnectInfo, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::question::{self, Asked};
use crate::{
    account::{Caller, form, or_problem},
    app::App,
    bot,
    clock::HOUR,
    error::Internal,
    pages::{self, Options},
};

/// The form's fields.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Form {
    email: String,
    #[serde(skip_serializing)]
    bot: String,
    #[serde(skip_serializing)]
    sum: String,
}

/// What an address is asked for: the form's path, and the keys of what stands above it.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
}

const ACCESS: Wanted = Wanted { path: "/recover", title: "recover_title", lead: "recover_lead" };

/// `GET /recover`.
pub async fn form(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    empty(&app, &headers, ACCESS)
}

/// The form with nothing in it.
pub(super) fn empty(app: &App, headers: &HeaderMap, wanted: Wanted) -> Response {
    let locale = pages::locale_of(headers, &[]);
    let page = bot::ask(app, locale).and_then(|bot| show(app, locale, wanted, &Form::default(), &bot, None));
    or_problem(app, locale, page)
}

/// `POST /recover`.
pub async fn submit(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Body<Form>, FormRejection>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let taken = async {
        match take(&app, locale, ACCESS, &Caller::from(peer), body).await? {
            Ok(email) => question::PLACE.lead_to(&app, &headers, &Asked { email }),
            Err(response) => Ok(response),
        }
    };
    or_problem(&app, locale, taken.await)
}

/// The address that was asked for; otherwise the page that says what is wrong.
///
/// # Errors
/// When the generator or the database fails.
pub(super) async fn take(
    app: &App,
    locale: &str,
    wanted: Wanted,
    caller: &Caller,
    body: Result<Body<Form>, FormRejection>,
) -> Result<Result<String, Response>, Internal> {
    let Ok(Body(form)) = body else {
        return Ok(Err(app.pages.problem(StatusCode::BAD_REQUEST, locale, "bad_form", &json!({}))));
    };
    let Some(email) = form::email(&form.email) else {
        let bot = bot::ask_again(app, locale, &form.bot)?;
        return show(app, locale, wanted, &form, &bot, Some(("email", "invalid_email"))).map(Err);
    };
    let most = app.config.limits.recovery_visits_per_hour;
    if !app.limits.allow("recover", &caller.block, HOUR, most, app.clock.now()) {
        return Ok(Err(app.pages.problem(StatusCode::TOO_MANY_REQUESTS, locale, "too_many", &json!({}))));
    }
    if !bot::is_solved(app, &form.bot, &form.sum).await? {
        return show(app, locale, wanted, &form, &bot::ask(app, locale)?, Some(("sum", "invalid_sum"))).map(Err);
    }
    Ok(Ok(email))
}

/// The page, with what is wrong with one of its fields.
fn show(
    app: &App,
    locale: &str,
    wanted: Wanted,
    form: &Form,
    bot: &bot::Shown,
    mistake: Option<(&str, &str)>,
) -> Result<Response, Internal> {
    let status = if mistake.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let errors: serde_json::Map<_, _> =
        mistake.into_iter().map(|(field, key)| (field.to_owned(), key.into())).collect();
    let context = json!({
        "values": form, "errors": errors, "bot": bot,
        "path": wanted.path, "title": wanted.title, "lead": wanted.lead,
    });
    app.pages.render_with("recover.html", locale, context, &Options::default().status(status))
}
