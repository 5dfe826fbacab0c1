//! What an administrator does with accounts by hand.

use std::sync::Arc;

use plugin_api::message::Purpose;

use super::{
    activation,
    deletion::{self, By},
    enrol, form, phone, recovery,
};
use crate::{
    app::App,
    error::Internal,
    pages,
    plugins::FactorHandle,
    store::{
        StoreError,
        account::{self, Model as Account},
        enrolment,
        log::{self, Event},
    },
};

/// An account to be made without the person.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// In any spelling.
    pub email: String,
    /// With its country code.
    pub phone: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// `en`, `ru` or `vi`; anything else is `en`.
    pub locale: String,
    /// Which method to begin; the first that can prove who somebody is if `None`.
    pub factor: Option<String>,
    /// Whether to begin an activation.
    pub activate: bool,
}

/// What came of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Created {
    /// The account's identifier.
    pub account_id: String,
    /// What was begun, if it was asked for.
    #[serde(flatten)]
    pub begun: Begun,
}

/// What somebody needs to enrol, to be handed to them. It was sent nowhere and is stored nowhere.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Begun {
    /// Activation code for a device.
    pub code: Option<String>,
    /// Address of the page to enrol on, for a factor that has one. Good for a day, or until it was used.
    pub link: Option<String>,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Not an e-mail address.
    #[error("`{0}` is not an e-mail address; write it like name@example.com")]
    Email(String),
    /// Not a mobile number.
    #[error("`{0}` is not a mobile number with its country code; write it like +84912345678")]
    Phone(String),
    /// The address belongs to an account.
    #[error("an account with the address {0} exists already")]
    Taken(String),
    /// Nothing to activate.
    #[error("no enabled factor plugin can be activated ({0}); see `plugins.enabled` in the configuration")]
    NoFactor(String),
    /// Nobody has the address.
    #[error("there is no account with the address {0}")]
    NoAccount(String),
    /// The person has as many of the method as anybody may have.
    #[error("{0} has as many of the method {1} as an account may have; end one with `account unenrol --enrolment`")]
    Full(String, String),
    /// The person has no such method.
    #[error("{0} has no method {1}; see `account show`")]
    NoMethod(String, String),
    /// It waits already.
    #[error("{0} is to be deleted already; `--now` does not wait, `--keep` stops it")]
    Leaving(String),
    /// Nothing waits.
    #[error("{0} is not to be deleted")]
    Staying(String),
    /// Something of ours failed.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// Makes an account without a security question and, if asked, begins an activation whose code is returned instead of
/// sent. One transaction; many calls at once share commits.
///
/// # Errors
/// When the data is wrong, the address is taken, there is no such factor, or something of ours fails.
pub async fn create_by_admin(app: &Arc<App>, new: NewAccount) -> Result<Created, CreateError> {
    let factor = if new.activate { Some(factor(app, new.factor.as_deref())?) } else { None };
    let account = row(app, new)?;
    let account_id = account.id.clone();
    let (prepared, begun) = match factor {
        Some(factor) => {
            let prepared = enrol::begin_prepare(app, &account, &factor, None).await?;
            let begun = begun(app, &factor, &prepared)?;
            (Some(prepared), begun)
        }
        None => (None, Begun::default()),
    };
    let transaction = app.clone();
    let now = app.clock.now();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let (id, email) = (account.id.clone(), account.email.clone());
                if !account::add(tx, account).await? {
                    return Err(CreateError::Taken(email));
                }
                log::append(tx, &transaction.seal, &id, now, &Event::new("registered", "by_admin")).await?;
                if let Some(prepared) = prepared {
                    enrol::begin_in(tx, &transaction, prepared.without_messages(), None).await?;
                }
                Ok(())
            })
        })
        .await?;
    Ok(Created { account_id, begun })
}

/// Begins an enrolment for somebody who has an account, in the place of an earlier one of the same factor, which goes on
/// working until the new one is complete.
///
/// # Errors
/// When there is no such account or factor, or something of ours fails.
pub async fn enrol_by_admin(app: &Arc<App>, email: &str, id: Option<&str>) -> Result<Begun, CreateError> {
    let account = existing(app, email).await?;
    let factor = factor(app, id)?;
    if enrol::is_full(app, &account.id, &factor).await? {
        return Err(CreateError::Full(email.to_owned(), factor.id().to_owned()));
    }
    let rows = enrolment::of_account(app.db.read(), &account.id).await?;
    let earlier = rows.iter().rev().find(|row| row.factor == factor.id() && row.status != "pending");
    let prepared = enrol::begin_prepare(app, &account, &factor, earlier).await?;
    let begun = begun(app, &factor, &prepared)?;
    let transaction = app.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move { enrol::begin_in(tx, &transaction, prepared.without_messages(), None).await })
        })
        .await?;
    Ok(begun)
}

/// Ends whatever somebody has of a factor, waiting or not: nobody signs in with it again.
///
/// # Errors
/// When there is no such account or method, or something of ours fails.
pub async fn unenrol_by_admin(app: &Arc<App>, email: &str, id: &str) -> Result<(), CreateError> {
    unenrol(app, email, id, None).await
}

