//! From an answer to a verdict, and all that a wrong one costs.

use std::iter;

use plugin_api::message::{Answer, Facts, Input, Signal, Step};
use serde_json::Value;

use super::{
    BURN_AFTER, Issued, PAUSE, PAUSE_AFTER, Surroundings, account_view, decoy_address, decoy_key, several, stored,
};
use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    login::{
        interaction::{Demand, Interaction},
        number::SMS,
    },
    notice::{
        self, Notice,
        attempts::{self, Owner},
    },
    plugins::{CallError, FactorHandle},
    seal::Seal,
    sms,
    store::{
        self, Change, account, challenge,
        device::Seen,
        enrolment::{self, Stop},
        log::Event,
    },
};

/// What became of an answer.
#[derive(Debug)]
pub enum Verdict {
    /// Right, and not yet durable: commit its [`Passed::changes`].
    Passed(Box<Passed>),
    /// Wrong, counted and durable.
    Wrong {
        /// The challenge is burnt: show a new one.
        burnt: bool,
    },
    /// Not judged, because the enrolment pauses or is disabled.
    Paused,
    /// Not judged, because the challenge is too old or was burnt: show a new one.
    Stale,
    /// Right, logged, and not enough: the person's other enrolments of this factor may be worth more.
    Weak,
    /// Not judged, because the factor was switched off in the meantime, may no longer be used for this, or is just being
    /// replaced.
    Off,
}

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
    row: enrolment::Model,
    /// The one that answered, if that is another.
    other: Option<enrolment::Model>,
    /// The charge for what was sent, if that cost something.
    pub charge: Option<String>,
    /// The browser that it came from, if the account knows it.
    pub device: Option<Seen>,
    /// When the method was last used before.
    pub last_used: Option<Millis>,
    /// Of what was sent: it works once.
    using_up: Option<Change>,
    event: Event,
    /// What tells the owner of the account, if they want to know.
    told: Vec<Change>,
    at: Millis,
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
        let logged = store::log::appending_after(seal, &self.account, self.at, &self.event)?;
        let rows = iter::once(self.row).chain(self.other).map(enrolment::saving);
        // What came by text message and was used speaks for its number.
        let heard = self.amr.iter().any(|value| value == SMS).then(|| sms::used(&self.account.phone, self.at));
        Ok(rows.chain(self.using_up).chain(logged).chain(self.told).chain(heard))
    }
}

/// An answer that came in.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The visit.
    pub interaction: &'a Interaction,
    /// Address that was given.
    pub email: &'a str,
    /// The challenge that was shown.
    pub issued: &'a Issued,
    /// The form's fields.
    pub input: Input,
    /// Network address, for the log.
    pub address: String,
    /// Hashes of the names that the browser has for accounts.
    pub devices: Vec<String>,
}

/// What an answer is held against: as it travelled with the browser, or as it was kept.
struct Posed {
    number: i64,
    expires_at: Millis,
    state: Value,
    /// The row that it was kept in.
    kept: Option<challenge::Model>,
    charge: Option<String>,
}

impl Posed {
    /// `None` when it was kept and is void: used, or of another data version.
    async fn find(app: &App, attempt: &Attempt<'_>) -> Result<Option<Self>, Internal> {
        let Issued { stored, enrolment, number, expires_at, state, data_version, .. } = attempt.issued;
        if !stored {
            return Ok(Some(Self {
                number: *number,
                expires_at: *expires_at,
                state: state.clone(),
                kept: None,
                charge: None,
            }));
        }
        let found = stored::find(app, attempt.interaction, enrolment).await?;
        let Some(row) = found.filter(|row| row.used_at.is_none()) else { return Ok(None) };
        let step = row.step(&app.seal)?;
        if step.data_version != *data_version {
            return Ok(None);
        }
        let charge = step.agreed.map(|agreed| agreed.charge);
        let (number, expires_at) = (row.number, row.expires_at);
        Ok(Some(Self { number, expires_at, state: step.state, kept: Some(row), charge }))
    }

