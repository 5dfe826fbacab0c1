//! Accounts whose owners are administrators.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryOrder, entity::prelude::*, sea_query::OnConflict};

use super::StoreError;
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "admin")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: String,
    /// What their decisions are signed with: the main address as it was when they became one. It stays theirs when they
    /// change that, so that nobody decides twice under two names.
    pub name: String,
    pub created_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Adds one. `Ok(false)` when the account has one, or the name is taken.
///
/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, admin: Model) -> Result<bool, StoreError> {
    let insert =
        Entity::insert(ActiveModel::from(admin).reset_all()).on_conflict(OnConflict::new().do_nothing().to_owned());
    Ok(insert.exec_without_returning(db).await? == 1)
}

/// # Errors
/// When the database fails.
pub async fn by_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(account_id), db).await?)
}

/// All of them, by their names.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::Name).all(db).await?)
}

/// Takes the rights away. `Ok(false)` when there were none.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &impl ConnectionTrait, account_id: &str) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id(account_id).exec(db).await?.rows_affected == 1)
}
