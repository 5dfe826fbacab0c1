//! How many requests may reach one person. An address without an account is counted as any other.
//!
//! What is refused is counted by client and hint ([`Whom::asked_hash`]), so that nothing shows in it but what the client has
//! done itself. What is too much for a person, whoever asks, is taken as any other and reaches nobody.

use super::whom::Whom;
use crate::{
    app::App,
    clock::{DAY, HOUR, Millis},
    error::Internal,
    oidc::{
        client::Client,
        error::{ErrorCode, OAuthError},
    },
    store::{Change, backchannel, code_pace},
};

/// Requests of one client that may wait for one person at once: more are no use to anybody who means them.
const OF_ONE_CLIENT: u64 = 2;
/// Mails about requests that one person gets in a day.
const MAILS_PER_DAY: usize = 20;

/// A request that may be stored.
pub(super) struct Admitted {
    /// Count it. A conflict over one means that another one was faster: decide again.
    pub(super) counted: [Change; 2],
    /// Whether it may reach its person.
    pub(super) reaches: bool,
    /// Whether the person may be told of it by mail.
    pub(super) is_told: bool,
}

/// The one answer to whoever asks too much.
pub(super) fn too_many() -> OAuthError {
    OAuthError::new(ErrorCode::TemporarilyUnavailable, "too many requests; try again later")
}

/// What is counted in the database; `None` when the client asks the person too much. That every request changes the rows that
/// it is counted by, by compare-and-set, keeps two at once from both being the last that is allowed.
///
/// # Errors
/// When the database fails.
pub(super) async fn decide(app: &App, client: &Client, whom: &Whom) -> Result<Option<Admitted>, Internal> {
    let (db, now, settings) = (app.db.read(), app.clock.now(), &app.config.backchannel);
    let mut asked = Counted::read(app, code_pace::asked(&whom.asked_hash), HOUR).await?;
    let most = size(settings.client_and_account_per_hour);
    let waiting = backchannel::waiting_as_asked(db, &whom.asked_hash, now).await?;
    if asked.times.len() >= most || waiting >= OF_ONE_CLIENT {
        return Ok(None);
    }
    asked.times.push(now);
    let mut before = Counted::read(app, code_pace::requests(&whom.id), DAY).await?;
    let per_hour = size(settings.account_per_hour);
    let waiting = backchannel::clients_waiting(db, &whom.id, now).await?;
    let of_this_client = waiting.iter().filter(|id| **id == client.client_id).count();
    let is_seen = before.times.iter().filter(|at| now - **at < HOUR).count() < per_hour
        && waiting.len() < size(settings.waiting_per_account)
        && u64::try_from(of_this_client).unwrap_or(u64::MAX) < OF_ONE_CLIENT;
    let is_told = is_seen && before.times.len() < MAILS_PER_DAY;
    if is_seen {
        before.times.push(now);
    }
    let counted = [asked.saving(most, now + HOUR), before.saving(per_hour.max(MAILS_PER_DAY), now + DAY)];
    Ok(Some(Admitted { counted, reaches: is_seen, is_told }))
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// When what is counted by one row happened.
struct Counted {
    key: String,
    seen: Option<code_pace::Model>,
    times: Vec<Millis>,
}

impl Counted {
    async fn read(app: &App, key: String, memory: Millis) -> Result<Self, Internal> {
        let seen = code_pace::find(app.db.read(), &key).await?;
        let mut times = seen.as_ref().map_or(Ok(Vec::new()), code_pace::Model::times)?;
        times.retain(|at| app.clock.now() - at < memory);
        Ok(Self { key, seen, times })
    }

    /// Keeps the last `most`: older ones decide nothing.
    fn saving(&self, most: usize, until: Millis) -> Change {
        let needless = self.times.len().saturating_sub(most);
        code_pace::saving(&self.key, self.seen.as_ref(), &self.times[needless..], until)
    }
}
