//! The link that an earlier main address was sent makes it the main one again and ends every session ([`undo`]).

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};

use super::{Area, letters as letters_of};
use crate::{
    account::{
        Caller,
        area::undo::{self, Undo},
    },
    app::App,
    clock::DAY,
    courier::Message,
    error::Internal,
    letter,
    store::{
        account,
        address::{self, link},
        device,
        log::{self, Event},
        session,
    },
};

/// The link that restores the present main address once `next` is in its place, and the mail that brings it.
pub(super) fn prepare(area: &Area, next: &str) -> Result<(link::Model, Message), Internal> {
    let (app, account, now) = (&area.app, &area.account, area.now());
    let token = app.entropy.token()?;
    let row = link::Model {
        token_hash: app.seal.hash(link::RESTORE, &token),
        account_id: account.id.clone(),
        purpose: link::RESTORE.to_owned(),
        email: account.email.clone(),
        created_at: now,
        expires_at: now + app.config.account.restore_days * DAY,
        used_at: None,
    };
    let args = json!({
        "name": account.first_name, "email": next, "days": app.config.account.restore_days,
        "link": app.config.url(&format!("/account/restore/{token}")),
    });
    let effect = format!("address:{}", row.token_hash);
    let letter = letter::of_key(app, &account.locale, "address_restore", effect, &account.email, &args)?;
    Ok((row, letter))
}

/// A link that makes an earlier main address the main one again.
struct Restoring(link::Model);

impl Undo for Restoring {
    const TEMPLATE: &'static str = "account_restore.html";
    const GONE: &'static str = "address_link";

    async fn find(app: &App, token: &str) -> Result<Option<Self>, Internal> {
        let hash = app.seal.hash(link::RESTORE, token);
        Ok(link::live(app.db.read(), &hash, link::RESTORE, app.clock.now()).await?.map(Self))
    }

    fn shown(&self) -> Value {
        json!({ "address": self.0.email })
    }

    async fn put_back(self, app: &Arc<App>, from: String) -> Result<bool, Internal> {
        put_back(app, self.0, from).await
    }
}

/// `GET /account/restore/{token}`.
pub async fn page(State(app): State<Arc<App>>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    undo::page::<Restoring>(&app, &token, &headers).await
}

/// `POST /account/restore/{token}`.
pub async fn restore(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    undo::press::<Restoring>(&app, Caller::from(peer), &token, &headers).await
}

/// Uses the link up, and with it every link that was made after it: whoever made those may be whom this one is against.
async fn put_back(app: &Arc<App>, row: link::Model, from: String) -> Result<bool, Internal> {
    let now = app.clock.now();
    let letters = letters(app, &row, &from).await?;
    let transaction = app.clone();
    let done = app.db.write(move |tx| {
        Box::pin(async move {
            let app = transaction;
            if account::main_email_held(tx, &row.account_id).await?.is_none()
                || !link::use_up(tx, &row.token_hash, now).await?
            {
                return Ok(false);
            }
            // It may have been removed in the meantime; another account cannot have it then, or keeps it.
            let again =
                address::Model { email: row.email.clone(), account_id: row.account_id.clone(), confirmed_at: now };
            address::add(tx, again).await?;
            let theirs = address::find(tx, &row.email).await?.is_some_and(|found| found.account_id == row.account_id);
            if !theirs || !account::set_main_email(tx, &row.account_id, &row.email).await? {
                return Ok(false);
            }
            link::void_since(tx, &row.account_id, row.created_at, now).await?;
            session::end_others(tx, &row.account_id, "", now).await?;
            device::end_all(tx, &row.account_id, now).await?;
            account::forget_places(tx, &row.account_id).await?;
            let event = Event { address: Some(from), ..Event::new("email_restored", "ok") };
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

async fn letters(app: &App, row: &link::Model, from: &str) -> Result<Vec<Message>, Internal> {
    let Some(account) = account::by_id(app.db.read(), &row.account_id).await? else { return Ok(Vec::new()) };
    let sentence = app.pages.text(&account.locale, "mail_change_email_restored", &json!({ "email": row.email }));
    let addresses = address::of_account(app.db.read(), &account.id).await?;
    let mut to: Vec<String> = addresses.into_iter().map(|address| address.email).collect();
    if !to.contains(&row.email) {
        to.push(row.email.clone());
    }
    letters_of(app, &account, &to, &sentence, from)
}
