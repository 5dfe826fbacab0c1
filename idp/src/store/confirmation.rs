//! Payments that somebody approved or declined, with their receipts.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, entity::prelude::*};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "confirmation")]
pub struct Model {
    /// Also the receipt's `jti`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub account_id: String,
    pub client_id: String,
    /// `approved` or `declined`.
    pub status: String,
    /// Hexadecimal SHA-256 of the canonical transaction.
    pub transaction_hash: String,
    /// The transaction and the `authorization_details` object it came from.
    pub sealed: Vec<u8>,
    /// Compact JWS; empty when declined.
    pub receipt: String,
    pub created_at: Millis,
    /// The receipt's number in the public log; `None` until it is in there.
    pub log_index: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Adds a confirmation.
pub fn adding(confirmation: Model) -> Change {
    Change::insert("confirmation", Entity::insert(ActiveModel::from(confirmation).reset_all()))
}

/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}
