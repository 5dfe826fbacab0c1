//! What an account has allowed a client.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, entity::prelude::*, sea_query::OnConflict};

use super::StoreError;
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    /// Space-separated, sorted.
    pub scope: String,
    pub granted_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// # Errors
/// When the database fails.
pub async fn find(db: &impl ConnectionTrait, account_id: &str, client_id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id((account_id.to_owned(), client_id.to_owned())), db).await?)
}

/// Remembers a consent in place of an earlier one.
///
/// # Errors
/// When the database fails.
pub async fn put(db: &impl ConnectionTrait, consent: Model) -> Result<(), StoreError> {
    Entity::insert(ActiveModel::from(consent).reset_all())
        .on_conflict(
            OnConflict::columns([Column::AccountId, Column::ClientId])
                .update_columns([Column::Scope, Column::GrantedAt])
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Everything that an account has allowed.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::AccountId.eq(account_id)).all(db).await?)
}

/// Forgets what an account allowed a client. `Ok(false)` when that was nothing.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &impl ConnectionTrait, account_id: &str, client_id: &str) -> Result<bool, StoreError> {
    let removed = Entity::delete_many().filter(Column::AccountId.eq(account_id)).filter(Column::ClientId.eq(client_id));
    Ok(removed.exec(db).await?.rows_affected == 1)
}
