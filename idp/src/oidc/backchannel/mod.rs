//! Requests without a browser (OpenID Connect Client-Initiated Backchannel Authentication Core 1.0): a relying party names
//! a person, the person finds the request in their personal area and answers it there, and the relying party fetches the
//! answer at the token endpoint, when it has been notified (`ping`) or by asking now and then (`poll`).
//!
//! A request to an address without an account, and one from a relying party that the person has muted, is acknowledged as
//! any other and runs into its end. The proof that answers one is the ordinary one of [`super::interact`].

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    client::{self, Client},
    client_auth::{self, Caller},
    error::{ErrorCode, OAuthError, Refusal},
    params::Params,
};
use crate::{
    app::App,
    clock::{MINUTE, SECOND},
    error::Internal,
    store::{self, Change, StoreError},
};

mod admission;
mod kept;
mod notice;
mod retry;
mod signed;
mod whom;
mod wish;

pub(super) use kept::{Answer, Asked, answering, read_answer, waiting_for};
pub use kept::{Declined, Waiting, decline, waiting};
use retry::Retry;
use wish::Wish;

/// What `auth_req_id`s are hashed as.
pub(super) const AUTH_REQ_ID: &str = "auth_req_id";
/// How often a request is begun while others to the same person are faster.
const ATTEMPTS: usize = 8;

/// `POST /backchannel-authentication` (§7).
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    match ask(&app, &headers, &body).await {
        Ok(told) => (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], Json(told.as_json())).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// What the client is told of its request (§7.3).
#[derive(Clone, Debug)]
struct Told {
    auth_req_id: String,
    /// Seconds.
    expires_in: i64,
    /// Seconds.
    interval: i64,
}

impl Told {
    fn as_json(&self) -> serde_json::Value {
        json!({ "auth_req_id": self.auth_req_id, "expires_in": self.expires_in, "interval": self.interval })
    }

    fn of(app: &App, row: &store::backchannel::Model, auth_req_id: String) -> Self {
        let expires_in = (row.expires_at - app.clock.now()).div_euclid(SECOND).max(1);
        Self { auth_req_id, expires_in, interval: row.poll_interval / SECOND }
    }
}

async fn ask(app: &Arc<App>, headers: &HeaderMap, body: &Bytes) -> Result<Told, Refusal> {
    let params = Params::form(headers, body)?;
    let caller = client_auth::authenticate(app, headers, &params).await?;
    let client = caller.client.clone();
    let registered = registration(&client)?;
    let most = app.config.backchannel.client_per_minute;
    if !app.limits.allow("backchannel-client", &client.client_id, MINUTE, most, app.clock.now()) {
        return Err(admission::too_many().into());
    }
    let (params, signed) = signed::unpack(app, &client, registered, params)?;
    let retry = Retry::read(app, &client, headers, &params)?;
    if let Some(told) = retry.before(app, &caller).await? {
        return Ok(told);
    }
    let wish = wish::read(app, &client, registered, &params).await?;
    let whom = whom::read(app, &client, &params).await?;
    Request { app, caller, signed, retry, wish, whom }.store().await
}

/// Public clients cannot be registered for this, since anybody could ask in their name.
fn registration(client: &Client) -> Result<&client::Backchannel, OAuthError> {
    let unregistered = || OAuthError::new(ErrorCode::UnauthorizedClient, "the client is not registered for CIBA");
    client.backchannel.as_ref().ok_or_else(unregistered)
}

/// A request that has passed its checks.
struct Request<'a> {
    app: &'a Arc<App>,
    caller: Caller,
    /// The `jti` of its request object.
    signed: Option<store::spent::Model>,
    retry: Retry,
    wish: Wish,
    whom: whom::Whom,
}

impl Request<'_> {
    /// Stores the request, and tells the person of it: durable before it is acknowledged.
    async fn store(self) -> Result<Told, Refusal> {
        let app = self.app;
        let (row, auth_req_id) = self.row()?;
        for _ in 0..ATTEMPTS {
            let Some(admitted) = admission::decide(app, &self.caller.client, &self.whom).await? else { break };
            let letter = notice::letter(app, &self.caller.client, &self.whom, row.expires_at)?;
            let told = letter.filter(|_| admitted.is_told).map(|letter| app.courier.queueing(&app.seal, letter));
            let row = if admitted.reaches { row.clone() } else { self.aside(row.clone()) };
            let changes = self.changes(row.clone(), admitted.counted, told.transpose()?);
            let conflict = match app.db.write(move |tx| Box::pin(async move { store::apply(tx, changes).await })).await
            {
                Ok(()) => {
                    app.courier.wake();
                    return Ok(Told::of(app, &row, auth_req_id));
                }
                Err(StoreError::Conflict(record)) => record,
                Err(error) => return Err(error.into()),
            };
            // Perhaps the same request was repeated at the same moment.
            if let Some(told) = self.retry.before(app, &self.caller).await? {
                return Ok(told);
            }
            if conflict == store::spent::RECORD {
                return Err(self.replayed().await?.into());
            }
        }
        self.retry.before(app, &self.caller).await?.ok_or_else(|| admission::too_many().into())
    }

    /// One that runs into its end unseen, since there are too many for its person.
    fn aside(&self, row: store::backchannel::Model) -> store::backchannel::Model {
        let status = store::backchannel::UNSEEN.to_owned();
        store::backchannel::Model { account_id: self.whom.aside.clone(), status, ..row }
    }

    fn changes(&self, row: store::backchannel::Model, counted: [Change; 2], told: Option<Change>) -> Vec<Change> {
        let spending = self.caller.spending().into_iter().chain(self.signed.clone().map(store::spent::spending));
        spending.chain(counted).chain([store::backchannel::adding(row)]).chain(told).collect()
    }

    fn row(&self) -> Result<(store::backchannel::Model, String), Internal> {
        let app = self.app;
        let (id, auth_req_id, now) = (app.entropy.id()?, app.entropy.token()?, app.clock.now());
        let asked = Asked {
            request: self.wish.request_of(&id, &self.whom.id),
            auth_req_id: auth_req_id.clone(),
            notify: self.wish.notify.clone(),
            fingerprint: self.retry.fingerprint.clone(),
        };
        let status = if self.whom.sees { store::backchannel::PENDING } else { store::backchannel::UNSEEN };
        let row = store::backchannel::Model {
            hash: app.seal.hash(AUTH_REQ_ID, &auth_req_id),
            retry_hash: self.retry.hash.clone(),
            client_id: self.caller.client.client_id.clone(),
            account_id: self.whom.id.clone(),
            asked_hash: self.whom.asked_hash.clone(),
            grant_id: app.entropy.id()?,
            status: status.to_owned(),
            sealed: asked.seal(app, &id)?,
            answer: None,
            created_at: now,
            expires_at: now + self.wish.life,
            poll_interval: app.config.backchannel.interval_seconds * SECOND,
            polled_at: None,
            id,
        };
        Ok((row, auth_req_id))
    }

    /// What was used before: the request object, or the client's assertion.
    async fn replayed(&self) -> Result<OAuthError, Internal> {
        if let Some(signed) = &self.signed
            && store::spent::is_spent(self.app.db.read(), signed).await?
        {
            return Ok(OAuthError::new(ErrorCode::InvalidRequest, "the request object was used before"));
        }
        Ok(client_auth::assertion_replayed())
    }
}
