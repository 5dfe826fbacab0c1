//! A change of an account's number that waits for the code which was sent to the new one, and what limits such changes.
//!
//! One row an account, changed by compare-and-set, so that of two answers or two sendings at once the second sees the first.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ActiveValue::NotSet,
    ConnectionTrait, QueryFilter,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "phone_change")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: String,
    /// The number and its code; empty when nothing waits.
    pub sealed: Vec<u8>,
    /// JSON: the times at which codes were sent, oldest first.
    pub sent: String,
    /// JSON: the times of wrong answers, oldest first.
    pub wrong: String,
    /// Wrong answers to the code that waits.
    pub wrong_here: i32,
    /// When that code ends.
    pub code_until: Millis,
    /// 0 while there is no row.
    pub version: i64,
    /// When nothing of it matters any more.
    pub expires_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over it is called, and what it is sealed as.
pub const RECORD: &str = "phone_change";

/// What is kept of an account.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &impl ConnectionTrait, account_id: &str) -> Result<Model, StoreError> {
    let nothing = || Model {
        account_id: account_id.to_owned(),
        sealed: Vec::new(),
        sent: "[]".to_owned(),
        wrong: "[]".to_owned(),
        wrong_here: 0,
        code_until: 0,
        version: 0,
        expires_at: 0,
    };
    Ok(super::only(Entity::find_by_id(account_id), db).await?.unwrap_or_else(nothing))
}

/// Writes `changed` and raises its version. Touches nothing when somebody else was first.
pub fn saving(changed: Model) -> Change {
    let (account, seen) = (changed.account_id.clone(), changed.version);
    let row = Model { version: seen + 1, ..changed };
    if seen == 0 {
        let once = OnConflict::column(Column::AccountId).do_nothing().to_owned();
        return Change::insert(RECORD, Entity::insert(ActiveModel::from(row).reset_all()).on_conflict(once));
    }
    let mut row = ActiveModel::from(row).reset_all();
    row.account_id = NotSet;
    let update = Entity::update_many().set(row).filter(Column::AccountId.eq(account)).filter(Column::Version.eq(seen));
    Change::update(RECORD, update)
}

/// Voids what waits, if anything does.
///
/// # Errors
/// When the database fails.
pub async fn void(db: &impl ConnectionTrait, account_id: &str) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Sealed, Expr::value(Vec::<u8>::new()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::AccountId.eq(account_id))
        .exec(db)
        .await?;
    Ok(())
}
