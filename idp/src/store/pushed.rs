//! Pushed authorization requests (RFC 9126): durable, since the relying party was told 201.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{QueryFilter, entity::prelude::*, sea_query::Expr};

use super::{Change, Db, StoreError};
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

/// Makes the first look for a request that is durable now a short one.
pub fn expect(db: &Db, pushed: Model) {
    let hash = pushed.hash.clone();
    db.pushed.put(&hash, pushed);
}

/// A request that is not expired and was not used when last seen: [`using_up`] has the last word.
///
/// # Errors
/// When the database fails.
pub async fn live(db: &Db, hash: &str, now: Millis) -> Result<Option<Model>, StoreError> {
    let found = match db.pushed.take(hash) {
        Some(fresh) => Some(fresh),
        None => super::only(Entity::find_by_id(hash), db.read()).await?,
    };
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
