//! Enrolments: one account's registered instance of a factor, with its budgets.
//!
//! Every change is a compare-and-set on `version`, so that of two requests that judged the same state one wins and the
//! other has to look again. That is what makes a right answer count once and a wrong one count always.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ActiveValue::NotSet,
    ConnectionTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};

use super::{Change, StoreError, account};
use crate::{
    clock::Millis,
    seal::{Seal, SealError},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "enrolment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub account_id: String,
    /// Id of the plugin.
    pub factor: String,
    pub label: String,
    /// `pending`, `active`, `disabled` or `replaced`.
    pub status: String,
    /// The plugin's state: of the enrolling step while pending, of the enrolment afterwards.
    pub sealed: Vec<u8>,
    pub version: i64,
    /// Raised whenever a challenge is burnt; part of what a challenge is derived from.
    pub challenge_number: i64,
    /// Wrong answers to the present challenge.
    pub wrong_here: i32,
    /// Consecutive failures, whatever the challenge.
    pub failures: i32,
    pub blocked_until: Option<Millis>,
    /// A clone was seen: no payment until the owner has re-activated.
    pub payments_blocked: bool,
    /// How often the activation message was sent again.
    pub resends: i32,
    pub resent_at: Option<Millis>,
    pub created_at: Millis,
    pub last_used_at: Option<Millis>,
    /// When a pending enrolment ends.
    pub expires_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The plugin's state.
    ///
    /// # Errors
    /// When it was altered or sealed for another row.
    pub fn state(&self, seal: &Seal) -> Result<serde_json::Value, StoreError> {
        seal.open_record_json("enrolment", &self.id, &self.sealed).map_err(|error| StoreError::Unreadable {
            table: "enrolment",
            id: self.id.clone(),
            reason: error.to_string(),
        })
    }

    /// Seals new plugin state into this row's value; [`saving`] makes it durable.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn set_state(&mut self, seal: &Seal, state: &serde_json::Value) -> Result<(), SealError> {
        self.sealed = seal.record_json("enrolment", &self.id, state)?;
        Ok(())
    }
}

/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, enrolment: Model) -> Result<(), StoreError> {
    Entity::insert(ActiveModel::from(enrolment).reset_all()).exec_without_returning(db).await?;
    Ok(())
}

/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}

/// An enrolment and its account, in one look.
///
/// # Errors
/// When the database fails.
pub async fn with_account(db: &impl ConnectionTrait, id: &str) -> Result<Option<(Model, account::Model)>, StoreError> {
    let owner = Entity::belongs_to(account::Entity).from(Column::AccountId).to(account::Column::Id).into();
    let found = Entity::find_by_id(id).join(JoinType::InnerJoin, owner).select_also(account::Entity);
    Ok(super::only_two(found, db).await?)
}

/// All enrolments of an account that are active, pending or disabled, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.ne("replaced"))
        .order_by_asc(Column::CreatedAt)
        .all(db)
        .await?)
}

/// Replaces the row by `changed` and raises its version. Touches nothing when somebody else has changed it since it was
/// read.
pub fn saving(changed: Model) -> Change {
    let (id, seen) = (changed.id.clone(), changed.version);
    let mut row = ActiveModel::from(Model { version: seen + 1, ..changed }).reset_all();
    row.id = NotSet;
    let update = Entity::update_many().set(row).filter(Column::Id.eq(id)).filter(Column::Version.eq(seen));
    Change::update("enrolment", update)
}

/// Ends every other enrolment of the same factor and account whose status is one of `statuses`; says how many there were.
///
/// # Errors
/// When the database fails.
pub async fn replace_others(db: &impl ConnectionTrait, kept: &Model, statuses: &[&str]) -> Result<u64, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value("replaced"))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::AccountId.eq(&kept.account_id))
        .filter(Column::Factor.eq(&kept.factor))
        .filter(Column::Id.ne(&kept.id))
        .filter(Column::Status.is_in(statuses.iter().copied()))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}