    /// What the plugin is handed beside it.
    fn surroundings<'a>(&self, app: &'a App, attempt: &Attempt<'a>) -> Surroundings<'a> {
        Surroundings {
            app,
            interaction: attempt.interaction,
            email: attempt.email,
            slice: attempt.issued.slice,
            expires_at: self.expires_at,
        }
    }

    /// As every call of a factor whose challenges are stored, an answer gets fresh randomness.
    fn freshen(&self, app: &App, random: &mut String) -> Result<(), Internal> {
        if self.kept.is_some() {
            *random = stored::random(app)?;
        }
        Ok(())
    }
}

/// How often a verdict is tried again when other answers commit in between. Three of them burn the challenge, so that
/// a loser sees a stale challenge long before.
const RETRIES: usize = 16;

/// Judges an answer. Everything but a pass is durable when this returns.
///
/// # Errors
/// When the database or the plugin fails; then nothing was counted and nothing passed.
pub async fn judge(app: &App, attempt: &Attempt<'_>) -> Result<Verdict, Internal> {
    for _ in 0..RETRIES {
        match judge_once(app, attempt).await {
            Err(error) if error.is_conflict() => {}
            // What the build before this one was waiting for, it need not understand.
            Err(Internal::Plugin(CallError::Failed(_))) if !attempt.issued.is_current(app) => {
                return Ok(Verdict::Stale);
            }
            other => return other,
        }
    }
    Ok(Verdict::Stale)
}

async fn judge_once(app: &App, attempt: &Attempt<'_>) -> Result<Verdict, Internal> {
    let now = app.clock.now();
    let Some(factor) = app.plugins.factor(&attempt.issued.factor) else { return Ok(Verdict::Off) };
    if attempt.issued.data_version != factor.manifest().data_version {
        return Ok(Verdict::Stale);
    }
    if app.policy.now().earns(factor.manifest(), &attempt.interaction.demand).is_none() {
        return Ok(Verdict::Off);
    }
    let found = enrolment::with_account(app.db.read(), &attempt.issued.enrolment, attempt.devices.clone()).await?;
    let Some((row, account, device)) = found else { return judge_decoy(app, &factor, attempt).await };
    if !row.is_of(factor.manifest().data_version) {
        // Another build serves it by now, and this node is about to follow.
        return Ok(Verdict::Off);
    }
    let mut event = event(attempt, &factor);
    let posed = Posed::find(app, attempt).await?;
    let posed = match refusal(&row, &account, attempt, posed, now) {
        Ok(posed) => posed,
        Err((verdict, result)) => {
            result.clone_into(&mut event.result);
            log_only(app, &account, event, now).await?;
            return Ok(verdict);
        }
    };
    let mut cx = posed.surroundings(app, attempt).context(&row.id, row.challenge_number, account_view(&account));
    posed.freshen(app, &mut cx.random)?;
    let beside = several::beside(app, &factor, &row, attempt.interaction.demand.purpose()).await?;
    if beside.iter().any(|row| !row.is_of(factor.manifest().data_version)) {
        return Ok(Verdict::Off);
    }
    let (enrolment, others) = (row.state(&app.seal)?, several::handed(&app.seal, &beside)?);
    let request = Answer { cx, enrolment, others, state: posed.state.clone(), input: attempt.input.clone() };
    match factor.answer(&request).await? {
        Step::Pass { facts, enrolment, enrolled } => {
            let other = beside.into_iter().find(|row| Some(&row.id) == enrolled.as_ref());
            let claimed = other.as_ref().unwrap_or(&row).acr.as_deref();
            let Some(earned) = Earned::of(app, &factor, claimed, &attempt.interaction.demand) else {
                "weak".clone_into(&mut event.result);
                log_only(app, &account, event, now).await?;
                return Ok(Verdict::Weak);
            };
            let answering = Answering { other, state: enrolment, earned };
            let passed = passed(app, &factor, (row, account, event), facts, answering)?;
            let using_up = posed.kept.map(|kept| challenge::using_up(&kept, now));
            let told = attempts::telling(app, Owner::from(&passed.account), &passed.event, now).await?;
            Ok(Verdict::Passed(Box::new(Passed { using_up, charge: posed.charge, told, device, ..passed })))
        }
        Step::Wrong { signal } => failed(app, (row, account, event), "wrong", signal, now).await,
        Step::Fail { reason } => {
            event.reference = Some(reason);
            failed(app, (row, account, event), "failed", None, now).await
        }
        step => Err(Internal::Other(format!("factor {} gave no verdict: {step:?}", factor.id()))),
    }
}

