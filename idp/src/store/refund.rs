//! What relying parties have given back of confirmed payments.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, entity::prelude::*, sea_query::OnConflict};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund")]
pub struct Model {
    /// Also the `jti` of its receipt.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub confirmation_id: String,
    /// Keyed hash of the relying party's own name for it, which makes it happen once.
    pub reference_hash: String,
    pub amount_minor: i64,
    /// Compact JWS.
    pub receipt: String,
    pub created_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a refund is called.
pub const RECORD: &str = "refund";

/// Adds a refund. Touches nothing when the confirmation has one of that name.
pub fn adding(refund: Model) -> Change {
    let once = OnConflict::columns([Column::ConfirmationId, Column::ReferenceHash]).do_nothing().to_owned();
    Change::insert(RECORD, Entity::insert(ActiveModel::from(refund).reset_all()).on_conflict(once))
}

/// The one of that name.
///
/// # Errors
/// When the database fails.
pub async fn by_reference(
    db: &impl ConnectionTrait,
    confirmation_id: &str,
    reference_hash: &str,
) -> Result<Option<Model>, StoreError> {
    let named = Entity::find()
        .filter(Column::ConfirmationId.eq(confirmation_id))
        .filter(Column::ReferenceHash.eq(reference_hash));
    Ok(super::only(named, db).await?)
}

/// All of these confirmations.
///
/// # Errors
/// When the database fails.
pub async fn of_confirmations(db: &impl ConnectionTrait, confirmations: Vec<String>) -> Result<Vec<Model>, StoreError> {
    if confirmations.is_empty() {
        return Ok(Vec::new());
    }
    Ok(Entity::find()
        .filter(Column::ConfirmationId.is_in(confirmations))
        .order_by_asc(Column::ConfirmationId)
        .order_by_asc(Column::ReferenceHash)
        .all(db)
        .await?)
}
