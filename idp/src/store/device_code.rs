//! Requests of devices without a browser (RFC 8628): waiting, then approved or denied once, and redeemed once.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ConnectionTrait, QueryFilter,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_code")]
pub struct Model {
    /// Keyed hash of the device code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// Keyed hash of the user code.
    pub user_hash: String,
    pub client_id: String,
    /// The token family that redeeming opens; revoked when the code is presented again.
    pub grant_id: String,
    /// Who has approved it.
    pub account_id: Option<String>,
    pub status: String,
    /// The request; once it was approved, what was authorized.
    pub sealed: Vec<u8>,
    pub expires_at: Millis,
    pub used_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over such a request is called.
pub const RECORD: &str = "device code";
/// Nobody has answered yet.
pub const PENDING: &str = "pending";
/// Somebody has allowed it.
pub const APPROVED: &str = "approved";
/// Somebody has refused it.
pub const DENIED: &str = "denied";

/// Adds a request. Touches nothing when its user code is taken.
pub fn adding(request: Model) -> Change {
    let free = OnConflict::column(Column::UserHash).do_nothing().to_owned();
    Change::insert(RECORD, Entity::insert(ActiveModel::from(request).reset_all()).on_conflict(free))
}

/// A request in whatever state: the caller says which.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(hash), db).await?)
}

/// The request of this user code that still waits for an answer.
///
/// # Errors
/// When the database fails.
pub async fn waiting(db: &impl ConnectionTrait, user_hash: &str, now: Millis) -> Result<Option<Model>, StoreError> {
    let found = super::only(Entity::find().filter(Column::UserHash.eq(user_hash)), db).await?;
    Ok(found.filter(|request| request.status == PENDING && now < request.expires_at))
}

/// Approves a request. Touches nothing when it was answered or has expired.
pub fn approving(hash: &str, account_id: &str, sealed: Vec<u8>, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(APPROVED))
        .col_expr(Column::AccountId, Expr::value(account_id))
        .col_expr(Column::Sealed, Expr::value(sealed))
        .filter(Column::Hash.eq(hash))
        .filter(Column::Status.eq(PENDING))
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}

/// Denies a request. Touches nothing when it was answered or has expired.
pub fn denying(hash: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(DENIED))
        .filter(Column::Hash.eq(hash))
        .filter(Column::Status.eq(PENDING))
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}

/// Uses an approved request up. Touches nothing when it was used or has expired.
pub fn using_up(hash: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Hash.eq(hash))
        .filter(Column::Status.eq(APPROVED))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}

/// Takes back what an account has approved and its device has not redeemed yet, at one client or at all; says how many.
///
/// # Errors
/// When the database fails.
pub async fn take_back(
    db: &impl ConnectionTrait,
    account_id: &str,
    client_id: Option<&str>,
    now: Millis,
) -> Result<u64, StoreError> {
    let mut denying = Entity::update_many()
        .col_expr(Column::Status, Expr::value(DENIED))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.eq(APPROVED))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now));
    if let Some(client_id) = client_id {
        denying = denying.filter(Column::ClientId.eq(client_id));
    }
    Ok(denying.exec(db).await?.rows_affected)
}
