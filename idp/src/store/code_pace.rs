//! When something was last sent for an enrolment: what limits on sending are counted by.
//!
//! One row an enrolment, changed by compare-and-set, so that of two sendings at once the second sees the first. That of an
//! address without an account is counted as any other.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ConnectionTrait, QueryFilter,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "code_pace")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub enrolment: String,
    /// JSON: the times of the last sendings, oldest first.
    pub sent: String,
    pub version: i64,
    /// When none of them matters any more.
    pub expires_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const RECORD: &str = "code_pace";

/// Under what the messages of a factor are counted that cost `subject` nothing: an account, or what stands for it.
pub fn free(factor: &str, subject: &str) -> String {
    format!("free:{factor}:{subject}")
}

/// Under what it is counted how often an account's deletion was asked for.
pub fn deletion(account_id: &str) -> String {
    format!("deletion:{account_id}")
}

/// Under what it is counted how often a client asks one person: `asked_hash` is a keyed hash of both.
pub fn asked(asked_hash: &str) -> String {
    format!("asked:{asked_hash}")
}

/// Under what it is counted how many backchannel requests reach an account, or what stands for one.
pub fn requests(account_id: &str) -> String {
    format!("requests:{account_id}")
}

impl Model {
    /// The times of the last sendings, oldest first.
    ///
    /// # Errors
    /// When the row does not parse.
    pub fn times(&self) -> Result<Vec<Millis>, StoreError> {
        serde_json::from_str(&self.sent).map_err(|error| StoreError::Unreadable {
            table: RECORD,
            id: self.enrolment.clone(),
            reason: error.to_string(),
        })
    }
}

/// # Errors
/// When the database fails.
pub async fn find(db: &impl ConnectionTrait, enrolment: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(enrolment), db).await?)
}

/// Writes `times` in the place of what was `seen`. Touches nothing when somebody else was first.
pub fn saving(enrolment: &str, seen: Option<&Model>, times: &[Millis], expires_at: Millis) -> Change {
    let sent = serde_json::json!(times).to_string();
    let Some(seen) = seen else {
        let row = Model { enrolment: enrolment.to_owned(), sent, version: 0, expires_at };
        let once = OnConflict::column(Column::Enrolment).do_nothing().to_owned();
        return Change::insert(RECORD, Entity::insert(ActiveModel::from(row).reset_all()).on_conflict(once));
    };
    let update = Entity::update_many()
        .col_expr(Column::Sent, Expr::value(sent))
        .col_expr(Column::Version, Expr::value(seen.version + 1))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Enrolment.eq(enrolment))
        .filter(Column::Version.eq(seen.version));
    Change::update(RECORD, update)
}
