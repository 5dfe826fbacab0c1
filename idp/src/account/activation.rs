//! `/activate/{sealed}`: what to do between the account and the first login, which may be to enrol on a plugin's own
//! pages; `/enrol/{factor}/{link}`: the way there from a link; and `/pad`: how to use the cipherpad.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Form,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use plugin_api::message::{ChallengeKind, Enrols, Input};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Caller,
    bound::{Place, see_other},
    enrol::{self, page::Answered},
    or_problem, phone,
};
use crate::{
    app::App,
    clock::{DAY, MINUTE, Millis},
    error::Internal,
    pages::{self, Options, Scripts},
    plugins::{CallError, FactorHandle},
    store::{
        account::{self, Model as Account},
        enrolment::{self, Model as Enrolment},
    },
};

/// It can be come back to for two days.
const PLACE: Place = Place { slot: "activate", path: "/activate/", life: 2 * DAY };
const PAGE: &str = "activate.html";
const LINK_SLOT: &str = "enrol-link";
/// The form's field that names the step that its page belongs to.
const STEP_FIELD: &str = "enrolment_step";
/// How often the message can be sent again.
const RESENDS: i32 = 3;
/// How long to wait before that.
const BETWEEN_RESENDS: Millis = MINUTE;

/// What the page is about.
#[derive(Serialize, Deserialize)]
struct About {
    account: String,
    factor: String,
}

/// Leads the browser to the page, and binds the page to it.
///
/// # Errors
/// When sealing or the generator fails.
pub(super) fn lead_to(app: &App, headers: &HeaderMap, account: &str, factor: &str) -> Result<Response, Internal> {
    PLACE.lead_to(app, headers, &About { account: account.to_owned(), factor: factor.to_owned() })
}

/// A link to enrol with, for whoever is handed it: good in one browser or another until the enrolment is complete or
/// over. `None` for a factor whose device does it.
///
/// # Errors
/// When sealing fails.
pub(super) fn link(app: &App, factor: &FactorHandle, row: &Enrolment) -> Result<Option<String>, Internal> {
    if factor.manifest().enrols != Enrols::Page {
        return Ok(None);
    }
    let until = row.expires_at.unwrap_or_else(|| app.clock.now());
    let sealed = app.seal.travel(LINK_SLOT, "", until, &row.id)?;
    Ok(Some(app.config.url(&format!("/enrol/{}/{sealed}", factor.id()))))
}

/// `GET /enrol/{factor}/{link}`: binds the page to this browser. Changes nothing, since mail filters open links too.
pub async fn from_link(
    State(app): State<Arc<App>>,
    Path((factor, sealed)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let led = async {
        let now = app.clock.now();
        let Ok(id) = app.seal.open_travel::<String>(LINK_SLOT, "", now, &sealed) else { return Ok(over(&app, locale)) };
        let row = enrolment::by_id(app.db.read(), &id).await?;
        match row.filter(|row| row.factor == factor && enrol::is_waiting(row, now)) {
            Some(row) => lead_to(&app, &headers, &row.account_id, &factor),
            None => Ok(over(&app, locale)),
        }
    };
    or_problem(&app, locale, led.await)
}

fn over(app: &App, locale: &str) -> Response {
    app.pages.problem(StatusCode::GONE, locale, "enrol_link", &json!({}))
}

fn full(app: &App, locale: &str) -> Response {
    app.pages.problem(StatusCode::CONFLICT, locale, "enrol_full", &json!({}))
}

/// How an enrolment stands.
enum Stand {
    Active,
    Waiting(Enrolment),
    /// Too late, or too many wrong answers.
    Ended(Option<Enrolment>),
}

/// What the page says after a resend, or an answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Said {
    sent: Option<String>,
    answer: Option<String>,
}

