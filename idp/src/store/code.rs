//! Authorization codes: durable when issued, redeemed once by a conditional update.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{QueryFilter, entity::prelude::*, sea_query::Expr};

use super::{Change, Db, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "code")]
pub struct Model {
    /// Keyed hash of the code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    pub client_id: String,
    /// The token family that redeeming opens; revoked when the code is presented again.
    pub grant_id: String,
    /// What was authorized.
    pub sealed: Vec<u8>,
    pub expires_at: Millis,
    pub used_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a code is called.
pub const RECORD: &str = "code";

/// Adds a code.
pub fn adding(code: Model) -> Change {
    Change::insert(RECORD, Entity::insert(ActiveModel::from(code).reset_all()))
}

/// Makes the first [`find`] of a code that is durable now a short one.
pub fn expect(db: &Db, code: Model) {
    let hash = code.hash.clone();
    db.codes.put(&hash, code);
}

/// The code whether used, expired or neither: the caller says which, and [`using_up`] has the last word.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, hash: &str) -> Result<Option<Model>, StoreError> {
    match db.codes.take(hash) {
        Some(fresh) => Ok(Some(fresh)),
        None => Ok(super::only(Entity::find_by_id(hash), db.read()).await?),
    }
}

/// Uses the code up. Touches nothing when it was used or has expired.
pub fn using_up(hash: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Hash.eq(hash))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}
