//! Mailed links that put an earlier number of an account back.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, entity::prelude::*};

use super::{
    StoreError,
    mailed_link::{self, Columns},
};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "phone_undo")]
pub struct Model {
    /// Keyed hash of the token in the link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub account_id: String,
    /// The earlier number.
    pub sealed: Vec<u8>,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub used_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const LINK: Columns<Column> = Columns {
    token_hash: Column::TokenHash,
    account_id: Column::AccountId,
    created_at: Column::CreatedAt,
    expires_at: Column::ExpiresAt,
    used_at: Column::UsedAt,
};

/// What rows are sealed as.
pub const RECORD: &str = "phone_undo";

/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, link: Model) -> Result<(), StoreError> {
    Entity::insert(ActiveModel::from(link).reset_all()).exec_without_returning(db).await?;
    Ok(())
}

/// A link that is neither used nor expired.
///
/// # Errors
/// When the database fails.
pub async fn live(db: &impl ConnectionTrait, token_hash: &str, now: Millis) -> Result<Option<Model>, StoreError> {
    let found = super::only(Entity::find_by_id(token_hash), db).await?;
    Ok(found.filter(|link| link.used_at.is_none() && now < link.expires_at))
}

/// Uses a link up. `Ok(false)` when it was used or has expired.
///
/// # Errors
/// When the database fails.
pub async fn use_up(db: &impl ConnectionTrait, token_hash: &str, now: Millis) -> Result<bool, StoreError> {
    mailed_link::use_up::<Entity>(db, LINK, token_hash, now).await
}

/// Uses up all links of an account that were made at `since` or later.
///
/// # Errors
/// When the database fails.
pub async fn void_since(
    db: &impl ConnectionTrait,
    account_id: &str,
    since: Millis,
    now: Millis,
) -> Result<(), StoreError> {
    mailed_link::void_since::<Entity>(db, LINK, account_id, since, now).await
}