/// A line above the page's own text, by the key of a text.
enum Line {
    Notice(&'static str),
    Error(&'static str),
}

impl Said {
    fn line(&self) -> Option<Line> {
        match (self.sent.as_deref(), self.answer.as_deref()) {
            (Some("yes"), _) => Some(Line::Notice("resend_done")),
            (Some("wait"), _) => Some(Line::Notice("resend_wait")),
            (_, Some("wrong")) => Some(Line::Error("error_wrong")),
            _ => None,
        }
    }
}

/// `GET /activate/{sealed}`.
pub async fn page(
    State(app): State<Arc<App>>,
    Path(sealed): Path<String>,
    Query(said): Query<Said>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let shown = async {
        match open(&app, locale, &headers, &sealed).await? {
            Ok((account, about)) => {
                let stand = stand(&app, &about).await?;
                let place = format!("/activate/{sealed}");
                Page { app: &app, locale, account: &account, about: &about, place }.show(&stand, said.line())
            }
            Err(problem) => Ok(problem),
        }
    };
    or_problem(&app, locale, shown.await)
}

/// `POST /activate/{sealed}`: "I got no SMS". The code itself is not kept, so another message means another code; the
/// earlier one ends.
pub async fn resend(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(sealed): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let done = async {
        match open(&app, locale, &headers, &sealed).await? {
            Ok((account, about)) => {
                let said = send_again(&app, &account, &about, Caller::from(peer)).await?;
                see_other(&format!("/activate/{sealed}{said}"))
            }
            Err(problem) => Ok(problem),
        }
    };
    or_problem(&app, locale, done.await)
}

/// `POST /activate/{sealed}/answer`: the person's answer to the plugin's page.
pub async fn answer(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(sealed): Path<String>,
    headers: HeaderMap,
    Form(mut fields): Form<BTreeMap<String, String>>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let step = fields.remove(STEP_FIELD).unwrap_or_default();
    let done = async {
        let (account, about) = match open(&app, locale, &headers, &sealed).await? {
            Ok(both) => both,
            Err(problem) => return Ok(problem),
        };
        let back = |said: &str| see_other(&format!("/activate/{sealed}{said}"));
        let Stand::Waiting(row) = stand(&app, &about).await? else { return back("") };
        let factor = factor(&app, &about)?;
        // An answer to an earlier page: the person sees where they are.
        if factor.manifest().enrols != Enrols::Page || step != row.version.to_string() {
            return back("");
        }
        match enrol::page::answer(&app, &Caller::from(peer), &factor, (account, row), locale, Input(fields)).await? {
            Answered::Asked | Answered::Enrolled | Answered::Ended | Answered::Stale => back(""),
            Answered::Wrong => back("?answer=wrong"),
            Answered::Full => Ok(full(&app, locale)),
            Answered::TooMany => Ok(app.pages.problem(StatusCode::TOO_MANY_REQUESTS, locale, "too_many", &json!({}))),
        }
    };
    or_problem(&app, locale, done.await)
}

/// The factor; one that is switched off may soon be back.
fn factor(app: &App, about: &About) -> Result<FactorHandle, Internal> {
    app.plugins.factor(&about.factor).ok_or(Internal::Plugin(CallError::Busy))
}

/// `GET /pad`.
pub async fn pad(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    or_problem(&app, locale, app.pages.render("pad.html", locale, json!({ "issuer": app.config.issuer })))
}

async fn open(
    app: &App,
    locale: &str,
    headers: &HeaderMap,
    sealed: &str,
) -> Result<Result<(Account, About), Response>, Internal> {
    let problem = |key| Ok(Err(app.pages.problem(StatusCode::BAD_REQUEST, locale, key, &json!({}))));
    let about: About = match PLACE.open(app, headers, sealed) {
        Ok(about) => about,
        Err(key) => return problem(key),
    };
    match account::by_id(app.db.read(), &about.account).await?.filter(Account::is_active) {
        Some(account) => Ok(Ok((account, about))),
        None => problem("expired"),
    }
}

/// What waits goes before what is active: the person may be replacing it.
async fn stand(app: &App, about: &About) -> Result<Stand, Internal> {
    let now = app.clock.now();
    let rows = enrolment::of_account(app.db.read(), &about.account).await?;
    let several = app.plugins.factor(&about.factor).is_some_and(|factor| factor.manifest().per_account > 1);
    let (mut is_active, mut newest_pending) = (false, None);
    for row in rows.into_iter().filter(|row| row.factor == about.factor) {
        match row.status.as_str() {
            "active" => is_active = true,
            "pending" => newest_pending = Some(row),
            _ => {}
        }
    }
    Ok(match newest_pending {
        Some(row) if enrol::is_waiting(&row, now) => Stand::Waiting(row),
        // It would have been one more: that there are others is another matter.
        Some(row) if several => Stand::Ended(Some(row)),
        _ if is_active => Stand::Active,
        ended => Stand::Ended(ended),
    })
}

/// The page for one person.
struct Page<'a> {
    app: &'a App,
    locale: &'a str,
    account: &'a Account,
    about: &'a About,
    place: String,
}

impl Page<'_> {
    fn show(&self, stand: &Stand, line: Option<Line>) -> Result<Response, Internal> {
        let (app, account) = (self.app, self.account);
        let (state, row) = match stand {
            Stand::Active => ("active", None),
            Stand::Waiting(row) => ("waiting", Some(row)),
            Stand::Ended(row) => ("ended", row.as_ref()),
        };
        let mut context = json!({
            "state": state,
            "email": account.email,
            "phone": phone::masked(&account.phone),
            "resends_left": row.map_or(0, |row| (RESENDS - row.resends).max(0)),
        });
        if let Some(line) = line {
            let (place, key) = match line {
                Line::Notice(key) => ("notice", key),
                Line::Error(key) => ("error", key),
            };
            context[place] = key.into();
        }
        let factor = factor(app, self.about)?;
        let mut scripts = None;
        if factor.manifest().enrols == Enrols::Page {
            context["on_page"] = true.into();
            context["sends"] = (factor.manifest().challenge == ChallengeKind::Stored).into();
            context["factor_name"] = factor.text(self.locale, "name").into();
            if let Stand::Waiting(row) = stand {
                match self.body(&factor, row) {
                    Ok((body, runs)) => {
                        context["body"] = body.into();
                        scripts = runs;
                    }
                    Err(Internal::Page(why)) => {
                        tracing::error!(
                            factor = factor.id(),
                            why,
                            "a page to enrol on cannot be shown; the person begins anew"
                        );
                        return self.show(&Stand::Ended(Some(row.clone())), None);
                    }
                    Err(error) => return Err(error),
                }
                context["action"] = format!("{}/answer", self.place).into();
                context["hidden"] = json!({ STEP_FIELD: row.version.to_string() });
            }
        }
        let options = Options::for_template(PAGE).running(scripts);
        app.pages.render_with(PAGE, self.locale, context, &options)
    }

