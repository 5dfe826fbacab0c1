//! What a recovery does, each step as one transaction: it begins to wait, or goes through.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{READY_LIFE, budget::Budget, moved::Moved};
use crate::{
    account::enrol,
    app::App,
    clock::{self, HOUR, Millis},
    courier::Message,
    error::Internal,
    letter,
    login::number,
    notice::recovery::{self as notices, Told},
    plugins::FactorHandle,
    store::{
        self, StoreError, Tx,
        account::{self, Model as Account},
        device, enrolment, grant,
        log::{self, Event},
        outbox,
        recovery::{self, Model as Recovery},
        recovery_code, session,
    },
};

/// One recovery, in the hands of whoever has its link.
pub(super) struct Case<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) row: Recovery,
    pub(super) account: Account,
    /// Network address, for the log.
    pub(super) address: String,
}

/// What came of it.
pub(super) enum Outcome {
    /// The waiting time has begun.
    Waits,
    /// An activation has begun.
    Begun,
    /// Not now: key and arguments of the problem.
    Refused(&'static str, Value),
}

impl Case<'_> {
    /// The link's button: begins the waiting time, or goes through at once where there is none.
    ///
    /// # Errors
    /// A conflict when the link was used, or something else was counted, at the same moment; when the database or the
    /// plugin fails.
    pub(super) async fn confirm(self, factor: &FactorHandle, token: &str) -> Result<Outcome, Internal> {
        let (app, now) = (self.app, self.app.clock.now());
        let budget = Budget::of(app, &self.account.id).await?;
        if let Some(refused) = self.refusal(&budget, now).await? {
            return Ok(refused);
        }
        let wait = hours(app, &self.account, &self.row).await? * HOUR;
        let confirmed = Recovery {
            status: if wait == 0 { recovery::DONE } else { recovery::WAITING }.to_owned(),
            factor: factor.id().to_owned(),
            confirmed_at: Some(now),
            effect_at: Some(now + wait),
            expires_at: now + wait + READY_LIFE,
            ..self.row.clone()
        };
        let mut changes = vec![recovery::confirming(&confirmed, now), budget.began(now)];
        changes.extend(self.row.reference.as_deref().map(|code| recovery_code::using_up(code, now)));
        // Somebody else's, or one that was begun before the codes were found: what goes through now ends it.
        changes.extend(waiting(app, &self.account, now).await?.map(|other| recovery::stopping(&other)));
        if wait == 0 {
            self.go_through(factor, confirmed, changes).await
        } else {
            self.wait(confirmed, changes, token).await
        }
    }

    /// The link's button when the waiting time is over.
    ///
    /// # Errors
    /// A conflict when it was stopped or went through at the same moment; when the database or the plugin fails.
    pub(super) async fn complete(self, factor: &FactorHandle) -> Result<Outcome, Internal> {
        let changes = vec![recovery::completing(&self.row.id, self.app.clock.now())];
        let done = Recovery { status: recovery::DONE.to_owned(), ..self.row.clone() };
        self.go_through(factor, done, changes).await
    }

    /// Why nothing may begin now.
    async fn refusal(&self, budget: &Budget, now: Millis) -> Result<Option<Outcome>, Internal> {
        let refused = |key, args| Ok(Some(Outcome::Refused(key, args)));
        if let Some(until) = budget.locked_until(now).filter(|_| !self.row.is_at_once()) {
            return refused("recover_locked", json!({ "until": clock::text(until) }));
        }
        if budget.left(self.app) == 0 {
            return refused("recover_used_up", json!({ "most": self.app.config.limits.recoveries_per_30_days }));
        }
        match waiting(self.app, &self.account, now).await? {
            Some(other) if !self.row.is_at_once() => {
                let at = clock::text(other.effect_at.unwrap_or(now));
                refused("recover_under_way", json!({ "at": at }))
            }
            _ => Ok(None),
        }
    }

