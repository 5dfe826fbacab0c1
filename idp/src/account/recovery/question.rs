//! `/recover/question/{state}`: the security question, or a recovery code. Whatever is answered, the next page says that a mail is on its way if
//! it was right.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Form,
    extract::{ConnectInfo, Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{LINK_LIFE, Sought, budget::Budget, codes, drawn, token_hash};
use crate::{
    account::{Caller, answer, bound::Place, or_problem},
    app::App,
    clock::{self, HOUR, MINUTE, Millis},
    courier::Message,
    error::Internal,
    letter,
    pages::{self, Options},
    store::{
        self,
        account::Model as Account,
        log::{self, Event},
        recovery, recovery_code, spent,
    },
};

/// The page of one address.
pub(super) const PLACE: Place = Place { slot: "recover", path: "/recover/question/", life: HOUR / 2 };
/// Answers about one address in a minute: the day's budget is durable, this keeps the computation in bounds.
const PER_MINUTE: u32 = 10;
/// Codes given for one address in an hour. Nobody guesses one; this keeps rows and log in bounds.
const CODES_PER_HOUR: u32 = 10;
/// How often an answer is counted anew when others are counted in between.
const RETRIES: usize = 5;
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
    for _ in 0..RETRIES {
        match count(app, caller, &sought, &proof).await {
            Err(error) if error.is_conflict() => {}
            Ok(true) => {
                app.courier.wake();
                return app.pages.render("recover_sent.html", locale, json!({ "email": sought.email }));
            }
            Ok(false) => return enough(app, locale, &sought).await,
            Err(error) => return Err(error),
        }
    }
    Ok(app.pages.problem(StatusCode::SERVICE_UNAVAILABLE, locale, "busy", &json!({})))
}

/// What was given in proof, and whether it is right.
struct Proof {
    kind: &'static str,
    /// Hash of a code.
    reference: Option<String>,
    is_right: bool,
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
    Ok(Some(Proof { kind: recovery::QUESTION, reference: None, is_right }))
}

/// Judges a recovery code; `None` when none is looked at any more.
async fn code_given(app: &App, sought: &Sought, code: &str) -> Result<Option<Proof>, Internal> {
    if !app.limits.allow("recover-code", &sought.subject, HOUR, CODES_PER_HOUR, app.clock.now()) {
        return Ok(None);
    }
    // What is no code at all is looked up like one.
    let hash = codes::hash(app, &sought.subject, code).unwrap_or_default();
    let found = recovery_code::unused(app.db.read(), &hash).await?;
    Ok(Some(Proof { kind: recovery::CODE, is_right: found.is_some(), reference: found.map(|code| code.code_hash) }))
}

/// Counts an answer, and queues what comes of it or of a code. `Ok(false)` when the budget was used up in the meantime.
async fn count(app: &Arc<App>, caller: &Caller, sought: &Sought, proof: &Proof) -> Result<bool, Internal> {
    let now = app.clock.now();
    let budget = Budget::of(app, &sought.subject).await?;
    let is_answer = proof.kind == recovery::QUESTION;
    if is_answer && !budget.may_answer(app) {
        return Ok(false);
    }
    let token = app.entropy.token()?;
    let row = row(app, &sought.subject, proof, &token, now)?;
    let outcome =
        sought.account.as_ref().filter(|_| proof.is_right).map(|account| told(app, account, &budget, &token, &row));
    let (result, status, message) = outcome
        .transpose()?
        .map_or(("wrong", recovery::VOID, None), |told| (told.result, told.status, Some(told.message)));
    let row = recovery::Model { status: status.to_owned(), ..row };
    let event = Event {
        reference: Some(row.id.clone()),
        address: Some(caller.address.clone()),
        ..Event::new("recovery", result)
    };
    let counted = is_answer.then(|| budget.answered(now));
    let changes: Vec<_> = counted.into_iter().chain([recovery::adding(row)]).collect();
    let account = sought.account.as_ref().map(|account| account.id.clone());
    let nothing = spent::Model { purpose: "decoy".to_owned(), hash: app.entropy.id()?, expires_at: now };
    let transaction = app.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                store::apply(tx, changes).await?;
                if let Some(message) = message {
                    transaction.courier.queue_in(tx, &transaction.seal, message).await?;
                }
                match account {
                    Some(account) => log::append(tx, &transaction.seal, &account, now, &event).await?,
                    // Nobody's log: something of the same weight.
                    None => spent::spending(nothing).apply(tx).await?,
                }
                Ok::<_, Internal>(true)
            })
        })
        .await
}

fn row(app: &App, subject: &str, proof: &Proof, token: &str, now: Millis) -> Result<recovery::Model, Internal> {
    Ok(recovery::Model {
        id: app.entropy.id()?,
        account_id: subject.to_owned(),
        kind: proof.kind.to_owned(),
        status: recovery::VOID.to_owned(),
        token_hash: token_hash(app, token),
        factor: String::new(),
        reference: proof.reference.clone(),
        created_at: now,
        confirmed_at: None,
        effect_at: None,
        expires_at: now + LINK_LIFE,
    })
}

/// What a right answer comes to.
struct Told {
    /// For the log.
    result: &'static str,
    /// Of the row.
    status: &'static str,
    message: Message,
}

fn told(app: &App, account: &Account, budget: &Budget, token: &str, row: &recovery::Model) -> Result<Told, Internal> {
    let name = &account.first_name;
    let (key, result, status, args) =
        if let Some(until) = budget.locked_until(row.created_at).filter(|_| !row.is_at_once()) {
            ("recover_locked", "locked", recovery::VOID, json!({ "name": name, "until": clock::text(until) }))
        } else if budget.left(app) == 0 {
            let most = app.config.limits.recoveries_per_30_days;
            ("recover_used_up", "used_up", recovery::VOID, json!({ "name": name, "most": most }))
        } else {
            let link = app.config.url(&format!("/recover/link/{token}"));
            let key = if row.is_at_once() { "recover_link_by_code" } else { "recover_link" };
            (key, "mailed", recovery::MAILED, json!({ "name": name, "link": link }))
        };
    let effect = format!("recovery:{}:link", row.id);
    let message = letter::of_key(app, &account.locale, key, effect, &account.email, &args)?;
    Ok(Told { result, status, message })
}
