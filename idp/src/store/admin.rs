//! Accounts whose owners are administrators.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ConnectionTrait, QueryFilter, QueryOrder,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use super::StoreError;
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "admin")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: String,
    /// What their decisions are signed with: the main address as it was when they became one. It stays theirs when they
    /// change that, or get the rights a second time, so that nobody decides twice under two names.
    pub name: String,
    pub created_at: Millis,
    /// When the rights were taken away. The row stays, for the name.
    pub ended_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Gives an account the rights, under the name that it had them before or else under this. `Ok(false)` when it has them, or
/// the name is taken.
///
/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, admin: Model) -> Result<bool, StoreError> {
    let again = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(None::<Millis>))
        .filter(Column::AccountId.eq(&admin.account_id))
        .filter(Column::EndedAt.is_not_null());
    if again.exec(db).await?.rows_affected == 1 {
        return Ok(true);
    }
    let insert =
        Entity::insert(ActiveModel::from(admin).reset_all()).on_conflict(OnConflict::new().do_nothing().to_owned());
    Ok(insert.exec_without_returning(db).await? == 1)
}

/// That of an account which has the rights.
///
/// # Errors
/// When the database fails.
pub async fn by_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(account_id).filter(Column::EndedAt.is_null()), db).await?)
}

/// That of an account which has the rights, or had them.
///
/// # Errors
/// When the database fails.
pub async fn ever(db: &impl ConnectionTrait, account_id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(account_id), db).await?)
}

/// All who have the rights, by their names.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::EndedAt.is_null()).order_by_asc(Column::Name).all(db).await?)
}

/// Takes the rights away. `Ok(false)` when there were none.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &impl ConnectionTrait, account_id: &str, now: Millis) -> Result<bool, StoreError> {
    let ending = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::EndedAt.is_null());
    Ok(ending.exec(db).await?.rows_affected == 1)
}

/// Forgets that an account ever had them.
///
/// # Errors
/// When the database fails.
pub async fn forget(db: &impl ConnectionTrait, account_id: &str) -> Result<(), StoreError> {
    Entity::delete_by_id(account_id).exec(db).await?;
    Ok(())
}
