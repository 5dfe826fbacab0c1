//! Relying parties that were added by command. Those of `clients_file` are read at start and live in memory.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryOrder, entity::prelude::*};

use super::StoreError;
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// RFC 7591 metadata as JSON, without the secret.
    pub metadata: String,
    /// Keyed hash of the secret.
    pub secret_hash: Option<String>,
    pub created_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// # Errors
/// When the database fails.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::Id).all(db).await?)
}

/// # Errors
/// When the database fails, or the id is taken.
pub async fn add(db: &impl ConnectionTrait, client: Model) -> Result<(), StoreError> {
    Entity::insert(ActiveModel::from(client).reset_all()).exec_without_returning(db).await?;
    Ok(())
}

/// `Ok(false)` when there is no such client.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id(id).exec(db).await?.rows_affected == 1)
}
