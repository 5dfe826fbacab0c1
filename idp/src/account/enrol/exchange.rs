//! `POST /enrol/{factor}`: what the device calls, twice or more.
//!
//! `{"email", "input": {…}}` begins and writes nothing; the reply's `state` comes back with the next message. Only a pass,
//! and a wrong answer, are written. An address without a waiting enrolment gets the same replies from a decoy.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::{AccountView, Decoy, EnrolAnswer, Enrols, Facts, Input, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    super::Caller,
    LIFE, allowed, context, is_waiting,
    outcome::{Kept, Outcomes},
    readable, view,
};
use crate::{
    app::App,
    clock::{MINUTE, Millis},
    error::Internal,
    plugins::FactorHandle,
    store::{
        account::{self, Model as Account, canonical_email},
        enrolment::{self, Model as Enrolment},
        plugin, spent,
    },
};

/// How long a device may take between two messages.
const PAUSE: Millis = 10 * MINUTE;

/// What a device sends.
#[derive(Deserialize)]
struct Request {
    email: String,
    #[serde(default)]
    input: Input,
    #[serde(default)]
    state: Option<String>,
}

/// What it gets.
#[derive(Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Reply {
    Ask { data: Value, state: String },
    Pass,
}

/// Why it gets nothing.
enum Refusal {
    Malformed(String),
    NoSuchFactor,
    TooMany,
    Wrong,
    Full,
    Busy,
    Internal(Internal),
}

impl<E: Into<Internal>> From<E> for Refusal {
    fn from(error: E) -> Self {
        match error.into() {
            Internal::Plugin(error) if error.is_temporary() => {
                tracing::warn!(%error, "an enrolment was refused for the moment");
                Self::Busy
            }
            error => Self::Internal(error),
        }
    }
}

/// Travels between two messages.
#[derive(Serialize, Deserialize)]
struct Travelling {
    /// The waiting enrolment; a made-up one for a decoy.
    enrolment: String,
    version: i64,
    state: Value,
    /// Of the build that wrote the state.
    #[serde(default)]
    data_version: u32,
}

/// `POST /enrol/{factor}`.
pub async fn post(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(factor): Path<String>,
    body: Bytes,
) -> Response {
    match answer(&app, &Caller::from(peer), &factor, &body).await {
        Ok(reply) => {
            let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (no_store, Json(reply)).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Self::Malformed(reason) => (StatusCode::BAD_REQUEST, "invalid_request", reason),
            Self::NoSuchFactor => (StatusCode::NOT_FOUND, "unknown_factor", "there is no such method here".to_owned()),
            Self::TooMany => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "wait a minute and try again".to_owned())
            }
            Self::Wrong => (
                StatusCode::FORBIDDEN,
                "wrong",
                "the activation was refused: check e-mail address, code and clock, or ask for a new code".to_owned(),
            ),
            Self::Full => {
                (StatusCode::CONFLICT, "full", "the account has as many of this method as it may have".to_owned())
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "try again in a minute".to_owned()),
            Self::Internal(error) => {
                tracing::error!(%error, "an enrolment failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "something went wrong on our side".to_owned())
            }
        };
        let body = Json(json!({ "error": error, "error_description": description }));
        let mut response = (status, body).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}

async fn answer(app: &Arc<App>, caller: &Caller, factor: &str, body: &[u8]) -> Result<Reply, Refusal> {
    let request: Request = serde_json::from_slice(body).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let email = canonical_email(&request.email);
    if !allowed(app, caller, &email) {
        return Err(Refusal::TooMany);
    }
    let Some(factor) = app.plugins.factor(factor) else {
        // One that is installed may soon be back.
        let installed = plugin::by_id(app.db.read(), factor).await?.is_some();
        return Err(if installed { Refusal::Busy } else { Refusal::NoSuchFactor });
    };
    // Whoever knows an address may call here: a factor that proves no code of the device's would be anybody's.
    if factor.manifest().enrols != Enrols::Device {
        return Err(Refusal::NoSuchFactor);
    }
    let exchange = Exchange { app, caller, factor, email };
    match request.state {
        None => exchange.first(request.input).await,
        Some(state) => exchange.next(&state, request.input).await,
    }
}

