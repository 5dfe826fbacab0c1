//! Accounts: who somebody is.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Func, IntoCondition, Query},
};
use serde::Serialize;

use super::{Change, StoreError, address, enrolment};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The main address: lower-cased; unique. It is one of the account's addresses.
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    /// E.164; several accounts may share one.
    pub phone: String,
    pub locale: String,
    pub security_question: String,
    /// Argon2id, PHC string.
    pub security_answer: String,
    /// [`ACTIVE`], `locked` or [`DELETED`].
    pub status: String,
    pub created_at: Millis,
    /// Number of the newest entry of the account's log.
    pub log_seq: i64,
    /// Chain value of that entry.
    pub log_head: Vec<u8>,
    /// The recovery that waits for its time, or did when it was last looked at.
    pub recovering: Option<String>,
    /// Name of a time zone in the IANA database; empty for UTC.
    pub time_zone: String,
    /// When the number was changed last; never if there is nothing.
    pub phone_changed_at: Option<Millis>,
    /// A [`crate::notice::choice::Choice`] as JSON; empty while nothing was chosen.
    pub notices: String,
    /// When it is to be deleted, if it is.
    pub delete_at: Option<Millis>,
    /// Places that it was used at, as JSON; empty where addresses have none.
    pub places: String,
    /// When the last of them is forgotten.
    pub places_until: Option<Millis>,
}

/// Places that an account was used at, as its row holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub places: String,
    pub until: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// `status` of an account that may sign in.
pub const ACTIVE: &str = "active";
/// `status` of one whose person was forgotten, or is about to be. There is no way back.
pub const DELETED: &str = "deleted";
const LOCKED: &str = "locked";
const RECORD: &str = "account";

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

/// The way from an address to its account.
fn by_address() -> RelationDef {
    Entity::belongs_to(address::Entity).from(Column::Id).to(address::Column::AccountId).into()
}

/// Looks an account up by any of its addresses, in any spelling.
///
/// # Errors
/// When the database fails.
pub async fn by_email(db: &impl ConnectionTrait, email: &str) -> Result<Option<Model>, StoreError> {
    let found = Entity::find().join(JoinType::InnerJoin, by_address());
    Ok(super::only(found.filter(address::Column::Email.eq(canonical_email(email))), db).await?)
}

/// The account of any of its addresses, in any spelling, and its enrolments that are active, pending or disabled, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn with_enrolments(
    db: &impl ConnectionTrait,
    email: &str,
) -> Result<(Option<Model>, Vec<enrolment::Model>), StoreError> {
    let found = Entity::find().filter(address::Column::Email.eq(canonical_email(email)));
    with_theirs(db, found.join(JoinType::InnerJoin, by_address())).await
}

/// The account of this id, and its enrolments as [`with_enrolments`] gives them.
///
/// # Errors
/// When the database fails.
pub async fn by_id_with_enrolments(
    db: &impl ConnectionTrait,
    id: &str,
) -> Result<(Option<Model>, Vec<enrolment::Model>), StoreError> {
    with_theirs(db, Entity::find_by_id(id)).await
}

async fn with_theirs(
    db: &impl ConnectionTrait,
    found: Select<Entity>,
) -> Result<(Option<Model>, Vec<enrolment::Model>), StoreError> {
    let theirs = Entity::belongs_to(enrolment::Entity)
        .from(Column::Id)
        .to(enrolment::Column::AccountId)
        .on_condition(|_, theirs| Expr::col((theirs, enrolment::Column::Status)).ne("replaced").into_condition())
        .into();
    let found = found
        .join(JoinType::LeftJoin, theirs)
        .select_also(enrolment::Entity)
        .order_by_asc(enrolment::Column::CreatedAt)
        .order_by_asc(enrolment::Column::Id)
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

/// Adds an account with its main address. `Ok(false)` when the address belongs to an account already.
///
/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, account: Model) -> Result<bool, StoreError> {
    let main = address::Model {
        email: account.email.clone(),
        account_id: account.id.clone(),
        confirmed_at: account.created_at,
    };
    if !address::add(db, main).await? {
        return Ok(false);
    }
    Entity::insert(ActiveModel::from(account).reset_all()).exec_without_returning(db).await?;
    Ok(true)
}

