//! `/account/access`: the services that this account is linked with: which were allowed something, hold tokens, or were signed
//! in to or paid lately; and how to end that.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Area, Fields, Said, Submitted, entry::CLIENT, log::Filter};
use crate::{
    clock::Millis,
    error::Internal,
    store::{
        consent, grant,
        log::{self, Event},
    },
};

/// Entries of the log that are looked at.
const LOOKED_AT: usize = 2_000;

/// What one website has, and when it was used.
#[derive(Default)]
struct Access {
    scope: Vec<String>,
    allowed_at: Option<Millis>,
    tokens: usize,
    /// Payments that were approved.
    payments: usize,
    first: Option<Millis>,
    last: Option<Millis>,
}

impl Access {
    fn used(&mut self, at: Millis) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(Some(at));
    }
}

/// What is known of the services, and how far back.
struct Accesses {
    by_client: BTreeMap<String, Access>,
    /// Whether the log goes back further than was looked.
    is_cut: bool,
}

/// `GET /account/access`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said).await)
}

async fn show(area: &Area, said: &Said) -> Result<Response, Internal> {
    let mut sites = Vec::new();
    let Accesses { by_client, is_cut } = accesses(area).await?;
    for (id, access) in by_client {
        let scope: Vec<Value> = access.scope.iter().map(|scope| scope_shown(area, scope)).collect();
        sites.push(json!({
            "id": id,
            "name": super::log::site_name(area, &id).await?,
            "scope": scope,
            "allowed": access.allowed_at.map(|at| area.when(at)),
            "tokens": access.tokens,
            "payments": (access.payments > 0).then(|| payments_shown(area, access.payments, is_cut)),
            "first": access.first.map(|at| first_shown(area, at, is_cut)),
            "last": access.last.map(|at| area.when(at)),
            "log": log_of(&id),
            "ends": access.allowed_at.is_some() || access.tokens > 0,
        }));
    }
    area.render("account_access.html", said.put_into(json!({ "sites": sites })))
}

fn first_shown(area: &Area, at: Millis, is_cut: bool) -> String {
    let time = area.when(at);
    if is_cut { area.text_with("account_access_earlier", &json!({ "time": time })) } else { time }
}

fn payments_shown(area: &Area, count: usize, is_cut: bool) -> String {
    if is_cut { area.text_with("account_access_or_more", &json!({ "count": count })) } else { count.to_string() }
}

/// The log with the entries about one service.
fn log_of(id: &str) -> String {
    format!("/account/log?{}", form_urlencoded::Serializer::new(String::new()).append_pair("site", id).finish())
}

fn scope_shown(area: &Area, scope: &str) -> Value {
    let key = format!("scope_{scope}");
    let text = area.text(&key);
    if text == key { scope.into() } else { text.into() }
}

async fn accesses(area: &Area) -> Result<Accesses, Internal> {
    let (db, id) = (area.app.db.read(), &area.account.id);
    let logged = super::log::find(area, &Filter::default(), i64::MAX, LOOKED_AT).await?;
    let is_cut = logged.next.is_some();
    let mut all: BTreeMap<String, Access> = BTreeMap::new();
    for (entry, event) in logged.entries {
        let is_use = event.result == "ok" && matches!(event.what.as_str(), "login" | "payment" | "consent");
        let Some(client) = event.client.filter(|client| is_use && client != CLIENT) else { continue };
        let access = all.entry(client).or_default();
        access.used(entry.at);
        access.payments += usize::from(event.what == "payment");
    }
    for consent in consent::of_account(db, id).await? {
        let access = all.entry(consent.client_id).or_default();
        access.scope = consent.scope.split(' ').map(str::to_owned).collect();
        access.allowed_at = Some(consent.granted_at);
        access.used(consent.granted_at);
    }
    for grant in grant::of_account(db, id, area.now()).await? {
        let access = all.entry(grant.client_id).or_default();
        access.tokens += 1;
        access.used(grant.created_at);
    }
    Ok(Accesses { by_client: all, is_cut })
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
