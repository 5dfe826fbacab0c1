//! Payments that somebody approved or declined, with their receipts.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{Condition, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "confirmation")]
pub struct Model {
    /// Also the receipt's `jti`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub account_id: String,
    pub client_id: String,
    /// `approved` or `declined`.
    pub status: String,
    /// Hexadecimal SHA-256 of the canonical transaction.
    pub transaction_hash: String,
    /// The transaction and the `authorization_details` object it came from.
    pub sealed: Vec<u8>,
    /// Compact JWS; empty when declined.
    pub receipt: String,
    pub created_at: Millis,
    /// The receipt's number in the public log; `None` until it is in there.
    pub log_index: Option<i64>,
    /// What the relying party says it has given back, in minor units.
    pub refunded: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a confirmation is called.
pub const RECORD: &str = "confirmation";

/// Which confirmations of a relying party are meant.
#[derive(Clone, Debug)]
pub struct Meant {
    /// Whose.
    pub client_id: String,
    /// Made at this moment or later.
    pub since: Millis,
    /// Made before this moment.
    pub until: Millis,
    /// Older than the one that was made then and has this id.
    pub before: Option<(Millis, String)>,
}

/// Adds a confirmation.
pub fn adding(confirmation: Model) -> Change {
    Change::insert(RECORD, Entity::insert(ActiveModel::from(confirmation).reset_all()))
}

/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}

/// The newest of those that are meant.
///
/// # Errors
/// When the database fails.
pub async fn newest(db: &impl ConnectionTrait, meant: &Meant, most: u64) -> Result<Vec<Model>, StoreError> {
    let older = meant.before.as_ref().map(|(at, id)| {
        let same_moment = Condition::all().add(Column::CreatedAt.eq(*at)).add(Column::Id.lt(id));
        Condition::any().add(Column::CreatedAt.lt(*at)).add(same_moment)
    });
    Ok(Entity::find()
        .filter(Column::ClientId.eq(&meant.client_id))
        .filter(Column::CreatedAt.gte(meant.since))
        .filter(Column::CreatedAt.lt(meant.until))
        .filter(Condition::all().add_option(older))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(most)
        .all(db)
        .await?)
}

/// Says that `sum` was given back in all. Touches nothing when it is not `seen` any more.
pub fn refunding(id: &str, seen: i64, sum: i64) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Refunded, Expr::value(sum))
        .filter(Column::Id.eq(id))
        .filter(Column::Refunded.eq(seen));
    Change::update(RECORD, update)
}
