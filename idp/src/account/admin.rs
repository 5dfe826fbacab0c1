//! What an administrator does with accounts by hand.

use std::sync::Arc;

use plugin_api::message::Purpose;

use super::{enrol, form, phone};
use crate::{
    app::App,
    error::Internal,
    pages,
    plugins::FactorHandle,
    store::{
        StoreError,
        account::{self, Model as Account},
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
    /// Activation code, to be handed to the person. It was sent nowhere and is stored nowhere.
    pub code: Option<String>,
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
    let prepared = match factor {
        Some(factor) => Some(enrol::begin_prepare(app, &account, &factor, None).await?),
        None => None,
    };
    let code = prepared.as_ref().and_then(enrol::Prepared::code).map(str::to_owned);
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
    Ok(Created { account_id, code })
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
    })
}
