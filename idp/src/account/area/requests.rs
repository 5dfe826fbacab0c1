//! `/account/requests`: what relying parties ask without a browser, and whose requests somebody does not want to see.
//!
//! To say no is enough to have the area open. To say yes, the link leads to an ordinary visit, which asks for a proof that
//! is about this one request.

use axum::{extract::Query, response::Response};
use serde_json::{Value, json};

use super::{Area, Fields, Said, Submitted, log::site_name};
use crate::{
    error::Internal,
    store::{
        backchannel,
        backchannel_mute::{self, Model as Mute},
        log::{self, Event},
    },
};

/// `GET /account/requests`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said).await)
}

async fn show(area: &Area, said: &Said) -> Result<Response, Internal> {
    let requests: Vec<Value> = area
        .app
        .requests_waiting(&area.account.id, area.locale)
        .await?
        .into_iter()
        .map(|request| {
            json!({
                "id": request.id,
                "client": request.client_id,
                "site": { "name": request.site.name, "origin": request.site.origin },
                "binding_message": request.binding_message,
                "payment": request.payment,
                "came": area.when(request.created_at),
                "ends": area.when(request.expires_at),
            })
        })
        .collect();
    let mut muted = Vec::new();
    for Mute { client_id, since, .. } in backchannel_mute::of_account(area.app.db.read(), &area.account.id).await? {
        let name = site_name(area, &client_id).await?;
        muted.push(json!({ "client": client_id, "name": name, "since": area.when(since) }));
    }
    area.render("account_requests.html", said.put_into(json!({ "requests": requests, "muted": muted })))
}

/// How many requests wait.
pub(super) async fn count(area: &Area) -> Result<usize, Internal> {
    Ok(backchannel::waiting(area.app.db.read(), &area.account.id, area.now()).await?.len())
}

/// `POST /account/requests/decline`.
pub async fn decline(Submitted { area, fields }: Submitted) -> Response {
    let done = async {
        let address = area.caller.address.clone();
        let done = area.app.decline_request(&area.account, (fields.get("id"), fields.get("reason")), address).await?;
        area.back(if done { "account_said_request_declined" } else { "account_not_request_over" })
    };
    area.answer(done.await)
}

/// `POST /account/requests/mute`: from now on, requests of this relying party run into their end unseen.
pub async fn mute(Submitted { area, fields }: Submitted) -> Response {
    area.answer(change(&area, &fields, "requests_muted").await)
}

/// `POST /account/requests/unmute`.
pub async fn unmute(Submitted { area, fields }: Submitted) -> Response {
    area.answer(change(&area, &fields, "requests_unmuted").await)
}

async fn change(area: &Area, fields: &Fields, what: &'static str) -> Result<Response, Internal> {
    let client = fields.get("client").to_owned();
    if area.app.name_of_site(&client).await?.is_none() && what == "requests_muted" {
        return area.back("account_not_there");
    }
    let (app, id, now) = (area.app.clone(), area.account.id.clone(), area.now());
    let address = Some(area.caller.address.clone());
    let event = Event { client: Some(client.clone()), address, ..Event::new(what, "ok") };
    let done = area.app.db.write(move |tx| {
        Box::pin(async move {
            let changed = if what == "requests_muted" {
                let mute = Mute { account_id: id.clone(), client_id: client, since: now };
                backchannel_mute::adding(mute).touches(tx).await?
            } else {
                backchannel_mute::remove(tx, &id, &client).await?
            };
            if changed {
                log::append(tx, &app.seal, &id, now, &event).await?;
            }
            Ok::<_, Internal>(changed)
        })
    });
    area.back(if done.await? { "account_said_saved" } else { "account_not_there" })
}
