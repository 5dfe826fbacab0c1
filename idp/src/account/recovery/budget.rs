//! How often somebody may try, and how often get in again. The counts are a row; a new browser refills nothing.

use crate::{
    app::App,
    clock::{DAY, Millis},
    error::Internal,
    login::ceremony,
    store::{Change, StoreError, recovery_budget},
};

/// What recoveries are counted over, and how long anything is remembered.
const PERIOD: Millis = 30 * DAY;

/// What was counted of one account, or of an address without one.
pub(super) struct Budget {
    row: recovery_budget::Model,
    answers: Vec<Millis>,
    begun: Vec<Millis>,
    requests: Vec<Millis>,
}

impl Budget {
    pub(super) async fn of(app: &App, subject: &str) -> Result<Self, Internal> {
        let row = recovery_budget::of(app.db.read(), subject).await?;
        let (answers, begun) = (times(&row, &row.answers)?, times(&row, &row.begun)?);
        let requests = times(&row, &row.requests)?;
        Ok(Self { row, answers, begun, requests })
    }

    /// Whether another answer to the question is looked at.
    pub(super) fn may_answer(&self, app: &App) -> bool {
        let most = app.config.limits.recovery_answers_per_day as usize;
        ceremony::free_at(&self.answers, &[(most, DAY)], app.clock.now()).is_none()
    }

    /// Whether another request to support is taken.
    pub(super) fn may_ask(&self, app: &App) -> bool {
        let most = app.config.limits.support_requests_per_day as usize;
        ceremony::free_at(&self.requests, &[(most, DAY)], app.clock.now()).is_none()
    }

    /// How many recoveries may still begin.
    pub(super) fn left(&self, app: &App) -> u32 {
        let now = app.clock.now();
        let begun = self.begun.iter().filter(|at| now - **at < PERIOD).count();
        app.config.limits.recoveries_per_30_days.saturating_sub(u32::try_from(begun).unwrap_or(u32::MAX))
    }

    /// Until when nothing is recovered, if that is to come.
    pub(super) fn locked_until(&self, now: Millis) -> Option<Millis> {
        self.row.locked_until.filter(|until| now < *until)
    }

    /// Counts an answer, right or wrong.
    pub(super) fn answered(&self, now: Millis) -> Change {
        let answers = one_more(&self.answers, DAY, now);
        saving(recovery_budget::Model { answers, ..self.row.clone() }, now)
    }

    /// Counts a request to support.
    pub(super) fn asked(&self, now: Millis) -> Change {
        let requests = one_more(&self.requests, DAY, now);
        saving(recovery_budget::Model { requests, ..self.row.clone() }, now)
    }

    /// Counts a recovery.
    pub(super) fn began(&self, now: Millis) -> Change {
        let begun = one_more(&self.begun, PERIOD, now);
        saving(recovery_budget::Model { begun, ..self.row.clone() }, now)
    }

    /// Nothing is recovered until then.
    pub(super) fn locked(&self, until: Millis, now: Millis) -> Change {
        saving(recovery_budget::Model { locked_until: Some(until), ..self.row.clone() }, now)
    }
}

fn saving(row: recovery_budget::Model, now: Millis) -> Change {
    let locked = row.locked_until.unwrap_or(now);
    recovery_budget::saving(recovery_budget::Model { expires_at: locked.max(now + PERIOD), ..row })
}

fn one_more(past: &[Millis], period: Millis, now: Millis) -> String {
    let kept: Vec<Millis> = past.iter().copied().filter(|at| now - at < period).chain([now]).collect();
    serde_json::json!(kept).to_string()
}

fn times(row: &recovery_budget::Model, json: &str) -> Result<Vec<Millis>, Internal> {
    let unreadable = |error: serde_json::Error| StoreError::Unreadable {
        table: "recovery_budget",
        id: row.subject.clone(),
        reason: error.to_string(),
    };
    Ok(serde_json::from_str(json).map_err(unreadable)?)
}
