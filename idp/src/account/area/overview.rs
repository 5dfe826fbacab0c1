//! `/account`: what there is to see, and what happened last.

use axum::{extract::Query, response::Response};
use serde_json::json;

use super::{Area, Said, log, requests};
use crate::{
    error::Internal,
    store::{enrolment, recovery_code, session},
};

/// Entries of the log that are shown here.
const LATEST: usize = 3;

/// `GET /account`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said).await)
}

async fn show(area: &Area, said: &Said) -> Result<Response, Internal> {
    let (db, account) = (area.app.db.read(), &area.account);
    let rows = enrolment::of_account(db, &account.id).await?;
    let sessions = session::of_account(db, &account.id, area.now()).await?;
    let found = log::find(area, &log::Filter::default(), i64::MAX, LATEST).await?;
    area.render(
        "account_overview.html",
        said.put_into(json!({
            "name": account.name(),
            "methods": rows.iter().filter(|row| row.status == "active").count(),
            "sessions": sessions.len(),
            "requests": requests::count(area).await?,
            "codes": recovery_code::left(db, &account.id).await?,
            "since": area.when(account.created_at),
            "entries": log::shown(area, &found.entries).await?,
        })),
    )
}
