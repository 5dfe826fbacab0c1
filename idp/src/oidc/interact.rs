//! The browser's way from an accepted authorization request to its answer.
//!
//! [`open`] seals the request and the visit together; `/login/{visit}` shows the step that the person is at and takes
//! the answer to it. Every step returns to [`login::next()`] through [`proceed`]; no step calls another. What the person
//! proves, the session it opens and the code it earns commit as one.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Form,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use plugin_api::message::{Input, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    client::Client,
    device,
    error::{ErrorCode, OAuthError},
    request::AuthorizationRequest,
    response,
};
use crate::{
    app::{App, Peer},
    bot,
    clock::MINUTE,
    error::Internal,
    limits,
    login::{
        self, Demand, Interaction, Next, Stage,
        ceremony::{Issued, Press},
        consent, session,
    },
    pages, store,
};
use earned::Unanswered;

mod backchannel;
mod complaint;
mod denied;
mod earned;
mod nameless;
mod page;
mod suspicion;
mod verdict;
mod weighing;

pub use backchannel::request;
pub(in crate::oidc) use denied::write_down;

/// Fields of a form, by name.
type Fields = BTreeMap<String, String>;

const SLOT: &str = "visit";
const LONGEST_EMAIL: usize = 254;

/// The request and where the person is with it; travels sealed, bound to the browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Visit {
    request: AuthorizationRequest,
    interaction: Interaction,
    /// A robot is not at work here, as far as we can tell.
    checked: bool,
    /// What whoever is there may answer instead of saying who they are; of the page that asks that, and of no later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offered: Option<Box<Issued>>,
}

/// Who is there: the browser, its headers and where it comes from.
struct Visitor<'a> {
    app: &'a Arc<App>,
    browser: String,
    headers: &'a HeaderMap,
    /// Block of network addresses that limits are counted by.
    block: String,
}

/// Takes an accepted request to its first step.
pub async fn open(app: &Arc<App>, request: AuthorizationRequest, headers: &HeaderMap) -> Response {
    let locale = pages::locale_of(headers, &request.ui_locales);
    answer_or_problem(app, locale, try_open(app, request, headers, locale).await)
}

async fn try_open(
    app: &Arc<App>,
    request: AuthorizationRequest,
    headers: &HeaderMap,
    locale: &str,
) -> Result<Response, Unanswered> {
    let (browser, cookie) = match session::browser(app, headers) {
        Some(name) => (name.to_owned(), None),
        None => session::name_browser(app).map(|(name, header)| (name, Some(header)))?,
    };
    let demand = demand(&*client_of(app, &request).await?, &request);
    let hint = demand.login_hint.clone().filter(|hint| is_email(hint));
    let interaction = Interaction::open(app.entropy.id()?, app.clock.now(), locale, demand);
    let visit = Visit { request, interaction, checked: false, offered: None };
    // Opening shows no challenge: nothing is counted by address here.
    let visitor = Visitor { app, browser, headers, block: String::new() };
    if !visitor.is_served(&visit) {
        return Ok(visitor.has_no_service(&visit));
    }
    let session = session::current(app, headers).await?;
    let mut response = match decide(app, &visit, session.as_ref(), None).await? {
        Next::Prove => {
            let known = match (&visit.request.backchannel, &session, &visit.interaction.demand.transaction) {
                (Some(backchannel), ..) => email_of(app, &backchannel.account_id).await?,
                (None, Some(session), Some(_)) => email_of(app, &session.account_id).await?,
                _ => None,
            };
            let stage = match hint.or(known) {
                Some(email) => Stage::Choose { email },
                None => Stage::Identify,
            };
            visitor.redirect_to(&Visit { interaction: visit.interaction.at(stage), ..visit })?
        }
        next => visitor.proceed(visit, next, session.as_ref()).await?,
    };
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// What is to be approved, if anything is.
fn approved(request: &AuthorizationRequest) -> Option<Transaction> {
    request.payment.as_ref().map(|payment| payment.transaction.clone())
}

/// What the request means for the person.
pub(super) fn demand(client: &Client, request: &AuthorizationRequest) -> Demand {
    Demand {
        client_id: request.client_id.clone(),
        site: client.site_for(&request.redirect_uri),
        transaction: approved(request),
        acr_values: request.acr_values.clone(),
        acr_essential: request.essential_acr,
        max_age: request.max_age,
        prompt: request.prompt.clone(),
        login_hint: request.login_hint.clone(),
        scope: request.consent_scope(),
        trusted: client.trusted,
        raised: None,
    }
}

async fn client_of(app: &App, request: &AuthorizationRequest) -> Result<Arc<Client>, Internal> {
    let client = app.clients.find(&request.client_id).await?;
    client.ok_or_else(|| Internal::Other(format!("client {} was removed during a login", request.client_id)))
}

pub(super) fn is_email(text: &str) -> bool {
    let text = text.trim();
    text.len() <= LONGEST_EMAIL
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

async fn email_of(app: &App, account_id: &str) -> Result<Option<String>, Internal> {
    Ok(store::account::by_id(app.db.read(), account_id).await?.map(|account| account.email))
}

async fn decide(
    app: &App,
    visit: &Visit,
    session: Option<&store::session::Model>,
    proven_at: Option<i64>,
) -> Result<Next, Internal> {
    let demand = &visit.interaction.demand;
    let client = client_of(app, &visit.request).await?;
    // Somebody else's session is no session for a request that names whom it expects.
    let session = session.filter(|session| visit.request.is_for(app, &client, &session.account_id));
    let consented = match session {
        Some(session) => consent::is_given(app.db.read(), &session.account_id, demand).await?,
        None => false,
    };
    let view = session.map(session::view);
    Ok(login::next(demand, &app.policy.now(), view.as_ref(), proven_at, consented, app.clock.now()))
}

/// `GET /login/{visit}`: the step that the person is at.
pub async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): Peer,
    Path(sealed): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let (visitor, visit) = match reopen(&app, &headers, limits::block(peer.ip()), &sealed) {
        Ok(both) => both,
        Err(problem) => return *problem,
    };
    if let Some(over) = visitor.over(&visit).await {
        return over;
    }
    if !visitor.is_served(&visit) {
        return visitor.has_no_service(&visit);
    }
    answer_or_problem(&app, locale, visitor.page(visit, None).await)
}

