//! Sessions of browsers that have proven who somebody is.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, entity::prelude::*, sea_query::Expr};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Keyed hash of the cookie.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: String,
    /// The `sid` claim: names the session to relying parties, opens nothing.
    pub sid: String,
    pub account_id: String,
    /// JSON array: what was proven, by which factor and when. An older release wrote an
    /// object, `acr` → Unix milliseconds.
    pub levels: String,
    /// JSON array of `amr` values of the last proof.
    pub amr: String,
    pub auth_time: Millis,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub ended_at: Option<Millis>,
    /// Browser and system of the last proof, such as `Firefox · Linux`; empty when unknown.
    pub agent: String,
    /// Network address of the last proof; empty when unknown.
    pub address: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Adds a session.
pub fn adding(session: Model) -> Change {
    Change::insert("session", Entity::insert(ActiveModel::from(session).reset_all()))
}

/// A session that has neither ended nor expired.
///
/// # Errors
/// When the database fails.
pub async fn live(db: &impl ConnectionTrait, id_hash: &str, now: Millis) -> Result<Option<Model>, StoreError> {
    let found = super::only(Entity::find_by_id(id_hash), db).await?;
    Ok(found.filter(|session| session.ended_at.is_none() && now < session.expires_at))
}

/// Ends a session. `Ok(false)` when it had ended before.
///
/// # Errors
/// When the database fails.
pub async fn end(db: &impl ConnectionTrait, id_hash: &str, now: Millis) -> Result<bool, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::IdHash.eq(id_hash))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Ends every session of an account.
///
/// # Errors
/// When the database fails.
pub async fn end_all(db: &impl ConnectionTrait, account_id: &str, now: Millis) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Sessions of an account that have neither ended nor expired, the newest proof first.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str, now: Millis) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::AuthTime)
        .all(db)
        .await?)
}

/// Ends the session of an account that has this `sid`. `Ok(false)` when that account has none.
///
/// # Errors
/// When the database fails.
pub async fn end_of_account(
    db: &impl ConnectionTrait,
    account_id: &str,
    sid: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let ending = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Sid.eq(sid))
        .filter(Column::EndedAt.is_null());
    Ok(ending.exec(db).await?.rows_affected > 0)
}

/// Ends all sessions of an account but the one that has the `sid` `kept`; says how many.
///
/// # Errors
/// When the database fails.
pub async fn end_others(
    db: &impl ConnectionTrait,
    account_id: &str,
    kept: &str,
    now: Millis,
) -> Result<u64, StoreError> {
    let ending = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Sid.ne(kept))
        .filter(Column::EndedAt.is_null());
    Ok(ending.exec(db).await?.rows_affected)
}
