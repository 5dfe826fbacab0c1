//! `POST /payments/confirmations`: what people have confirmed for a relying party, newest first.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use plugin_api::message::{Approved, Transaction};
use serde::Serialize;
use serde_json::Value;

use super::{asked, invalid};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    oidc::{client::Client, error::Refusal, params::Params, receipt::in_receipt, subject},
    store::{
        confirmation::{self, Meant, Model},
        refund,
    },
};

/// Confirmations of one answer, unless fewer are asked for.
const MOST: u64 = 100;

/// One page of confirmations.
#[derive(Debug, Serialize)]
struct Answer {
    confirmations: Vec<Confirmation>,
    /// Sent back as `cursor`, leads to those before; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One payment that somebody has confirmed.
#[derive(Debug, Serialize)]
struct Confirmation {
    /// Also the receipt's `jti`.
    #[serde(rename = "confirmation")]
    id: String,
    /// When. Unix seconds.
    created_at: i64,
    /// Who, as this relying party knows them.
    sub: String,
    /// The object as the relying party sent it.
    authorization_details: Value,
    /// What was shown and signed, in the receipt's words.
    transaction: enum_receipt::Transaction,
    transaction_hash: String,
    /// Compact JWS.
    receipt: String,
    /// Its number in the public log; absent for the second or so until it is in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_index: Option<i64>,
    /// What was given back in all: a decimal with a point, in the currency of the transaction.
    refunded: String,
    refunds: Vec<Refund>,
}

#[derive(Debug, Serialize)]
struct Refund {
    /// Also the `jti` of its receipt.
    #[serde(rename = "refund")]
    id: String,
    /// Unix seconds.
    created_at: i64,
    amount: String,
    /// Compact JWS.
    receipt: String,
}

/// `POST /payments/confirmations`.
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    match answer(&app, &headers, &body).await {
        Ok(answer) => ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<Answer, Refusal> {
    let (client, params) = asked(app, headers, body).await?;
    let (rows, next_cursor) = match params.get("confirmation") {
        Some(id) => (one(app, &client, id).await?, None),
        None => page(app, &client, &params).await?,
    };
    let mut refunds: HashMap<String, Vec<refund::Model>> = HashMap::new();
    let given_back: Vec<String> = rows.iter().filter(|row| row.refunded > 0).map(|row| row.id.clone()).collect();
    for refund in refund::of_confirmations(app.db.read(), given_back).await.map_err(Internal::from)? {
        refunds.entry(refund.confirmation_id.clone()).or_default().push(refund);
    }
    let shown = rows.into_iter().map(|row| {
        let refunds = refunds.remove(&row.id).unwrap_or_default();
        Confirmation::of(app, &client, row, refunds)
    });
    Ok(Answer { confirmations: shown.collect::<Result<_, _>>()?, next_cursor })
}

/// The one of this name, if it is the client's: another's is answered like one that never was.
async fn one(app: &App, client: &Client, id: &str) -> Result<Vec<Model>, Internal> {
    let row = confirmation::by_id(app.db.read(), id).await?;
    Ok(row.into_iter().filter(|row| row.client_id == client.client_id).collect())
}

async fn page(app: &App, client: &Client, params: &Params) -> Result<(Vec<Model>, Option<String>), Refusal> {
    let most = match params.get("limit") {
        None => MOST,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| invalid("limit must be 1 to 100"))?,
    };
    let meant = Meant {
        client_id: client.client_id.clone(),
        since: moment(params, "since")?.unwrap_or(0),
        until: moment(params, "until")?.unwrap_or(Millis::MAX),
        before: params
            .get("cursor")
            .map(|text| read_cursor(text).ok_or_else(|| invalid("cursor is not one of ours")))
            .transpose()?,
    };
    let mut rows = confirmation::newest(app.db.read(), &meant, most + 1).await.map_err(Internal::from)?;
    let has_more = rows.len() as u64 > most;
    rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| has_more).map(cursor);
    Ok((rows, next))
}

/// Unix seconds.
fn moment(params: &Params, name: &'static str) -> Result<Option<Millis>, Refusal> {
    let wrong = || invalid(format!("{name} must be a time in Unix seconds"));
    params
        .get(name)
        .map(|text| text.parse::<u32>().map(|seconds| i64::from(seconds) * SECOND).map_err(|_| wrong()))
        .transpose()
}

fn cursor(row: &Model) -> String {
    format!("{}.{}", row.created_at, row.id)
}

fn read_cursor(text: &str) -> Option<(Millis, String)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id.to_owned()))
}

impl Confirmation {
    fn of(app: &App, client: &Client, row: Model, mut refunds: Vec<refund::Model>) -> Result<Self, Internal> {
        let Approved { details, transaction, .. } = app.seal.open_record_json("confirmation", &row.id, &row.sealed)?;
        refunds.sort_by_key(|refund| refund.created_at);
        Ok(Self {
            created_at: row.created_at / SECOND,
            sub: subject::subject(&app.seal, client, &row.account_id),
            authorization_details: details,
            refunded: amount(&transaction, row.refunded),
            refunds: refunds.into_iter().map(|refund| Refund::of(&transaction, refund)).collect(),
            transaction: in_receipt(&transaction),
            transaction_hash: row.transaction_hash,
            receipt: row.receipt,
            log_index: row.log_index,
            id: row.id,
        })
    }
}

impl Refund {
    fn of(transaction: &Transaction, row: refund::Model) -> Self {
        Self {
            created_at: row.created_at / SECOND,
            amount: amount(transaction, row.amount_minor),
            id: row.id,
            receipt: row.receipt,
        }
    }
}

/// A part of what was paid.
pub(super) fn amount(transaction: &Transaction, minor: i64) -> String {
    Transaction { amount_minor: minor.unsigned_abs(), ..transaction.clone() }.amount()
}
