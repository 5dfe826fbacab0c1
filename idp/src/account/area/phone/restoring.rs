//! The link that all addresses are sent after a change of the number puts the earlier one back and ends every session
//! ([`undo`]).

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};

use super::Area;
use crate::{
    account::{
        Caller,
        area::{
            change::letters as letters_of,
            undo::{self, Undo},
        },
        phone::masked,
    },
    app::App,
    clock::DAY,
    courier::Message,
    error::Internal,
    login::number,
    notice,
    store::{
        account, device, enrolment, grant,
        log::{self, Event},
        phone_change, phone_undo, session,
    },
};

/// What its tokens are hashed for.
const PURPOSE: &str = "phone undo";

/// The link that puts the present number back once another one is in its place, and its token.
pub(super) fn prepare(area: &Area) -> Result<(phone_undo::Model, String), Internal> {
    let (app, account, now) = (&area.app, &area.account, area.now());
    let token = app.entropy.token()?;
    let token_hash = app.seal.hash(PURPOSE, &token);
    let row = phone_undo::Model {
        sealed: app.seal.record_json(phone_undo::RECORD, &token_hash, &account.phone)?,
        token_hash,
        account_id: account.id.clone(),
        created_at: now,
        expires_at: now + app.config.account.restore_days * DAY,
        used_at: None,
    };
    Ok((row, token))
}

/// A link that puts an earlier number back, and that number.
struct Restoring(phone_undo::Model, String);

impl Undo for Restoring {
    const TEMPLATE: &'static str = "account_phone_restore.html";
    const GONE: &'static str = "phone_link";

    async fn find(app: &App, token: &str) -> Result<Option<Self>, Internal> {
        let hash = app.seal.hash(PURPOSE, token);
        let Some(row) = phone_undo::live(app.db.read(), &hash, app.clock.now()).await? else { return Ok(None) };
        let phone = app.seal.open_record_json(phone_undo::RECORD, &row.token_hash, &row.sealed)?;
        Ok(Some(Self(row, phone)))
    }

    fn shown(&self) -> Value {
        json!({ "phone": masked(&self.1) })
    }

    async fn put_back(self, app: &Arc<App>, from: String) -> Result<bool, Internal> {
        put_back(app, self.0, self.1, from).await
    }
}

/// `GET /account/phone/restore/{token}`.
pub async fn page(State(app): State<Arc<App>>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    undo::page::<Restoring>(&app, &token, &headers).await
}

/// `POST /account/phone/restore/{token}`.
pub async fn restore(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    undo::press::<Restoring>(&app, Caller::from(peer), &token, &headers).await
}

/// Uses the link up, and with it every one that was made after it: those put back what whoever this one is against has set.
/// What was set up with the number that goes now ends, and what waits for a code; and so do sessions and what websites were
/// given.
async fn put_back(app: &Arc<App>, row: phone_undo::Model, phone: String, from: String) -> Result<bool, Internal> {
    let now = app.clock.now();
    let letters = letters(app, &row, &phone, &from).await?;
    let texted = number::texted(app);
    let transaction = app.clone();
    let done = app.db.write(move |tx| {
        Box::pin(async move {
            let app = transaction;
            if !phone_undo::use_up(tx, &row.token_hash, now).await? {
                return Ok(false);
            }
            session::end_all(tx, &row.account_id, now).await?;
            device::end_all(tx, &row.account_id, now).await?;
            grant::revoke_all(tx, &row.account_id, now).await?;
            enrolment::replace_of_number(tx, &row.account_id, &texted).await?;
            phone_undo::void_since(tx, &row.account_id, row.created_at, now).await?;
            phone_change::void(tx, &row.account_id).await?;
            if !account::set_phone(tx, &row.account_id, None, &phone, now).await? {
                return Ok(false);
            }
            account::forget_places(tx, &row.account_id).await?;
            let event = Event { address: Some(from), ..Event::new("phone_restored", "ok") };
            log::append(tx, &app.seal, &row.account_id, now, &event).await?;
            for letter in letters {
                app.courier.queue_in(tx, &app.seal, letter).await?;
            }
            Ok::<_, Internal>(true)
        })
    });
    let done = done.await?;
    app.courier.wake();
    Ok(done)
}

async fn letters(app: &App, row: &phone_undo::Model, phone: &str, from: &str) -> Result<Vec<Message>, Internal> {
    let Some(account) = account::by_id(app.db.read(), &row.account_id).await? else { return Ok(Vec::new()) };
    let args = json!({ "phone": masked(phone) });
    let sentence = app.pages.text(&account.locale, "mail_change_phone_restored", &args);
    letters_of(app, &account, &notice::addresses(app, &account).await?, &sentence, from)
}
