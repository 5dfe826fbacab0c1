//! `/account/access`: the websites that were allowed something or hold tokens, and how to end that.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use serde_json::{Value, json};

use super::{Area, Fields, Said, Submitted};
use crate::{
    clock::Millis,
    error::Internal,
    store::{
        consent, grant,
        log::{self, Event},
    },
};

/// What one website has.
#[derive(Default)]
struct Access {
    scope: Vec<String>,
    allowed_at: Option<Millis>,
    tokens: usize,
    newest: Option<Millis>,
}

/// `GET /account/access`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said).await)
}

async fn show(area: &Area, said: &Said) -> Result<Response, Internal> {
    let mut sites = Vec::new();
    for (id, access) in accesses(area).await? {
        let scope: Vec<Value> = access.scope.iter().map(|scope| scope_shown(area, scope)).collect();
        sites.push(json!({
            "id": id,
            "name": super::log::site_name(area, &id).await?,
            "scope": scope,
            "allowed": access.allowed_at.map(|at| area.when(at)),
            "tokens": access.tokens,
            "newest": access.newest.map(|at| area.when(at)),
        }));
    }
    area.render("account_access.html", said.put_into(json!({ "sites": sites })))
}

fn scope_shown(area: &Area, scope: &str) -> Value {
    let key = format!("scope_{scope}");
    let text = area.text(&key);
    if text == key { scope.into() } else { text.into() }
}

async fn accesses(area: &Area) -> Result<BTreeMap<String, Access>, Internal> {
    let (db, id) = (area.app.db.read(), &area.account.id);
    let mut all: BTreeMap<String, Access> = BTreeMap::new();
    for consent in consent::of_account(db, id).await? {
        let access = all.entry(consent.client_id).or_default();
        access.scope = consent.scope.split(' ').map(str::to_owned).collect();
        access.allowed_at = Some(consent.granted_at);
    }
    for grant in grant::of_account(db, id, area.now()).await? {
        let access = all.entry(grant.client_id).or_default();
        access.tokens += 1;
        access.newest = access.newest.max(Some(grant.created_at));
    }
    Ok(all)
}

/// `POST /account/access/end`: forgets what a website was allowed and ends its tokens. What it has copied, it keeps.
pub async fn end(Submitted { area, fields }: Submitted) -> Response {
    area.answer(take_back(&area, &fields).await)
}

async fn take_back(area: &Area, fields: &Fields) -> Result<Response, Internal> {
    let site = fields.get("site").to_owned();
    let (app, id, now) = (area.app.clone(), area.account.id.clone(), area.now());
    let event = Event {
        client: Some(site.clone()),
        address: Some(area.caller.address.clone()),
        ..Event::new("access_ended", "ok")
    };
    let done = area.app.db.write(move |tx| {
        Box::pin(async move {
            let forgotten = consent::remove(tx, &id, &site).await?;
            let revoked = grant::revoke_of_client(tx, &id, &site, now).await?;
            if !forgotten && revoked == 0 {
                return Ok(false);
            }
            log::append(tx, &app.seal, &id, now, &event).await?;
            Ok::<_, Internal>(true)
        })
    });
    area.back(if done.await? { "account_said_access" } else { "account_not_there" })
}
