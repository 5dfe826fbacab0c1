//! `POST /payments/refunds`: a relying party declares that it has given back a payment, or a part of it.
//!
//! The relying party's own `reference` makes it happen once: the same request again gets the same answer. What was given back
//! in all never exceeds what was paid, whoever asks at the same time.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use enum_receipt::{REFUND_TYPE, Refund, receipt_hash};
use plugin_api::message::{Approved, SubjectKind, Transaction};
use serde::Serialize;

use super::{amount, asked, invalid, list};
use crate::{
    app::App,
    clock::SECOND,
    error::Internal,
    keys::jws::Alg,
    oidc::{client::Client, error::Refusal, params::Params, subject},
    store::{
        self, Change, StoreError, account,
        confirmation::{self, Model as Confirmation},
        log::{self, Event},
        refund,
    },
};

/// Longest `reference` and `reason`, in characters.
const LONGEST: usize = 140;
/// How often it is tried again when something else happens to the payment, or to its account, at the same time.
const ATTEMPTS: usize = 10;

/// What the relying party says.
struct Asked<'a> {
    confirmation: &'a str,
    amount: &'a str,
    currency: &'a str,
    reference: &'a str,
    reason: &'a str,
}

/// What it is told.
#[derive(Debug, Serialize)]
struct Told {
    /// Identifier; also the `jti` of the receipt.
    refund: String,
    /// Compact JWS that names the receipt of the payment.
    receipt: String,
    /// What was given back in all: a decimal with a point.
    refunded: String,
    /// What is left of the payment.
    remaining: String,
    currency: String,
}

