//! The mail that a proof leads to: counted, logged and queued as one, whether it was right or not, and for an address
//! without an account as well.

use std::sync::Arc;

use serde_json::json;

use super::{
    LINK_LIFE, Sought,
    budget::Budget,
    counted::{self, Sent, until_counted},
    token_hash,
};
use crate::{
    account::Caller,
    app::App,
    clock::{self, Millis},
    courier::Message,
    error::Internal,
    letter,
    store::{account::Model as Account, log::Event, recovery},
};

/// What was given in proof, and whether it is right.
pub(super) struct Proof {
    pub(super) kind: &'static str,
    pub(super) is_right: bool,
    /// Hash of a code.
    pub(super) reference: Option<String>,
    /// The method that it is about, where it is about one.
    pub(super) factor: String,
}

impl Proof {
    /// A wrong one.
    pub(super) fn of(kind: &'static str) -> Self {
        Self { kind, is_right: false, reference: None, factor: String::new() }
    }
}

/// Counts the proof, and queues what comes of it.
///
/// # Errors
/// When the database fails.
pub(super) async fn send(app: &Arc<App>, caller: &Caller, sought: &Sought, proof: &Proof) -> Result<Sent, Internal> {
    until_counted(app, || send_once(app, caller, sought, proof)).await
}

async fn send_once(app: &Arc<App>, caller: &Caller, sought: &Sought, proof: &Proof) -> Result<Sent, Internal> {
    let now = app.clock.now();
    let budget = Budget::of(app, &sought.subject).await?;
    let is_counted = proof.kind != recovery::CODE;
    if is_counted && !budget.may_answer(app) {
        return Ok(Sent::Enough);
    }
    let token = app.entropy.token()?;
    let row = row(app, &sought.subject, proof, &token, now)?;
    let outcome =
        sought.account.as_ref().filter(|_| proof.is_right).map(|account| told(app, account, &budget, &token, &row));
    let (result, status, message) = outcome
        .transpose()?
        .map_or((if proof.kind == recovery::PAD { "no_device" } else { "wrong" }, recovery::VOID, None), |told| {
            (told.result, told.status, Some(told.message))
        });
    let row = recovery::Model { status: status.to_owned(), ..row };
    let event = Event {
        reference: Some(row.id.clone()),
        address: Some(caller.address.clone()),
        ..Event::new(row.occasion(), result)
    };
    let counted = is_counted.then(|| budget.answered(now));
    let changes: Vec<_> = counted.into_iter().chain([recovery::adding(row)]).collect();
    counted::write(app, sought, changes, message.into_iter().collect(), event).await
}

fn row(app: &App, subject: &str, proof: &Proof, token: &str, now: Millis) -> Result<recovery::Model, Internal> {
    Ok(recovery::Model {
        id: app.entropy.id()?,
        account_id: subject.to_owned(),
        kind: proof.kind.to_owned(),
        status: recovery::VOID.to_owned(),
        token_hash: token_hash(app, token),
        factor: proof.factor.clone(),
        reference: proof.reference.clone(),
        created_at: now,
        confirmed_at: None,
        effect_at: None,
        expires_at: now + LINK_LIFE,
    })
}

/// What a right answer comes to.
struct Told {
    /// For the log.
    result: &'static str,
    /// Of the row.
    status: &'static str,
    message: Message,
}

fn told(app: &App, account: &Account, budget: &Budget, token: &str, row: &recovery::Model) -> Result<Told, Internal> {
    let name = &account.first_name;
    let (key, result, status, args) =
        if let Some(until) = budget.locked_until(row.created_at).filter(|_| !row.is_at_once()) {
            ("recover_locked", "locked", recovery::VOID, json!({ "name": name, "until": clock::text(until) }))
        } else if budget.left(app) == 0 {
            let most = app.config.limits.recoveries_per_30_days;
            ("recover_used_up", "used_up", recovery::VOID, json!({ "name": name, "most": most }))
        } else {
            let link = app.config.url(&format!("/recover/link/{token}"));
            let key = match row.kind.as_str() {
                recovery::CODE => "recover_link_by_code",
                recovery::PAD => "recover_link_for_pad",
                _ => "recover_link",
            };
            (key, "mailed", recovery::MAILED, json!({ "name": name, "link": link }))
        };
    let effect = format!("recovery:{}:link", row.id);
    let message = letter::of_key(app, &account.locale, key, effect, &account.email, &args)?;
    Ok(Told { result, status, message })
}
