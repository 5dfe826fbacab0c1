//! A right answer: what it earns, and what commits with it.

use std::iter;

use plugin_api::message::Facts;
use serde_json::Value;

use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    login::{interaction::Demand, number::SMS},
    notice::attempts::{self, Owner},
    plugins::FactorHandle,
    seal::Seal,
    sms,
    store::{
        self, Change,
        account::{self, Placed},
        device::Seen,
        enrolment,
        log::Event,
    },
};

/// A right answer before its commit.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Whose.
    pub account: account::Model,
    /// Level that was proven.
    pub acr: String,
    /// The same on the ladder, where a payment earns the value beside it.
    pub level: String,
    /// References of the methods.
    pub amr: Vec<String>,
    /// What it rests on.
    pub facts: Facts,
    /// Factor and, for the log, the hash of the plugin's file.
    pub factor: String,
    /// The one that leads, with the budgets.
    pub(super) row: enrolment::Model,
    /// The one that answered, if that is another.
    pub(super) other: Option<enrolment::Model>,
    /// The charge for what was sent, if that cost something.
    pub charge: Option<String>,
    /// The browser that it came from, if the account knows it.
    pub device: Option<Seen>,
    /// When the method was last used before.
    pub last_used: Option<Millis>,
    /// Of what was sent: it works once.
    pub(super) using_up: Option<Change>,
    pub(super) event: Event,
    /// Places that the account was used at, this one among them.
    pub(super) placed: Option<Placed>,
    /// What tells the owner of the account, if they want to know.
    pub(super) told: Vec<Change>,
    pub(super) at: Millis,
}

impl Passed {
    /// Network address that the answer came from.
    pub fn address(&self) -> &str {
        self.event.address.as_deref().unwrap_or_default()
    }

    /// Whether messages go out with it: then the courier is to be woken after the commit.
    pub fn tells(&self) -> bool {
        !self.told.is_empty()
    }

    /// Writes signals into what is logged.
    pub fn notes(&mut self, signals: Vec<String>) {
        self.event.signals = signals;
    }

    /// Writes down where the account was used. Only for an answer that will do: an attempt must not make a place known.
    pub fn remembers(&mut self, placed: Placed) {
        self.placed = Some(placed);
    }

    /// As right as it is, it does not do: the log says so, and whoever is told of failures.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ends_as(&mut self, app: &App, result: &str) -> Result<(), Internal> {
        result.clone_into(&mut self.event.result);
        self.told = attempts::telling(app, Owner::from(&self.account), &self.event, self.at).await?;
        Ok(())
    }

    /// Burns the challenge, stores the enrolment's new state and logs. A conflict over one of these means that another
    /// answer was committed first: judge again.
    ///
    /// # Errors
    /// When the event cannot be written.
    pub fn changes(self, seal: &Seal) -> Result<impl Iterator<Item = Change> + Send + use<>, Internal> {
        let logged = store::log::appending_after(seal, &self.account, self.at, &self.event, self.placed)?;
        let rows = iter::once(self.row).chain(self.other).map(enrolment::saving);
        // What came by text message and was used speaks for its number.
        let heard = self.amr.iter().any(|value| value == SMS).then(|| sms::used(&self.account.phone, self.at));
        Ok(rows.chain(self.using_up).chain(logged).chain(self.told).chain(heard))
    }
}

/// Who has answered rightly: the one that leads if no other, what is to be kept of it, and what it proves.
pub(super) struct Answering {
    pub(super) other: Option<enrolment::Model>,
    pub(super) state: Option<Value>,
    pub(super) earned: Earned,
}

/// What a right answer by an enrolment earns: `acr`, and the level on the ladder.
pub(super) struct Earned {
    acr: String,
    level: String,
}

impl Earned {
    /// `None` when that is not enough.
    pub(super) fn of(app: &App, factor: &FactorHandle, claimed: Option<&str>, demand: &Demand) -> Option<Self> {
        let (policy, manifest) = (app.policy.now(), factor.manifest());
        let acr = policy.proves(manifest, claimed, demand)?;
        let level = policy.level(manifest, claimed, &demand.client_id, demand.purpose())?.to_owned();
        Some(Self { acr, level })
    }
}

/// What a right answer comes to.
pub(super) fn passed(
    app: &App,
    factor: &FactorHandle,
    (mut row, account, event): (enrolment::Model, account::Model, Event),
    facts: Facts,
    Answering { mut other, state, earned: Earned { acr, level } }: Answering,
) -> Result<Passed, Internal> {
    let at = app.clock.now();
    let last_used = row.last_used_at.max(other.as_ref().and_then(|other| other.last_used_at));
    let answering = other.as_mut().unwrap_or(&mut row);
    if let Some(state) = state {
        answering.set_state(&app.seal, &state)?;
    }
    answering.last_used_at = Some(at);
    row.challenge_number += 1;
    row.wrong_here = 0;
    row.failures = 0;
    row.blocked_until = None;
    let (amr, factor) = (facts.amr.clone(), factor.id().to_owned());
    Ok(Passed {
        account,
        acr,
        level,
        amr,
        facts,
        factor,
        row,
        other,
        using_up: None,
        charge: None,
        device: None,
        last_used,
        event,
        placed: None,
        told: Vec::new(),
        at,
    })
}
