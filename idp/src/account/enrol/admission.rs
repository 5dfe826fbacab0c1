//! How many enrolments of a factor an account may have, where it may have several.

use crate::{
    app::App,
    error::Internal,
    plugins::FactorHandle,
    seal::Seal,
    store::{
        StoreError, Tx, account,
        enrolment::{self, Model as Enrolment},
        log::{self, Event},
    },
};

/// Why an enrolment that the plugin has passed is not kept. The transaction is over.
#[derive(Debug)]
pub enum NotKept {
    /// The account has as many as it may have.
    Full,
    /// Something of ours failed, or somebody else was first.
    Internal(Internal),
}

impl<E: Into<Internal>> From<E> for NotKept {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

/// Makes `row` active in the caller's transaction, and tells the account's log.
///
/// # Errors
/// [`NotKept::Full`] when the account now has more than `limit`; a conflict when the row, or the account's number, has
/// changed since it was begun; when the database fails.
pub async fn activate_in(
    tx: &Tx,
    seal: &Seal,
    row: Enrolment,
    limit: u32,
    event: &Event,
    now: crate::clock::Millis,
) -> Result<(), NotKept> {
    let (account, factor, begun_at) = (row.account_id.clone(), row.factor.clone(), row.created_at);
    enrolment::saving(row).apply(tx).await?;
    // The log holds the account's row until the end, so that of two at once the second counts the first.
    log::append(tx, seal, &account, now, event).await?;
    // What was sent to an earlier number proves nothing about this one.
    let changed_at = account::phone(tx, &account).await?.and_then(|(_, changed_at)| changed_at);
    if changed_at.is_some_and(|changed_at| begun_at < changed_at) {
        return Err(StoreError::Conflict("enrolment").into());
    }
    if enrolment::count_active(tx, &account, &factor).await? > u64::from(limit) {
        return Err(NotKept::Full);
    }
    Ok(())
}

/// Whether an account has as many enrolments of a factor as it may have. Where one takes the place of another, never. To be
/// said before somebody sets out in vain: what counts is the count when the enrolment is complete.
///
/// # Errors
/// When the database fails.
pub async fn is_full(app: &App, account_id: &str, factor: &FactorHandle) -> Result<bool, Internal> {
    let limit = factor.manifest().per_account;
    Ok(limit > 1 && enrolment::count_active(app.db.read(), account_id, factor.id()).await? >= u64::from(limit))
}
