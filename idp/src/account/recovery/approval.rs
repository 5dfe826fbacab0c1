//! Requests to support, in the hands of administrators: two different ones approve, one rejects.
//!
//! The second approval begins a recovery that has no link before its waiting time: every address that the account has is
//! told and can stop it, and when the time is over the new address gets the link. Going through with it moves the account to
//! its new address and number.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::{READY_LIFE, budget::Budget, effect, moved, token_hash};
use crate::{
    app::App,
    clock::{self, DAY, HOUR, Millis},
    courier::Message,
    entropy,
    error::Internal,
    letter,
    notice::{
        self,
        recovery::{self as notices, Told},
    },
    store::{
        StoreError,
        account::{self, Model as Account},
        enrolment,
        log::{self, Event},
        outbox, recovery,
        support::{self, Content, Model as Request},
    },
};

/// How often an approval looks again at how things stand when somebody else was first.
const RETRIES: usize = 5;
/// Longest name of an administrator, in characters.
const LONGEST_NAME: usize = 254;

/// A request as administrators see it.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Its identifier.
    pub id: String,
    /// Main address of the account that it is about.
    pub email: String,
    /// `open`, `approved` or `rejected`.
    pub status: String,
    /// Unix milliseconds.
    pub created_at: Millis,
    /// Who approved, in their order.
    pub approved_by: Vec<String>,
    /// What was written; left out of lists.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
}

/// What somebody has written, and what to hold it against.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// The new address.
    pub contact: String,
    /// The new number, in E.164.
    pub phone: String,
    /// Why it is them, in their own words.
    pub evidence: String,
    /// When the account was made, in Unix milliseconds.
    pub account_since: Millis,
    /// When a method of the account was last used, in Unix milliseconds. Whoever uses one has lost nothing.
    pub last_used_at: Option<Millis>,
}

/// Who decides.
#[derive(Clone, Copy, Debug)]
pub struct Decider<'a> {
    /// 1 to 254 characters; upper and lower case are the same.
    pub name: &'a str,
    /// Their own account, if it is known.
    pub account: Option<&'a str>,
}

impl<'a> From<&'a str> for Decider<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, account: None }
    }
}

/// What an approval came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approved {
    /// Another administrator has to approve as well.
    First,
    /// The waiting time has begun.
    Second,
}

/// Why an administrator cannot.
#[derive(Debug, thiserror::Error)]
pub enum SupportError {
    /// No such request.
    #[error("there is no request {0}")]
    Unknown(String),
    /// Decided already, or too old.
    #[error("request {0} is not open any more")]
    NotOpen(String),
    /// Four eyes are needed.
    #[error("{0} has approved this request before; another administrator has to")]
    SameAdmin(String),
    /// Nobody decides about themselves.
    #[error("this is about {0}'s own account, or leads to their address: somebody else has to decide")]
    OwnAccount(String),
    /// Whoever decides has to have a name.
    #[error("the name of an administrator has 1 to 254 characters on one line")]
    NoName,
    /// The new address belongs to an account.
    #[error("the new address {0} belongs to another account")]
    Taken(String),
    /// The owner has said that it was not them.
    #[error("the owner has stopped a recovery of this account; another one can begin from {0}")]
    Locked(String),
    /// An approved one waits.
    #[error("another request about this account was approved and takes effect on {0}")]
    UnderWay(String),
    /// Too many at once.
    #[error("somebody else changes this request at this moment; try again")]
    Busy,
    /// Something of ours failed.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl From<StoreError> for SupportError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// The oldest open requests, without what was written in them.
///
/// # Errors
/// When the database fails.
pub async fn list(app: &App, limit: u64) -> Result<Vec<Seen>, SupportError> {
    let mut seen = Vec::new();
    for request in support::open(app.db.read(), app.clock.now(), limit).await? {
        let account = account::by_id(app.db.read(), &request.account_id).await?;
        seen.push(Seen::of(request, account.as_ref(), None));
    }
    Ok(seen)
}

/// One request, with what was written in it.
///
/// # Errors
/// When there is none, or it cannot be read; when the database fails.
pub async fn show(app: &App, id: &str) -> Result<Seen, SupportError> {
    let Case { request, content, account } = Case::find(app, id).await?;
    let methods = enrolment::of_account(app.db.read(), &account.id).await?;
    let written = Written {
        contact: content.contact,
        phone: content.phone,
        evidence: content.evidence,
        account_since: account.created_at,
        last_used_at: methods.iter().filter_map(|method| method.last_used_at).max(),
    };
    Ok(Seen::of(request, Some(&account), Some(written)))
}

impl Seen {
    fn of(request: Request, account: Option<&Account>, written: Option<Written>) -> Self {
        Self {
            email: account.map(|account| account.email.clone()).unwrap_or_default(),
            approved_by: [request.first_admin, request.second_admin].into_iter().flatten().collect(),
            id: request.id,
            status: request.status,
            created_at: request.created_at,
            written,
        }
    }
}

/// `admin` approves. The first approval changes nothing else; the second, by somebody else, begins the waiting time.
///
/// # Errors
/// When there is no such request, it may not be approved (now, or by `admin`), or something of ours fails.
pub async fn approve<'a>(app: &Arc<App>, id: &str, admin: impl Into<Decider<'a>>) -> Result<Approved, SupportError> {
    let Decider { name, account } = admin.into();
    let name = named(name)?;
    for _ in 0..RETRIES {
        match approve_once(app, id, Decider { name: &name, account }).await {
            Err(SupportError::Internal(error)) if error.is_conflict() => {}
            done => return done,
        }
    }
    Err(SupportError::Busy)
}

