//! Recovery codes: printed by their owners, each good once.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, entity::prelude::*, sea_query::Expr};

use super::{Change, StoreError, Tx};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_code")]
pub struct Model {
    /// Keyed hash of account and code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: String,
    pub account_id: String,
    pub created_at: Millis,
    pub used_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Puts `hashes` in the place of all that the account had.
///
/// # Errors
/// When the database fails.
pub async fn replace(tx: &Tx, account_id: &str, hashes: Vec<String>, now: Millis) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::AccountId.eq(account_id)).exec(tx).await?;
    if hashes.is_empty() {
        return Ok(());
    }
    let rows = hashes.into_iter().map(|code_hash| {
        let row = Model { code_hash, account_id: account_id.to_owned(), created_at: now, used_at: None };
        ActiveModel::from(row).reset_all()
    });
    Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// A code that was not used.
///
/// # Errors
/// When the database fails.
pub async fn unused(db: &impl ConnectionTrait, code_hash: &str) -> Result<Option<Model>, StoreError> {
    let found = super::only(Entity::find_by_id(code_hash), db).await?;
    Ok(found.filter(|code| code.used_at.is_none()))
}

/// How many codes of an account were not used.
///
/// # Errors
/// When the database fails.
pub async fn left(db: &impl ConnectionTrait, account_id: &str) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::AccountId.eq(account_id)).filter(Column::UsedAt.is_null()).count(db).await?)
}

/// Uses a code up. Touches nothing when it was used, or replaced by others.
pub fn using_up(code_hash: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::CodeHash.eq(code_hash))
        .filter(Column::UsedAt.is_null());
    Change::update("recovery_code", update)
}
