//! The wish to have the account deleted, and its taking back, from `/account/data`.

use axum::response::Response;
use serde_json::json;

use super::{Area, Fields, Guarded, Submitted};
use crate::{
    account::deletion::{self, Asked, By, work},
    error::Internal,
    store::account::canonical_email,
};

/// `POST /account/data/delete`: whoever asks types the main address, so that no slip does it.
pub async fn delete(Guarded { area, fields }: Guarded) -> Response {
    area.answer(ask(&area, &fields).await)
}

async fn ask(area: &Area, fields: &Fields) -> Result<Response, Internal> {
    if canonical_email(fields.get("email")) != area.account.email {
        return area.back("account_not_delete_email");
    }
    let days = area.app.config.account.deletion_wait_days;
    if days == 0 {
        return at_once(area).await;
    }
    match deletion::ask(&area.app, &area.account, &by(area), days).await {
        Ok(Asked::Waits(_)) => area.back("account_said_leaving"),
        Ok(Asked::TooOften) => area.back("account_not_delete_often"),
        Err(error) if error.is_conflict() => area.back("account_not_again"),
        Err(error) => Err(error),
    }
}

async fn at_once(area: &Area) -> Result<Response, Internal> {
    if !work::carry_out(&area.app, &area.account, &by(area)).await? {
        return area.back("account_not_again");
    }
    area.app.pages.render("account_deleted.html", area.locale, json!({}))
}

/// `POST /account/data/keep`: needs no fresh proof, since it takes nothing from anybody.
pub async fn keep(Submitted { area, .. }: Submitted) -> Response {
    let done = async {
        let Some(at) = area.account.delete_at else { return area.back("account_not_there") };
        let kept = deletion::keep(&area.app, &area.account, &by(&area), at, false).await?;
        area.back(if kept { "account_said_kept" } else { "account_not_there" })
    };
    area.answer(done.await)
}

fn by(area: &Area) -> By {
    By::Person(area.caller.address.clone())
}
