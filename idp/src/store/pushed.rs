//! Pushed authorization requests (RFC 9126): durable, since the relying party was told 201.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, entity::prelude::*, sea_query::Expr};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pushed")]
pub struct Model {
    /// Keyed hash of the `request_uri`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    pub client_id: String,
    /// The request's parameters.
    pub sealed: Vec<u8>,
    pub expires_at: Millis,
    pub used_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a pushed request is called.
pub const RECORD: &str = "pushed request";

/// Adds a request.
pub fn adding(pushed: Model) -> Change {
    Change::insert(RECORD, Entity::insert(ActiveModel::from(pushed).reset_all()))
}

/// A request that is neither used nor expired.
///
/// # Errors
/// When the database fails.
pub async fn live(db: &impl ConnectionTrait, hash: &str, now: Millis) -> Result<Option<Model>, StoreError> {
    let found = super::only(Entity::find_by_id(hash), db).await?;
    Ok(found.filter(|pushed| pushed.used_at.is_none() && now < pushed.expires_at))
}

/// Uses the request up. Touches nothing when it was used already.
pub fn using_up(hash: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Hash.eq(hash))
        .filter(Column::UsedAt.is_null());
    Change::update(RECORD, update)
}
