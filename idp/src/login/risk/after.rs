//! What follows from a right answer: whether it will do, what is remembered, and who is told.

use axum::http::{HeaderMap, HeaderValue};

use super::{
    Decision, Raised, Signal,
    device::{self, Remembered},
    place::Known,
    told,
};
use crate::{
    app::App,
    clock::{DAY, Millis},
    courier::Message,
    error::Internal,
    login::{acr, ceremony::Passed, interaction::Demand},
    store::{self, Change, Tx},
};

/// Where a right answer came from.
#[derive(Clone, Copy)]
pub struct Whence<'a> {
    /// Headers that it came with.
    pub headers: &'a HeaderMap,
    /// There were many failures of late.
    pub failures: bool,
}

/// What a right answer came to.
pub enum Weighed {
    /// It counts, with what commits beside it.
    Enough(Box<Beside>),
    /// It does not, and the visit goes on like this.
    NotEnough(Raised),
}

/// What commits beside a right answer that counts.
#[derive(Clone, Default)]
pub struct Beside {
    remembered: Option<Remembered>,
    account_id: String,
    letters: Vec<Message>,
    at: Millis,
}

impl Beside {
    /// What goes with the changes that the answer makes.
    pub fn change(&self) -> Option<Change> {
        self.remembered.as_ref().map(|remembered| remembered.change.clone())
    }

    /// What is left to do in the same transaction, after those changes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_in(self, tx: &Tx, app: &App) -> Result<(), Internal> {
        for hash in self.remembered.into_iter().flat_map(|remembered| remembered.crowded_out) {
            store::device::end(tx, &self.account_id, &hash, self.at).await?;
        }
        for letter in self.letters {
            app.courier.queue_in(tx, &app.seal, letter).await?;
        }
        Ok(())
    }

    /// After the commit: sends what was queued, and gives the cookie to set.
    pub fn committed(self, app: &App) -> Option<HeaderValue> {
        if !self.letters.is_empty() {
            app.courier.wake();
        }
        self.remembered.map(|remembered| remembered.cookie)
    }
}

/// Weighs a right answer; the signals are written into what it logs.
///
/// # Errors
/// When the database fails.
pub async fn weigh(app: &App, passed: &mut Passed, demand: &Demand, whence: Whence<'_>) -> Result<Weighed, Internal> {
    let address = passed.address().to_owned();
    let from = (whence.headers, address.as_str());
    let (account_id, now) = (passed.account.id.clone(), app.clock.now());
    let mut signals = Vec::new();
    let remembered = if let Some(seen) = &passed.device {
        device::again(app, &account_id, seen, from)?
    } else {
        let rows = store::device::of_account(app.db.read(), &account_id).await?;
        if !is_first(&rows, passed.last_used, app.config.account.device_days * DAY, now) {
            signals.push(Signal::NewDevice);
        }
        Some(device::anew(app, &account_id, &rows, from)?)
    };
    let policy = app.policy.now();
    let memory = app.config.account.device_days * DAY;
    let has_rested = passed.last_used.is_some_and(|at| now - at >= memory);
    let placed = app.places.find(&address).map(|place| {
        let known = Known::read(&passed.account.places, now, memory);
        signals.extend(known.signals(&place, now, &policy.risk, has_rested));
        known.with(place, now, memory)
    });
    signals.extend(whence.failures.then_some(Signal::Failures));
    passed.notes(signals.iter().map(|signal| signal.name().to_owned()).collect());
    let best =
        if policy.risk.ask_more(&signals, &passed.level) { best(app, passed, demand).await? } else { acr::MAILBOX };
    let raised = |least: Option<&str>, why: Signal| {
        let address = why.is_of_a_place().then(|| address.clone());
        Raised { least: least.map(str::to_owned), why, after_a_proof: true, address }
    };
    Ok(match policy.risk.decide(&signals, &passed.level, best) {
        Decision::More { acr, why } => Weighed::NotEnough(raised(Some(acr), why)),
        Decision::Refuse { why } => Weighed::NotEnough(raised(None, why)),
        Decision::Accept { notify } => {
            if let Some(placed) = placed {
                passed.remembers(placed);
            }
            let letters = if notify && may_tell(app, &account_id) {
                told::mails(app, &passed.account, &signals, from).await?
            } else {
                Vec::new()
            };
            Weighed::Enough(Box::new(Beside { remembered, account_id, letters, at: now }))
        }
    })
}

/// Whether there is nothing that a browser could differ from: the account was never used, or not since its browsers are
/// remembered. One that has rested until they were forgotten has used others.
fn is_first(rows: &[store::device::Model], last_used: Option<Millis>, memory: Millis, now: Millis) -> bool {
    rows.is_empty() && last_used.is_none_or(|at| now - at < memory)
}

/// The highest level that the account could prove where this is demanded. Each enrolment counts for what it is worth itself:
/// who it is has been proven, so that nobody learns anything from it.
async fn best(app: &App, passed: &Passed, demand: &Demand) -> Result<&'static str, Internal> {
    let rows = store::enrolment::of_account(app.db.read(), &passed.account.id).await?;
    let policy = app.policy.now();
    let level = |row: &store::enrolment::Model| {
        let factor = app.plugins.factor(&row.factor)?;
        let level = policy.level(factor.manifest(), row.acr.as_deref(), &demand.client_id, demand.purpose());
        level.map(str::to_owned)
    };
    let levels: Vec<_> = rows.iter().filter(|row| row.status == "active").filter_map(level).collect();
    Ok(acr::highest(levels.iter().map(String::as_str)))
}

/// Somebody whose browser keeps no cookies is told as often as the administrator will have it, not at each login.
fn may_tell(app: &App, account_id: &str) -> bool {
    app.limits.allow("unusual", account_id, DAY, app.config.limits.unusual_notices_per_day, app.clock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_browser_of_an_account_is_not_new() {
        let row = store::device::Model {
            account_id: "ann".into(),
            hash: "h".into(),
            agent: String::new(),
            address: String::new(),
            created_at: 0,
            seen_at: 0,
            expires_at: 100,
            ended_at: None,
        };
        let forgotten = store::device::Model { ended_at: Some(1), ..row.clone() };
        for (rows, last_used, first) in [
            (&[][..], None, true),
            // Used before browsers were remembered.
            (&[], Some(950), true),
            // It has rested for longer than they are.
            (&[], Some(900), false),
            (&[row], None, false),
            (&[forgotten], None, false),
        ] {
            assert_eq!(is_first(rows, last_used, 100, 1000), first, "{rows:?} {last_used:?}");
        }
    }
}
