//! Things that may be presented once: `jti` of client assertions, solved bot checks.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, entity::prelude::*, sea_query::OnConflict};

use super::StoreError;
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "spent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub purpose: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// After this the thing would be refused for its age alone.
    pub expires_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Spends it. `Ok(false)` when it was spent before.
///
/// # Errors
/// When the database fails.
pub async fn spend(db: &impl ConnectionTrait, spent: Model) -> Result<bool, StoreError> {
    let added = Entity::insert(ActiveModel::from(spent).reset_all())
        .on_conflict(OnConflict::columns([Column::Purpose, Column::Hash]).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(added == 1)
}
