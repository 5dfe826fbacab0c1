//! Relying parties whose backchannel requests an account does not want to see.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, entity::prelude::*, sea_query::OnConflict};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backchannel_mute")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    pub since: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a mute is called.
pub const RECORD: &str = "mute";

/// Mutes a relying party. Touches nothing when it is muted already.
pub fn adding(mute: Model) -> Change {
    let once = OnConflict::columns([Column::AccountId, Column::ClientId]).do_nothing().to_owned();
    Change::insert(RECORD, Entity::insert(ActiveModel::from(mute).reset_all()).on_conflict(once))
}

/// Whether the account has muted the relying party.
///
/// # Errors
/// When the database fails.
pub async fn is_muted(db: &impl ConnectionTrait, account_id: &str, client_id: &str) -> Result<bool, StoreError> {
    Ok(super::only(Entity::find_by_id((account_id.to_owned(), client_id.to_owned())), db).await?.is_some())
}

/// All that an account has muted, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::AccountId.eq(account_id)).order_by_asc(Column::Since).all(db).await?)
}

/// Takes a mute back. `Ok(false)` when there was none.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &impl ConnectionTrait, account_id: &str, client_id: &str) -> Result<bool, StoreError> {
    let removed = Entity::delete_many().filter(Column::AccountId.eq(account_id)).filter(Column::ClientId.eq(client_id));
    Ok(removed.exec(db).await?.rows_affected == 1)
}