/// `POST /payments/refunds`.
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    match declare(&app, &headers, &body).await {
        Ok((status, told)) => (status, [(header::CACHE_CONTROL, "no-store")], Json(told)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn declare(app: &Arc<App>, headers: &HeaderMap, body: &Bytes) -> Result<(StatusCode, Told), Refusal> {
    let (client, params) = asked(app, headers, body).await?;
    let asked = Asked::read(&params)?;
    let mut left = ATTEMPTS;
    loop {
        match attempt(app, &client, &asked).await {
            Err(Refusal::Internal(error)) if error.is_conflict() && left > 0 => left -= 1,
            done => return done,
        }
    }
}

impl<'a> Asked<'a> {
    fn read(params: &'a Params) -> Result<Self, Refusal> {
        let asked = Self {
            confirmation: params.require("confirmation")?,
            amount: params.require("amount")?,
            currency: params.require("currency")?,
            reference: params.require("reference")?,
            reason: params.get("reason").unwrap_or_default(),
        };
        for (name, text) in [("reference", asked.reference), ("reason", asked.reason)] {
            if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
                return Err(invalid(format!("{name} must have at most {LONGEST} characters, on one line")));
            }
        }
        Ok(asked)
    }
}

async fn attempt(app: &Arc<App>, client: &Client, asked: &Asked<'_>) -> Result<(StatusCode, Told), Refusal> {
    let db = app.db.read();
    let paid = confirmation::by_id(db, asked.confirmation).await.map_err(Internal::from)?;
    let paid = paid
        .filter(|paid| paid.client_id == client.client_id)
        .ok_or_else(|| invalid("there is no such confirmation of this client"))?;
    let opened: Result<Approved, _> = app.seal.open_record_json("confirmation", &paid.id, &paid.sealed);
    let transaction = opened.map_err(Internal::from)?.transaction;
    let minor = the_amount(asked, &transaction)?;
    let reference_hash = app.seal.hash("refund", &format!("{}\n{}", paid.id, asked.reference));
    if let Some(earlier) = refund::by_reference(db, &paid.id, &reference_hash).await.map_err(Internal::from)? {
        if earlier.amount_minor != minor {
            return Err(invalid("this reference is that of another refund"));
        }
        return Ok((StatusCode::OK, told(earlier, &transaction, paid.refunded)));
    }
    let total = i64::try_from(transaction.amount_minor).unwrap_or(i64::MAX);
    let Some(sum) = paid.refunded.checked_add(minor).filter(|sum| *sum <= total) else {
        let left = list::amount(&transaction, total - paid.refunded);
        return Err(invalid(format!("that is more than is left of the payment: {left}")));
    };
    let row = refund::Model {
        id: app.entropy.id().map_err(Internal::from)?,
        confirmation_id: paid.id.clone(),
        reference_hash,
        amount_minor: minor,
        receipt: String::new(),
        created_at: app.clock.now(),
    };
    let receipt = sign(app, client, &paid, (&row, sum), (asked, &transaction))?;
    let row = refund::Model { receipt, ..row };
    write_down(app, paid, row.clone(), sum, transaction.clone()).await?;
    Ok((StatusCode::CREATED, told(row, &transaction, sum)))
}

fn the_amount(asked: &Asked<'_>, transaction: &Transaction) -> Result<i64, Refusal> {
    if transaction.kind() == Some(SubjectKind::Operation) {
        return Err(invalid("an operation is no payment: there is nothing to give back"));
    }
    // Byte for byte: letters of another alphabet that look alike are not the currency.
    if asked.currency != transaction.currency {
        return Err(invalid(format!("currency: the payment was in {}", transaction.currency)));
    }
    amount::minor_units(asked.amount, transaction.minor_digits)
        .and_then(|minor| i64::try_from(minor).ok())
        .ok_or_else(|| invalid("amount must be a decimal above zero, such as 10.50, as exact as the currency"))
}

fn told(row: refund::Model, transaction: &Transaction, sum: i64) -> Told {
    let total = i64::try_from(transaction.amount_minor).unwrap_or(i64::MAX);
    Told {
        refunded: list::amount(transaction, sum),
        remaining: list::amount(transaction, total - sum),
        currency: transaction.currency.clone(),
        refund: row.id,
        receipt: row.receipt,
    }
}

/// `sum` is what was given back in all, `row` included.
fn sign(
    app: &App,
    client: &Client,
    paid: &Confirmation,
    (row, sum): (&refund::Model, i64),
    (asked, transaction): (&Asked<'_>, &Transaction),
) -> Result<String, Internal> {
    let claims = Refund {
        iss: app.config.issuer.clone(),
        aud: client.client_id.clone(),
        sub: subject::subject(&app.seal, client, &paid.account_id),
        iat: row.created_at / SECOND,
        jti: row.id.clone(),
        confirmation: paid.id.clone(),
        receipt_hash: receipt_hash(&paid.receipt),
        amount_minor: row.amount_minor.unsigned_abs(),
        refunded_minor: sum.unsigned_abs(),
        minor_digits: transaction.minor_digits,
        currency: transaction.currency.clone(),
        reference: asked.reference.to_owned(),
        reason: asked.reason.to_owned(),
    };
    app.keys.sign(Alg::Es256, REFUND_TYPE, &claims)
}

/// The refund, the sum, and the entry in the account's log, unless the account is gone: the merchant still owes the money.
async fn write_down(
    app: &Arc<App>,
    paid: Confirmation,
    row: refund::Model,
    sum: i64,
    transaction: Transaction,
) -> Result<(), Internal> {
    let (seal, now) = (app.seal.clone(), row.created_at);
    let event = Event {
        client: Some(paid.client_id.clone()),
        reference: Some(row.id.clone()),
        // What is shown is what was given back: not all payees of a batch, and their amounts.
        transaction: Some(Transaction { amount_minor: row.amount_minor.unsigned_abs(), subject: None, ..transaction }),
        ..Event::new("refund", "ok")
    };
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let changes: [Change; 2] = [confirmation::refunding(&paid.id, paid.refunded, sum), refund::adding(row)];
                store::apply(tx, changes).await?;
                let owner = account::by_id(tx, &paid.account_id).await?;
                if owner.is_some_and(|owner| owner.status != account::DELETED) {
                    log::append(tx, &seal, &paid.account_id, now, &event).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await?;
    Ok(())
}