/// Ends one of several enrolments of a factor, by its id.
///
/// # Errors
/// When there is no such account or enrolment, or something of ours fails.
pub async fn unenrol_one_by_admin(app: &Arc<App>, email: &str, id: &str, one: &str) -> Result<(), CreateError> {
    unenrol(app, email, id, Some(one)).await
}

async fn unenrol(app: &Arc<App>, email: &str, id: &str, one: Option<&str>) -> Result<(), CreateError> {
    let account = existing(app, email).await?;
    let rows = enrolment::of_account(app.db.read(), &account.id).await?;
    let is_meant = |row: &enrolment::Model| row.factor == id && one.is_none_or(|one| row.id == one);
    let ending: Vec<_> = rows.into_iter().filter(is_meant).collect();
    if ending.is_empty() {
        return Err(CreateError::NoMethod(email.to_owned(), id.to_owned()));
    }
    let (seal, now) = (app.seal.clone(), app.clock.now());
    let reference = one.map(str::to_owned);
    let event = Event { factor: Some(id.to_owned()), reference, ..Event::new("unenrolled", "by_admin") };
    app.db
        .write(move |tx| {
            Box::pin(async move {
                for row in ending {
                    enrolment::saving(enrolment::Model { status: "replaced".to_owned(), ..row }).apply(tx).await?;
                }
                Ok::<_, CreateError>(log::append(tx, &seal, &account.id, now, &event).await?)
            })
        })
        .await?;
    Ok(())
}

/// Makes new recovery codes for somebody and voids the earlier ones. They are sent nowhere and stored nowhere.
///
/// # Errors
/// When there is no such account, or something of ours fails.
pub async fn recovery_codes_by_admin(app: &Arc<App>, email: &str) -> Result<Vec<String>, CreateError> {
    let account = existing(app, email).await?;
    Ok(recovery::make_codes(app, &account, "by_admin", None).await?)
}

/// Has an account deleted in so many days, and tells everybody; at once if that is none, whether or not it is locked. Says
/// whether it is deleted now.
///
/// # Errors
/// When it waits to be deleted already, unless that is to be at once now; when something of ours fails.
pub async fn delete_by_admin(app: &Arc<App>, account: &Account, days: i64) -> Result<bool, CreateError> {
    if account.status == account::DELETED {
        return Err(CreateError::NoAccount(account.id.clone()));
    }
    if days == 0 {
        return Ok(deletion::work::carry_out(app, account, &By::Admin).await?);
    }
    if account.delete_at.is_some() {
        return Err(CreateError::Leaving(account.email.clone()));
    }
    deletion::ask(app, account, &By::Admin, days).await?;
    Ok(false)
}

/// Keeps an account that was to be deleted.
///
/// # Errors
/// When it is not to be deleted; when something of ours fails.
pub async fn keep_by_admin(app: &Arc<App>, account: &Account) -> Result<(), CreateError> {
    let staying = || CreateError::Staying(account.email.clone());
    let at = account.delete_at.ok_or_else(staying)?;
    if deletion::keep(app, account, &By::Admin, at, false).await? { Ok(()) } else { Err(staying()) }
}

async fn existing(app: &App, email: &str) -> Result<Account, CreateError> {
    account::by_email(app.db.read(), email).await?.ok_or_else(|| CreateError::NoAccount(email.to_owned()))
}

fn begun(app: &App, factor: &FactorHandle, prepared: &enrol::Prepared) -> Result<Begun, Internal> {
    Ok(Begun { code: prepared.code().map(str::to_owned), link: activation::link(app, factor, prepared.row())? })
}

fn factor(app: &App, id: Option<&str>) -> Result<FactorHandle, CreateError> {
    let mut usable = app.plugins.factors_for(Purpose::Authorize).into_iter();
    match id {
        Some(id) => usable.find(|factor| factor.id() == id).ok_or_else(|| CreateError::NoFactor(id.to_owned())),
        None => usable.next().ok_or_else(|| CreateError::NoFactor("none is loaded".to_owned())),
    }
}

fn row(app: &App, new: NewAccount) -> Result<Account, CreateError> {
    let email = form::email(&new.email).ok_or(CreateError::Email(new.email))?;
    let number = phone::parse(&new.phone).map_err(|_| CreateError::Phone(new.phone))?;
    Ok(Account {
        id: app.entropy.id().map_err(Internal::from)?,
        email,
        first_name: new.first_name,
        last_name: new.last_name,
        phone: phone::e164(&number),
        locale: pages::locale_or_default(&new.locale).to_owned(),
        security_question: String::new(),
        security_answer: String::new(),
        status: "active".to_owned(),
        created_at: app.clock.now(),
        log_seq: 0,
        log_head: Vec::new(),
        recovering: None,
        time_zone: String::new(),
        phone_changed_at: None,
        notices: String::new(),
        delete_at: None,
        places: String::new(),
        places_until: None,
    })
}
