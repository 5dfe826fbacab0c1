//! The log as a file: CSV (RFC 4180) or JSON, in the words that the log is kept in. Streamed, so that a long log needs no
//! more memory than a short one.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::Query,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use plugin_api::message::Transaction;
use serde::Serialize;

use super::{Area, Filter, find, site_name};
use crate::{
    account::area::when::rfc3339,
    error::Internal,
    store::log::{Event, Model},
};

/// Entries that are written at once.
const CHUNK: usize = 500;

const COLUMNS: [&str; 14] = [
    "number",
    "time",
    "event",
    "result",
    "method",
    "relying_party",
    "client_id",
    "address",
    "payee",
    "payee_account",
    "amount",
    "currency",
    "reference",
    "unusual",
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Csv,
    Json,
}

/// `GET /account/log/export.csv`.
pub async fn csv(area: Area, Query(filter): Query<Filter>) -> Response {
    file(area, filter, Kind::Csv)
}

/// `GET /account/log/export.json`.
pub async fn json(area: Area, Query(filter): Query<Filter>) -> Response {
    file(area, filter, Kind::Json)
}

/// Where the export stands.
struct Progress {
    area: Arc<Area>,
    filter: Filter,
    kind: Kind,
    /// Entries below this number are still to be written; `None` when the end has been.
    before: Option<i64>,
    has_begun: bool,
    /// Whether an entry was written.
    has_any: bool,
}

fn file(area: Area, filter: Filter, kind: Kind) -> Response {
    let (media, name) = match kind {
        Kind::Csv => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"e-num-log.csv\""),
        Kind::Json => ("application/json", "attachment; filename=\"e-num-log.json\""),
    };
    let area = Arc::new(area);
    let begun = Progress { area: area.clone(), filter, kind, before: Some(i64::MAX), has_begun: false, has_any: false };
    let text = stream::try_unfold(begun, |progress| async {
        let next = progress.write().await;
        if let Err(error) = &next {
            tracing::error!(%error, "an export of a log broke off");
        }
        next
    });
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    area.answer(Ok((headers, Body::from_stream(text)).into_response()))
}

impl Progress {
    async fn write(mut self) -> Result<Option<(Bytes, Self)>, Internal> {
        let Some(before) = self.before else { return Ok(None) };
        let found = find(&self.area, &self.filter, before, CHUNK).await?;
        let mut text = match (self.has_begun, self.kind) {
            (false, Kind::Csv) => line(&COLUMNS),
            (false, Kind::Json) => "[".to_owned(),
            (true, _) => String::new(),
        };
        self.has_begun = true;
        for (entry, event) in &found.entries {
            let site = match &event.client {
                Some(id) => Some(site_name(&self.area, id).await?),
                None => None,
            };
            let row = Row::of(entry, event, site);
            match self.kind {
                Kind::Csv => text.push_str(&row.line()),
                Kind::Json => {
                    text.push_str(if self.has_any { ",\n" } else { "\n" });
                    text.push_str(&serde_json::to_string(&row)?);
                }
            }
            self.has_any = true;
        }
        self.before = found.next;
        if self.before.is_none() && matches!(self.kind, Kind::Json) {
            text.push_str("\n]\n");
        }
        Ok(Some((text.into(), self)))
    }
}

/// One entry of the file.
#[derive(Serialize)]
struct Row<'e> {
    number: i64,
    time: String,
    event: &'e str,
    result: &'e str,
    method: Option<&'e str>,
    relying_party: Option<String>,
    client_id: Option<&'e str>,
    address: Option<&'e str>,
    payee: Option<&'e str>,
    payee_account: Option<&'e str>,
    amount: Option<String>,
    currency: Option<&'e str>,
    reference: Option<&'e str>,
    /// Signals, with spaces between them.
    unusual: Option<String>,
}

impl<'e> Row<'e> {
    fn of(entry: &Model, event: &'e Event, site: Option<String>) -> Self {
        let payment = event.transaction.as_ref();
        Self {
            number: entry.seq,
            time: rfc3339(entry.at),
            event: &event.what,
            result: &event.result,
            method: event.factor.as_deref(),
            relying_party: site,
            client_id: event.client.as_deref(),
            address: event.address.as_deref(),
            payee: payment.map(|payment| payment.payee_name.as_str()),
            payee_account: payment.map(|payment| payment.payee_account.as_str()),
            amount: payment.map(Transaction::amount),
            currency: payment.map(|payment| payment.currency.as_str()),
            reference: event.reference.as_deref(),
            unusual: (!event.signals.is_empty()).then(|| event.signals.join(" ")),
        }
    }

    fn line(&self) -> String {
        let text = |cell: Option<&str>| cell.unwrap_or_default().to_owned();
        line(&[
            &self.number.to_string(),
            &self.time,
            self.event,
            self.result,
            &text(self.method),
            self.relying_party.as_deref().unwrap_or_default(),
            &text(self.client_id),
            &text(self.address),
            &text(self.payee),
            &text(self.payee_account),
            self.amount.as_deref().unwrap_or_default(),
            &text(self.currency),
            &text(self.reference),
            self.unusual.as_deref().unwrap_or_default(),
        ])
    }
}

fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell in quotes. One that a spreadsheet would take for a formula begins with an apostrophe, which makes it a text:
/// names of payees and relying parties are other people's choice.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let apostrophe = if is_formula { "'" } else { "" };
    format!("\"{apostrophe}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_text_whatever_somebody_called_themselves() {
        assert_eq!(quoted("Shop"), "\"Shop\"");
        assert_eq!(quoted("10.50"), "\"10.50\"");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert!(quoted(formula).starts_with("\"'"), "{formula}");
        }
        assert_eq!(line(&["a", "=b"]), "\"a\",\"'=b\"\r\n");
    }
}
