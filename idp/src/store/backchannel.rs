//! Backchannel authentication requests (CIBA Core 1.0): durable before they are acknowledged, answered once, fetched once.
//!
//! `pending` goes to `approved` or `denied`, and `approved` to `used`, each by one conditional update: of an approval, a
//! refusal and the end of its time exactly one wins. A request that nobody will ever see, for it is to an address without
//! an account, from somebody who is muted, or one too many, is `unseen` and never anything else.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ConnectionTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backchannel")]
pub struct Model {
    /// Names it towards the person.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Keyed hash of the `auth_req_id`.
    pub hash: String,
    /// Keyed hash of the client and the key under which it repeats the request.
    pub retry_hash: Option<String>,
    pub client_id: String,
    /// The account, or what stands for one.
    pub account_id: String,
    /// Keyed hash of the client and of the hint as it was given: what its requests to one person are counted by.
    pub asked_hash: String,
    /// The token family that fetching the answer opens.
    pub grant_id: String,
    /// One of [`PENDING`], [`UNSEEN`], [`APPROVED`], [`DENIED`] and [`USED`].
    pub status: String,
    /// What was asked.
    pub sealed: Vec<u8>,
    /// What was authorized, or why not.
    pub answer: Option<Vec<u8>>,
    pub created_at: Millis,
    /// While it waits: when it ends. Once it is answered: until when the answer can be fetched.
    pub expires_at: Millis,
    /// Least time between two polls.
    pub poll_interval: Millis,
    pub polled_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a backchannel request is called.
pub const RECORD: &str = "backchannel request";

/// It waits for the person.
pub const PENDING: &str = "pending";
/// It waits for nobody.
pub const UNSEEN: &str = "unseen";
/// The person approved it, and the client has not fetched that yet.
pub const APPROVED: &str = "approved";
/// The person said no.
pub const DENIED: &str = "denied";
/// The client has fetched its tokens.
pub const USED: &str = "used";

/// Adds a request. Touches nothing when the client repeats one under the same key.
pub fn adding(request: Model) -> Change {
    let once = OnConflict::column(Column::RetryHash).do_nothing().to_owned();
    Change::insert(RECORD, Entity::insert(ActiveModel::from(request).reset_all()).on_conflict(once))
}

/// The request of this `auth_req_id`, whatever became of it.
///
/// # Errors
/// When the database fails.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find().filter(Column::Hash.eq(hash)), db).await?)
}

/// The request that was sent under this key, whatever became of it.
///
/// # Errors
/// When the database fails.
pub async fn by_retry(db: &impl ConnectionTrait, retry_hash: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find().filter(Column::RetryHash.eq(retry_hash)), db).await?)
}

/// The request of this name, whatever became of it.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}

/// What waits for an account, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn waiting(db: &impl ConnectionTrait, account_id: &str, now: Millis) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.eq(PENDING))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// The clients of all requests to an account, or to what stands for one, that have neither ended nor been answered.
///
/// # Errors
/// When the database fails.
pub async fn clients_waiting(
    db: &impl ConnectionTrait,
    account_id: &str,
    now: Millis,
) -> Result<Vec<String>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.is_in([PENDING, UNSEEN]))
        .filter(Column::ExpiresAt.gt(now))
        .select_only()
        .column(Column::ClientId)
        .into_tuple()
        .all(db)
        .await?)
}

/// How many of a client's requests by one hint have neither ended nor been answered, whether or not anybody sees them.
///
/// # Errors
/// When the database fails.
pub async fn waiting_as_asked(db: &impl ConnectionTrait, asked_hash: &str, now: Millis) -> Result<u64, StoreError> {
    Ok(Entity::find()
        .filter(Column::AskedHash.eq(asked_hash))
        .filter(Column::Status.is_in([PENDING, UNSEEN]))
        .filter(Column::ExpiresAt.gt(now))
        .count(db)
        .await?)
}

/// The person's answer: `status` is [`APPROVED`] or [`DENIED`], and the client may fetch it for a while. Touches nothing when
/// the request was answered already, has ended, or is somebody else's.
pub fn answering(
    (id, account_id): (&str, &str),
    status: &str,
    answer: Vec<u8>,
    now: Millis,
    fetch_until: Millis,
) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(status))
        .col_expr(Column::Answer, Expr::value(answer))
        .col_expr(Column::ExpiresAt, Expr::value(fetch_until))
        .filter(Column::Id.eq(id))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.eq(PENDING))
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}

/// The client asked whether there is an answer. Touches nothing when that is not as it was `seen` any more: it was answered,
/// or the client asked at the same moment.
pub fn polling(seen: &Model, poll_interval: Millis, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::PolledAt, Expr::value(now))
        .col_expr(Column::PollInterval, Expr::value(poll_interval))
        .filter(Column::Id.eq(&seen.id))
        .filter(Column::Status.eq(&seen.status))
        .filter(Column::PollInterval.eq(seen.poll_interval))
        .filter(seen.polled_at.map_or_else(|| Column::PolledAt.is_null(), |at| Column::PolledAt.eq(at)));
    Change::update(RECORD, update)
}

/// The client fetches its tokens. Touches nothing when it has done so, or was too late.
pub fn using_up(id: &str, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Status, Expr::value(USED))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(APPROVED))
        .filter(Column::ExpiresAt.gt(now));
    Change::update(RECORD, update)
}

/// Takes back what an account has approved and the client has not fetched yet, at one client or at all; says how many. Whoever
/// asks for it then is told that its time is over.
///
/// # Errors
/// When the database fails.
pub async fn take_back(
    db: &impl ConnectionTrait,
    account_id: &str,
    client_id: Option<&str>,
    now: Millis,
) -> Result<u64, StoreError> {
    let mut ending = Entity::update_many()
        .col_expr(Column::Status, Expr::value(DENIED))
        .col_expr(Column::ExpiresAt, Expr::value(now))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.eq(APPROVED))
        .filter(Column::ExpiresAt.gt(now));
    if let Some(client_id) = client_id {
        ending = ending.filter(Column::ClientId.eq(client_id));
    }
    Ok(ending.exec(db).await?.rows_affected)
}

/// Forgets an account. What waits for it runs into its end unseen, under its own name, so that no client learns anything
/// earlier; what it has answered is gone.
///
/// # Errors
/// When the database fails.
pub async fn forget(db: &impl ConnectionTrait, account_id: &str) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(UNSEEN))
        .col_expr(Column::AccountId, Expr::col(Column::Id))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.is_in([PENDING, UNSEEN]))
        .exec(db)
        .await?;
    Entity::delete_many().filter(Column::AccountId.eq(account_id)).exec(db).await?;
    Ok(())
}
