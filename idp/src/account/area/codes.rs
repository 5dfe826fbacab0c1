//! `/account/codes`: recovery codes. How many are left, and how new ones are made.
//!
//! Codes stand on the page that answers the form which made them, and nowhere else: not in an address, not behind a link,
//! and not on the same page sent again, since the form names the codes that it replaces.

use axum::{extract::Query, response::Response};
use serde_json::json;

use super::{Area, Guarded, Said, change::Change};
use crate::{
    account::recovery::Codes,
    error::Internal,
    store::{
        StoreError, account,
        recovery_code::{self, Model},
    },
};

/// `GET /account/codes`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said).await)
}

async fn show(area: &Area, said: &Said) -> Result<Response, Internal> {
    let rows = recovery_code::of_account(area.app.db.read(), &area.account.id).await?;
    let context = json!({
        "left": rows.iter().filter(|code| code.used_at.is_none()).count(),
        "most": rows.len(),
        "made": rows.first().map(|code| area.when(code.created_at)),
        "made_new": Codes::COUNT,
        "seen": mark(area, &rows),
        "guard": area.guard().await?.shown(area),
    });
    area.render("account_codes.html", said.put_into(context))
}

/// Tells one set from the next.
fn mark(area: &Area, rows: &[Model]) -> String {
    let hashes: Vec<&str> = rows.iter().map(|code| code.code_hash.as_str()).collect();
    area.app.seal.hash("recovery codes seen", &format!("{}:{}", area.account.id, hashes.join(" ")))
}

/// `POST /account/codes/make`.
pub async fn make(Guarded { area, fields }: Guarded) -> Response {
    area.answer(replace(&area, fields.get("seen")).await)
}

async fn replace(area: &Area, seen: &str) -> Result<Response, Internal> {
    let rows = recovery_code::of_account(area.app.db.read(), &area.account.id).await?;
    // Also a page that is loaded again: what was printed from it stays good.
    if mark(area, &rows) != seen {
        return area.back("account_not_codes");
    }
    let codes = Codes::fresh(&area.app, &area.account.id)?;
    let (id, hashes, now) = (area.account.id.clone(), codes.hashes().to_vec(), area.now());
    let change = Change { what: "recovery_codes", factor: None, reference: None, args: json!({}), also: None };
    let done = area.changes(change, move |tx| {
        Box::pin(async move {
            // What was made since is not to be voided by somebody who has not seen it, not even at the same moment.
            account::main_email_held(tx, &id).await?;
            if recovery_code::of_account(tx, &id).await? != rows {
                return Err(StoreError::Conflict(recovery_code::RECORD).into());
            }
            recovery_code::replace(tx, &id, hashes, now).await?;
            Ok::<_, Internal>(true)
        })
    });
    match done.await {
        Ok(_) => shown_once(area, codes),
        Err(error) if error.is_conflict() => area.back("account_not_again"),
        Err(error) => Err(error),
    }
}

fn shown_once(area: &Area, codes: Codes) -> Result<Response, Internal> {
    let recover = area.app.config.url("/recover");
    let context = json!({
        "codes": codes.expose(), "issuer": area.app.config.issuer, "recover": recover, "made": area.when(area.now()),
    });
    area.render("account_codes_new.html", context)
}