/// `POST /login/{visit}`: the person's answer to that step.
pub async fn answer(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): Peer,
    Path(sealed): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Fields>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let (visitor, visit) = match reopen(&app, &headers, limits::block(peer.ip()), &sealed) {
        Ok(both) => both,
        Err(problem) => return *problem,
    };
    if !app.limits.allow("login", &visitor.block, MINUTE, app.config.limits.challenges_per_minute, app.clock.now()) {
        return app.pages.problem(StatusCode::TOO_MANY_REQUESTS, locale, "too_many", &json!({}));
    }
    if let Some(over) = visitor.over(&visit).await {
        return over;
    }
    let came_alone = visit.request.backchannel.is_some();
    match Box::pin(visitor.take(visit, form, peer.ip().to_string())).await {
        Err(Unanswered::RequestUsed) if came_alone => visitor.is_over(locale),
        taken => answer_or_problem(&app, locale, taken),
    }
}

fn reopen<'a>(
    app: &'a Arc<App>,
    headers: &'a HeaderMap,
    block: String,
    sealed: &str,
) -> Result<(Visitor<'a>, Visit), Box<Response>> {
    let locale = pages::locale_of(headers, &[]);
    let problem = |key| Box::new(app.pages.problem(StatusCode::BAD_REQUEST, locale, key, &json!({})));
    let Some(browser) = session::browser(app, headers) else { return Err(problem("foreign_browser")) };
    match app.seal.open_travel::<Visit>(SLOT, browser, app.clock.now(), sealed) {
        Ok(mut visit) => {
            let locale = pages::locale_of(headers, &visit.request.ui_locales);
            locale.clone_into(&mut visit.interaction.locale);
            visit.interaction.block.clone_from(&block);
            visit.interaction.demand.transaction = approved(&visit.request);
            Ok((Visitor { app, browser: browser.to_owned(), headers, block }, visit))
        }
        Err(crate::seal::SealError::Expired) => Err(problem("expired")),
        Err(_) => Err(problem("foreign_browser")),
    }
}

fn answer_or_problem(app: &App, locale: &str, done: Result<Response, Unanswered>) -> Response {
    let problem = |status, key| app.pages.problem(status, locale, key, &json!({}));
    done.unwrap_or_else(|error| match error {
        Unanswered::DeviceGone => problem(StatusCode::BAD_REQUEST, "device_gone"),
        Unanswered::RequestUsed => problem(StatusCode::BAD_REQUEST, "request_used"),
        Unanswered::TooMany => problem(StatusCode::TOO_MANY_REQUESTS, "too_many"),
        Unanswered::NoService => problem(StatusCode::SERVICE_UNAVAILABLE, "busy"),
        Unanswered::Internal(Internal::Plugin(error)) if error.is_temporary() => {
            tracing::warn!(%error, "a factor cannot serve");
            problem(StatusCode::SERVICE_UNAVAILABLE, "busy")
        }
        Unanswered::Internal(error) => {
            tracing::error!(%error, "a step of a login failed");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "internal")
        }
    })
}

