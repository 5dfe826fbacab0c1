//! How often somebody has tried to get back into an account: what its limits are counted by.
//!
//! One row an account, changed by compare-and-set, so that of two tries at once the second sees the first. That of an
//! address without an account is counted as any other.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ActiveValue::NotSet, ConnectionTrait, QueryFilter, entity::prelude::*, sea_query::OnConflict};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_budget")]
pub struct Model {
    /// The account; of an address without one, a made-up one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// JSON: the times of the last answers to the question, oldest first.
    pub answers: String,
    /// JSON: the times at which links were confirmed, oldest first.
    pub begun: String,
    /// JSON: the times of the last requests to support, oldest first.
    pub requests: String,
    /// Until when no recovery can begin, because the last one was stopped.
    pub locked_until: Option<Millis>,
    /// 0 while there is no row.
    pub version: i64,
    /// When nothing of it matters any more.
    pub expires_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const RECORD: &str = "recovery_budget";

/// What was counted of `subject` so far.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &impl ConnectionTrait, subject: &str) -> Result<Model, StoreError> {
    let nothing = || Model {
        subject: subject.to_owned(),
        answers: "[]".to_owned(),
        begun: "[]".to_owned(),
        requests: "[]".to_owned(),
        locked_until: None,
        version: 0,
        expires_at: 0,
    };
    Ok(super::only(Entity::find_by_id(subject), db).await?.unwrap_or_else(nothing))
}

/// Writes `changed` and raises its version. Touches nothing when somebody else was first.
pub fn saving(changed: Model) -> Change {
    let (subject, seen) = (changed.subject.clone(), changed.version);
    let row = Model { version: seen + 1, ..changed };
    if seen == 0 {
        let once = OnConflict::column(Column::Subject).do_nothing().to_owned();
        return Change::insert(RECORD, Entity::insert(ActiveModel::from(row).reset_all()).on_conflict(once));
    }
    let mut row = ActiveModel::from(row).reset_all();
    row.subject = NotSet;
    let update = Entity::update_many().set(row).filter(Column::Subject.eq(subject)).filter(Column::Version.eq(seen));
    Change::update(RECORD, update)
}