async fn approve_once(app: &Arc<App>, id: &str, decider: Decider<'_>) -> Result<Approved, SupportError> {
    let case = Case::find(app, id).await?;
    case.is_for(app, decider).await?;
    let admin = decider.name;
    if moved::is_of_another(app, &case.content.contact, &case.account).await? {
        return Err(SupportError::Taken(case.content.contact));
    }
    match case.request.first_admin.as_deref() {
        None => case.approve_first(app, admin).await.map(|()| Approved::First),
        Some(first) if first == admin => Err(SupportError::SameAdmin(admin.to_owned())),
        Some(_) => case.begin(app, admin).await.map(|()| Approved::Second),
    }
}

/// `admin` rejects; whoever asked is told.
///
/// # Errors
/// When there is no such request, it is not open, it is `admin`'s own, or something of ours fails.
pub async fn reject<'a>(app: &Arc<App>, id: &str, admin: impl Into<Decider<'a>>) -> Result<(), SupportError> {
    let Decider { name, account } = admin.into();
    let admin = named(name)?;
    let case = Case::find(app, id).await?;
    case.is_for(app, Decider { name: &admin, account }).await?;
    let told = case.answer(app, "recover_rejected", &json!({}))?;
    let now = app.clock.now();
    let (rejecting, event, owner) = (support::rejecting(id, now), case.event("rejected", &admin), case.account.id);
    let transaction = app.clone();
    let done = app.db.write(move |tx| {
        Box::pin(async move {
            let app = transaction;
            rejecting.apply(tx).await?;
            effect::queue(tx, &app, vec![told]).await?;
            Ok::<_, Internal>(log::append(tx, &app.seal, &owner, now, &event).await?)
        })
    });
    match done.await {
        Err(error) if error.is_conflict() => Err(SupportError::NotOpen(id.to_owned())),
        done => {
            app.courier.wake();
            Ok(done?)
        }
    }
}

/// One spelling for one administrator.
pub fn spelt(admin: &str) -> String {
    admin.trim().to_lowercase()
}

fn named(admin: &str) -> Result<String, SupportError> {
    let admin = spelt(admin);
    let fits = (1..=LONGEST_NAME).contains(&admin.chars().count()) && !admin.chars().any(char::is_control);
    if fits { Ok(admin) } else { Err(SupportError::NoName) }
}

/// A request, and whose it is.
struct Case {
    request: Request,
    content: Content,
    account: Account,
}

impl Case {
    async fn find(app: &App, id: &str) -> Result<Self, SupportError> {
        let unknown = || SupportError::Unknown(id.to_owned());
        if !entropy::is_id(id) {
            return Err(unknown());
        }
        let request = support::by_id(app.db.read(), id).await?.filter(|request| request.status != support::VOID);
        let request = request.ok_or_else(unknown)?;
        let content = request.content(&app.seal)?;
        let account = account::by_id(app.db.read(), &request.account_id).await?.ok_or_else(unknown)?;
        Ok(Self { request, content, account })
    }

    /// Whether `admin` may decide about it.
    async fn is_for(&self, app: &App, Decider { name: admin, account }: Decider<'_>) -> Result<(), SupportError> {
        if !self.request.is_open(app.clock.now()) {
            return Err(SupportError::NotOpen(self.request.id.clone()));
        }
        let theirs = notice::addresses(app, &self.account).await?;
        let is_theirs = account == Some(&self.account.id) || theirs.iter().any(|address| address == admin);
        if is_theirs || self.content.contact == admin {
            return Err(SupportError::OwnAccount(admin.to_owned()));
        }
        Ok(())
    }

