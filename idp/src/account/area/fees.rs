//! `/account/fees`: what was charged for messages and what became of it, what the next one costs, and how many are free.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use plugin_api::message::{ChallengeKind, Fee, Purpose};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Area, log::site_name, when::rfc3339};
use crate::{
    error::Internal,
    login::ceremony::{self, Free, Tariff},
    store::fee::{self, Line, Total, decimal},
};

pub mod export;

/// Charges on a page.
const PER_PAGE: u64 = 20;

/// Longest name of a charge, in bytes.
const LONGEST_NAME: usize = 64;

/// Where the page begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct From {
    /// Behind this charge of the same account; with the newest one when there is no such charge.
    before: String,
}

/// `GET /account/fees`.
pub async fn page(area: Area, Query(from): Query<From>) -> Response {
    area.answer(show(&area, &from).await)
}

async fn show(area: &Area, from: &From) -> Result<Response, Internal> {
    let (db, account) = (area.app.db.read(), &area.account);
    let before = match from.before.as_str() {
        id if is_name(id) => fee::by_id(db, id).await?.filter(|line| line.account_id == account.id),
        _ => None,
    };
    // One more than is shown tells whether there are older ones.
    let mut lines = fee::newest(db, &account.id, before.as_ref(), PER_PAGE + 1).await?;
    let shown = usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
    let has_older = lines.len() > shown;
    lines.truncate(shown);
    let older = lines.last().filter(|_| has_older).map(|line| format!("/account/fees?{}", query(line)));
    let totals = fee::totals(db, &account.id).await?;
    area.render(
        "account_fees.html",
        json!({
            "tariffs": tariffs(area).await?,
            "totals": totals.iter().map(total_shown).collect::<Value>(),
            "lines": lines_shown(area, &lines).await?,
            "older": older,
            "newest": before.as_ref().map(|_| "/account/fees"),
            "query": before.as_ref().map(query),
        }),
    )
}

/// Whether a charge may be called so: PostgreSQL takes no text with a NUL in it.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_NAME && !text.contains(char::is_control)
}

fn query(before: &Line) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("before", &before.id).finish()
}

/// What each method that sends messages takes for them, and leaves free.
async fn tariffs(area: &Area) -> Result<Vec<Value>, Internal> {
    let mut shown = Vec::new();
    for factor in area.app.plugins.factors_for(Purpose::Authorize) {
        if factor.manifest().challenge != ChallengeKind::Stored {
            continue;
        }
        match ceremony::tariff(&area.app, &area.account, &factor, area.locale).await {
            Ok(Some(tariff)) => shown.push(tariff_shown(area, factor.id(), &tariff)),
            Ok(None) => {}
            // What was charged is shown all the same.
            Err(Internal::Plugin(error)) => tracing::warn!(%error, factor = factor.id(), "a factor names no price"),
            Err(error) => return Err(error),
        }
    }
    Ok(shown)
}

fn tariff_shown(area: &Area, factor: &str, tariff: &Tariff) -> Value {
    let amount = |fee: &Fee| format!("{}\u{a0}{}", fee.amount(), fee.currency);
    let fees = tariff.fees.iter().map(|(currency, fee)| json!({ "currency": currency, "fee": amount(fee) }));
    json!({
        "method": area.factor_name(factor),
        "free": tariff.free.map(|free| free_shown(area, free)),
        "fees": fees.collect::<Value>(),
        "other": tariff.other_fee.as_ref().map(amount),
    })
}

fn free_shown(area: &Area, free: Free) -> Value {
    let left = area.text_with("account_fees_left", &json!({ "left": free.left, "most": free.per_day }));
    let again = free.again_at.map(|at| area.text_with("account_fees_again", &json!({ "time": area.when(at) })));
    json!({ "left": left, "again": again })
}

fn total_shown(total: &Total) -> Value {
    let amount = |minor: i64| decimal(minor, total.minor_digits);
    json!({
        "currency": total.currency,
        "charged": amount(total.charged_minor),
        "reversed": amount(-total.reversed_minor),
        "owed": amount(total.owed_minor()),
    })
}

async fn lines_shown(area: &Area, lines: &[Line]) -> Result<Vec<Value>, Internal> {
    let mut names = BTreeMap::new();
    for line in lines {
        if !names.contains_key(&line.client_id) {
            names.insert(line.client_id.clone(), site_name(area, &line.client_id).await?);
        }
    }
    Ok(lines.iter().map(|line| line_shown(area, line, &names)).collect())
}

fn line_shown(area: &Area, line: &Line, names: &BTreeMap<String, String>) -> Value {
    let status = line.status();
    let step = |key: &str, at: Option<i64>| {
        at.map(|at| area.text_with(&format!("account_fee_{key}_at"), &json!({ "time": area.when(at) })))
    };
    let settled = line.settled.as_deref().unwrap_or_default();
    let steps = [step(settled, line.settled_at), step("reversed", line.reversed_at)];
    json!({
        "id": line.id,
        "time": area.when(line.created_at),
        "moment": rfc3339(line.created_at),
        "site": names.get(&line.client_id),
        "method": area.factor_name(&line.factor),
        "amount": line.amount(),
        "currency": line.currency,
        "status": area.text(&format!("account_fee_{status}")),
        "steps": steps.into_iter().flatten().collect::<Vec<_>>(),
    })
}
