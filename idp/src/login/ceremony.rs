//! The ceremony: issue, answer, verdict. Every proof in this program goes through here.
//!
//! A challenge is derived from the enrolment, its durable challenge number, the purpose, the transaction, the
//! interaction and a slice of time: asking again shows the same one, and issuing writes nothing. The budgets belong to
//! the enrolment's row, so that neither a new challenge nor a new browser refills them:
//!
//! - three wrong answers burn the challenge (its number rises),
//! - five failures in a row pause the enrolment for 15 minutes, with a notice,
//! - twenty (or fewer, by policy) disable it until it is activated again, with a notice.
//!
//! Verdicts commit by compare-and-set on the row that was judged: of two right answers one wins, and of two hundred
//! wrong ones none goes uncounted.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::{AccountView, Answer, Begin, Context, Decoy, Facts, Input, Purpose, Signal, Step};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::interaction::{Demand, Interaction};
use crate::{
    app::App,
    clock::{DAY, MINUTE, Millis, SECOND},
    error::Internal,
    notice::{self, Notice},
    plugins::FactorHandle,
    seal::Seal,
    store::{self, account, enrolment, log::Event},
};

/// Wrong answers that burn a challenge.
pub const BURN_AFTER: i32 = 3;
/// Consecutive failures that pause an enrolment.
pub const PAUSE_AFTER: i32 = 5;
/// How long it pauses.
pub const PAUSE: Millis = 15 * MINUTE;

/// A challenge that was shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// Which factor.
    pub factor: String,
    /// Which enrolment; none for an address that cannot sign in.
    enrolment: Option<String>,
    /// Its challenge number when it was shown.
    number: i64,
    /// Slice of time that it was derived in.
    slice: i64,
    /// When it stops being accepted.
    pub expires_at: Millis,
    /// The plugin's page.
    pub page: String,
    /// What the page is given.
    pub data: Value,
    /// The plugin's state.
    state: Value,
}

/// A way in that can be offered.
#[derive(Clone, Debug)]
pub struct Method {
    /// The factor.
    pub factor: FactorHandle,
    enrolment: Option<enrolment::Model>,
}

/// Who would answer, and how. Looks alike for known and unknown addresses.
#[derive(Debug)]
pub struct Offer {
    account: Option<account::Model>,
    /// One or more.
    pub methods: Vec<Method>,
}

/// Finds the ways in for `email` that serve `demand`.
///
/// # Errors
/// When the database fails, or no factor at all is running.
pub async fn offer(app: &App, email: &str, demand: &Demand) -> Result<Offer, Internal> {
    let db = app.db.read();
    let account = account::by_email(db, email).await?.filter(account::Model::is_active);
    // The second look-up is made for unknown addresses too, so that it takes as long.
    let id = account.as_ref().map_or("", |account| account.id.as_str());
    let enrolments = enrolment::of_account(db, id).await?;
    let purpose = demand.purpose();
    let mut methods: Vec<Method> = Vec::new();
    for factor in app.plugins.factors_for(purpose) {
        let usable = |row: &&enrolment::Model| {
            row.factor == factor.id() && row.status == "active" && !(purpose == Purpose::Payment && row.payments_blocked)
        };
        if let Some(row) = enrolments.iter().rev().find(usable) {
            methods.push(Method { factor: factor.clone(), enrolment: Some(row.clone()) });
        }
    }
    if methods.is_empty() {
        let first = app.plugins.factors_for(purpose).into_iter().next();
        let factor = first.ok_or_else(|| Internal::Other(format!("no factor serves {purpose:?}")))?;
        return Ok(Offer { account: None, methods: vec![Method { factor, enrolment: None }] });
    }
    Ok(Offer { account, methods })
}

/// Shows the challenge of one method of `offer`. Writes nothing.
///
/// # Errors
/// When the plugin fails or breaks the contract.
pub async fn issue(app: &App, interaction: &Interaction, email: &str, offer: &Offer, method: &Method) -> Result<Issued, Internal> {
    let now = app.clock.now();
    let (slice, expires_at) = slice(app, interaction, now);
    let asked = Asked { app, interaction, email, slice, expires_at };
    let (number, state, context) = match (&offer.account, &method.enrolment) {
        (Some(account), Some(row)) => {
            let context = asked.context(&row.id, row.challenge_number, account_view(account));
            (row.challenge_number, row.state(&app.seal)?, context)
        }
        _ => asked.decoy(&method.factor).await?,
    };
    let step = method.factor.begin(&Begin { cx: context, enrolment: state }).await?;
    let Step::Ask { page, data, state, .. } = step else {
        return Err(Internal::Other(format!("factor {} did not ask: {step:?}", method.factor.id())));
    };
    Ok(Issued {
        factor: method.factor.id().to_owned(),
        enrolment: method.enrolment.as_ref().map(|row| row.id.clone()),
        number,
        slice,
        expires_at,
        page,
        data,
        state,
    })
}

