//! Browsers that an account was used in.
//!
//! One that was forgotten or crowded out keeps its row until that expires: whether anything was ever known decides what is
//! new.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, entity::prelude::*, sea_query::Expr};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: String,
    /// Keyed hash of the name that the browser has for this account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// Browser and system, such as `Firefox · Linux`; empty when unknown.
    pub agent: String,
    /// Network address that it was last seen at.
    pub address: String,
    pub created_at: Millis,
    /// When it last proved something, to a day.
    pub seen_at: Millis,
    pub expires_at: Millis,
    pub ended_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const RECORD: &str = "device";

impl Model {
    /// Whether it still counts.
    pub fn is_live(&self, now: Millis) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

/// What a look at an enrolment tells of the browser that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub hash: String,
    pub seen_at: Millis,
}

/// Adds one.
pub fn adding(device: Model) -> Change {
    Change::insert(RECORD, Entity::insert(ActiveModel::from(device).reset_all()))
}

/// Writes down that it was seen again. Touches nothing when it was forgotten in the meantime.
pub fn seeing(device: Model) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Agent, Expr::value(device.agent))
        .col_expr(Column::Address, Expr::value(device.address))
        .col_expr(Column::SeenAt, Expr::value(device.seen_at))
        .col_expr(Column::ExpiresAt, Expr::value(device.expires_at))
        .filter(Column::AccountId.eq(device.account_id))
        .filter(Column::Hash.eq(device.hash))
        .filter(Column::EndedAt.is_null());
    Change::update(RECORD, update)
}

/// Those of an account, forgotten ones too, the last seen first.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .order_by_desc(Column::SeenAt)
        .order_by_asc(Column::Hash)
        .all(db)
        .await?)
}

/// Forgets one of an account's. `Ok(false)` when that account has none such.
///
/// # Errors
/// When the database fails.
pub async fn end(db: &impl ConnectionTrait, account_id: &str, hash: &str, now: Millis) -> Result<bool, StoreError> {
    let ending = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Hash.eq(hash))
        .filter(Column::EndedAt.is_null());
    Ok(ending.exec(db).await?.rows_affected == 1)
}

/// Forgets all of an account's.
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