type Judged = (enrolment::Model, account::Model, Event);

fn event(attempt: &Attempt<'_>, factor: &FactorHandle) -> Event {
    let demand = &attempt.interaction.demand;
    Event {
        what: if demand.transaction.is_some() { "payment".to_owned() } else { "login".to_owned() },
        result: "ok".to_owned(),
        factor: Some(format!("{} {}", factor.id(), factor.manifest().version)),
        client: Some(demand.client_id.clone()),
        address: Some(attempt.address.clone()),
        transaction: demand.transaction.clone(),
        ..Event::default()
    }
}

/// What the answer is to be held against, or the reason not to look at it at all, with the word for the log.
fn refusal(
    row: &enrolment::Model,
    account: &account::Model,
    attempt: &Attempt<'_>,
    posed: Option<Posed>,
    now: Millis,
) -> Result<Posed, (Verdict, &'static str)> {
    if !account.is_active() || row.status != "active" || row.blocked_until.is_some_and(|until| now < until) {
        return Err((Verdict::Paused, "blocked"));
    }
    if attempt.interaction.demand.transaction.is_some() && row.payments_blocked {
        return Err((Verdict::Paused, "blocked"));
    }
    let Some(posed) = posed else { return Err((Verdict::Stale, "replayed")) };
    if now >= posed.expires_at {
        return Err((Verdict::Stale, "expired"));
    }
    if row.challenge_number != posed.number {
        return Err((Verdict::Stale, "replayed"));
    }
    Ok(posed)
}

async fn log_only(app: &App, account: &account::Model, event: Event, now: Millis) -> Result<(), Internal> {
    let told = attempts::telling(app, Owner::from(account), &event, now).await?;
    let (seal, id, tells) = (app.seal.clone(), account.id.clone(), !told.is_empty());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                store::log::append(tx, &seal, &id, now, &event).await?;
                Ok::<_, Internal>(store::apply(tx, told).await?)
            })
        })
        .await?;
    if tells {
        app.courier.wake();
    }
    Ok(())
}

/// Who has answered rightly: the one that leads if no other, what is to be kept of it, and what it proves.
struct Answering {
    other: Option<enrolment::Model>,
    state: Option<Value>,
    earned: Earned,
}

/// What a right answer by an enrolment earns: `acr`, and the level on the ladder.
struct Earned {
    acr: String,
    level: String,
}

impl Earned {
    /// `None` when that is not enough.
    fn of(app: &App, factor: &FactorHandle, claimed: Option<&str>, demand: &Demand) -> Option<Self> {
        let (policy, manifest) = (app.policy.now(), factor.manifest());
        let acr = policy.proves(manifest, claimed, demand)?;
        let level = policy.level(manifest, claimed, &demand.client_id, demand.purpose())?.to_owned();
        Some(Self { acr, level })
    }
}

fn passed(
    app: &App,
    factor: &FactorHandle,
    (mut row, account, event): Judged,
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
        told: Vec::new(),
        at,
    })
}

