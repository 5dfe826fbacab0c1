//! A further address: it is sent a link, which its owner opens and confirms in the area of the account that asked. An
//! address that belongs to an account already is sent another mail; whoever asked sees no difference.

use axum::{extract::Path, http::StatusCode, response::Response};
use serde_json::json;

use super::{Area, Fields, Guarded, MOST, change};
use crate::{
    account::{area::Submitted, form},
    clock::{DAY, HOUR},
    error::Internal,
    letter,
    store::address::{self, link},
};

/// How long the mailed link works.
const LINK_LIFE: i64 = DAY;
/// Links that one account is sent in an hour at most.
const PER_HOUR: u64 = 5;

/// `POST /account/emails/add`.
pub async fn add(Guarded { area, fields }: Guarded) -> Response {
    area.answer(begin(&area, &fields).await)
}

async fn begin(area: &Area, fields: &Fields) -> Result<Response, Internal> {
    let (app, now) = (&area.app, area.now());
    let Some(email) = form::email(fields.get("email")) else { return area.back("account_not_email") };
    let theirs = address::of_account(app.db.read(), &area.account.id).await?;
    if theirs.iter().any(|address| address.email == email) {
        return area.back("account_not_new");
    }
    let sent = link::made_since(app.db.read(), &area.account.id, link::ADD, now - HOUR).await?;
    if theirs.len() >= MOST || sent >= PER_HOUR {
        return area.back("account_not_more");
    }
    let is_taken = address::find(app.db.read(), &email).await?.is_some();
    let token = app.entropy.token()?;
    let token_hash = app.seal.hash(link::ADD, &token);
    let key = if is_taken { "address_taken" } else { "address_confirm" };
    let args = json!({
        "account": area.account.email,
        "link": app.config.url(&format!("/account/emails/confirm/{token}")),
    });
    let letter = letter::of_key(app, area.locale, key, format!("address:{token_hash}"), &email, &args)?;
    let row = link::Model {
        token_hash,
        account_id: area.account.id.clone(),
        purpose: link::ADD.to_owned(),
        email,
        created_at: now,
        expires_at: now + LINK_LIFE,
        // There is no link for an address that is taken; the row counts the mail and makes both ways alike.
        used_at: is_taken.then_some(now),
    };
    let transaction = app.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                link::add(tx, row).await?;
                transaction.courier.queue_in(tx, &transaction.seal, letter).await
            })
        })
        .await?;
    app.courier.wake();
    area.back("account_said_sent")
}

/// The link's row, if it still works and is this account's.
async fn open(area: &Area, token: &str) -> Result<Option<link::Model>, Internal> {
    let hash = area.app.seal.hash(link::ADD, token);
    let found = link::live(area.app.db.read(), &hash, link::ADD, area.now()).await?;
    Ok(found.filter(|link| link.account_id == area.account.id))
}

fn gone(area: &Area) -> Response {
    area.app.pages.problem(StatusCode::GONE, area.locale, "address_link", &json!({}))
}

/// `GET /account/emails/confirm/{token}`: shows what would be confirmed. Changes nothing, since mail filters open links too.
pub async fn confirm_page(area: Area, Path(token): Path<String>) -> Response {
    let shown = async {
        match open(&area, &token).await? {
            Some(link) => area.render("account_email_confirm.html", json!({ "address": link.email })),
            None => Ok(gone(&area)),
        }
    };
    area.answer(shown.await)
}

/// `POST /account/emails/confirm/{token}`.
pub async fn confirm(Path(token): Path<String>, Submitted { area, .. }: Submitted) -> Response {
    area.answer(take(&area, &token).await)
}

async fn take(area: &Area, token: &str) -> Result<Response, Internal> {
    let Some(row) = open(area, token).await? else { return Ok(gone(area)) };
    let (now, email) = (area.now(), row.email.clone());
    let change = super::Change { also: Some(email.clone()), ..change("email_added", &email) };
    let done = area.changes(change, move |tx| {
        Box::pin(async move {
            if !link::use_up(tx, &row.token_hash, now).await? {
                return Ok(false);
            }
            let new = address::Model { email: row.email, account_id: row.account_id, confirmed_at: now };
            // Of two accounts that confirm one address at once, one has it.
            if address::add(tx, new).await? { Ok(true) } else { Err(Taken::Taken) }
        })
    });
    match done.await {
        Ok(true) => area.back("account_said_changed"),
        Ok(false) => Ok(gone(area)),
        Err(Taken::Taken) => Ok(area.app.pages.problem(StatusCode::CONFLICT, area.locale, "address_link", &json!({}))),
        Err(Taken::Failed(error)) => Err(error),
    }
}

/// Why an address was not added.
enum Taken {
    Taken,
    Failed(Internal),
}

impl<E: Into<Internal>> From<E> for Taken {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
