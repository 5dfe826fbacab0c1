//! Requests to support: each waits for two administrators.
//!
//! Every step is one conditional update. The second approval must not be by whoever gave the first, and the statement says
//! so: of two approvals at once one is the first.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr};
use serde::{Deserialize, Serialize};

use super::{Change, StoreError};
use crate::{clock::Millis, seal::Seal};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "support_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Of an address without an account, a made-up one.
    pub account_id: String,
    /// `open`, `approved`, `rejected`, or `void` where there is no account.
    pub status: String,
    /// [`Content`].
    pub sealed: Vec<u8>,
    pub first_admin: Option<String>,
    pub second_admin: Option<String>,
    pub created_at: Millis,
    pub decided_at: Option<Millis>,
    /// When it is forgotten.
    pub expires_at: Millis,
}

/// What somebody has written.
#[derive(Clone, Serialize, Deserialize)]
pub struct Content {
    /// Address that they can be reached at now; the account's new one if the request is approved.
    pub contact: String,
    /// E.164; the account's new number if the request is approved.
    pub phone: String,
    /// Why it is them.
    pub evidence: String,
    /// Language.
    pub locale: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Names the record that the content is sealed as.
pub const RECORD: &str = "support_request";

/// `status` of one that waits for administrators.
pub const OPEN: &str = "open";
/// `status` of one that two of them have approved.
pub const APPROVED: &str = "approved";
/// `status` of one that one of them has rejected.
pub const REJECTED: &str = "rejected";
/// `status` of one about nobody.
pub const VOID: &str = "void";

impl Model {
    /// Whether it waits for administrators.
    pub fn is_open(&self, now: Millis) -> bool {
        self.status == OPEN && now < self.expires_at
    }

    /// What was written.
    ///
    /// # Errors
    /// When it was altered.
    pub fn content(&self, seal: &Seal) -> Result<Content, StoreError> {
        seal.open_record_json(RECORD, &self.id, &self.sealed).map_err(|error| StoreError::Unreadable {
            table: RECORD,
            id: self.id.clone(),
            reason: error.to_string(),
        })
    }
}

/// Adds one.
pub fn adding(request: Model) -> Change {
    Change::insert(RECORD, Entity::insert(ActiveModel::from(request).reset_all()))
}

/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}

/// Those that wait for administrators, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn open(db: &impl ConnectionTrait, now: Millis, limit: u64) -> Result<Vec<Model>, StoreError> {
    let open = Entity::find().filter(Column::Status.eq(OPEN)).filter(Column::ExpiresAt.gt(now));
    Ok(open.order_by_asc(Column::CreatedAt).limit(limit).all(db).await?)
}

/// `admin` approves as the first. Touches nothing when somebody has, or when it is not open.
pub fn approving_first(id: &str, admin: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::FirstAdmin, Expr::value(admin))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(OPEN))
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::FirstAdmin.is_null());
    Change::update(RECORD, update)
}

/// `admin` approves as the second; it is kept until `kept`. Touches nothing when nobody else has approved before, or when it is
/// not open.
pub fn approving_second(id: &str, admin: &str, now: Millis, kept: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::SecondAdmin, Expr::value(admin))
        .col_expr(Column::Status, Expr::value(APPROVED))
        .col_expr(Column::DecidedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(kept))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(OPEN))
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::FirstAdmin.is_not_null())
        .filter(Column::FirstAdmin.ne(admin));
    Change::update(RECORD, update)
}

/// An administrator rejects. Touches nothing when it is not open.
pub fn rejecting(id: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(REJECTED))
        .col_expr(Column::DecidedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(OPEN))
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}

/// Takes back what `admin` has approved first: the requests wait for two others. Those that were decided stay decided.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(db: &impl ConnectionTrait, admin: &str) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::FirstAdmin, Expr::value(None::<String>))
        .filter(Column::Status.eq("open"))
        .filter(Column::FirstAdmin.eq(admin))
        .exec(db)
        .await?;
    Ok(())
}
