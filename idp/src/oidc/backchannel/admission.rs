//! How many requests may reach one person. An address without an account is counted as any other.

use super::whom::Whom;
use crate::{
    app::App,
    clock::{DAY, HOUR},
    oidc::{
        client::Client,
        error::{ErrorCode, OAuthError, Refusal},
    },
    store::{Change, backchannel, code_pace},
};

/// Requests of one client that may wait for one person at once: more are no use to anybody who means them.
const OF_ONE_CLIENT: usize = 2;
/// Mails about requests that one person gets in a day.
const MAILS_PER_DAY: usize = 20;

/// A request that may be stored.
pub(super) struct Admitted {
    /// Counts it. A conflict over it means that another one was faster: decide again.
    pub(super) counted: Change,
    /// Whether the person may be told of it by mail.
    pub(super) is_told: bool,
}

/// The one answer to whoever asks too much.
pub(super) fn too_many() -> OAuthError {
    OAuthError::new(ErrorCode::TemporarilyUnavailable, "too many requests; try again later")
}

/// What this node alone counts: requests of one client to one person.
pub(super) fn allows(app: &App, client: &Client, whom: &Whom) -> bool {
    let most = app.config.backchannel.client_and_account_per_hour;
    let key = format!("{}\0{}", client.client_id, whom.id);
    app.limits.allow("backchannel-account", &key, HOUR, most, app.clock.now())
}

/// What is counted in the database. That every request changes one row of its person by compare-and-set keeps two at once
/// from both being the last that is allowed.
///
/// # Errors
/// [`too_many`]; when the database fails.
pub(super) async fn decide(app: &App, client: &Client, whom: &Whom) -> Result<Admitted, Refusal> {
    let (db, now, settings) = (app.db.read(), app.clock.now(), &app.config.backchannel);
    let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let key = code_pace::requests(&whom.id);
    let seen = code_pace::find(db, &key).await?;
    let mut times = seen.as_ref().map_or(Ok(Vec::new()), code_pace::Model::times)?;
    times.retain(|at| now - at < DAY);
    let per_hour = size(settings.account_per_hour);
    let waiting = backchannel::clients_waiting(db, &whom.id, now).await?;
    let of_this_client = waiting.iter().filter(|id| **id == client.client_id).count();
    if times.iter().filter(|at| now - **at < HOUR).count() >= per_hour
        || waiting.len() >= size(settings.waiting_per_account)
        || of_this_client >= OF_ONE_CLIENT
    {
        return Err(too_many().into());
    }
    let is_told = times.len() < MAILS_PER_DAY;
    times.push(now);
    // Older ones decide nothing.
    let needless = times.len().saturating_sub(per_hour.max(MAILS_PER_DAY));
    let counted = code_pace::saving(&key, seen.as_ref(), &times[needless..], now + DAY);
    Ok(Admitted { counted, is_told })
}
