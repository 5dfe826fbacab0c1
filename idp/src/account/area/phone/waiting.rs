//! The number that waits for its code, and what limits guessing and sending. The counts are a row: neither another code nor
//! another browser refills them.

use sent_code::Code;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    app::App,
    clock::{DAY, HOUR, MINUTE, Millis},
    error::Internal,
    login::ceremony::{self, BURN_AFTER},
    store::{Change, StoreError, phone_change},
};

/// How long a code works.
const CODE_LIFE: Millis = 10 * MINUTE;
/// How many digits it has.
const DIGITS: usize = 6;
/// Least time between two codes.
const BETWEEN: Millis = MINUTE;
/// Wrong answers in a day, whatever codes they are for: of a million codes they meet one in 100,000 days.
const WRONG_PER_DAY: usize = 10;

/// A number and the code that was sent to it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Awaited {
    /// E.164.
    pub(super) phone: String,
    pub(super) code: Code,
}

/// How an account stands.
pub(super) struct Waiting {
    row: phone_change::Model,
    sent: Vec<Millis>,
    wrong: Vec<Millis>,
    awaited: Option<Awaited>,
}

impl Waiting {
    pub(super) async fn of(app: &App, account_id: &str) -> Result<Self, Internal> {
        let row = phone_change::of(app.db.read(), account_id).await?;
        let awaited = if row.sealed.is_empty() {
            None
        } else {
            Some(app.seal.open_record_json(phone_change::RECORD, account_id, &row.sealed)?)
        };
        Ok(Self { sent: times(&row, &row.sent)?, wrong: times(&row, &row.wrong)?, row, awaited })
    }

    /// What an answer is held against.
    pub(super) fn live(&self, now: Millis) -> Option<&Awaited> {
        self.awaited.as_ref().filter(|_| now < self.row.code_until && self.row.wrong_here < BURN_AFTER)
    }

    /// The number that a code was sent to and is waited for.
    pub(super) fn phone(&self, now: Millis) -> Option<&str> {
        self.live(now).map(|awaited| awaited.phone.as_str())
    }

    /// The same, whether or not its code still works.
    pub(super) fn last_phone(&self) -> Option<&str> {
        self.awaited.as_ref().map(|awaited| awaited.phone.as_str())
    }

    /// When another code may be sent, if that is not now.
    pub(super) fn sends_at(&self, app: &App, now: Millis) -> Option<Millis> {
        let count = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        let limits = &app.config.limits;
        let windows = [(1, BETWEEN), (count(limits.codes_per_hour), HOUR), (count(limits.codes_per_day), DAY)];
        ceremony::free_at(&self.sent, &windows, now)
    }

    /// Whether another answer is looked at.
    pub(super) fn may_guess(&self, now: Millis) -> bool {
        ceremony::free_at(&self.wrong, &[(WRONG_PER_DAY, DAY)], now).is_none()
    }

    /// Another code, in the place of what waited.
    pub(super) fn sending(&self, app: &App, phone: &str, now: Millis) -> Result<(Change, Code), Internal> {
        let code = Code::from_random(&app.entropy.bytes()?, DIGITS);
        let code = code.map_err(|error| Internal::Other(format!("a code for a number: {error}")))?;
        let awaited = Awaited { phone: phone.to_owned(), code: code.clone() };
        let row = phone_change::Model {
            sealed: app.seal.record_json(phone_change::RECORD, &self.row.account_id, &awaited)?,
            sent: one_more(&self.sent, now),
            wrong_here: 0,
            code_until: now + CODE_LIFE,
            ..self.row.clone()
        };
        Ok((saving(row, now), code))
    }

    /// Counts a wrong answer.
    pub(super) fn wrong(&self, now: Millis) -> Change {
        let (wrong, wrong_here) = (one_more(&self.wrong, now), self.row.wrong_here + 1);
        saving(phone_change::Model { wrong, wrong_here, ..self.row.clone() }, now)
    }

    /// The code was right, and is used up.
    pub(super) fn using_up(&self, now: Millis) -> Change {
        saving(phone_change::Model { sealed: Vec::new(), ..self.row.clone() }, now)
    }
}

fn saving(row: phone_change::Model, now: Millis) -> Change {
    phone_change::saving(phone_change::Model { expires_at: now + DAY, ..row })
}

fn one_more(past: &[Millis], now: Millis) -> String {
    let kept: Vec<Millis> = past.iter().copied().filter(|at| now - at < DAY).chain([now]).collect();
    json!(kept).to_string()
}

fn times(row: &phone_change::Model, json: &str) -> Result<Vec<Millis>, Internal> {
    let unreadable = |error: serde_json::Error| StoreError::Unreadable {
        table: phone_change::RECORD,
        id: row.account_id.clone(),
        reason: error.to_string(),
    };
    Ok(serde_json::from_str(json).map_err(unreadable)?)
}