/// A challenge lives for two slices less what has passed of the first: between half of and the whole life time.
fn slice(app: &App, interaction: &Interaction, now: Millis) -> (i64, Millis) {
    let length = app.config.limits.challenge_seconds * SECOND / 2;
    let slice = (now - interaction.opened_at).div_euclid(length);
    (slice, interaction.opened_at + (slice + 2) * length)
}

/// What a challenge is derived from, and the plugin's surroundings.
struct Asked<'a> {
    app: &'a App,
    interaction: &'a Interaction,
    email: &'a str,
    slice: i64,
    expires_at: Millis,
}

impl Asked<'_> {
    fn context(&self, enrolment: &str, number: i64, account: AccountView) -> Context {
        let demand = &self.interaction.demand;
        let purpose: &[u8] = match demand.purpose() {
            Purpose::Authorize => b"authorize",
            Purpose::Payment => b"payment",
        };
        let random = self.app.seal.derive(&[
            b"challenge",
            enrolment.as_bytes(),
            &number.to_be_bytes(),
            purpose,
            &demand.transaction_digest(),
            self.interaction.id.as_bytes(),
            &self.slice.to_be_bytes(),
        ]);
        Context {
            purpose: demand.purpose(),
            transaction: demand.transaction.clone(),
            account,
            site: demand.site.clone(),
            locale: self.interaction.locale.clone(),
            now: self.app.clock.now(),
            expires_at: self.expires_at,
            random: BASE64_URL_SAFE_NO_PAD.encode(random),
            issuer: self.app.config.issuer.clone(),
        }
    }

    /// A plausible enrolment of an address that cannot sign in; the same for the same address for a day.
    async fn decoy(&self, factor: &FactorHandle) -> Result<(i64, Value, Context), Internal> {
        let address = decoy_address(&self.app.seal, self.email);
        let number = self.app.decoys.number(&address);
        let name = hex::encode(address);
        let view = AccountView { id: name.clone(), email: self.email.to_owned(), name: String::new() };
        let day = self.app.clock.now().div_euclid(DAY);
        let mut stable = self.context(&name, 0, view.clone());
        stable.random = BASE64_URL_SAFE_NO_PAD.encode(self.app.seal.derive(&[b"decoy", &address, &day.to_be_bytes()]));
        let state = factor.decoy(&Decoy { cx: stable }).await?.map_or(Value::Null, |reply| reply.enrolment);
        Ok((number, state, self.context(&name, number, view)))
    }
}

fn decoy_address(seal: &Seal, email: &str) -> [u8; 32] {
    seal.derive(&[b"address", account::canonical_email(email).as_bytes()])
}

fn account_view(account: &account::Model) -> AccountView {
    AccountView { id: account.id.clone(), email: account.email.clone(), name: account.name() }
}

/// What became of an answer.
#[derive(Debug)]
pub enum Verdict {
    /// Right, and not yet durable: commit it with [`Passed::commit_in`].
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
}

/// A right answer before its commit.
#[derive(Debug)]
pub struct Passed {
    /// Whose.
    pub account: account::Model,
    /// Level that was proven.
    pub acr: String,
    /// References of the methods.
    pub amr: Vec<String>,
    /// What it rests on.
    pub facts: Facts,
    /// Factor and, for the log, the hash of the plugin's file.
    pub factor: String,
    row: enrolment::Model,
    event: Event,
    at: Millis,
}

impl Passed {
    /// Burns the challenge, stores the enrolment's new state and logs, in the caller's transaction.
    ///
    /// # Errors
    /// A conflict when another answer was committed first: judge again.
    pub async fn commit_in(self, tx: &impl ConnectionTrait, seal: &Seal) -> Result<(), Internal> {
        enrolment::save(tx, self.row).await?;
        store::log::append_after(tx, seal, &self.account, self.at, &self.event).await?;
        Ok(())
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
            other => return other,
        }
    }
    Ok(Verdict::Stale)
}

async fn judge_once(app: &App, attempt: &Attempt<'_>) -> Result<Verdict, Internal> {
    let now = app.clock.now();
    let factor = app.plugins.factor(&attempt.issued.factor);
    let factor = factor.ok_or_else(|| Internal::Other(format!("factor {} is off", attempt.issued.factor)))?;
    let db = app.db.read();
    let row = enrolment::by_id(db, attempt.issued.enrolment.as_deref().unwrap_or("")).await?;
    let account = account::by_id(db, row.as_ref().map_or("", |row| row.account_id.as_str())).await?;
    let (Some(row), Some(account)) = (row, account) else { return judge_decoy(app, &factor, attempt).await };
    let mut event = event(attempt, &factor);
    let refused = refusal(&row, &account, attempt, now);
    if let Some((verdict, result)) = refused {
        result.clone_into(&mut event.result);
        log_only(app, account, event, now).await?;
        return Ok(verdict);
    }
    let asked = Asked {
        app,
        interaction: attempt.interaction,
        email: attempt.email,
        slice: attempt.issued.slice,
        expires_at: attempt.issued.expires_at,
    };
    let request = Answer {
        cx: asked.context(&row.id, row.challenge_number, account_view(&account)),
        enrolment: row.state(&app.seal)?,
        state: attempt.issued.state.clone(),
        input: attempt.input.clone(),
    };
    match factor.answer(&request).await? {
        Step::Pass { facts, enrolment } => passed(app, &factor, attempt, (row, account, event), facts, enrolment, now),
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
        reference: None,
    }
}