async fn failed(
    app: &App,
    (mut row, account, mut event): Judged,
    result: &str,
    signal: Option<Signal>,
    now: Millis,
) -> Result<Verdict, Internal> {
    result.clone_into(&mut event.result);
    row.failures += 1;
    row.wrong_here += 1;
    let burnt = row.wrong_here >= BURN_AFTER;
    if burnt {
        row.challenge_number += 1;
        row.wrong_here = 0;
    }
    let (mut notices, mut stops) = (Vec::new(), Vec::new());
    if signal == Some(Signal::Clone) {
        "clone".clone_into(&mut event.result);
        row.payments_blocked = true;
        notices.push(Notice::Clone);
        stops.push(Stop::Payments);
    }
    if row.failures >= app.config.limits.failures_until_disabled {
        "disabled".clone_into(&mut row.status);
        notices.push(Notice::Disabled);
        stops.push(Stop::All);
    } else if row.failures % PAUSE_AFTER == 0 {
        row.blocked_until = Some(now + PAUSE);
        notices.push(Notice::Paused);
    }
    let paused = row.blocked_until.is_some_and(|until| now < until) || row.status != "active";
    let mut messages = Vec::new();
    for notice in notices {
        messages.extend(notice::to(app, &account, notice, &row).await?);
    }
    // What guards the account is told in any case, and then not twice.
    let told = if messages.is_empty() {
        attempts::telling(app, Owner::from(&account), &event, now).await?
    } else {
        Vec::new()
    };
    let (seal, courier) = (app.seal.clone(), app.courier.clone());
    let mail = !messages.is_empty() || !told.is_empty();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                enrolment::saving(row.clone()).apply(tx).await?;
                for stop in stops {
                    enrolment::stop_others(tx, &row, stop).await?;
                }
                store::log::append(tx, &seal, &account.id, now, &event).await?;
                for message in messages {
                    courier.queue_in(tx, &seal, message).await?;
                }
                Ok::<_, Internal>(store::apply(tx, told).await?)
            })
        })
        .await?;
    if mail {
        app.courier.wake();
    }
    Ok(if paused { Verdict::Paused } else { Verdict::Wrong { burnt } })
}

/// Takes as long as a real verdict, with one durable write, and is never right.
async fn judge_decoy(app: &App, factor: &FactorHandle, attempt: &Attempt<'_>) -> Result<Verdict, Internal> {
    let now = app.clock.now();
    let key = decoy_key(&app.seal, attempt.email, factor.id());
    let posed = Posed::find(app, attempt).await?;
    let live = match posed {
        Some(posed) => {
            let (number, enrolment, mut cx) = posed.surroundings(app, attempt).decoy(factor).await?;
            posed.freshen(app, &mut cx.random)?;
            let (state, input) = (posed.state, attempt.input.clone());
            drop(factor.for_nobody().answer(&Answer { cx, enrolment, others: Vec::new(), state, input }).await?);
            now < posed.expires_at && number == posed.number
        }
        None => false,
    };
    let event = Event { result: "wrong".to_owned(), ..event(attempt, factor) };
    tell_nobody(app, attempt.email, attempt.interaction, &event).await?;
    let hash = app.entropy.id()?;
    let spent = store::spent::Model { purpose: "decoy".to_owned(), hash, expires_at: now };
    app.db
        .write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::spent::spending(spent).touches(tx).await?) }))
        .await?;
    if app.decoys.is_paused(&key, now) {
        return Ok(Verdict::Paused);
    }
    if !live {
        return Ok(Verdict::Stale);
    }
    let burnt = app.decoys.wrong(&key, now);
    Ok(if app.decoys.is_paused(&key, now) { Verdict::Paused } else { Verdict::Wrong { burnt } })
}

/// An attempt at an address without an account is put into words as any other, and told to nobody.
///
/// # Errors
/// When the database fails.
pub async fn tell_nobody(app: &App, email: &str, interaction: &Interaction, event: &Event) -> Result<(), Internal> {
    let id = hex::encode(decoy_address(&app.seal, email));
    let owner = Owner::nobody(&id, email, &interaction.locale);
    attempts::telling(app, owner, event, app.clock.now()).await.map(drop)
}

/// What the log is told when the person says no.
pub fn declined(demand: &Demand, address: String) -> Event {
    Event {
        what: if demand.transaction.is_some() { "payment".to_owned() } else { "login".to_owned() },
        result: "declined".to_owned(),
        client: Some(demand.client_id.clone()),
        address: Some(address),
        transaction: demand.transaction.clone(),
        ..Event::default()
    }
}
