//! Versions of the policy, of which the newest is in force. None is ever changed or removed.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy")]
pub struct Model {
    /// From 1, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// JSON, as the administrator wrote it.
    pub document: String,
    /// Why, in the administrator's words.
    pub note: Option<String>,
    pub created_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The version in force; `None` when none was ever set.
///
/// # Errors
/// When the database fails.
pub async fn newest(db: &impl ConnectionTrait) -> Result<Option<Model>, StoreError> {
    Ok(by_age().limit(1).one(db).await?)
}

/// Newest first, by the key.
fn by_age() -> Select<Entity> {
    Entity::find().filter(Column::Version.gt(0)).order_by_desc(Column::Version)
}

/// # Errors
/// When the database fails.
pub async fn version(db: &impl ConnectionTrait, version: i64) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(version), db).await?)
}

/// Versions, when each was made and why, newest first.
///
/// # Errors
/// When the database fails.
pub async fn history(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<(i64, Millis, Option<String>)>, StoreError> {
    Ok(by_age()
        .limit(limit)
        .select_only()
        .columns([Column::Version, Column::CreatedAt, Column::Note])
        .into_tuple()
        .all(db)
        .await?)
}

/// Adds a version.
pub fn adding(policy: Model) -> Change {
    Change::insert("policy", Entity::insert(ActiveModel::from(policy).reset_all()))
}