    async fn approve_first(self, app: &App, admin: &str) -> Result<(), SupportError> {
        let now = app.clock.now();
        let approving = support::approving_first(&self.request.id, admin, now);
        let event = self.event("approved_once", admin);
        let (seal, owner) = (app.seal.clone(), self.account.id);
        let done = app.db.write(move |tx| {
            Box::pin(async move {
                approving.apply(tx).await?;
                Ok::<_, Internal>(log::append(tx, &seal, &owner, now, &event).await?)
            })
        });
        Ok(done.await?)
    }

    /// The second approval: the waiting time begins, in the place of any other recovery.
    async fn begin(self, app: &Arc<App>, admin: &str) -> Result<(), SupportError> {
        let now = app.clock.now();
        let budget = Budget::of(app, &self.account.id).await?;
        if let Some(until) = budget.locked_until(now) {
            return Err(SupportError::Locked(clock::text(until)));
        }
        let other = effect::waiting(app, &self.account, now).await?;
        if let Some(other) = other.as_ref().filter(|other| other.kind == recovery::SUPPORT) {
            return Err(SupportError::UnderWay(clock::text(other.effect_at.unwrap_or(now))));
        }
        let (row, token) = self.recovery(app)?;
        let at = row.effect_at.unwrap_or(now);
        let mut messages = notices::to_everyone(app, &self.account, &row, Told::Begun).await?;
        messages.push(self.answer(app, "recover_approved", &json!({ "at": clock::text(at) }))?);
        let reminder = self.reminder(app, &row, &token)?;
        let kept = row.expires_at + i64::from(app.config.limits.support_keep_days) * DAY;
        let mut changes = vec![support::approving_second(&self.request.id, admin, now, kept), budget.began(now)];
        changes.extend(other.as_ref().map(recovery::stopping));
        let withdrawn = other.map(|other| effect::reminder_of(&other.id));
        let marked = account::marking_recovery(&self.account.id, self.account.recovering.as_deref(), Some(&row.id));
        let event = self.event("approved", admin);
        changes.push(recovery::adding(row));
        let (transaction, owner) = (app.clone(), self.account.id);
        let done = app.db.write(move |tx| {
            Box::pin(async move {
                let app = transaction;
                crate::store::apply(tx, changes).await?;
                if let Some(withdrawn) = withdrawn {
                    outbox::withdraw(tx, &withdrawn).await?;
                }
                app.courier.queue_at_in(tx, &app.seal, reminder, at).await?;
                effect::queue(tx, &app, messages).await?;
                marked.apply(tx).await?;
                Ok::<_, Internal>(log::append(tx, &app.seal, &owner, now, &event).await?)
            })
        });
        done.await?;
        app.courier.wake();
        Ok(())
    }

    /// The recovery that it becomes, and the token of its link.
    fn recovery(&self, app: &App) -> Result<(recovery::Model, String), Internal> {
        let (now, token) = (app.clock.now(), app.entropy.token()?);
        let at = now + i64::from(app.config.limits.recovery_wait_hours) * HOUR;
        let row = recovery::Model {
            id: app.entropy.id()?,
            account_id: self.account.id.clone(),
            kind: recovery::SUPPORT.to_owned(),
            status: recovery::WAITING.to_owned(),
            token_hash: token_hash(app, &token),
            factor: String::new(),
            reference: Some(self.request.id.clone()),
            created_at: now,
            confirmed_at: Some(now),
            effect_at: Some(at),
            expires_at: at + READY_LIFE,
        };
        Ok((row, token))
    }

    /// The mail with the link, for the time when the waiting is over.
    fn reminder(&self, app: &App, row: &recovery::Model, token: &str) -> Result<Message, Internal> {
        let link = app.config.url(&format!("/recover/link/{token}"));
        let args = json!({ "name": self.account.first_name, "link": link });
        let (effect, content) = (effect::reminder_of(&row.id), &self.content);
        letter::of_key(app, &content.locale, "recover_ready", effect, &content.contact, &args)
    }

    /// A mail to whoever asked.
    fn answer(&self, app: &App, key: &str, args: &Value) -> Result<Message, Internal> {
        let effect = format!("support:{}:{key}", self.request.id);
        letter::of_key(app, &self.content.locale, key, effect, &self.content.contact, args)
    }

    fn event(&self, result: &str, admin: &str) -> Event {
        Event { reference: Some(format!("{} by {admin}", self.request.id)), ..Event::new("support", result) }
    }
}
