//! Notices about a recovery: they go wherever the owner of the account may be reached, and carry the link that stops it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::{
    app::App,
    clock::{self, Millis},
    courier::Message,
    error::Internal,
    letter,
    store::{account, recovery},
};

/// Characters of a recovery's id, and as many of what proves that the link is ours: 128 bits each.
const HALF: usize = 22;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The waiting time has begun.
    Begun,
    /// Somebody signed in while it goes on.
    GoesOn,
    /// Whatever worked before has ended.
    WentThrough,
    /// The owner has stopped it; nothing can be recovered until then.
    Stopped {
        /// Unix milliseconds.
        until: Millis,
    },
}

impl Told {
    fn key(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::GoesOn => "goes_on",
            Self::WentThrough => "went_through",
            Self::Stopped { .. } => "stopped",
        }
    }
}

/// The address that stops a recovery. It is derived, not stored, and works while the recovery can be stopped.
fn stop_link(app: &App, id: &str) -> String {
    app.config.url(&format!("/recover/stop/{id}{}", proof(app, id)))
}

fn proof(app: &App, id: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&app.seal.derive(&[b"recovery stop", id.as_bytes()])[..16])
}

/// The recovery that a link of ours stops.
pub fn stopped_by(app: &App, token: &str) -> Option<String> {
    let (id, given) = token.split_at_checked(HALF)?;
    bool::from(proof(app, id).as_bytes().ct_eq(given.as_bytes())).then(|| id.to_owned())
}

/// Mails to every address of `account`, and a text message to its number: once per recovery and thing told.
///
/// # Errors
/// When the database fails or the HTML cannot be rendered.
pub async fn to_everyone(
    app: &App,
    account: &account::Model,
    row: &recovery::Model,
    told: Told,
) -> Result<Vec<Message>, Internal> {
    let key = told.key();
    let at = match told {
        Told::Stopped { until } => until,
        _ => row.effect_at.unwrap_or(row.created_at),
    };
    let link = stop_link(app, &row.id);
    let args = json!({ "name": account.first_name, "at": clock::text(at), "link": link });
    let effect = |what: &str| format!("recovery:{}:{key}:{what}", row.id);
    let mail_key = match told {
        Told::Begun | Told::GoesOn | Told::WentThrough if !row.ends_everything() => format!("recover_pad_{key}"),
        Told::Begun | Told::WentThrough if row.kind == recovery::SUPPORT => format!("recover_support_{key}"),
        _ => format!("recover_{key}"),
    };
    let mut messages = Vec::new();
    for (number, to) in super::addresses(app, account).await?.iter().enumerate() {
        messages.push(letter::of_key(app, &account.locale, &mail_key, effect(&format!("mail:{number}")), to, &args)?);
    }
    let text = app.pages.text(&account.locale, &format!("sms_{mail_key}"), &args);
    messages.push(letter::sms(effect("sms"), &account.phone, text));
    Ok(messages)
}

/// Mails to every address of `account`: new recovery codes were made. `id` names the occasion.
///
/// # Errors
/// When the database fails or the HTML cannot be rendered.
pub async fn new_codes(app: &App, account: &account::Model, id: &str) -> Result<Vec<Message>, Internal> {
    let args = json!({ "name": account.first_name, "link": app.config.url("/recover") });
    let mail = |(number, to): (usize, String)| {
        letter::of_key(app, &account.locale, "recover_codes", format!("recovery_codes:{id}:mail:{number}"), &to, &args)
    };
    super::addresses(app, account).await?.into_iter().enumerate().map(mail).collect()
}

/// Mails to every address of `account`: somebody has asked support for it. `id` is that of the request.
///
/// # Errors
/// When the database fails or the HTML cannot be rendered.
pub async fn support_asked(app: &App, account: &account::Model, id: &str) -> Result<Vec<Message>, Internal> {
    let args = json!({ "name": account.first_name, "link": app.config.url("/account") });
    let mail = |(number, to): (usize, String)| {
        letter::of_key(app, &account.locale, "recover_support_asked", format!("support:{id}:mail:{number}"), &to, &args)
    };
    super::addresses(app, account).await?.into_iter().enumerate().map(mail).collect()
}

/// The owner, or whoever has their method, has just signed in: they are told of the recovery that waits, if one does.
/// Costs nothing where none was begun.
///
/// # Errors
/// When the database fails.
pub async fn tell_of_waiting(app: &App, account: &account::Model) -> Result<(), Internal> {
    let Some(id) = &account.recovering else { return Ok(()) };
    let Some(row) = recovery::by_id(app.db.read(), id).await? else { return Ok(()) };
    if !row.is_waiting(app.clock.now()) {
        return Ok(());
    }
    let messages = to_everyone(app, account, &row, Told::GoesOn).await?;
    let (courier, seal) = (app.courier.clone(), app.seal.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                for message in messages {
                    courier.queue_in(tx, &seal, message).await?;
                }
                Ok::<_, Internal>(())
            })
        })
        .await?;
    app.courier.wake();
    Ok(())
}