/// Sets `active` or `locked`. `Ok(false)` when there is no such account, or not any more.
///
/// # Errors
/// When the database fails.
pub async fn set_status(db: &impl ConnectionTrait, id: &str, status: &str) -> Result<bool, StoreError> {
    let changed = ActiveModel { id: Set(id.to_owned()), status: Set(status.to_owned()), ..Default::default() };
    let is_there = Column::Id.eq(id).and(Column::Status.ne(DELETED));
    let done = Entity::update_many().set(changed).filter(is_there).exec(db).await?;
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

/// Forgets the places that an account was used at.
///
/// # Errors
/// When the database fails.
pub async fn forget_places(db: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    Entity::update_many().set(nowhere()).filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// Forgets the places of at most `limit` accounts that were used at none since `before`; says of how many.
///
/// # Errors
/// When the database fails.
pub async fn forget_old_places(db: &impl ConnectionTrait, before: Millis, limit: u64) -> Result<u64, StoreError> {
    let mut old = Query::select();
    old.column(Column::Id).from(Entity).and_where(Column::PlacesUntil.lt(before)).limit(limit);
    let forgetting = Entity::update_many().set(nowhere()).filter(Column::Id.in_subquery(old.take()));
    // Said again: somebody may have proven something at a place while this waited for the row.
    let forgetting = forgetting.filter(Column::PlacesUntil.lt(before));
    Ok(forgetting.exec(db).await?.rows_affected)
}

fn nowhere() -> ActiveModel {
    ActiveModel { places: Set(String::new()), places_until: Set(None), ..Default::default() }
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

/// The main address. In a transaction on PostgreSQL the account's row stays locked, so that what is changed about its
/// addresses waits for one another.
///
/// # Errors
/// When the database fails.
pub async fn main_email_held(db: &impl ConnectionTrait, id: &str) -> Result<Option<String>, StoreError> {
    let found = Entity::find_by_id(id).lock_exclusive().select_only().column(Column::Email);
    Ok(found.into_tuple().all(db).await?.pop())
}

/// Makes `email` the main address; it has to be one of the account's. `Ok(false)` when there is no such account.
///
/// # Errors
/// When the database fails.
pub async fn set_main_email(db: &impl ConnectionTrait, id: &str, email: &str) -> Result<bool, StoreError> {
    let setting = Entity::update_many().col_expr(Column::Email, Expr::value(email)).filter(Column::Id.eq(id));
    Ok(setting.exec(db).await?.rows_affected == 1)
}

/// What people say of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    pub first_name: String,
    pub last_name: String,
    pub locale: String,
    pub time_zone: String,
}

/// Changes it.
///
/// # Errors
/// When the database fails.
pub async fn set_profile(db: &impl ConnectionTrait, id: &str, profile: Profile) -> Result<bool, StoreError> {
    let changed = ActiveModel {
        first_name: Set(profile.first_name),
        last_name: Set(profile.last_name),
        locale: Set(profile.locale),
        time_zone: Set(profile.time_zone),
        ..Default::default()
    };
    let done = Entity::update_many().set(changed).filter(Column::Id.eq(id)).exec(db).await?;
    Ok(done.rows_affected == 1)
}

/// Puts `phone` in the place of the number that was `seen`; whatever that is, if none is given. `Ok(false)` when it is
/// another one by now, or there is no such account.
///
/// # Errors
/// When the database fails.
pub async fn set_phone(
    db: &impl ConnectionTrait,
    id: &str,
    seen: Option<&str>,
    phone: &str,
    at: Millis,
) -> Result<bool, StoreError> {
    let mut setting = Entity::update_many()
        .col_expr(Column::Phone, Expr::value(phone))
        .col_expr(Column::PhoneChangedAt, Expr::value(at))
        .filter(Column::Id.eq(id));
    if let Some(seen) = seen {
        setting = setting.filter(Column::Phone.eq(seen));
    }
    Ok(setting.exec(db).await?.rows_affected == 1)
}

/// The number, and when it was changed last.
///
/// # Errors
/// When the database fails.
pub async fn phone(db: &impl ConnectionTrait, id: &str) -> Result<Option<(String, Option<Millis>)>, StoreError> {
    let found = Entity::find_by_id(id).select_only().column(Column::Phone).column(Column::PhoneChangedAt);
    Ok(found.into_tuple().all(db).await?.pop())
}

/// Sets what the account is told.
///
/// # Errors
/// When the database fails.
pub async fn set_notices(db: &impl ConnectionTrait, id: &str, notices: &str) -> Result<bool, StoreError> {
    let setting = Entity::update_many().col_expr(Column::Notices, Expr::value(notices)).filter(Column::Id.eq(id));
    Ok(setting.exec(db).await?.rows_affected == 1)
}

/// It is to be deleted then. Touches nothing when it is to be already.
pub fn deleting(id: &str, at: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::DeleteAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .filter(Column::DeleteAt.is_null())
        .filter(Column::Status.ne(DELETED));
    Change::update(RECORD, update)
}

/// It is not to be deleted after all. Touches nothing when the time that was `seen` is not that of its deletion any more, or
/// when that has begun.
pub fn keeping(id: &str, seen: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::DeleteAt, Expr::value(None::<Millis>))
        .filter(Column::Id.eq(id))
        .filter(Column::DeleteAt.eq(seen))
        .filter(Column::Status.ne(DELETED));
    Change::update(RECORD, update)
}

/// Its deletion begins now. Touches nothing when what was `seen` is not the time of its deletion any more.
pub fn shutting(id: &str, seen: Option<Millis>, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(DELETED))
        .col_expr(Column::DeleteAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(seen.map_or_else(|| Column::DeleteAt.is_null(), |seen| Column::DeleteAt.eq(seen)))
        .filter(Column::Status.ne(DELETED));
    Change::update(RECORD, update)
}

/// Accounts whose time has come, the longest ago first; those whose deletion has begun are among them. One that is locked
/// waits until it is unlocked.
///
/// # Errors
/// When the database fails.
pub async fn to_be_deleted(db: &impl ConnectionTrait, now: Millis, limit: u64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::DeleteAt.lte(now))
        .filter(Column::Status.ne(LOCKED))
        .order_by_asc(Column::DeleteAt)
        .limit(limit)
        .all(db)
        .await?)
}
