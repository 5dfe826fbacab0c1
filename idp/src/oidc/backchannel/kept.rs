//! What is kept of a request and of its answer, and how it is answered.

use plugin_api::message::Site;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    app::App,
    clock::{MINUTE, Millis},
    courier::{Channel, Message},
    error::Internal,
    login::ceremony,
    oidc::{client::Client, code::Authorized, interact, request::AuthorizationRequest},
    store::{
        Change,
        account::Model as Account,
        backchannel::{self, APPROVED, DENIED, Model},
    },
};

const REQUEST: &str = "backchannel";
const ANSWER: &str = "backchannel answer";
/// How long the answer can be fetched at least; nor does it end before the client was told that the request would.
const FETCHED_WITHIN: Millis = 10 * MINUTE;

/// Why people say no; what else is given counts as no reason.
const REASONS: [&str; 3] = ["unknown", "wrong", "changed"];

/// How a client is told that there is an answer (§10.2).
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Notify {
    pub(super) endpoint: String,
    pub(super) token: String,
}

/// A request as its row has it, sealed.
#[derive(Serialize, Deserialize)]
pub(in crate::oidc) struct Asked {
    pub(in crate::oidc) request: AuthorizationRequest,
    pub(super) auth_req_id: String,
    pub(super) notify: Option<Notify>,
    pub(super) fingerprint: String,
}

impl Asked {
    pub(super) fn seal(&self, app: &App, id: &str) -> Result<Vec<u8>, Internal> {
        Ok(app.seal.record_json(REQUEST, id, self)?)
    }

    pub(super) fn open(app: &App, row: &Model) -> Result<Self, Internal> {
        Ok(app.seal.open_record_json(REQUEST, &row.id, &row.sealed)?)
    }

    /// What tells the client that there is an answer. Nothing goes there but the name that it knows the request by.
    fn call(&self, row: &Model) -> Option<Message> {
        let Notify { endpoint, token } = self.notify.clone()?;
        Some(Message {
            effect: format!("ping:{}", row.id),
            channel: Channel::Call,
            to: endpoint,
            subject: token,
            text: json!({ "auth_req_id": self.auth_req_id }).to_string(),
            html: None,
        })
    }
}

/// What became of a request.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::oidc) enum Answer {
    /// The person approved it.
    Approved(Box<Authorized>),
    /// The person said no.
    Denied {
        /// Why, if they said so.
        reason: Option<String>,
    },
}

/// The changes that answer the request `id` of `account_id`, and tell its client. A conflict over
/// [`backchannel::RECORD`] means that it was answered, or ended, before.
///
/// # Errors
/// When the database or sealing fails.
pub(in crate::oidc) async fn answering(
    app: &App,
    (id, account_id): (&str, &str),
    answer: &Answer,
) -> Result<Vec<Change>, Internal> {
    let row = backchannel::by_id(app.db.read(), id).await?;
    let row = row.ok_or_else(|| Internal::Other("the backchannel request is gone".to_owned()))?;
    let asked = Asked::open(app, &row)?;
    let now = app.clock.now();
    let status = if matches!(answer, Answer::Approved(_)) { APPROVED } else { DENIED };
    let sealed = app.seal.record_json(ANSWER, id, answer)?;
    let fetch_until = row.expires_at.max(now + FETCHED_WITHIN);
    let answered = backchannel::answering((id, account_id), status, sealed, now, fetch_until);
    let call = asked.call(&row).map(|call| app.courier.queueing(&app.seal, call)).transpose()?;
    Ok([answered].into_iter().chain(call).collect())
}

/// The answer in a row that has one.
///
/// # Errors
/// When it does not open.
pub(in crate::oidc) fn read_answer(app: &App, row: &Model) -> Result<Answer, Internal> {
    let sealed = row.answer.as_deref().unwrap_or_default();
    Ok(app.seal.open_record_json(ANSWER, &row.id, sealed)?)
}

/// The request `id`, if it waits for `account_id`.
///
/// # Errors
/// When the database fails.
pub(in crate::oidc) async fn waiting_for(app: &App, id: &str, account_id: &str) -> Result<Option<Asked>, Internal> {
    let row = backchannel::by_id(app.db.read(), id).await?;
    let waits = |row: &Model| {
        row.account_id == account_id && row.status == backchannel::PENDING && app.clock.now() < row.expires_at
    };
    row.filter(waits).map(|row| Asked::open(app, &row)).transpose()
}

/// A request that waits, as its person sees it.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Names it.
    pub id: String,
    /// Who asks.
    pub client_id: String,
    /// Who asks, for the person.
    pub site: Site,
    /// What the relying party shows as well.
    pub binding_message: Option<String>,
    /// The payment, as pages show it.
    pub payment: Option<Value>,
    /// When it came.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Millis,
}

/// What waits for an account, the oldest first, worded in this language.
///
/// # Errors
/// When the database fails, or a row does not open.
pub async fn waiting(app: &App, account_id: &str, locale: &str) -> Result<Vec<Waiting>, Internal> {
    let mut all = Vec::new();
    for row in backchannel::waiting(app.db.read(), account_id, app.clock.now()).await? {
        // What a client asked that is gone by now leads nowhere.
        let Some(client) = app.clients.find(&row.client_id).await? else { continue };
        let request = Asked::open(app, &row)?.request;
        all.push(Waiting {
            site: client.site_for(&request.redirect_uri),
            binding_message: request.backchannel.and_then(|backchannel| backchannel.binding_message),
            payment: request.payment.map(|payment| app.pages.worded(locale, &payment.transaction)),
            id: row.id,
            client_id: row.client_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
        });
    }
    Ok(all)
}

/// The person says no, from their personal area.
#[derive(Clone, Debug)]
pub struct Declined<'a> {
    /// Which request.
    pub id: &'a str,
    /// Why: one of the reasons that pages offer, else none.
    pub reason: &'a str,
    /// Network address that it came from.
    pub address: String,
}

/// Answers a request with no: the relying party learns it, the log tells of it, and so does a mail where the owner wants
/// one. `Ok(false)` when it waits no more.
///
/// # Errors
/// When the database fails.
pub async fn decline(app: &App, account: &Account, declined: Declined<'_>) -> Result<bool, Internal> {
    let Some(asked) = waiting_for(app, declined.id, &account.id).await? else { return Ok(false) };
    let Some(client) = client_of(app, &asked).await? else { return Ok(false) };
    let reason = REASONS.into_iter().find(|known| *known == declined.reason).map(str::to_owned);
    let mut event = ceremony::declined(&interact::demand(&client, &asked.request), declined.address);
    event.reason.clone_from(&reason);
    let answered = answering(app, (declined.id, &account.id), &Answer::Denied { reason }).await?;
    interact::write_down(app, Some(account), &event, answered).await
}

async fn client_of(app: &App, asked: &Asked) -> Result<Option<std::sync::Arc<Client>>, Internal> {
    app.clients.find(&asked.request.client_id).await
}
