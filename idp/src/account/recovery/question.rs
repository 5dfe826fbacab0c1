//! `/recover/question/{state}`: the security question, or a recovery code. Whatever is answered, the next page says that a
//! mail is on its way if it was right.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Form,
    extract::{ConnectInfo, Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Sought,
    budget::Budget,
    codes,
    counted::Sent,
    drawn,
    sending::{self, Proof},
};
use crate::{
    account::{Caller, answer, bound::Place, or_problem},
    app::App,
    clock::{HOUR, MINUTE},
    error::Internal,
    pages::{self, Options},
    store::{recovery, recovery_code},
};

/// The page of one address.
pub(super) const PLACE: Place = Place { slot: "recover", path: "/recover/question/", life: HOUR / 2 };
/// Answers about one address in a minute: the day's budget is durable, this keeps the computation in bounds.
const PER_MINUTE: u32 = 10;
/// Codes given for one address in an hour. Nobody guesses one; this keeps rows and log in bounds.
const CODES_PER_HOUR: u32 = 10;
/// Longest answer, in characters, as registration takes it.
const LONGEST: usize = 200;

/// What the page is about.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) email: String,
}

/// The fields of both forms.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    security_answer: String,
    code: Option<String>,
}

/// `GET /recover/question/{state}`.
pub async fn page(State(app): State<Arc<App>>, Path(sealed): Path<String>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let shown = async {
        let asked: Asked = match PLACE.open(&app, &headers, &sealed) {
            Ok(asked) => asked,
            Err(key) => return Ok(refused(&app, locale, key)),
        };
        let sought = Sought::find(&app, asked.email).await?;
        let budget = Budget::of(&app, &sought.subject).await?;
        let question = drawn::question_for(&app, &sought).await?;
        show(&app, locale, &sought, &question, budget.may_answer(&app))
    };
    or_problem(&app, locale, shown.await)
}

/// `POST /recover/question/{state}`.
pub async fn answer(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(sealed): Path<String>,
    headers: HeaderMap,
    body: Result<Form<Answer>, FormRejection>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let taken = async {
        let Ok(Form(given)) = body else { return Ok(refused(&app, locale, "bad_form")) };
        match PLACE.open(&app, &headers, &sealed) {
            Ok(asked) => take(&app, locale, &Caller::from(peer), asked, &given).await,
            Err(key) => Ok(refused(&app, locale, key)),
        }
    };
    or_problem(&app, locale, taken.await)
}

fn refused(app: &App, locale: &str, key: &str) -> Response {
    app.pages.problem(StatusCode::BAD_REQUEST, locale, key, &json!({}))
}

fn show(app: &App, locale: &str, sought: &Sought, question: &str, may_answer: bool) -> Result<Response, Internal> {
    let status = if may_answer { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
    let context = json!({ "email": sought.email, "question": question, "may_answer": may_answer });
    app.pages.render_with("recover_question.html", locale, context, &Options::default().status(status))
}

async fn enough(app: &App, locale: &str, sought: &Sought) -> Result<Response, Internal> {
    let question = drawn::question_for(app, sought).await?;
    show(app, locale, sought, &question, false)
}

async fn take(
    app: &Arc<App>,
    locale: &str,
    caller: &Caller,
    asked: Asked,
    given: &Answer,
) -> Result<Response, Internal> {
    let sought = Sought::find(app, asked.email).await?;
    let proof = match &given.code {
        Some(code) => code_given(app, &sought, code).await?,
        None => answer_given(app, &sought, &given.security_answer).await?,
    };
    let Some(proof) = proof else {
        return match given.code {
            Some(_) => Ok(app.pages.problem(StatusCode::TOO_MANY_REQUESTS, locale, "too_many", &json!({}))),
            None => enough(app, locale, &sought).await,
        };
    };
    match sending::send(app, caller, &sought, &proof).await? {
        Sent::Done => {
            let context = json!({ "email": sought.email, "lead": "recover_sent", "hint": "recover_sent_hint", "again": "/recover" });
            app.pages.render("recover_sent.html", locale, context)
        }
        Sent::Enough => enough(app, locale, &sought).await,
        Sent::Busy => Ok(app.pages.problem(StatusCode::SERVICE_UNAVAILABLE, locale, "busy", &json!({}))),
    }
}

/// Judges an answer to the question; `None` when none is looked at any more.
async fn answer_given(app: &App, sought: &Sought, answer: &str) -> Result<Option<Proof>, Internal> {
    let now = app.clock.now();
    if !app.limits.allow("recover-answer", &sought.subject, MINUTE, PER_MINUTE, now)
        || !Budget::of(app, &sought.subject).await?.may_answer(app)
    {
        return Ok(None);
    }
    let shortened: String = answer.chars().take(LONGEST).collect();
    let stored = sought.account.as_ref().map(|account| account.security_answer.as_str());
    let is_right = answer::is_right(stored.filter(|stored| !stored.is_empty()), &shortened).await?;
    Ok(Some(Proof { is_right, ..Proof::of(recovery::QUESTION) }))
}

/// Judges a recovery code; `None` when none is looked at any more.
async fn code_given(app: &App, sought: &Sought, code: &str) -> Result<Option<Proof>, Internal> {
    if !app.limits.allow("recover-code", &sought.subject, HOUR, CODES_PER_HOUR, app.clock.now()) {
        return Ok(None);
    }
    // What is no code at all is looked up like one.
    let hash = codes::hash(app, &sought.subject, code).unwrap_or_default();
    let found = recovery_code::unused(app.db.read(), &hash).await?;
    let is_right = found.is_some();
    Ok(Some(Proof { is_right, reference: found.map(|code| code.code_hash), ..Proof::of(recovery::CODE) }))
}