impl Visitor<'_> {
    fn seal(&self, visit: &Visit) -> Result<String, Internal> {
        // What is approved is in the request already: with long lists of payees the address is long enough.
        let mut visit = visit.clone();
        visit.interaction.demand.transaction = None;
        Ok(self.app.seal.travel(SLOT, &self.browser, visit.interaction.expires_at(), &visit)?)
    }

    fn redirect_to(&self, visit: &Visit) -> Result<Response, Unanswered> {
        let location = format!("/login/{}", self.seal(visit)?);
        let location = HeaderValue::from_str(&location).map_err(|error| Internal::Other(error.to_string()))?;
        let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        Ok((StatusCode::SEE_OTHER, headers).into_response())
    }

    fn refuse(&self, visit: &Visit, code: ErrorCode, description: &'static str) -> Response {
        let error = OAuthError::new(code, description);
        if visit.request.backchannel.is_some() {
            error.trace();
            return self.has_not_answered(visit, code);
        }
        if visit.request.device.is_some() {
            error.trace();
            return self.return_to_device(visit, false);
        }
        response::refuse(self.app, &visit.request.return_to(), &error, &visit.interaction.locale)
    }

    /// The device asks for the answer by itself.
    fn return_to_device(&self, visit: &Visit, allowed: bool) -> Response {
        let page = device::page::to_the_end(allowed).map(response::private);
        answer_or_problem(self.app, &visit.interaction.locale, page.map_err(Unanswered::from))
    }

    /// Takes the form of the present step.
    async fn take(&self, mut visit: Visit, form: Fields, address: String) -> Result<Response, Unanswered> {
        let offered = visit.offered.take();
        if form.contains_key("deny") {
            return self.deny(&visit, address).await;
        }
        if !self.is_served(&visit) {
            return Ok(self.has_no_service(&visit));
        }
        match visit.interaction.stage.clone() {
            Stage::Identify if form.contains_key(nameless::FIELD) => self.claimed(visit, offered, form, address).await,
            Stage::Identify => {
                let email = form.get("email").map_or("", |email| email.trim());
                if !is_email(email) {
                    return self.page(visit, Some("error_email")).await;
                }
                let email = email.to_owned();
                self.identified(visit, email, &form).await
            }
            Stage::Choose { .. } if form.contains_key(page::UNMET) => self.is_unmet(&visit).await,
            Stage::Choose { email } => {
                let wanted = form.get("factor").map(String::as_str);
                let error = wanted.is_none().then_some("error_choose");
                self.choose(visit, email, wanted, error, Press::Ask).await
            }
            // Only this button accepts the fee that its page showed.
            Stage::Fee { email, factor, .. } if form.contains_key("accept") => {
                self.choose(visit, email, Some(&factor), None, Press::Ask).await
            }
            Stage::Fee { email, .. } | Stage::Answer { email, .. } if form.contains_key("other") => {
                let visit = Visit { interaction: visit.interaction.at(Stage::Choose { email }), ..visit };
                self.page(visit, None).await
            }
            Stage::Fee { .. } => self.page(visit, None).await,
            Stage::Answer { email, issued } if issued.is_sent() && form.contains_key("again") => {
                self.choose(visit, email, Some(&issued.factor), None, Press::Again).await
            }
            Stage::Answer { email, issued } => {
                let input = Input(form.into_iter().collect());
                self.judge(visit, &email, &issued, input, address).await
            }
            Stage::Consent { account_id, proven_at } => {
                Box::pin(self.consented(visit, &account_id, proven_at, &form)).await
            }
        }
    }

    /// An address was given; where a robot is likely, together with the answer to a sum.
    async fn identified(&self, visit: Visit, email: String, form: &Fields) -> Result<Response, Unanswered> {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        if !self.is_suspicious(&email) {
            return self.choose(visit, email, None, None, Press::Ask).await;
        }
        if !bot::is_solved(self.app, field("bot"), field("sum")).await? {
            let error = form.contains_key("sum").then_some("invalid_sum");
            return self.check(&visit, &email, error);
        }
        self.choose(Visit { checked: true, ..visit }, email, None, None, Press::Ask).await
    }
}
