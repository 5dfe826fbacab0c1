//! The guard before every text message with a code: against having messages sent for the money that some networks pay for
//! traffic ("pumping"), and against flooding somebody's phone. Notices of a recovery do not pass it: its own limits keep them
//! few, and nobody may be able to hold them back.
//!
//! [`admit`] is asked before a message is queued; what it gives back is written in the transaction of the message, with the
//! limits in the statements, so that messages at once do not slip by. Its rows are the last that a transaction touches, the
//! address block's behind all others: so no two transactions wait for each other. Windows are the hours and days of the clock (UTC).
//! The person learns that no message can be sent, and not why. An address without an account is counted by its network and
//! made-up account; nothing is sent to it, and so nothing is counted of numbers and of all. What lies in a number
//! ([`Admission::Withheld`]) is told to nobody who has yet to prove who they are: they see what they would see if it were sent, as
//! an address without an account does.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    app::App,
    clock::{self, DAY, HOUR, Millis},
    error::Internal,
    health::HeldBack,
    letter,
    store::{Change, sms_guard},
};

mod number;
mod rules;
mod settings;

use rules::{Decision, Reason};
pub use settings::Guard;

/// Who gets messages, and who causes them.
#[derive(Clone, Copy, Debug)]
pub struct Traffic<'a> {
    /// Number in E.164; `None` for an address without an account.
    pub to: Option<&'a str>,
    /// Account, or what stands for it.
    pub account: &'a str,
    /// Block of network addresses; empty if nobody is there.
    pub block: &'a str,
    /// How many messages.
    pub messages: usize,
}

/// Whether messages may be sent.
#[derive(Clone, Debug)]
pub enum Admission {
    /// They may: write this with them. A conflict over it means that something else was counted first.
    Sent(Vec<Change>),
    /// They may not, for a reason that only an address with an account meets. Whoever does not know yet whether there is one is
    /// answered as if they were sent, and this is written as for an address without an account.
    Withheld(Vec<Change>),
    /// They may not.
    Held,
}

/// One limit in one window.
struct Limit {
    name: &'static str,
    key: String,
    most: u32,
    /// What a message counts for.
    weight: u32,
    expires_at: Millis,
}

impl Limit {
    fn weighs(&self, messages: i32) -> i32 {
        messages.saturating_mul(i32::try_from(self.weight).unwrap_or(i32::MAX))
    }
}

/// Asks whether `traffic` may be sent now.
///
/// # Errors
/// When the database fails.
pub async fn admit(app: &App, traffic: Traffic<'_>) -> Result<Admission, Internal> {
    let more = i32::try_from(traffic.messages).unwrap_or(i32::MAX);
    if more == 0 {
        return Ok(Admission::Sent(Vec::new()));
    }
    let (guard, now, db) = (&app.config.sms.guard, app.clock.now(), app.db.read());
    let limits = limits(app, &traffic, now);
    let keys: Vec<String> = limits.iter().map(|limit| limit.key.clone()).collect();
    let counts = sms_guard::counts(db, &keys).await?;
    let counted = counted(&limits, &counts, more);
    let prefix = traffic.to.map_or_else(String::new, number::prefix);
    let known = sms_guard::prefix(db, &prefix).await?;
    let decision = match traffic.to {
        Some(to) => rules::decide(guard, number::read(to).as_ref(), &counted, known.as_ref(), now),
        None => rules::decide_of_nobody(guard, &counted, now),
    };
    match decision {
        Decision::Send(_) if traffic.to.is_none() => Ok(Admission::Sent(counting_of_nobody(&limits, more))),
        Decision::Send(changed) => {
            let version = known.map_or(0, |known| known.version);
            let (state, version) = match changed {
                Some(prefix) => (Some(sms_guard::changing(prefix)), version + 1),
                None => (None, version),
            };
            let sending = sms_guard::sending(&prefix, more, version, now);
            let (blocks, others): (Vec<&Limit>, Vec<&Limit>) = limits.iter().partition(|limit| is_of_block(limit));
            let counted = counting(others, more).into_iter().chain(state).chain([sending]);
            Ok(Admission::Sent(counted.chain(counting(blocks, more)).collect()))
        }
        Decision::Hold(reason) => {
            held(app, reason);
            if let Some(limit) = limits.iter().find(|limit| Reason::Limit(limit.name) == reason && is_over_all(limit)) {
                alert(app, format!("sms-guard:{}", limit.key), limit.name, None).await?;
            }
            let quietly = || Admission::Withheld(counting_of_nobody(&limits, more));
            Ok(if reason.is_of_number() { quietly() } else { Admission::Held })
        }
        Decision::Close(state) => {
            held(app, Reason::Unused);
            let effect = format!("sms-guard:prefix:{prefix}:{}", state.version);
            alert(app, effect, &prefix, Some(sms_guard::changing(state))).await?;
            Ok(Admission::Withheld(counting_of_nobody(&limits, more)))
        }
    }
}

/// Asks whether a notice that the owner of the number `to` chose may be sent to it: counted with the messages to its prefix
/// and with all. Not with those of its account and number, or whoever fails on purpose could use up the codes of somebody
/// else; nor as a code, since nobody uses a notice.
///
/// # Errors
/// When the database fails.
pub async fn admit_notice(app: &App, to: &str) -> Result<Admission, Internal> {
    let (guard, now, db) = (&app.config.sms.guard, app.clock.now(), app.db.read());
    let mut limits = limits(app, &Traffic { to: Some(to), account: "", block: "", messages: 1 }, now);
    limits.retain(|limit| limit.name.starts_with("prefix_") || is_over_all(limit));
    let keys: Vec<String> = limits.iter().map(|limit| limit.key.clone()).collect();
    let counted = counted(&limits, &sms_guard::counts(db, &keys).await?, 1);
    let prefix = sms_guard::prefix(db, &number::prefix(to)).await?;
    let closed = prefix.filter(|prefix| prefix.open_until.is_some_and(|until| now < until));
    match rules::decide(guard, number::read(to).as_ref(), &counted, closed.as_ref(), now) {
        Decision::Send(_) => Ok(Admission::Sent(counting(&limits, 1))),
        Decision::Hold(reason) => {
            held(app, reason);
            Ok(Admission::Held)
        }
        Decision::Close(_) => Ok(Admission::Held),
    }
}