    async fn wait(self, row: Recovery, changes: Vec<store::Change>, token: &str) -> Result<Outcome, Internal> {
        let (app, now) = (self.app.clone(), self.app.clock.now());
        let notices = notices::to_everyone(&app, &self.account, &row, Told::Begun).await?;
        let (reminder, at) = (self.reminder(&row, token)?, row.effect_at.unwrap_or(now));
        let marked = account::marking_recovery(&self.account.id, self.account.recovering.as_deref(), Some(&row.id));
        let event = self.event("waiting");
        let account = self.account.id;
        let transaction = app.clone();
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    let app = transaction;
                    store::apply(tx, changes).await?;
                    app.courier.queue_at_in(tx, &app.seal, reminder, at).await?;
                    queue(tx, &app, notices).await?;
                    marked.apply(tx).await?;
                    Ok::<_, Internal>(log::append(tx, &app.seal, &account, now, &event).await?)
                })
            })
            .await?;
        app.courier.wake();
        Ok(Outcome::Waits)
    }

    async fn go_through(
        self,
        factor: &FactorHandle,
        row: Recovery,
        changes: Vec<store::Change>,
    ) -> Result<Outcome, Internal> {
        let (app, now) = (self.app.clone(), self.app.clock.now());
        let ends_everything = row.ends_everything();
        let replaced = if ends_everything { None } else { in_use(&app, &row.account_id, factor.id()).await? };
        let has_to_be_new =
            !ends_everything && row.effect_at == row.confirmed_at && app.config.limits.recovery_wait_hours > 0;
        let moved = Moved::by(&app, &row).await?;
        if let Some(moved) = &moved
            && moved.is_taken(&app, &self.account).await?
        {
            return Ok(Outcome::Refused("email_taken", json!({})));
        }
        let account = moved.as_ref().map_or_else(|| self.account.clone(), |moved| moved.applied_to(&self.account));
        let prepared = enrol::begin_prepare(&app, &account, factor, replaced.as_ref()).await?;
        let notices = notices::to_everyone(&app, &self.account, &row, Told::WentThrough).await?;
        let seen = self.account.recovering.clone();
        let reminder = seen.as_deref().map(reminder_of);
        let marked = seen.map(|seen| account::marking_recovery(&self.account.id, Some(&seen), None));
        let event = self.event("done");
        let (account, address) = (self.account.id, self.address);
        let transaction = app.clone();
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    let app = transaction;
                    store::apply(tx, changes).await?;
                    if ends_everything {
                        end_everything(tx, &account, now).await?;
                    }
                    if let Some(moved) = moved {
                        moved.apply(tx, &account, now).await?;
                    }
                    enrol::begin_in(tx, &app, prepared, Some(address)).await?;
                    if has_to_be_new && enrolment::any_was_active(tx, &account).await? {
                        // The device was activated in the meantime: what opens now has to wait.
                        return Err(StoreError::Conflict("enrolment").into());
                    }
                    queue(tx, &app, notices).await?;
                    if let Some(reminder) = reminder {
                        outbox::withdraw(tx, &reminder).await?;
                    }
                    if let Some(marked) = marked {
                        marked.apply(tx).await?;
                    }
                    Ok::<_, Internal>(log::append(tx, &app.seal, &account, now, &event).await?)
                })
            })
            .await?;
        app.courier.wake();
        Ok(Outcome::Begun)
    }

    /// The mail that comes when the waiting time is over; without it nobody would remember.
    fn reminder(&self, row: &Recovery, token: &str) -> Result<Message, Internal> {
        let link = self.app.config.url(&format!("/recover/link/{token}"));
        let args = json!({ "name": self.account.first_name, "link": link });
        let (effect, account) = (reminder_of(&row.id), &self.account);
        letter::of_key(self.app, &account.locale, "recover_ready", effect, &account.email, &args)
    }

    fn event(&self, result: &str) -> Event {
        Event {
            reference: Some(self.row.id.clone()),
            address: Some(self.address.clone()),
            ..Event::new(self.row.occasion(), result)
        }
    }
}

/// How long a recovery waits, in hours. Another code for a device of an account that never had a method in use takes nothing
/// over: the earlier one was sent in the same way. Any other waits until the number that the code goes to has settled.
pub(super) async fn hours(app: &App, account: &Account, row: &Recovery) -> Result<i64, Internal> {
    let is_new = !row.ends_everything() && !enrolment::any_was_active(app.db.read(), &row.account_id).await?;
    if row.is_at_once() || is_new {
        return Ok(0);
    }
    let settles_in = number::settles_at(app, account).map_or(0, |at| at - app.clock.now());
    Ok(i64::from(app.config.limits.recovery_wait_hours).max((settles_in + HOUR - 1) / HOUR))
}

/// The enrolment of `factor` that is in use, or was until it was switched off.
async fn in_use(app: &App, account_id: &str, factor: &str) -> Result<Option<enrolment::Model>, StoreError> {
    let rows = enrolment::of_account(app.db.read(), account_id).await?;
    Ok(rows.into_iter().rev().find(|row| row.factor == factor && row.status != "pending"))
}

/// The recovery that an account waits for.
pub(super) async fn waiting(app: &App, account: &Account, now: Millis) -> Result<Option<Recovery>, Internal> {
    let Some(id) = &account.recovering else { return Ok(None) };
    Ok(recovery::by_id(app.db.read(), id).await?.filter(|other| other.is_waiting(now)))
}

/// The effect that the reminder of a recovery is.
pub(super) fn reminder_of(id: &str) -> String {
    format!("recovery:{id}:ready")
}

/// Nothing that worked before works any more: methods with their codes, sessions, what was granted to websites. Sessions go
/// first, in the order in which a login takes these rows.
pub(super) async fn end_everything(tx: &Tx, account_id: &str, now: Millis) -> Result<(), Internal> {
    session::end_all(tx, account_id, now).await?;
    device::end_all(tx, account_id, now).await?;
    grant::revoke_all(tx, account_id, now).await?;
    enrolment::replace_all(tx, account_id).await?;
    account::forget_places(tx, account_id).await?;
    Ok(())
}

/// Queues messages that belong to the transaction.
pub(super) async fn queue(tx: &Tx, app: &App, messages: Vec<Message>) -> Result<(), Internal> {
    for message in messages {
        app.courier.queue_in(tx, &app.seal, message).await?;
    }
    Ok(())
}
