//! `/register/confirm/{token}`: the e-mailed link. Opening it shows a page and changes nothing, since mail filters open
//! links too; its button makes the account.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Form as Body,
    extract::{ConnectInfo, Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use plugin_api::message::Purpose;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Caller, activation, enrol, or_problem, phone,
    registration::{Pending, token_hash},
};
use crate::{
    app::App,
    error::Internal,
    pages::{self, Options},
    plugins::FactorHandle,
    store::{
        StoreError,
        account::{self, Model as Account},
        log::{self, Event},
        registration,
    },
};

/// What the page's form holds.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    phone: String,
    factor: String,
}

/// `GET /register/confirm/{token}`.
pub async fn confirm_page(State(app): State<Arc<App>>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let page = async {
        let Some((row, pending)) = open(&app, &token).await? else { return Ok(gone(&app, locale)) };
        if account::by_email(app.db.read(), &row.email).await?.is_some() {
            return Ok(taken(&app, locale));
        }
        let choice = Choice { phone: phone::international(&pending.phone), factor: String::new() };
        show(&app, locale, &pending, &choice, None)
    };
    or_problem(&app, locale, page.await)
}

/// `POST /register/confirm/{token}`: makes the account and sends the activation code.
pub async fn confirm(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Result<Body<Choice>, FormRejection>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let Ok(Body(choice)) = body else {
        return app.pages.problem(StatusCode::BAD_REQUEST, locale, "bad_form", &json!({}));
    };
    or_problem(&app, locale, take(&app, locale, &headers, &Caller::from(peer), &token, &choice).await)
}

/// The registration behind a link that still works.
async fn open(app: &App, token: &str) -> Result<Option<(registration::Model, Pending)>, Internal> {
    let hash = token_hash(app, token);
    let Some(row) = registration::live(app.db.read(), &hash, app.clock.now()).await? else { return Ok(None) };
    let pending = app.seal.open_record_json("registration", &hash, &row.sealed)?;
    Ok(Some((row, pending)))
}

async fn take(
    app: &Arc<App>,
    locale: &str,
    headers: &HeaderMap,
    caller: &Caller,
    token: &str,
    choice: &Choice,
) -> Result<Response, Internal> {
    let Some((row, pending)) = open(app, token).await? else { return Ok(gone(app, locale)) };
    let number = match phone::parse(&choice.phone) {
        Ok(number) => number,
        Err(mistake) => return show(app, locale, &pending, choice, Some(mistake)),
    };
    let Some(factor) = method(app, &choice.factor) else {
        return show(app, locale, &pending, choice, Some("error_choose"));
    };
    let account = new_account(app, row.email, pending, phone::e164(&number))?;
    let prepared = enrol::begin_prepare(app, &account, &factor, None).await?;
    let factor = factor.id().to_owned();
    let (id, address) = (account.id.clone(), caller.address.clone());
    match create(app, row.token_hash, account, prepared, address).await? {
        Outcome::Created => activation::lead_to(app, headers, &id, &factor),
        Outcome::LinkUsed => Ok(gone(app, locale)),
        Outcome::EmailTaken => Ok(taken(app, locale)),
    }
}

fn new_account(app: &App, email: String, pending: Pending, phone: String) -> Result<Account, Internal> {
    Ok(Account {
        id: app.entropy.id()?,
        email,
        first_name: pending.first_name,
        last_name: pending.last_name,
        phone,
        locale: pending.locale,
        security_question: pending.question,
        security_answer: pending.answer,
        status: "active".to_owned(),
        created_at: app.clock.now(),
        log_seq: 0,
        log_head: Vec::new(),
        recovering: None,
        time_zone: String::new(),
        phone_changed_at: None,
        notices: String::new(),
        delete_at: None,
        places: String::new(),
        places_until: None,
    })
}

enum Outcome {
    Created,
    LinkUsed,
    EmailTaken,
}

/// Uses the link up, makes the account, begins its enrolment and queues the messages: all of it or nothing. Of two links
/// for one address one wins.
async fn create(
    app: &Arc<App>,
    token_hash: String,
    account: Account,
    prepared: enrol::Prepared,
    address: String,
) -> Result<Outcome, Internal> {
    let transaction = app.clone();
    let now = app.clock.now();
    let done = app.db.write(move |tx| {
        Box::pin(async move {
            let app = transaction;
            if !registration::use_up(tx, &token_hash, now).await? {
                return Err(Stopped::Because(Outcome::LinkUsed));
            }
            let id = account.id.clone();
            if !account::add(tx, account).await? {
                return Err(Stopped::Because(Outcome::EmailTaken));
            }
            let event = Event { address: Some(address.clone()), ..Event::new("registered", "ok") };
            log::append(tx, &app.seal, &id, now, &event).await?;
            enrol::begin_in(tx, &app, prepared, Some(address)).await?;
            Ok(Outcome::Created)
        })
    });
    match done.await {
        Ok(outcome) => {
            app.courier.wake();
            Ok(outcome)
        }
        Err(Stopped::Because(outcome)) => Ok(outcome),
        Err(Stopped::Failed(error)) => Err(error),
    }
}

/// Why the transaction was given up.
enum Stopped {
    Because(Outcome),
    Failed(Internal),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Internal> for Stopped {
    fn from(error: Internal) -> Self {
        Self::Failed(error)
    }
}

/// The method with this id, if one can register with it.
pub(super) fn method(app: &App, id: &str) -> Option<FactorHandle> {
    app.plugins.factors_for(Purpose::Authorize).into_iter().find(|factor| factor.id() == id)
}

/// Puts the methods that one can register with into a page, for the person to choose from; without a choice so far, the
/// first one is ticked.
pub(super) fn put_methods(app: &App, locale: &str, chosen: &str, context: &mut Value) {
    let methods = app.plugins.factors_for(Purpose::Authorize);
    let first = methods.first().map(FactorHandle::id).unwrap_or_default();
    context["chosen"] = if chosen.is_empty() { first } else { chosen }.into();
    let shown = |factor: &FactorHandle| {
        let text = |key| factor.text(locale, key).unwrap_or_default();
        json!({ "id": factor.id(), "name": text("name"), "description": text("description") })
    };
    context["factors"] = methods.iter().map(shown).collect();
}

fn show(
    app: &App,
    locale: &str,
    pending: &Pending,
    choice: &Choice,
    mistake: Option<&str>,
) -> Result<Response, Internal> {
    let mut context = json!({ "name": pending.first_name, "phone": choice.phone });
    put_methods(app, locale, &choice.factor, &mut context);
    let mut status = StatusCode::OK;
    if let Some(mistake) = mistake {
        context["error"] = mistake.into();
        status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    app.pages.render_with("confirm.html", locale, context, &Options::default().status(status))
}

fn gone(app: &App, locale: &str) -> Response {
    app.pages.problem(StatusCode::GONE, locale, "link_used", &json!({}))
}

fn taken(app: &App, locale: &str) -> Response {
    app.pages.problem(StatusCode::CONFLICT, locale, "email_taken", &json!({}))
}
