//! `/recover/support`: mail and phone are both lost. The request waits for two administrators ([`super::approval`]). Pages,
//! counts and writes are the same for an address without an account.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Form as Body,
    extract::{ConnectInfo, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Sought,
    budget::Budget,
    counted::{self, Sent, until_counted},
};
use crate::{
    account::{
        Caller,
        form::{self, Mistakes},
        or_problem, phone,
    },
    app::App,
    bot,
    clock::{DAY, HOUR, Millis},
    error::Internal,
    notice::recovery as notices,
    pages::{self, Options, texts::turns},
    store::{
        log::Event,
        support::{self, Content},
    },
};

/// Shortest and longest evidence, in characters.
const EVIDENCE: std::ops::RangeInclusive<usize> = 20..=4000;

/// The form's fields.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Form {
    email: String,
    contact: String,
    phone: String,
    evidence: String,
    #[serde(skip_serializing)]
    bot: String,
    #[serde(skip_serializing)]
    sum: String,
}

/// `GET /recover/support`.
pub async fn form(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let page = bot::ask(&app, locale).and_then(|bot| show(&app, locale, &Form::default(), &bot, &Mistakes::new()));
    or_problem(&app, locale, page)
}

/// `POST /recover/support`.
pub async fn submit(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
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
    let (email, content) = match fill(&form, locale) {
        Ok(filled) => filled,
        Err(mistakes) => return show(app, locale, &form, &bot::ask_again(app, locale, &form.bot)?, &mistakes),
    };
    let most = app.config.limits.recovery_visits_per_hour;
    if !app.limits.allow("recover", &caller.block, HOUR, most, app.clock.now()) {
        return Ok(app.pages.problem(StatusCode::TOO_MANY_REQUESTS, locale, "too_many", &json!({})));
    }
    if !bot::is_solved(app, &form.bot, &form.sum).await? {
        let mistakes = Mistakes::from([("sum", "invalid_sum")]);
        return show(app, locale, &form, &bot::ask(app, locale)?, &mistakes);
    }
    let problem = |status, key| Ok(app.pages.problem(status, locale, key, &json!({})));
    match keep(app, caller, &Sought::find(app, email).await?, &content).await? {
        Sent::Done => app.pages.render("recover_support_sent.html", locale, json!({ "contact": content.contact })),
        Sent::Enough => problem(StatusCode::TOO_MANY_REQUESTS, "recover_enough"),
        Sent::Busy => problem(StatusCode::SERVICE_UNAVAILABLE, "busy"),
    }
}

fn fill(form: &Form, locale: &str) -> Result<(String, Content), Mistakes> {
    let mut mistakes = Mistakes::new();
    let mut field = |name: &'static str, parsed: Result<String, &'static str>| {
        parsed.map_err(|mistake| mistakes.insert(name, mistake)).unwrap_or_default()
    };
    let email = field("email", form::email(&form.email).ok_or("invalid_email"));
    let contact = field("contact", form::email(&form.contact).ok_or("invalid_email"));
    let phone = field("phone", phone::parse(&form.phone).map(|number| phone::e164(&number)));
    let evidence = shown_as_written(&form.evidence);
    let fits = EVIDENCE.contains(&evidence.chars().count());
    let evidence = field("evidence", fits.then_some(evidence).ok_or("invalid_evidence"));
    if mistakes.is_empty() {
        Ok((email, Content { contact, phone, evidence, locale: locale.to_owned() }))
    } else {
        Err(mistakes)
    }
}

/// Without what would do something to the screen of whoever reads it: control characters, and those that turn the direction.
fn shown_as_written(text: &str) -> String {
    let text: String = text.chars().filter(|c| *c == '\n' || !c.is_control() && !turns(*c)).collect();
    text.trim().to_owned()
}

/// Keeps the request, unless there were too many about this address: `Ok(Sent::Enough)`.
async fn keep(app: &Arc<App>, caller: &Caller, sought: &Sought, content: &Content) -> Result<Sent, Internal> {
    until_counted(app, || keep_once(app, caller, sought, content)).await
}

/// Counts, keeps and logs it, and tells the owner; one about nobody is counted and kept as well, and void.
async fn keep_once(app: &Arc<App>, caller: &Caller, sought: &Sought, content: &Content) -> Result<Sent, Internal> {
    let now = app.clock.now();
    let budget = Budget::of(app, &sought.subject).await?;
    if !budget.may_ask(app) {
        return Ok(Sent::Enough);
    }
    let row = row(app, sought, content, now)?;
    let notices = match &sought.account {
        Some(account) => notices::support_asked(app, account, &row.id).await?,
        None => Vec::new(),
    };
    let reference = Some(row.id.clone());
    let event = Event { reference, address: Some(caller.address.clone()), ..Event::new("support", "asked") };
    let changes = vec![budget.asked(now), support::adding(row)];
    counted::write(app, sought, changes, notices, event).await
}

fn row(app: &App, sought: &Sought, content: &Content, now: Millis) -> Result<support::Model, Internal> {
    let id = app.entropy.id()?;
    Ok(support::Model {
        sealed: app.seal.record_json(support::RECORD, &id, content)?,
        account_id: sought.subject.clone(),
        status: if sought.account.is_some() { support::OPEN } else { support::VOID }.to_owned(),
        first_admin: None,
        second_admin: None,
        created_at: now,
        decided_at: None,
        expires_at: now + i64::from(app.config.limits.support_keep_days) * DAY,
        id,
    })
}

fn show(app: &App, locale: &str, form: &Form, bot: &bot::Shown, mistakes: &Mistakes) -> Result<Response, Internal> {
    let context = json!({ "values": form, "errors": mistakes, "bot": bot });
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    app.pages.render_with("recover_support.html", locale, context, &Options::default().status(status))
}
