//! `/recover/link/{token}`: the mailed link. Opening it shows a page and changes nothing, since mail filters open links too.
//! Its button begins the waiting time; when that is over, the same link goes through with the recovery.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Form,
    extract::{ConnectInfo, Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    budget::Budget,
    effect::{Case, Outcome, hours},
    moved::Moved,
    token_hash,
};
use crate::{
    account::{Caller, activation, bound::see_other, confirmation, or_problem, phone},
    app::App,
    clock,
    error::Internal,
    pages::{self, Options},
    plugins::CallError,
    store::{
        account::{self, Model as Account},
        recovery::{self, Model as Recovery},
    },
};

/// What the page's form holds.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    factor: String,
}

/// `GET /recover/link/{token}`.
pub async fn page(State(app): State<Arc<App>>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let shown = async {
        match open(&app, &token).await? {
            Some((row, account)) => show(&app, locale, &row, &account, None).await,
            None => Ok(gone(&app, locale)),
        }
    };
    or_problem(&app, locale, shown.await)
}

/// `POST /recover/link/{token}`.
pub async fn press(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Result<Form<Choice>, FormRejection>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let Ok(Form(choice)) = body else {
        return app.pages.problem(StatusCode::BAD_REQUEST, locale, "bad_form", &json!({}));
    };
    or_problem(&app, locale, take(&app, locale, &headers, &Caller::from(peer), &token, &choice).await)
}

/// The recovery behind a link that still leads somewhere, and whose it is.
async fn open(app: &App, token: &str) -> Result<Option<(Recovery, Account)>, Internal> {
    let db = app.db.read();
    let row = recovery::by_token(db, &token_hash(app, token)).await?;
    let Some(row) = row.filter(|row| row.is_live(app.clock.now())) else { return Ok(None) };
    let account = account::by_id(db, &row.account_id).await?.filter(Account::is_active);
    Ok(account.map(|account| (row, account)))
}

fn gone(app: &App, locale: &str) -> Response {
    app.pages.problem(StatusCode::GONE, locale, "recover_link", &json!({}))
}

async fn take(
    app: &Arc<App>,
    locale: &str,
    headers: &HeaderMap,
    caller: &Caller,
    token: &str,
    choice: &Choice,
) -> Result<Response, Internal> {
    let Some((row, account)) = open(app, token).await? else { return Ok(gone(app, locale)) };
    let again = || see_other(&format!("/recover/link/{token}"));
    let waits = row.is_waiting(app.clock.now());
    if waits && !row.is_due(app.clock.now()) {
        return again();
    }
    let chosen = if row.factor.is_empty() { &choice.factor } else { &row.factor };
    let Some(factor) = confirmation::method(app, chosen) else {
        // What was chosen before is switched off at the moment.
        if !row.factor.is_empty() {
            return Err(CallError::Busy.into());
        }
        return show(app, locale, &row, &account, Some("error_choose")).await;
    };
    let account_id = account.id.clone();
    let case = Case { app, row, account, address: caller.address.clone() };
    let done = if waits { case.complete(&factor).await } else { case.confirm(&factor, token).await };
    match done {
        Ok(Outcome::Waits) => again(),
        Ok(Outcome::Begun) => activation::lead_to(app, headers, &account_id, factor.id()),
        Ok(Outcome::Refused(key, args)) => Ok(app.pages.problem(StatusCode::CONFLICT, locale, key, &args)),
        // Something else happened at the same moment: the person sees how things stand now.
        Err(error) if error.is_conflict() => again(),
        Err(error) => Err(error),
    }
}

async fn show(
    app: &App,
    locale: &str,
    row: &Recovery,
    account: &Account,
    mistake: Option<&str>,
) -> Result<Response, Internal> {
    let now = app.clock.now();
    let moved = Moved::by(app, row).await?.map(|moved| moved.applied_to(account));
    let account = moved.as_ref().unwrap_or(account);
    let state = match (row.is_waiting(now), row.is_due(now)) {
        (false, _) => "mailed",
        (true, false) => "waiting",
        (true, true) => "due",
    };
    let budget = Budget::of(app, &account.id).await?;
    let mut context = json!({
        "state": state,
        "name": account.first_name,
        "email": account.email,
        "phone": phone::masked(&account.phone),
        "left": budget.left(app),
        "most": app.config.limits.recoveries_per_30_days,
        "hours": hours(app, account, row).await?,
        "ends": row.ends_everything(),
        "chooses": row.factor.is_empty(),
        "at": clock::text(row.effect_at.unwrap_or(now)),
    });
    confirmation::put_methods(app, locale, "", &mut context);
    let mut status = StatusCode::OK;
    if let Some(mistake) = mistake {
        context["error"] = mistake.into();
        status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    app.pages.render_with("recover_link.html", locale, context, &Options::default().status(status))
}
