//! `/register`: the form, and the mail that leads back.
//!
//! A known address gets the same page after the same work; only its mail differs. The security answer is hashed before
//! anything is stored.

use std::sync::Arc;

use axum::{
    Form as Body,
    extract::{ConnectInfo, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use super::confirmation::{confirm, confirm_page};
use super::{
    Caller, answer,
    form::{self, Filled, Form, Mistakes},
    or_problem,
};
use crate::{
    app::App,
    bot,
    clock::{DAY, HOUR},
    courier::Message,
    error::Internal,
    letter,
    pages::{self, Options},
    store::{account, registration},
};

/// How long the e-mailed link works.
const LINK_LIFE: i64 = DAY;
/// Mails that one address gets in an hour at most.
const MAILS_PER_HOUR: u64 = 3;

/// What waits, sealed, for its link.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) phone: String,
    pub(super) question: String,
    /// PHC string.
    pub(super) answer: String,
    pub(super) locale: String,
}

/// The keyed hash under which a link's token is stored.
pub(super) fn token_hash(app: &App, token: &str) -> String {
    app.seal.hash("registration", token)
}

/// `GET /register`.
pub async fn form(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let empty = Form { question: "pet".to_owned(), ..Form::default() };
    let page = bot::ask(&app, locale).and_then(|bot| show(&app, locale, &empty, &bot, &Mistakes::new()));
    or_problem(&app, locale, page)
}

/// `POST /register`.
pub async fn submit(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<std::net::SocketAddr>,
    headers: HeaderMap,
    body: Result<Body<Form>, FormRejection>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let Ok(Body(form)) = body else {
        return app.pages.problem(StatusCode::BAD_REQUEST, locale, "bad_form", &json!({}));
    };
    or_problem(&app, locale, take(&app, locale, &Caller::from(peer), form).await)
}

async fn take(app: &Arc<App>, locale: &str, caller: &Caller, form: Form) -> Result<Response, Internal> {
    let filled = match form.fill(app, locale) {
        Ok(filled) => filled,
        // The sum is not judged yet: nobody has to solve another one for a slip elsewhere.
        Err(mistakes) => return show(app, locale, &form, &bot::ask_again(app, locale, &form.bot)?, &mistakes),
    };
    let now = app.clock.now();
    if !app.limits.allow("register", &caller.block, HOUR, app.config.limits.registrations_per_hour, now) {
        return Ok(app.pages.problem(StatusCode::TOO_MANY_REQUESTS, locale, "too_many", &json!({})));
    }
    if !bot::is_solved(app, &form.bot, &form.sum).await? {
        let mistakes = Mistakes::from([("sum", "invalid_sum")]);
        return show(app, locale, &form, &bot::ask(app, locale)?, &mistakes);
    }
    let email = filled.email.clone();
    if form.website.is_empty() {
        begin(app, locale, filled).await?;
    } else {
        // A robot is better off believing that it was heard.
        tracing::info!("a registration was dropped: the hidden field was filled in");
    }
    app.pages.render("register_sent.html", locale, json!({ "email": email }))
}

/// Stores the registration and queues its mail, or the other mail for an address that has an account.
async fn begin(app: &Arc<App>, locale: &str, filled: Filled) -> Result<(), Internal> {
    let now = app.clock.now();
    let token = app.entropy.token()?;
    let token_hash = token_hash(app, &token);
    let known = account::by_email(app.db.read(), &filled.email).await?.is_some();
    let message = letter(app, locale, &filled, &token, &token_hash, known)?;
    let pending = Pending {
        answer: answer::hash(&app.entropy, &filled.answer).await?,
        first_name: filled.first_name,
        last_name: filled.last_name,
        phone: filled.phone,
        question: filled.question,
        locale: locale.to_owned(),
    };
    if registration::begun_since(app.db.read(), &filled.email, now - HOUR).await? >= MAILS_PER_HOUR {
        tracing::info!("a registration mail was held back: this address has had its share for the hour");
        return Ok(());
    }
    let row = registration::Model {
        sealed: app.seal.record_json("registration", &token_hash, &pending)?,
        token_hash,
        email: filled.email,
        created_at: now,
        expires_at: now + LINK_LIFE,
        // There is no link for a known address; the row counts its mails and makes both ways alike.
        used_at: known.then_some(now),
    };
    let transaction = app.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                registration::add(tx, row).await?;
                transaction.courier.queue_in(tx, &transaction.seal, message).await
            })
        })
        .await?;
    app.courier.wake();
    Ok(())
}

fn letter(app: &App, locale: &str, filled: &Filled, token: &str, hash: &str, known: bool) -> Result<Message, Internal> {
    let (key, path) =
        if known { ("exists", "/pad".to_owned()) } else { ("confirm", format!("/register/confirm/{token}")) };
    let args = json!({ "name": filled.first_name, "link": app.config.url(&path) });
    letter::of_key(app, locale, key, format!("registration:{hash}"), &filled.email, &args)
}

fn show(app: &App, locale: &str, form: &Form, bot: &bot::Shown, mistakes: &Mistakes) -> Result<Response, Internal> {
    let context = json!({
        "values": form,
        "errors": mistakes,
        "bot": bot,
        "questions": form::questions(app, locale),
    });
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    app.pages.render_with("register.html", locale, context, &Options::default().status(status))
}