/// Reasons not to look at the answer at all, with the word for the log.
fn refusal(row: &enrolment::Model, account: &account::Model, attempt: &Attempt<'_>, now: Millis) -> Option<(Verdict, &'static str)> {
    if !account.is_active() || row.status != "active" || row.blocked_until.is_some_and(|until| now < until) {
        return Some((Verdict::Paused, "blocked"));
    }
    if attempt.interaction.demand.transaction.is_some() && row.payments_blocked {
        return Some((Verdict::Paused, "blocked"));
    }
    if now >= attempt.issued.expires_at {
        return Some((Verdict::Stale, "expired"));
    }
    if row.challenge_number != attempt.issued.number {
        return Some((Verdict::Stale, "replayed"));
    }
    None
}

async fn log_only(app: &App, account: account::Model, event: Event, now: Millis) -> Result<(), Internal> {
    let seal = app.seal.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                store::log::append_after(tx, &seal, &account, now, &event).await?;
                Ok(())
            })
        })
        .await
}

fn passed(
    app: &App,
    factor: &FactorHandle,
    attempt: &Attempt<'_>,
    (mut row, account, event): Judged,
    facts: Facts,
    state: Option<Value>,
    now: Millis,
) -> Result<Verdict, Internal> {
    if let Some(state) = &state {
        row.set_state(&app.seal, state)?;
    }
    row.challenge_number += 1;
    row.wrong_here = 0;
    row.failures = 0;
    row.blocked_until = None;
    row.last_used_at = Some(now);
    let acr = match attempt.interaction.demand.purpose() {
        Purpose::Payment => super::acr::PAYMENT.to_owned(),
        Purpose::Authorize => factor.manifest().acr.clone().unwrap_or_else(|| super::acr::MAILBOX.to_owned()),
    };
    let amr = facts.amr.clone();
    let factor = factor.id().to_owned();
    Ok(Verdict::Passed(Box::new(Passed { account, acr, amr, facts, factor, row, event, at: now })))
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
    let mut notices = Vec::new();
    if signal == Some(Signal::Clone) {
        "clone".clone_into(&mut event.result);
        row.payments_blocked = true;
        notices.push(Notice::Clone);
    }
    if row.failures >= app.config.limits.failures_until_disabled {
        "disabled".clone_into(&mut row.status);
        notices.push(Notice::Disabled);
    } else if row.failures % PAUSE_AFTER == 0 {
        row.blocked_until = Some(now + PAUSE);
        notices.push(Notice::Blocked);
    }
    let paused = row.blocked_until.is_some_and(|until| now < until) || row.status != "active";
    let messages: Vec<_> = notices.into_iter().map(|notice| notice::to(app, &account, notice, &row)).collect();
    let (seal, courier) = (app.seal.clone(), app.courier.clone());
    let mail = !messages.is_empty();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                enrolment::save(tx, row).await?;
                store::log::append_after(tx, &seal, &account, now, &event).await?;
                for message in messages {
                    courier.queue_in(tx, &seal, message).await?;
                }
                Ok::<_, Internal>(())
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
    let address = decoy_address(&app.seal, attempt.email);
    let asked = Asked {
        app,
        interaction: attempt.interaction,
        email: attempt.email,
        slice: attempt.issued.slice,
        expires_at: attempt.issued.expires_at,
    };
    let (number, enrolment, cx) = asked.decoy(factor).await?;
    let state = attempt.issued.state.clone();
    drop(factor.answer(&Answer { cx, enrolment, state, input: attempt.input.clone() }).await?);
    let hash = app.entropy.id()?;
    let spent = store::spent::Model { purpose: "decoy".to_owned(), hash, expires_at: now };
    app.db.write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::spent::spend(tx, spent).await?) })).await?;
    if app.decoys.is_paused(&address, now) {
        return Ok(Verdict::Paused);
    }
    if now >= attempt.issued.expires_at || number != attempt.issued.number {
        return Ok(Verdict::Stale);
    }
    let burnt = app.decoys.wrong(&address, now);
    Ok(if app.decoys.is_paused(&address, now) { Verdict::Paused } else { Verdict::Wrong { burnt } })
}

/// Writes down that a payment was declined.
///
/// # Errors
/// When the database fails.
pub async fn decline(app: &App, email: &str, demand: &Demand, address: String) -> Result<(), Internal> {
    let Some(account) = account::by_email(app.db.read(), email).await? else { return Ok(()) };
    let event = Event {
        what: if demand.transaction.is_some() { "payment".to_owned() } else { "login".to_owned() },
        result: "declined".to_owned(),
        client: Some(demand.client_id.clone()),
        address: Some(address),
        transaction: demand.transaction.clone(),
        ..Event::default()
    };
    log_only(app, account, event, app.clock.now()).await
}
