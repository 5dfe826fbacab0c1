//! Things that may be presented once: `jti` of client assertions and of proofs of possession, solved bot checks, answers of people who had not said who
//! they are.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, entity::prelude::*, sea_query::OnConflict};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "spent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub purpose: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// After this the thing would be refused for its age alone.
    pub expires_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a thing that may be presented once is called.
pub const RECORD: &str = "spent";

/// The same over a proof of possession.
pub const PROOF: &str = "spent proof of possession";

/// Spends it. Touches nothing when it was spent before.
pub fn spending(spent: Model) -> Change {
    spending_as(RECORD, spent)
}

/// Spends a proof of possession. Touches nothing when it was spent before.
pub fn spending_proof(spent: Model) -> Change {
    spending_as(PROOF, spent)
}

fn spending_as(record: &'static str, spent: Model) -> Change {
    let once = OnConflict::columns([Column::Purpose, Column::Hash]).do_nothing().to_owned();
    Change::insert(record, Entity::insert(ActiveModel::from(spent).reset_all()).on_conflict(once))
}

/// Whether it was spent before. What may not be presented twice has to be spent all the same: somebody else may be first.
///
/// # Errors
/// When the database fails.
pub async fn is_spent(db: &impl ConnectionTrait, spent: &Model) -> Result<bool, StoreError> {
    let key = (spent.purpose.clone(), spent.hash.clone());
    Ok(super::only(Entity::find_by_id(key), db).await?.is_some())
}