    /// The plugin's part of the page, and what it may run there.
    fn body(&self, factor: &FactorHandle, row: &Enrolment) -> Result<(String, Option<Scripts>), Internal> {
        let body = enrol::page::body(self.app, row, self.locale);
        let now = self.app.plugins.factor(factor.id());
        if body.is_err() && now.is_none_or(|now| now.sha256() != factor.sha256()) {
            // Its pages went, or were replaced, after the look at who runs.
            return Err(Internal::Plugin(CallError::Busy));
        }
        body
    }
}

/// Sends a new code if one may be sent, and gives what to add to the page's address.
async fn send_again(
    app: &Arc<App>,
    account: &Account,
    about: &About,
    caller: Caller,
) -> Result<&'static str, Internal> {
    let now = app.clock.now();
    let earlier = match stand(app, about).await? {
        Stand::Waiting(row) | Stand::Ended(Some(row)) => row,
        Stand::Active | Stand::Ended(None) => return Ok(""),
    };
    if earlier.resends >= RESENDS {
        return Ok("");
    }
    if now < earlier.resent_at.unwrap_or(earlier.created_at) + BETWEEN_RESENDS {
        return Ok("?sent=wait");
    }
    let factor = factor(app, about)?;
    let active = enrolment::of_account(app.db.read(), &account.id).await?;
    let active = active.iter().rev().find(|row| row.factor == about.factor && row.status == "active");
    let prepared = enrol::begin_prepare(app, account, &factor, active).await?.sent_again_after(&earlier, now);
    let transaction = app.clone();
    let written = app.db.write(move |tx| {
        Box::pin(async move {
            // Of two requests at once the second finds the row changed: the count cannot be passed by.
            enrolment::saving(Enrolment { status: "replaced".to_owned(), ..earlier }).apply(tx).await?;
            enrol::begin_in(tx, &transaction, prepared, Some(caller.address)).await
        })
    });
    match written.await {
        Ok(()) => {
            app.courier.wake();
            Ok("?sent=yes")
        }
        Err(error) if error.is_conflict() => Ok("?sent=wait"),
        Err(error) => Err(error),
    }
}
