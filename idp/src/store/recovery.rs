//! Ways back into an account, each from its mailed link to its end.
//!
//! Every step is one conditional update of `status`, so that of a stop and a completion at the same moment one wins. An
//! address without an account has rows too; they are `void` from the beginning.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QuerySelect, entity::prelude::*, sea_query::Expr};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery")]
pub struct Model {
    /// Not secret.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Of an address without an account, a made-up one.
    pub account_id: String,
    /// How the person showed who they are, [`QUESTION`] or [`CODE`]; what they want, [`PAD`]; or that others believe them,
    /// [`SUPPORT`].
    pub kind: String,
    /// `void`, `mailed`, `waiting`, `done` or `stopped`.
    pub status: String,
    /// Keyed hash of the token in the link.
    pub token_hash: String,
    /// The method that was chosen; empty until then.
    pub factor: String,
    /// What it rests on, by its key: the recovery code's hash, or the request to support.
    pub reference: Option<String>,
    pub created_at: Millis,
    /// When the link's button was pressed.
    pub confirmed_at: Option<Millis>,
    /// When the waiting time is over.
    pub effect_at: Option<Millis>,
    /// When the link ends.
    pub expires_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const RECORD: &str = "recovery";

/// `kind` of one that the security question led to.
pub const QUESTION: &str = "question";
/// `kind` of one that asks for another activation code and for nothing else.
pub const PAD: &str = "pad";
/// `kind` of one that two administrators have approved.
pub const SUPPORT: &str = "support";
/// `kind` of one that a recovery code led to.
pub const CODE: &str = "code";

/// `status` of one whose link was mailed.
pub const MAILED: &str = "mailed";
/// `status` of one that waits.
pub const WAITING: &str = "waiting";
/// `status` of one that went through.
pub const DONE: &str = "done";
/// `status` of one that its owner stopped.
pub const STOPPED: &str = "stopped";
/// `status` of one that never had a link.
pub const VOID: &str = "void";

impl Model {
    /// Whether its link leads anywhere.
    pub fn is_live(&self, now: Millis) -> bool {
        matches!(self.status.as_str(), MAILED | WAITING) && now < self.expires_at
    }

    /// Whether it goes through as soon as its link is confirmed, whatever the waiting time is.
    pub fn is_at_once(&self) -> bool {
        self.kind == CODE
    }

    /// Whether everything that worked before ends with it.
    pub fn ends_everything(&self) -> bool {
        self.kind != PAD
    }

    /// What the account's log calls it.
    pub fn occasion(&self) -> &'static str {
        if self.kind == PAD { "new_code" } else { "recovery" }
    }

    /// Whether it waits for its time or for its person.
    pub fn is_waiting(&self, now: Millis) -> bool {
        self.status == WAITING && now < self.expires_at
    }

    /// Whether its waiting time is over.
    pub fn is_due(&self, now: Millis) -> bool {
        self.effect_at.is_some_and(|at| at <= now)
    }
}

/// Adds one.
pub fn adding(recovery: Model) -> Change {
    Change::insert(RECORD, Entity::insert(ActiveModel::from(recovery).reset_all()))
}

/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}

/// # Errors
/// When the database fails.
pub async fn by_token(db: &impl ConnectionTrait, token_hash: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find().filter(Column::TokenHash.eq(token_hash)), db).await?)
}

/// Ids of all recoveries of an account.
///
/// # Errors
/// When the database fails.
pub async fn ids_of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<String>, StoreError> {
    let all = Entity::find().filter(Column::AccountId.eq(account_id)).select_only().column(Column::Id);
    Ok(all.into_tuple().all(db).await?)
}

/// The button of the mailed link was pressed: what `confirmed` says in the place of what was `mailed`. Touches nothing
/// when the link was used or has ended.
pub fn confirming(confirmed: &Model, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(confirmed.status.clone()))
        .col_expr(Column::Factor, Expr::value(confirmed.factor.clone()))
        .col_expr(Column::ConfirmedAt, Expr::value(confirmed.confirmed_at))
        .col_expr(Column::EffectAt, Expr::value(confirmed.effect_at))
        .col_expr(Column::ExpiresAt, Expr::value(confirmed.expires_at))
        .filter(Column::Id.eq(&confirmed.id))
        .filter(Column::Status.eq(MAILED))
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}

/// It goes through. Touches nothing when it was stopped, went through before, has ended, or is not due.
pub fn completing(id: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(DONE))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(WAITING))
        .filter(Column::EffectAt.lte(now))
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}

/// Its owner stops it. Touches nothing when it is not in the status in which it was `seen`.
pub fn stopping(seen: &Model) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(STOPPED))
        .filter(Column::Id.eq(&seen.id))
        .filter(Column::Status.eq(&seen.status));
    Change::update(RECORD, update)
}

/// The mailed links of an account lead nowhere any more.
///
/// # Errors
/// When the database fails.
pub async fn void_mailed(db: &impl ConnectionTrait, account_id: &str) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(VOID))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.eq(MAILED))
        .exec(db)
        .await?;
    Ok(())
}
