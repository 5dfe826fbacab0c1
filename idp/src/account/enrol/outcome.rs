//! What an enrolling answer comes to, whoever gave it: durable before anybody is told.

use std::sync::Arc;

use plugin_api::message::{Enrols, Facts};
use serde_json::{Value, json};

use super::admission::{NotKept, activate_in};
use crate::{
    app::App,
    courier::Message,
    error::Internal,
    letter,
    login::acr,
    notice,
    plugins::FactorHandle,
    sms,
    store::{
        account::Model as Account,
        apply,
        enrolment::{self, Model as Enrolment},
        log::{self, Event},
    },
};

/// Wrong answers after which a waiting enrolment is void.
const WRONG_ANSWERS: i32 = 5;

/// What became of an enrolment that the plugin has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Active,
    /// The account has as many as it may have: this one is over.
    Full,
}

/// Writes outcomes of one request.
pub(super) struct Outcomes<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) factor: &'a FactorHandle,
    /// Network address of whoever answered, for the log.
    pub(super) address: &'a str,
}

impl Outcomes<'_> {
    /// The enrolment becomes active, those that it replaces end, the log and a notice tell: all of it or nothing. A
    /// conflict means that the row has changed since it was read.
    pub(super) async fn passed(
        &self,
        account: Account,
        waiting: Enrolment,
        facts: &Facts,
        state: &Value,
    ) -> Result<Kept, Internal> {
        let now = self.app.clock.now();
        let mut row = waiting.clone();
        "active".clone_into(&mut row.status);
        row.label = facts.device.clone().unwrap_or_else(|| self.factor.id().to_owned());
        (row.failures, row.wrong_here, row.expires_at) = (0, 0, None);
        // What it means is clipped wherever it is used, by the manifest and the policy of that moment.
        row.acr = facts.acr.clone().filter(|level| acr::LADDER.contains(&level.as_str()));
        row.set_state(&self.app.seal, state)?;
        let notices = self.notices(&account, &row).await?;
        // Both came by text message: a device's code, and what a factor says came so.
        let by_text = self.factor.manifest().enrols == Enrols::Device || facts.amr.iter().any(|value| value == "sms");
        let heard = by_text.then(|| sms::used(&account.phone, now));
        let event = self.event("activated", "ok", &row);
        let app = self.app.clone();
        let limit = self.factor.manifest().per_account;
        let ends: &[&str] = if limit == 1 { &["active", "off", "disabled", "pending"] } else { &["pending"] };
        let written = self.app.db.write(move |tx| {
            Box::pin(async move {
                enrolment::replace_others(tx, &row, ends).await?;
                activate_in(tx, &app.seal, row, limit, &event, now).await?;
                apply(tx, heard).await?;
                for notice in notices {
                    app.courier.queue_in(tx, &app.seal, notice).await?;
                }
                Ok(())
            })
        });
        match written.await {
            Ok(()) => {
                self.app.courier.wake();
                Ok(Kept::Active)
            }
            Err(NotKept::Full) => {
                self.ended(account, waiting, "full".to_owned()).await?;
                Ok(Kept::Full)
            }
            Err(NotKept::Internal(error)) => Err(error),
        }
    }

    /// Counts a wrong answer; the last of them voids the enrolment.
    pub(super) async fn wrong(&self, account: Account, mut row: Enrolment) -> Result<(), Internal> {
        row.failures += 1;
        if row.failures >= WRONG_ANSWERS {
            row.expires_at = Some(self.app.clock.now());
        }
        let event = self.event("activation", "wrong", &row);
        self.not_passed(account, row, event).await
    }

    /// The enrolment is over, because the plugin says that it cannot go on; `reason` is its word for the log.
    pub(super) async fn ended(&self, account: Account, mut row: Enrolment, reason: String) -> Result<(), Internal> {
        row.expires_at = Some(self.app.clock.now());
        let event = Event { reference: Some(reason), ..self.event("activation", "failed", &row) };
        self.not_passed(account, row, event).await
    }

    async fn not_passed(&self, account: Account, row: Enrolment, event: Event) -> Result<(), Internal> {
        let now = self.app.clock.now();
        let app = self.app.clone();
        let written = self.app.db.write(move |tx| {
            Box::pin(async move {
                enrolment::saving(row).apply(tx).await?;
                Ok::<_, Internal>(log::append(tx, &app.seal, &account.id, now, &event).await?)
            })
        });
        match written.await {
            // Another answer was counted at the same moment and made this one's state stale: it can win nothing.
            Err(error) if error.is_conflict() => Ok(()),
            result => result,
        }
    }

    /// One to each address of the account.
    async fn notices(&self, account: &Account, row: &Enrolment) -> Result<Vec<Message>, Internal> {
        let name = self.factor.text(&account.locale, "name").unwrap_or_else(|| self.factor.id());
        let args = json!({ "name": account.first_name, "factor": name, "link": self.app.config.issuer });
        let mail = |(number, to): (usize, String)| {
            let effect = format!("activated:{}:{number}", row.id);
            letter::of_key(self.app, &account.locale, "activated", effect, &to, &args)
        };
        notice::addresses(self.app, account).await?.into_iter().enumerate().map(mail).collect()
    }

    fn event(&self, what: &str, result: &str, row: &Enrolment) -> Event {
        Event {
            factor: Some(row.factor.clone()),
            reference: Some(row.id.clone()),
            address: Some(self.address.to_owned()),
            ..Event::new(what, result)
        }
    }
}