/// Counts messages that a block of network addresses causes, for whoever learns of it only after [`admit`].
pub fn from_block(app: &App, block: &str, messages: usize) -> Vec<Change> {
    let traffic = Traffic { to: None, account: "", block, messages };
    let more = i32::try_from(messages).unwrap_or(i32::MAX);
    let mut limits = limits(app, &traffic, app.clock.now());
    limits.retain(is_of_block);
    if more == 0 { Vec::new() } else { counting(&limits, more) }
}

/// Counts that a code which was sent to this number was used.
pub fn used(to: &str, now: Millis) -> Change {
    sms_guard::using(&number::prefix(to), now)
}

fn is_of_block(limit: &Limit) -> bool {
    limit.name.starts_with("block_")
}

fn is_over_all(limit: &Limit) -> bool {
    limit.name.starts_with("all_") || limit.name.starts_with("spend_")
}

fn limits(app: &App, traffic: &Traffic<'_>, now: Millis) -> Vec<Limit> {
    let guard = &app.config.sms.guard;
    let hash = |what: &str| app.seal.hash("sms-guard", what);
    let mut of = vec![
        (
            ["account_per_hour", "account_per_day"],
            hash(traffic.account),
            [guard.account_per_hour, guard.account_per_day],
            1,
        ),
        (["block_per_hour", "block_per_day"], hash(traffic.block), [guard.block_per_hour, guard.block_per_day], 1),
    ];
    if traffic.block.is_empty() {
        of.pop();
    }
    if let Some(to) = traffic.to {
        let numbers = [guard.number_per_hour, guard.number_per_day];
        let prefixes = [guard.prefix_per_hour, guard.prefix_per_day];
        of.extend([
            (["number_per_hour", "number_per_day"], hash(to), numbers, 1),
            (["prefix_per_hour", "prefix_per_day"], number::prefix(to), prefixes, 1),
        ]);
    }
    of.push((["all_per_hour", "all_per_day"], String::new(), [guard.all_per_hour, guard.all_per_day], 1));
    if let Some(to) = traffic.to {
        let money = [guard.spend_per_hour, guard.spend_per_day];
        of.push((["spend_per_hour", "spend_per_day"], String::new(), money, guard.price_of(to)));
    }
    let windows = [HOUR, DAY];
    of.into_iter()
        .flat_map(|(names, what, most, weight)| {
            (0..windows.len()).map(move |index| {
                let start = now.div_euclid(windows[index]);
                let expires_at = (start + 1) * windows[index];
                Limit {
                    name: names[index],
                    key: format!("{}:{start}:{what}", names[index]),
                    most: most[index],
                    weight,
                    expires_at,
                }
            })
        })
        .filter(|limit| limit.most > 0)
        .collect()
}

/// What each limit stands at, where the messages that are to come leave room for one more.
fn counted(limits: &[Limit], counts: &BTreeMap<String, i32>, more: i32) -> Vec<rules::Counted> {
    let at = |limit: &Limit| counts.get(&limit.key).copied().unwrap_or_default().saturating_add(limit.weighs(more) - 1);
    limits.iter().map(|limit| (limit.name, at(limit), limit.most)).collect()
}

/// What is counted where nothing is sent: who asked, and from where.
fn counting_of_nobody(limits: &[Limit], more: i32) -> Vec<Change> {
    counting(limits.iter().filter(|limit| limit.name.starts_with("account_") || is_of_block(limit)), more)
}

fn counting<'a>(limits: impl IntoIterator<Item = &'a Limit>, more: i32) -> Vec<Change> {
    let most = |limit: &Limit| i32::try_from(limit.most).unwrap_or(i32::MAX);
    limits
        .into_iter()
        .map(|limit| sms_guard::counting(&limit.key, limit.weighs(more), most(limit), limit.expires_at))
        .collect()
}

fn held(app: &App, reason: Reason) {
    tracing::warn!(reason = reason.name(), "a text message was held back");
    app.metrics.held_back.get_or_create(&HeldBack { reason: reason.name() }).inc();
}

/// Tells the administrator, once for each `effect`, together with `change`; if that was made by somebody else, they tell.
async fn alert(app: &App, effect: String, what: &str, change: Option<Change>) -> Result<(), Internal> {
    tracing::error!(what, "text messages are held back: this looks like pumping");
    let at = clock::text(app.clock.now());
    let args = json!({ "what": what, "at": at, "issuer": app.config.issuer });
    let mail = match &app.config.sms.guard.alert_to {
        Some(to) => Some(letter::of_key(app, "en", "sms_guard", effect, to, &args)?),
        None => None,
    };
    let (seal, courier) = (app.seal.clone(), app.courier.clone());
    let told = app.db.write(move |tx| {
        Box::pin(async move {
            if let Some(change) = change {
                change.apply(tx).await?;
            }
            if let Some(mail) = mail {
                courier.queue_in(tx, &seal, mail).await?;
            }
            Ok::<_, Internal>(())
        })
    });
    match told.await {
        Err(error) if error.is_conflict() => {}
        done => done?,
    }
    app.courier.wake();
    Ok(())
}
