//! What plugins asked of the server, and what came of it.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*};
use serde::Serialize;

use super::{Change, StoreError};
use crate::clock::{DAY, Millis};

/// How long it is kept.
pub const KEPT: Millis = 30 * DAY;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "plugin_call")]
pub struct Model {
    /// Time, then a number: those of one node sort as they were made.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub plugin: String,
    pub version: String,
    pub sha256: String,
    /// Name of the service, such as `store.put`.
    pub service: String,
    /// A key, a reference, or an origin with a path; never a value.
    pub subject: String,
    /// Whom the plugin was being called about.
    pub account: Option<String>,
    /// `ok`, `denied` or `failed`.
    pub outcome: String,
    pub at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over the audit trail is called.
const RECORD: &str = "plugin_call";

pub fn adding(call: Model) -> Change {
    Change::insert(RECORD, Entity::insert(ActiveModel::from(call).reset_all()))
}

/// Corrects what came of a call.
pub fn ending(id: &str, outcome: &str) -> Change {
    let update = Entity::update_many().col_expr(Column::Outcome, Expr::value(outcome)).filter(Column::Id.eq(id));
    Change::update(RECORD, update)
}

/// # Errors
/// When the database fails.
pub async fn add_all(db: &impl ConnectionTrait, calls: Vec<Model>) -> Result<(), StoreError> {
    if calls.is_empty() {
        return Ok(());
    }
    Entity::insert_many(calls.into_iter().map(|call| ActiveModel::from(call).reset_all()))
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The last calls of a plugin, newest first.
///
/// # Errors
/// When the database fails.
pub async fn last(
    db: &impl ConnectionTrait,
    plugin: &str,
    only_denied: bool,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let mut those = Entity::find().filter(Column::Plugin.eq(plugin));
    if only_denied {
        those = those.filter(Column::Outcome.eq("denied"));
    }
    Ok(those.order_by_desc(Column::Id).limit(limit).all(db).await?)
}
