//! Registrations that wait for their e-mailed link.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, entity::prelude::*, sea_query::Expr};

use super::StoreError;
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "registration")]
pub struct Model {
    /// Keyed hash of the token in the link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub email: String,
    /// What the person filled in.
    pub sealed: Vec<u8>,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub used_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, registration: Model) -> Result<(), StoreError> {
    Entity::insert(ActiveModel::from(registration).reset_all()).exec_without_returning(db).await?;
    Ok(())
}

/// A registration that is neither used nor expired.
///
/// # Errors
/// When the database fails.
pub async fn live(db: &impl ConnectionTrait, token_hash: &str, now: Millis) -> Result<Option<Model>, StoreError> {
    let found = super::only(Entity::find_by_id(token_hash), db).await?;
    Ok(found.filter(|registration| registration.used_at.is_none() && now < registration.expires_at))
}

/// Uses the link up. `Ok(false)` when it was used or has expired.
///
/// # Errors
/// When the database fails.
pub async fn use_up(db: &impl ConnectionTrait, token_hash: &str, now: Millis) -> Result<bool, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::TokenHash.eq(token_hash))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// How many registrations of one address were begun since `since`.
///
/// # Errors
/// When the database fails.
pub async fn begun_since(db: &impl ConnectionTrait, email: &str, since: Millis) -> Result<u64, StoreError> {
    Ok(Entity::find()
        .filter(Column::Email.eq(super::account::canonical_email(email)))
        .filter(Column::CreatedAt.gte(since))
        .count(db)
        .await?)
}