/// One message of one device.
struct Exchange<'a> {
    app: &'a Arc<App>,
    caller: &'a Caller,
    factor: FactorHandle,
    email: String,
}

/// Whom a message is about: somebody who is waited for, or nobody.
struct Subject {
    view: AccountView,
    locale: String,
    expires_at: Millis,
    travelling: Travelling,
    /// `None` for a decoy.
    real: Option<(Account, Enrolment)>,
}

impl Exchange<'_> {
    /// The first message: answered from the waiting enrolment, or from a decoy. Nothing is written.
    async fn first(&self, input: Input) -> Result<Reply, Refusal> {
        let subject = self.waiting().await?;
        // Whoever knows only the address may send nonsense here; it must not use up the owner's budget.
        match self.judge(&subject, input).await? {
            Step::Ask { data, state, .. } => self.ask(subject.travelling, data, state),
            _ => Err(Refusal::Wrong),
        }
    }

    /// A later message: answered from the state that travelled.
    async fn next(&self, state: &str, input: Input) -> Result<Reply, Refusal> {
        let opened = self.app.seal.open_travel::<Travelling>(&self.slot(), &self.email, self.app.clock.now(), state);
        // Too old, altered, or another address's: to the device all one.
        let Ok(travelling) = opened else { return Err(Refusal::Wrong) };
        if travelling.data_version != self.factor.manifest().data_version {
            // Replaced in between: the device begins again.
            return Err(Refusal::Busy);
        }
        let row = enrolment::by_id(self.app.db.read(), &travelling.enrolment).await?;
        let account = account::by_email(self.app.db.read(), &self.email).await?.filter(Account::is_active);
        let subject = match (row, account) {
            (Some(row), Some(account)) if row.account_id == account.id && row.factor == self.factor.id() => {
                readable(&row, &self.factor)?;
                Subject {
                    view: view(&account),
                    locale: account.locale.clone(),
                    expires_at: row.expires_at.unwrap_or_else(|| self.app.clock.now()),
                    travelling,
                    real: Some((account, row)),
                }
            }
            _ => Subject { travelling, ..self.nobody().await? },
        };
        match self.judge(&subject, input).await? {
            Step::Ask { data, state, .. } => self.ask(subject.travelling, data, state),
            Step::Pass { facts, enrolment: Some(state), .. } => match subject.real {
                Some((account, row)) => self.pass(account, row, subject.travelling.version, &facts, &state).await,
                None => Err(Refusal::Wrong),
            },
            Step::Wrong { .. } | Step::Fail { .. } => {
                self.wrong(subject.real, subject.travelling.version).await?;
                Err(Refusal::Wrong)
            }
            Step::Redirect { .. } | Step::Wait { .. } | Step::Pass { enrolment: None, .. } => {
                let reason = format!("factor {} enrols in a way that a device cannot follow", self.factor.id());
                Err(Refusal::Internal(Internal::Other(reason)))
            }
        }
    }

    /// The enrolment that waits for this address. Decoy and look-ups are made either way, so that both take alike.
    async fn waiting(&self) -> Result<Subject, Internal> {
        let now = self.app.clock.now();
        let decoy = self.nobody().await?;
        let account = account::by_email(self.app.db.read(), &self.email).await?.filter(Account::is_active);
        let id = account.as_ref().map_or(decoy.view.id.as_str(), |account| account.id.as_str());
        let rows = enrolment::of_account(self.app.db.read(), id).await?;
        let row = rows.into_iter().rev().find(|row| row.factor == self.factor.id() && is_waiting(row, now));
        let (Some(account), Some(row)) = (account, row) else { return Ok(decoy) };
        readable(&row, &self.factor)?;
        Ok(Subject {
            view: view(&account),
            locale: account.locale.clone(),
            expires_at: row.expires_at.unwrap_or(now),
            travelling: Travelling {
                enrolment: row.id.clone(),
                version: row.version,
                state: row.state(&self.app.seal)?,
                data_version: decoy.travelling.data_version,
            },
            real: Some((account, row)),
        })
    }

    /// Somebody who does not exist: always the same for one address.
    async fn nobody(&self) -> Result<Subject, Internal> {
        let derive = |what: &[u8]| self.app.seal.derive(&[b"enrol decoy", what, self.email.as_bytes()]);
        let id = |what: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(&derive(what)[..16]);
        let view = AccountView { id: id(b"account"), email: self.email.clone(), name: String::new() };
        let expires_at = self.app.clock.now() + LIFE;
        let cx = context(self.app, view.clone(), "en", expires_at, derive(b"random"));
        let state = self.factor.decoy(&Decoy { cx }).await?.map_or(Value::Null, |decoy| decoy.enrolling);
        let data_version = self.factor.manifest().data_version;
        let travelling = Travelling { enrolment: id(b"enrolment"), version: 0, state, data_version };
        Ok(Subject { view, locale: "en".to_owned(), expires_at, travelling, real: None })
    }

    async fn judge(&self, subject: &Subject, input: Input) -> Result<Step, Refusal> {
        let state = subject.travelling.state.clone();
        if state.is_null() {
            return Err(Refusal::Wrong);
        }
        let random = self.app.entropy.bytes()?;
        let cx = context(self.app, subject.view.clone(), &subject.locale, subject.expires_at, random);
        let factor = if subject.real.is_some() { self.factor.clone() } else { self.factor.for_nobody() };
        Ok(factor.enrol_answer(&EnrolAnswer { cx, state, input }).await?)
    }

    fn ask(&self, travelling: Travelling, data: Value, state: Value) -> Result<Reply, Refusal> {
        let until = self.app.clock.now() + PAUSE;
        let travelling = Travelling { state, ..travelling };
        let state = self.app.seal.travel(&self.slot(), &self.email, until, &travelling)?;
        Ok(Reply::Ask { data, state })
    }

    /// The enrolment becomes active, if it still waits for this very message.
    async fn pass(
        &self,
        account: Account,
        row: Enrolment,
        version: i64,
        facts: &Facts,
        state: &Value,
    ) -> Result<Reply, Refusal> {
        if row.status == "active" && row.version == version + 1 {
            // The very message that activated it, sent again because the reply was lost. Nothing is left to do.
            return Ok(Reply::Pass);
        }
        if row.version != version || !is_waiting(&row, self.app.clock.now()) {
            return Err(Refusal::Wrong);
        }
        match self.outcomes().passed(account, row, facts, state).await {
            Ok(Kept::Active) => Ok(Reply::Pass),
            Ok(Kept::Full) => Err(Refusal::Full),
            // Somebody else activated it, or replaced it, between our look and our write.
            Err(error) if error.is_conflict() => Err(Refusal::Wrong),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts a wrong answer where there is something to count on, and writes something of the same weight where not.
    async fn wrong(&self, real: Option<(Account, Enrolment)>, version: i64) -> Result<(), Internal> {
        let now = self.app.clock.now();
        let Some((account, row)) = real.filter(|(_, row)| row.version == version && is_waiting(row, now)) else {
            let nothing = spent::Model { purpose: "decoy".to_owned(), hash: self.app.entropy.id()?, expires_at: now };
            let write = self.app.db.write(move |tx| {
                Box::pin(async move { Ok::<_, Internal>(spent::spending(nothing).touches(tx).await?) })
            });
            return write.await.map(drop);
        };
        self.outcomes().wrong(account, row).await
    }

    fn outcomes(&self) -> Outcomes<'_> {
        Outcomes { app: self.app, factor: &self.factor, address: &self.caller.address }
    }

    fn slot(&self) -> String {
        format!("enrol/{}", self.factor.id())
    }
}
