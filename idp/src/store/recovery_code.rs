//! Recovery codes: printed by their owners, each good once.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, entity::prelude::*, sea_query::Expr};

use super::{Change, StoreError, Tx, account};
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

/// What a conflict over codes is called.
pub const RECORD: &str = "recovery_code";

/// All codes of an account, used ones as well, in a fixed order.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::AccountId.eq(account_id)).order_by_asc(Column::CodeHash).all(db).await?)
}

/// Puts `hashes` in the place of all that the account had.
///
/// # Errors
/// When others were made at the same moment; when the database fails.
pub async fn replace(tx: &Tx, account_id: &str, hashes: Vec<String>, now: Millis) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::AccountId.eq(account_id)).exec(tx).await?;
    if hashes.is_empty() {
        return Ok(());
    }
    // Of two at once the second waits here, and then sees what the first has made.
    account::main_email_held(tx, account_id).await?;
    if left(tx, account_id).await? > 0 {
        return Err(StoreError::Conflict(RECORD));
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
    Change::update(RECORD, update)
}
