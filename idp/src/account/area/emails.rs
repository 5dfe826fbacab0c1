//! `/account/emails`: the addresses that sign in to this account, and which of them is the main one.

use axum::{extract::Query, response::Response};
use serde_json::{Value, json};

use super::{
    Area, Fields, Guarded, Said,
    change::{Change, letters},
};
use crate::{
    account::form,
    error::Internal,
    store::{account, address},
};

pub mod adding;
pub mod restoring;

/// Addresses that an account may have.
const MOST: usize = 10;

/// `GET /account/emails`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said).await)
}

async fn show(area: &Area, said: &Said) -> Result<Response, Internal> {
    let mut addresses = address::of_account(area.app.db.read(), &area.account.id).await?;
    addresses.sort_by_key(|address| address.email != area.account.email);
    let may_add = addresses.len() < MOST;
    let addresses: Vec<Value> = addresses
        .iter()
        .map(|address| {
            let is_main = address.email == area.account.email;
            json!({ "email": address.email, "main": is_main, "since": area.when(address.confirmed_at) })
        })
        .collect();
    let guard = area.guard().await?.shown(area);
    let context = json!({ "addresses": addresses, "may_add": may_add, "guard": guard });
    area.render("account_emails.html", said.put_into(context))
}

/// A change that is about an address.
fn change(what: &'static str, email: &str) -> Change {
    Change { what, factor: None, reference: None, args: json!({ "email": email }), also: None }
}

/// `POST /account/emails/remove`: any but the main one.
pub async fn remove(Guarded { area, fields }: Guarded) -> Response {
    area.answer(take_away(&area, &fields).await)
}

async fn take_away(area: &Area, fields: &Fields) -> Result<Response, Internal> {
    let Some(email) = form::email(fields.get("email")) else { return area.back("account_not_there") };
    let (id, gone) = (area.account.id.clone(), email.clone());
    let done = area.changes(change("email_removed", &email), move |tx| {
        Box::pin(async move {
            // Held, so that it cannot become the main one in the same moment.
            let main = account::main_email_held(tx, &id).await?;
            Ok::<_, Internal>(main.is_some_and(|main| main != gone) && address::remove(tx, &id, &gone).await?)
        })
    });
    area.back(if done.await? { "account_said_changed" } else { "account_not_there" })
}

/// `POST /account/emails/main`: another of the account's addresses becomes the main one. The earlier one is sent a link
/// that undoes this.
pub async fn main(Guarded { area, fields }: Guarded) -> Response {
    area.answer(make_main(&area, &fields).await)
}

async fn make_main(area: &Area, fields: &Fields) -> Result<Response, Internal> {
    let Some(email) = form::email(fields.get("email")) else { return area.back("account_not_there") };
    let (link, letter) = restoring::prepare(area, &email)?;
    let (app, id, next) = (area.app.clone(), area.account.id.clone(), email.clone());
    let done = area.changes(change("email_main", &email), move |tx| {
        Box::pin(async move {
            let main = account::main_email_held(tx, &id).await?;
            // What the link restores has to be what is replaced.
            let as_seen = main.is_some_and(|main| main == link.email && main != next);
            let theirs = address::find(tx, &next).await?.is_some_and(|address| address.account_id == id);
            if !as_seen || !theirs || !account::set_main_email(tx, &id, &next).await? {
                return Ok::<_, Internal>(false);
            }
            address::link::add(tx, link).await?;
            app.courier.queue_in(tx, &app.seal, letter).await?;
            Ok(true)
        })
    });
    area.back(if done.await? { "account_said_changed" } else { "account_not_there" })
}
