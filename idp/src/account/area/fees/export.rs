//! The charges as a file, in the words of the ledger; oldest first.

use axum::response::Response;
use serde::Serialize;

use super::{Area, Line, fee, site_name};
use crate::{
    account::area::{
        download::{self, Kind, List},
        when::rfc3339,
    },
    error::Internal,
    store::fee::{Filter, decimal},
};

/// `GET /account/fees/export.csv`.
pub async fn csv(area: Area) -> Response {
    download::send(area, Charges::default(), Kind::Csv, "fees")
}

/// `GET /account/fees/export.json`.
pub async fn json(area: Area) -> Response {
    download::send(area, Charges::default(), Kind::Json, "fees")
}

/// All charges of the account.
#[derive(Default)]
pub(in crate::account::area) struct Charges {
    /// The last one that was read.
    last: Option<Line>,
}

impl List for Charges {
    type Row = Row;

    const COLUMNS: &'static [&'static str] = &[
        "charge",
        "accepted_at",
        "method",
        "relying_party",
        "client_id",
        "amount",
        "currency",
        "status",
        "owed",
        "settled_at",
        "reversed_at",
    ];

    async fn next(&mut self, area: &Area) -> Result<Option<Vec<Row>>, Internal> {
        let theirs = Filter { account_id: Some(area.account.id.clone()), since: 0, until: i64::MAX };
        let lines = fee::page(area.app.db.read(), &theirs, self.last.as_ref()).await?;
        let mut rows = Vec::with_capacity(lines.len());
        for line in &lines {
            rows.push(Row::of(line, site_name(area, &line.client_id).await?));
        }
        let Some(last) = lines.into_iter().next_back() else { return Ok(None) };
        self.last = Some(last);
        Ok(Some(rows))
    }
}

/// One charge of the file.
#[derive(Serialize)]
pub(in crate::account::area) struct Row {
    charge: String,
    accepted_at: String,
    method: String,
    relying_party: String,
    client_id: String,
    amount: String,
    currency: String,
    /// `pending`, `charged`, `void` or `reversed`.
    status: String,
    /// What the account owes by it.
    owed: String,
    settled_at: Option<String>,
    reversed_at: Option<String>,
}

impl Row {
    fn of(line: &Line, site: String) -> Self {
        Self {
            charge: line.id.clone(),
            accepted_at: rfc3339(line.created_at),
            method: line.factor.clone(),
            relying_party: site,
            client_id: line.client_id.clone(),
            amount: line.amount(),
            currency: line.currency.clone(),
            status: line.status().to_owned(),
            owed: decimal(line.owed_minor(), line.minor_digits),
            settled_at: line.settled_at.map(rfc3339),
            reversed_at: line.reversed_at.map(rfc3339),
        }
    }
}
