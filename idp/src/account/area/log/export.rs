//! The log as a file, in the words that it is kept in.

use axum::{extract::Query, response::Response};
use plugin_api::message::Transaction;
use serde::Serialize;

use super::{Area, Filter, find, site_name};
use crate::{
    account::area::{
        download::{self, Kind, List},
        when::rfc3339,
    },
    error::Internal,
    store::log::{Event, Model},
};

/// Entries that are written at once.
const CHUNK: usize = 500;

/// `GET /account/log/export.csv`.
pub async fn csv(area: Area, Query(filter): Query<Filter>) -> Response {
    download::send(area, Entries::of(filter), Kind::Csv, "log")
}

/// `GET /account/log/export.json`.
pub async fn json(area: Area, Query(filter): Query<Filter>) -> Response {
    download::send(area, Entries::of(filter), Kind::Json, "log")
}

/// The entries that a filter takes, newest first.
struct Entries {
    filter: Filter,
    /// Those below this number are still to be written; `None` when the last have been.
    before: Option<i64>,
}

impl Entries {
    fn of(filter: Filter) -> Self {
        Self { filter, before: Some(i64::MAX) }
    }
}

impl List for Entries {
    type Row = Row;

    const COLUMNS: &'static [&'static str] = &[
        "number",
        "time",
        "event",
        "result",
        "method",
        "relying_party",
        "client_id",
        "address",
        "place",
        "payee",
        "payee_account",
        "amount",
        "currency",
        "reference",
        "reason",
        "unusual",
    ];

    async fn next(&mut self, area: &Area) -> Result<Option<Vec<Row>>, Internal> {
        let Some(before) = self.before else { return Ok(None) };
        let found = find(area, &self.filter, before, CHUNK).await?;
        self.before = found.next;
        let mut rows = Vec::with_capacity(found.entries.len());
        for (entry, event) in found.entries {
            let site = match &event.client {
                Some(id) => Some(site_name(area, id).await?),
                None => None,
            };
            let place = event.address.as_deref().and_then(|from| area.app.places.name(from, area.locale));
            let payee = event.transaction.as_ref().map(|payment| match payment.subject {
                Some(_) => area.app.pages.summary(area.locale, payment),
                None => payment.payee_name.clone(),
            });
            rows.push(Row { place, payee, ..Row::of(&entry, event, site) });
        }
        Ok(Some(rows))
    }
}

/// One entry of the file.
#[derive(Serialize)]
struct Row {
    number: i64,
    time: String,
    event: String,
    result: String,
    method: Option<String>,
    relying_party: Option<String>,
    client_id: Option<String>,
    address: Option<String>,
    /// In the reader's language.
    place: Option<String>,
    /// Of what is no payment to one purse: what it was, in the reader's language.
    payee: Option<String>,
    payee_account: Option<String>,
    amount: Option<String>,
    currency: Option<String>,
    reference: Option<String>,
    /// Why it was declined, in a word.
    reason: Option<String>,
    /// Signals, with spaces between them.
    unusual: Option<String>,
}

impl Row {
    fn of(entry: &Model, event: Event, site: Option<String>) -> Self {
        let payment = event.transaction.as_ref();
        Self {
            number: entry.seq,
            time: rfc3339(entry.at),
            place: None,
            payee: None,
            payee_account: payment.map(|payment| payment.payee_account.clone()),
            amount: payment.filter(|payment| payment.amount_minor > 0).map(Transaction::amount),
            currency: payment.map(|payment| payment.currency.clone()),
            event: event.what,
            result: event.result,
            method: event.factor,
            relying_party: site,
            client_id: event.client,
            address: event.address,
            reference: event.reference,
            reason: event.reason,
            unusual: (!event.signals.is_empty()).then(|| event.signals.join(" ")),
        }
    }
}
