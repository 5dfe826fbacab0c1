//! Accounts: who somebody is.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Func, IntoCondition},
};

use super::{Change, StoreError, enrolment};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Lower-cased; unique.
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    /// E.164; several accounts may share one.
    pub phone: String,
    pub locale: String,
    pub security_question: String,
    /// Argon2id, PHC string.
    pub security_answer: String,
    /// `active` or `locked`.
    pub status: String,
    pub created_at: Millis,
    /// Number of the newest entry of the account's log.
    pub log_seq: i64,
    /// Chain value of that entry.
    pub log_head: Vec<u8>,
    /// The recovery that waits for its time, or did when it was last looked at.
    pub recovering: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// `status` of an account that may sign in.
pub const ACTIVE: &str = "active";

impl Model {
    pub fn is_active(&self) -> bool {
        self.status == ACTIVE
    }

    /// First and last name as one.
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
}

/// The one spelling under which an address is stored and looked up.
pub fn canonical_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Looks an account up by its main e-mail, in any spelling.
///
/// # Errors
/// When the database fails.
pub async fn by_email(db: &impl ConnectionTrait, email: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find().filter(Column::Email.eq(canonical_email(email))), db).await?)
}

/// The account of an e-mail, in any spelling, and its enrolments that are active, pending or disabled, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn with_enrolments(
    db: &impl ConnectionTrait,
    email: &str,
) -> Result<(Option<Model>, Vec<enrolment::Model>), StoreError> {
    let theirs = Entity::belongs_to(enrolment::Entity)
        .from(Column::Id)
        .to(enrolment::Column::AccountId)
        .on_condition(|_, theirs| Expr::col((theirs, enrolment::Column::Status)).ne("replaced").into_condition())
        .into();
    let found = Entity::find()
        .filter(Column::Email.eq(canonical_email(email)))
        .join(JoinType::LeftJoin, theirs)
        .select_also(enrolment::Entity)
        .order_by_asc(enrolment::Column::CreatedAt)
        .all(db)
        .await?;
    let mut account = None;
    let mut enrolments = Vec::with_capacity(found.len());
    for (owner, enrolment) in found {
        account = Some(owner);
        enrolments.extend(enrolment);
    }
    Ok((account, enrolments))
}

/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}

/// Adds an account. `Ok(false)` when the e-mail belongs to one already.
///
/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, account: Model) -> Result<bool, StoreError> {
    let added = Entity::insert(ActiveModel::from(account).reset_all())
        .on_conflict(sea_orm::sea_query::OnConflict::column(Column::Email).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(added == 1)
}

/// Sets `active` or `locked`. `Ok(false)` when there is no such account.
///
/// # Errors
/// When the database fails.
pub async fn set_status(db: &impl ConnectionTrait, id: &str, status: &str) -> Result<bool, StoreError> {
    let changed = ActiveModel { id: Set(id.to_owned()), status: Set(status.to_owned()), ..Default::default() };
    let done = Entity::update_many().set(changed).filter(Column::Id.eq(id)).exec(db).await?;
    Ok(done.rows_affected == 1)
}

/// Which recovery waits, in the place of the one that was `seen`. Touches nothing when that has changed.
pub fn marking_recovery(id: &str, seen: Option<&str>, now: Option<&str>) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Recovering, Expr::value(now.map(str::to_owned)))
        .filter(Column::Id.eq(id))
        .filter(seen.map_or_else(|| Column::Recovering.is_null(), |seen| Column::Recovering.eq(seen)));
    Change::update("account", update)
}

/// How many accounts have which of `questions`, and how many have any at all, one in their own words included.
///
/// # Errors
/// When the database fails.
pub async fn questions(
    db: &impl ConnectionTrait,
    questions: &[String],
) -> Result<(Vec<(String, i64)>, i64), StoreError> {
    let count = || Expr::expr(Func::count(Expr::col(Column::SecurityQuestion)));
    let each = Entity::find()
        .filter(Column::SecurityQuestion.is_in(questions))
        .select_only()
        .column(Column::SecurityQuestion)
        .column_as(count(), "accounts")
        .group_by(Column::SecurityQuestion)
        .into_tuple()
        .all(db)
        .await?;
    let all = Entity::find()
        .filter(Column::SecurityQuestion.gt(""))
        .select_only()
        .column_as(count(), "accounts")
        .into_tuple()
        .all(db)
        .await?;
    Ok((each, all.into_iter().next().unwrap_or(0)))
}
