//! Deletion of an account: asked for by its owner, or by an administrator; told to everybody; stopped by any of them while it
//! waits; carried out when its time has come ([`work`]).
//!
//! Meanwhile the account works as ever. The link that stops it ([`stop`]) is a MAC over account and time, so that nothing of
//! it is stored, and a link of a deletion that was stopped stops no other.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::area;
use crate::{
    app::App,
    clock::{DAY, Millis},
    courier::Message,
    error::Internal,
    letter,
    login::ceremony,
    notice,
    store::{
        Work,
        account::{self, Model as Account},
        code_pace,
        log::{self, Event},
    },
    when,
};

mod outgoing;
pub mod stop;
pub mod work;

/// How often an account's deletion may be asked for within [`PERIOD`]: each tells everybody.
const MOST: usize = 3;
const PERIOD: Millis = 30 * DAY;
/// Characters of an account's id, and as many of what proves that a link is ours: 128 bits each.
const HALF: usize = 22;

/// Who wants something, for the log and the mails.
#[derive(Clone, Debug)]
pub enum By {
    /// Somebody at this network address.
    Person(String),
    /// An administrator, by command.
    Admin,
    /// Nobody: its time has come.
    Time,
}

impl By {
    fn event(&self, what: &str) -> Event {
        match self {
            Self::Person(address) => Event { address: Some(address.clone()), ..Event::new(what, "ok") },
            Self::Admin => Event::new(what, "by_admin"),
            Self::Time => Event::new(what, "ok"),
        }
    }

    fn address(&self) -> &str {
        match self {
            Self::Person(address) => address,
            Self::Admin | Self::Time => "–",
        }
    }
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It will be deleted then.
    Waits(Millis),
    /// It was asked for too often, and nothing was changed.
    TooOften,
}

/// The link that stops the deletion that is due `at`.
fn link(app: &App, account_id: &str, at: Millis) -> String {
    app.config.url(&format!("/account/keep/{account_id}{}", proof(app, account_id, at)))
}

fn proof(app: &App, account_id: &str, at: Millis) -> String {
    let parts: [&[u8]; 3] = [b"account deletion", account_id.as_bytes(), &at.to_be_bytes()];
    BASE64_URL_SAFE_NO_PAD.encode(&app.seal.derive(&parts)[..16])
}

/// The account that a link is about, while its deletion waits.
async fn of_link(app: &App, token: &str) -> Result<Option<(Account, Millis)>, Internal> {
    let Some((id, given)) = token.split_at_checked(HALF) else { return Ok(None) };
    let Some(account) = account::by_id(app.db.read(), id).await? else { return Ok(None) };
    let Some(at) = account.delete_at.filter(|_| account.status != account::DELETED) else { return Ok(None) };
    let ours = proof(app, id, at).as_bytes().ct_eq(given.as_bytes());
    Ok(bool::from(ours).then_some((account, at)))
}

/// Begins the waiting time of `days`, and tells everybody.
///
/// # Errors
/// A conflict when it waits already, or was asked for at the same moment; when the database fails.
pub async fn ask(app: &Arc<App>, account: &Account, by: &By, days: i64) -> Result<Asked, Internal> {
    let now = app.clock.now();
    let at = now + days * DAY;
    let key = code_pace::deletion(&account.id);
    let seen = code_pace::find(app.db.read(), &key).await?;
    let mut times = seen.as_ref().map_or(Ok(Vec::new()), code_pace::Model::times)?;
    if matches!(by, By::Person(_)) && ceremony::free_at(&times, &[(MOST, PERIOD)], now).is_some() {
        return Ok(Asked::TooOften);
    }
    times.retain(|time| now - time < PERIOD);
    times.push(now);
    let counted = code_pace::saving(&key, seen.as_ref(), &times, now + PERIOD);
    let messages = notices(app, account, by, at).await?;
    let event = by.event("deletion_asked");
    let id = account.id.clone();
    let transaction = app.clone();
    app.db
        .write(move |tx| -> Work<'_, Result<(), Internal>> {
            Box::pin(async move {
                let app = transaction;
                counted.apply(tx).await?;
                account::deleting(&id, at).apply(tx).await?;
                log::append(tx, &app.seal, &id, now, &event).await?;
                for message in messages {
                    app.courier.queue_in(tx, &app.seal, message).await?;
                }
                Ok(())
            })
        })
        .await?;
    app.courier.wake();
    Ok(Asked::Waits(at))
}

/// Mails to every address, and a text message to the number, each with the link that stops it.
async fn notices(app: &App, account: &Account, by: &By, at: Millis) -> Result<Vec<Message>, Internal> {
    let from = match by {
        By::Person(address) => {
            let address = app.places.told(address, &account.locale);
            app.pages.text(&account.locale, "deletion_by_address", &json!({ "address": address }))
        }
        By::Admin | By::Time => app.pages.text(&account.locale, "deletion_by_admin", &json!({})),
    };
    let args = json!({
        "name": account.first_name, "from": from, "at": when::of(account, at),
        "time": when::of(account, app.clock.now()), "link": link(app, &account.id, at),
    });
    let id = format!("{}:{}", account.id, app.entropy.id()?);
    let mut messages = Vec::new();
    for (number, to) in notice::addresses(app, account).await?.iter().enumerate() {
        let effect = format!("deletion:{id}:{number}");
        messages.push(letter::of_key(app, &account.locale, "deletion_asked", effect, to, &args)?);
    }
    let text = app.pages.text(&account.locale, "sms_deletion_asked", &args);
    messages.push(letter::sms(format!("deletion:{id}:sms"), &account.phone, text));
    Ok(messages)
}

/// Stops the deletion that is due `at`, and tells every address. `Ok(false)` when there is none such any more. Whoever uses
/// the link did not ask for it, so that `sessions` end as well.
///
/// # Errors
/// When the database fails.
pub async fn keep(app: &Arc<App>, account: &Account, by: &By, at: Millis, sessions: bool) -> Result<bool, Internal> {
    let now = app.clock.now();
    let sentence = app.pages.text(&account.locale, "mail_change_deletion_stopped", &json!({}));
    let to = notice::addresses(app, account).await?;
    let letters = area::letters(app, account, &to, &sentence, by.address())?;
    let event = by.event("deletion_stopped");
    let id = account.id.clone();
    let transaction = app.clone();
    let done = app.db.write(move |tx| -> Work<'_, Result<(), Internal>> {
        Box::pin(async move {
            let app = transaction;
            if sessions {
                crate::store::session::end_all(tx, &id, now).await?;
            }
            account::keeping(&id, at).apply(tx).await?;
            log::append(tx, &app.seal, &id, now, &event).await?;
            for letter in letters {
                app.courier.queue_in(tx, &app.seal, letter).await?;
            }
            Ok(())
        })
    });
    match done.await {
        Ok(()) => {
            app.courier.wake();
            Ok(true)
        }
        // It was stopped, or carried out, at the same moment.
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error),
    }
}
