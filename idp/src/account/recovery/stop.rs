//! `/recover/stop/{token}`: "this was not me". Opening it changes nothing; its button stops the recovery, and keeps another
//! one from beginning for a while.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::json;

use super::{
    budget::Budget,
    effect::{end_everything, queue, reminder_of},
};
use crate::{
    account::{Caller, bound::see_other, or_problem},
    app::App,
    clock::{self, DAY, Millis},
    error::Internal,
    notice::recovery::{self as notices, Told},
    pages,
    store::{
        account::{self, Model as Account},
        log::{self, Event},
        outbox,
        recovery::{self, Model as Recovery},
        recovery_code,
    },
};

/// `GET /recover/stop/{token}`.
pub async fn page(State(app): State<Arc<App>>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let shown = async {
        let Some((row, account)) = find(&app, &token).await? else { return Ok(gone(&app, locale)) };
        let now = app.clock.now();
        let locked = Budget::of(&app, &account.id).await?.locked_until(now);
        let state = match row.status.as_str() {
            recovery::STOPPED => "stopped",
            _ if can_be_stopped(&row, now) => "open",
            _ => return Ok(gone(&app, locale)),
        };
        let context = json!({
            "state": state,
            "email": account.email,
            "asked": clock::text(row.confirmed_at.unwrap_or(row.created_at)),
            "until": clock::text(locked.unwrap_or(now)),
            "days": app.config.limits.recovery_lock_days,
        });
        app.pages.render("recover_stop.html", locale, context)
    };
    or_problem(&app, locale, shown.await)
}

/// `POST /recover/stop/{token}`.
pub async fn press(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let done = async {
        let again = || see_other(&format!("/recover/stop/{token}"));
        match find(&app, &token).await? {
            Some((row, account)) if can_be_stopped(&row, app.clock.now()) => {
                match stop(&app, &row, &account, Caller::from(peer).address).await {
                    Ok(()) => again(),
                    // It went through, or was stopped, at the same moment: the page tells.
                    Err(error) if error.is_conflict() => again(),
                    Err(error) => Err(error),
                }
            }
            Some(_) => again(),
            None => Ok(gone(&app, locale)),
        }
    };
    or_problem(&app, locale, done.await)
}

fn gone(app: &App, locale: &str) -> Response {
    app.pages.problem(StatusCode::GONE, locale, "recover_stop", &json!({}))
}

async fn find(app: &App, token: &str) -> Result<Option<(Recovery, Account)>, Internal> {
    let Some(id) = notices::stopped_by(app, token) else { return Ok(None) };
    let Some(row) = recovery::by_id(app.db.read(), &id).await? else { return Ok(None) };
    let account = account::by_id(app.db.read(), &row.account_id).await?;
    Ok(account.map(|account| (row, account)))
}

/// While it waits; and when it went through without waiting, for as long as a waiting one could have been gone on with. What
/// two administrators have approved has given the addresses away by then.
fn can_be_stopped(row: &Recovery, now: Millis) -> bool {
    let at_once = row.status == recovery::DONE && row.effect_at == row.confirmed_at && row.kind != recovery::SUPPORT;
    (row.status == recovery::WAITING || at_once) && now < row.expires_at
}

async fn stop(app: &Arc<App>, row: &Recovery, account: &Account, address: String) -> Result<(), Internal> {
    let now = app.clock.now();
    let budget = Budget::of(app, &account.id).await?;
    let until = now + i64::from(app.config.limits.recovery_lock_days) * DAY;
    let (stopping, locking) = (recovery::stopping(row), budget.locked(until, now));
    let notices = notices::to_everyone(app, account, row, Told::Stopped { until }).await?;
    let went_through = row.status == recovery::DONE;
    let was_by_code = row.kind == recovery::CODE;
    let marked = (account.recovering.as_ref() == Some(&row.id))
        .then(|| account::marking_recovery(&account.id, Some(&row.id), None));
    let event =
        Event { reference: Some(row.id.clone()), address: Some(address), ..Event::new(row.occasion(), "stopped") };
    let (id, account) = (row.id.clone(), account.id.clone());
    let transaction = app.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let app = transaction;
                stopping.apply(tx).await?;
                locking.apply(tx).await?;
                if was_by_code {
                    // Whoever had one may have them all.
                    recovery_code::replace(tx, &account, Vec::new(), now).await?;
                }
                if went_through {
                    end_everything(tx, &account, now).await?;
                }
                outbox::withdraw(tx, &reminder_of(&id)).await?;
                queue(tx, &app, notices).await?;
                if let Some(marked) = marked {
                    marked.apply(tx).await?;
                }
                Ok::<_, Internal>(log::append(tx, &app.seal, &account, now, &event).await?)
            })
        })
        .await?;
    app.courier.wake();
    Ok(())
}
