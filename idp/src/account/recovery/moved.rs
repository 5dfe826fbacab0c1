//! What support was asked for and two administrators have approved: the account's new address and number.

use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    store::{
        StoreError, Tx,
        account::{self, Model as Account},
        address::{self, link},
        phone_change, phone_undo,
        recovery::{self, Model as Recovery},
        support::{self, Content},
    },
};

/// Where an account moves.
#[derive(Clone)]
pub(super) struct Moved {
    /// Canonical.
    email: String,
    /// E.164.
    phone: String,
}

impl Moved {
    /// `None` for a recovery that leaves address and number as they are.
    ///
    /// # Errors
    /// When the request is gone or cannot be read; when the database fails.
    pub(super) async fn by(app: &App, row: &Recovery) -> Result<Option<Self>, Internal> {
        if row.kind != recovery::SUPPORT {
            return Ok(None);
        }
        let request = support::by_id(app.db.read(), row.reference.as_deref().unwrap_or_default()).await?;
        let request =
            request.ok_or_else(|| Internal::Other(format!("recovery {} has no request to support", row.id)))?;
        let Content { contact, phone, .. } = request.content(&app.seal)?;
        Ok(Some(Self { email: contact, phone }))
    }

    /// The account as it will be.
    pub(super) fn applied_to(&self, account: &Account) -> Account {
        Account { email: self.email.clone(), phone: self.phone.clone(), ..account.clone() }
    }

    /// Whether the address belongs to another account by now.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn is_taken(&self, app: &App, account: &Account) -> Result<bool, StoreError> {
        is_of_another(app, &self.email, account).await
    }

    /// Moves the account. The earlier addresses are lost, perhaps to somebody: they go, and so does every link that was mailed
    /// to them.
    ///
    /// # Errors
    /// A conflict when the address has come to another account; when the database fails.
    pub(super) async fn apply(self, tx: &Tx, account_id: &str, now: Millis) -> Result<(), StoreError> {
        let Self { email, phone } = self;
        phone_undo::void_since(tx, account_id, 0, now).await?;
        phone_change::void(tx, account_id).await?;
        account::main_email_held(tx, account_id).await?;
        let new = address::Model { email: email.clone(), account_id: account_id.to_owned(), confirmed_at: now };
        if !address::add(tx, new).await?
            && address::find(tx, &email).await?.is_none_or(|found| found.account_id != account_id)
        {
            return Err(StoreError::Conflict("address"));
        }
        if !account::set_main_email(tx, account_id, &email).await?
            || !account::set_phone(tx, account_id, None, &phone, now).await?
        {
            return Err(StoreError::Conflict("account"));
        }
        address::keep_only(tx, account_id, &email).await?;
        link::void_since(tx, account_id, 0, now).await?;
        recovery::void_mailed(tx, account_id).await
    }
}

/// Whether `email` belongs to another account than `account`.
///
/// # Errors
/// When the database fails.
pub(super) async fn is_of_another(app: &App, email: &str, account: &Account) -> Result<bool, StoreError> {
    let found = address::find(app.db.read(), email).await?;
    Ok(found.is_some_and(|found| found.account_id != account.id))
}
