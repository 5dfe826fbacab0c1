//! `/account/log`: every attempt to prove something, and every change, newest first.
//!
//! Entries are read by their number, a bounded stretch at a time, and filtered here: whatever somebody writes into the
//! filter never reaches the database.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use plugin_api::message::{SubjectKind, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Area;
use crate::{
    clock::{DAY, Millis},
    error::Internal,
    store::log::{self, Event, Model},
};

pub mod export;

/// Entries on a page.
const PER_PAGE: usize = 20;
/// Entries that are looked at for one page at most; the next page goes on from there.
const STRETCH: usize = 2_000;
/// Entries that are read at once.
const BATCH: u64 = 250;

/// What the person wants to see.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Filter {
    /// `login`, `payment`, `change`; anything else: all.
    kind: String,
    /// `ok`, `refused`; anything else: both.
    result: String,
    /// `client_id`; empty: all.
    site: String,
    /// First and last day, such as `2026-11-22`; empty or unreadable: no bound.
    from: String,
    to: String,
    /// Only entries before this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
}

/// A filter, read.
struct Wanted<'f> {
    filter: &'f Filter,
    from: Option<Millis>,
    until: Option<Millis>,
}

impl Wanted<'_> {
    fn takes(&self, entry: &Model, event: &Event) -> bool {
        let Filter { kind, result, site, .. } = self.filter;
        let kind = match kind.as_str() {
            known @ ("login" | "payment") => event.what == known,
            "change" => !matches!(event.what.as_str(), "login" | "payment"),
            _ => true,
        };
        let result = match result.as_str() {
            "ok" => is_good(event),
            "refused" => !is_good(event),
            _ => true,
        };
        let site = site.is_empty() || event.client.as_deref() == Some(site);
        let day = self.from.is_none_or(|from| entry.at >= from) && self.until.is_none_or(|until| entry.at < until);
        kind && result && site && day
    }
}

fn is_good(event: &Event) -> bool {
    matches!(
        event.result.as_str(),
        "ok" | "by_admin" | "mailed" | "waiting" | "done" | "stopped" | "asked" | "approved"
    )
}

/// What a stretch of the log holds.
pub(super) struct Found {
    pub(super) entries: Vec<(Model, Event)>,
    /// Where the next page begins, when there may be more.
    pub(super) next: Option<i64>,
    /// Relying parties in the stretch, whether they are in `entries` or not.
    sites: Vec<String>,
}

/// The entries numbered below `before` that a filter takes: at most `most`, out of a bounded stretch.
pub(super) async fn find(area: &Area, filter: &Filter, before: i64, most: usize) -> Result<Found, Internal> {
    let until = area.day(&filter.to).map(|day| day + DAY);
    let wanted = Wanted { filter, from: area.day(&filter.from), until };
    let mut found = Found { entries: Vec::new(), next: None, sites: Vec::new() };
    let (mut at, mut looked_at) = (before, 0);
    loop {
        let batch = log::before(area.app.db.read(), &area.account.id, at, BATCH).await?;
        let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        for entry in batch {
            if found.entries.len() >= most || looked_at >= STRETCH {
                found.next = Some(at);
                return Ok(found);
            }
            (at, looked_at) = (entry.seq, looked_at + 1);
            let event = entry.event()?;
            if let Some(site) = event.client.as_ref().filter(|site| !found.sites.contains(site)) {
                found.sites.push(site.clone());
            }
            if wanted.takes(&entry, &event) {
                found.entries.push((entry, event));
            }
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// `GET /account/log`.
pub async fn page(area: Area, Query(filter): Query<Filter>) -> Response {
    area.answer(show(&area, &filter).await)
}

async fn show(area: &Area, filter: &Filter) -> Result<Response, Internal> {
    let before = filter.before.as_deref().and_then(|text| text.parse().ok()).unwrap_or(i64::MAX);
    let mut found = find(area, filter, before, PER_PAGE).await?;
    if !filter.site.is_empty() && !found.sites.contains(&filter.site) {
        found.sites.push(filter.site.clone());
    }
    let mut sites = Vec::new();
    for id in &found.sites {
        sites.push(json!({ "id": id, "name": site_name(area, id).await? }));
    }
    let link = |path: &str, before: Option<i64>| {
        let filter = Filter { before: before.map(|before| before.to_string()), ..filter.clone() };
        format!("{path}?{}", query(&filter))
    };
    area.render(
        "account_log.html",
        json!({
            "filter": filter,
            "sites": sites,
            "entries": shown(area, &found.entries).await?,
            "older": found.next.map(|next| link("/account/log", Some(next))),
            "newest": (before != i64::MAX).then(|| link("/account/log", None)),
            "csv": link("/account/log/export.csv", None),
            "json": link("/account/log/export.json", None),
            "query": query(filter),
        }),
    )
}

fn query(filter: &Filter) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let Filter { kind, result, site, from, to, before } = filter;
    let pairs = [("kind", kind), ("result", result), ("site", site), ("from", from), ("to", to)];
    query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
    query.extend_pairs(before.iter().map(|before| ("before", before)));
    query.finish()
}

/// Entries as the pages show them.
pub(super) async fn shown(area: &Area, entries: &[(Model, Event)]) -> Result<Vec<Value>, Internal> {
    let mut names = BTreeMap::new();
    for id in entries.iter().filter_map(|(_, event)| event.client.as_ref()) {
        if !names.contains_key(id) {
            names.insert(id.clone(), site_name(area, id).await?);
        }
    }
    Ok(entries.iter().map(|(entry, event)| entry_shown(area, entry, event, &names)).collect())
}

fn entry_shown(area: &Area, entry: &Model, event: &Event, names: &BTreeMap<String, String>) -> Value {
    let kind = event.transaction.as_ref().and_then(Transaction::kind);
    let is_operation = event.what == "payment" && kind == Some(SubjectKind::Operation);
    let what = if is_operation { "operation" } else { &event.what };
    let payment = event.transaction.as_ref().map(|payment| {
        let summary = payment.subject.is_some().then(|| area.app.pages.summary(area.locale, payment));
        json!({
            "payee": payment.payee_name, "account": payment.payee_account,
            "amount": payment.amount(), "currency": payment.currency, "summary": summary,
        })
    });
    json!({
        "number": entry.seq,
        "time": area.when(entry.at),
        "moment": super::when::rfc3339(entry.at),
        "what": word(area, "account_what", what),
        "result": word(area, "account_result", &event.result),
        "good": is_good(event),
        "method": event.factor.as_deref().map(|factor| method(area, factor)),
        "site": event.client.as_ref().and_then(|id| names.get(id)),
        "address": event.address.as_deref().map(|address| area.told(address)),
        "reason": event.reason.as_deref().map(|reason| word(area, "account_reason", reason)),
        "signals": event.signals.iter().map(|signal| word(area, "risk_signal", signal)).collect::<Vec<_>>(),
        "payment": payment,
    })
}

/// The name of a relying party; its id when it is gone.
pub(super) async fn site_name(area: &Area, id: &str) -> Result<String, Internal> {
    Ok(area.app.name_of_site(id).await?.unwrap_or_else(|| id.to_owned()))
}

/// `cipherpad 1.0.0` is written into the log; people know it by its name.
fn method(area: &Area, written: &str) -> String {
    area.factor_name(written.split(' ').next().unwrap_or(written))
}

/// The text for a word of the log; the word itself when there is none.
fn word(area: &Area, kind: &str, written: &str) -> String {
    let key = format!("{kind}_{written}");
    let text = area.text(&key);
    if text == key { written.to_owned() } else { text }
}
