//! What the guard against pumped text messages counts.
//!
//! A count belongs to one window of time; adding to it is one statement with the limit in it, so that of many messages at
//! once none slips by. What is known of a prefix changes its state by compare-and-set on `version`.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use std::collections::BTreeMap;

use sea_orm::{
    ConnectionTrait, QueryFilter,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{Change, StoreError};
use crate::clock::Millis;

pub mod count {
    use sea_orm::entity::prelude::*;

    use crate::clock::Millis;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sms_count")]
    pub struct Model {
        /// Window, and what is counted in it.
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub sent: i32,
        pub expires_at: Millis,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sms_prefix")]
pub struct Model {
    /// The first digits of a number, with `+`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub prefix: String,
    /// Codes sent since `since`.
    pub sent: i32,
    /// Codes used since `since`.
    pub used: i32,
    pub since: Millis,
    /// Until when nothing is sent to it; a moment gone by means that it is on trial.
    pub open_until: Option<Millis>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const COUNT: &str = "sms_count";
const PREFIX: &str = "sms_prefix";

/// What was counted under each of these keys; nothing of one that was not.
///
/// # Errors
/// When the database fails.
pub async fn counts(db: &impl ConnectionTrait, keys: &[String]) -> Result<BTreeMap<String, i32>, StoreError> {
    let rows = count::Entity::find().filter(count::Column::Key.is_in(keys)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.key, row.sent)).collect())
}

/// Counts `more` under `key`. Touches nothing when that would be more than `most`.
pub fn counting(key: &str, more: i32, most: i32, expires_at: Millis) -> Change {
    let sent = || Expr::col((count::Entity, count::Column::Sent));
    let add = OnConflict::column(count::Column::Key)
        .value(count::Column::Sent, sent().add(more))
        .action_and_where(sent().lte(most - more))
        .to_owned();
    let row = count::Model { key: key.to_owned(), sent: more, expires_at };
    Change::insert(COUNT, count::Entity::insert(count::ActiveModel::from(row).reset_all()).on_conflict(add))
}

/// # Errors
/// When the database fails.
pub async fn prefix(db: &impl ConnectionTrait, prefix: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(prefix), db).await?)
}

/// Counts codes that are sent to a prefix whose state was seen as `version`. Touches nothing when that has changed.
pub fn sending(prefix: &str, more: i32, version: i64, now: Millis) -> Change {
    let here = |column: Column| Expr::col((Entity, column));
    let add = OnConflict::column(Column::Prefix)
        .value(Column::Sent, here(Column::Sent).add(more))
        .action_and_where(here(Column::Version).eq(version))
        .to_owned();
    Change::insert(
        PREFIX,
        Entity::insert(ActiveModel::from(fresh(prefix, (more, 0), now)).reset_all()).on_conflict(add),
    )
}

/// Counts a code that was used.
pub fn using(prefix: &str, now: Millis) -> Change {
    let add =
        OnConflict::column(Column::Prefix).value(Column::Used, Expr::col((Entity, Column::Used)).add(1)).to_owned();
    Change::insert(PREFIX, Entity::insert(ActiveModel::from(fresh(prefix, (0, 1), now)).reset_all()).on_conflict(add))
}

fn fresh(prefix: &str, (sent, used): (i32, i32), since: Millis) -> Model {
    Model { prefix: prefix.to_owned(), sent, used, since, open_until: None, version: 0 }
}

/// Puts `row` in the place of the state that it was made from, whose version it still has. Touches nothing when that has
/// changed.
pub fn changing(row: Model) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Sent, Expr::value(row.sent))
        .col_expr(Column::Used, Expr::value(row.used))
        .col_expr(Column::Since, Expr::value(row.since))
        .col_expr(Column::OpenUntil, Expr::value(row.open_until))
        .col_expr(Column::Version, Expr::value(row.version + 1))
        .filter(Column::Prefix.eq(row.prefix))
        .filter(Column::Version.eq(row.version));
    Change::update(PREFIX, update)
}
