//! From an answer to a verdict, and all that a wrong one costs.

use plugin_api::message::{Answer, Input, Signal, Step};

use super::{
    BURN_AFTER, Issued, PAUSE, PAUSE_AFTER, account_view, decoy_address, decoy_key,
    passed::{Answering, Earned, Passed, passed},
    posed::Posed,
    several,
};
use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    login::interaction::{Demand, Interaction},
    notice::{
        self, Notice,
        attempts::{self, Owner},
    },
    plugins::{CallError, FactorHandle},
    store::{
        self, account,
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
            let told = attempts::telling(app, Owner::from(&passed.account), &passed.event, now).await?;
            let (charge, using_up) = (posed.charge.clone(), posed.using_up(now));
            Ok(Verdict::Passed(Box::new(Passed { charge, device, using_up, told, ..passed })))
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
