//! Messages to be sent, committed with what caused them.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ConnectionTrait, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{Change, StoreError, sms_part::Taken};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Names the effect that this message is; a second message for the same effect is not added.
    pub effect: String,
    /// `mail`, `sms` or `call`.
    pub channel: String,
    /// `waiting`, `sending`, `sent` or `given_up`; an SMS that was sent becomes `delivered` or `undelivered` when its gateway
    /// says so.
    pub state: String,
    /// Recipient and content.
    pub sealed: Vec<u8>,
    pub attempts: i32,
    /// When the next attempt is due; while `sending`, when the attempt is taken for lost.
    pub next_at: Millis,
    pub created_at: Millis,
    pub sent_at: Option<Millis>,
    pub last_error: Option<String>,
    /// The SMS gateway that took it.
    pub gateway: Option<String>,
    /// Parts that have not arrived yet, as far as the gateway reports that at all.
    pub parts_left: i32,
    pub reported_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Adds a message, once per effect.
///
/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, message: Model) -> Result<(), StoreError> {
    Entity::insert(ActiveModel::from(message).reset_all())
        .on_conflict(OnConflict::column(Column::Effect).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Adds a message whose effect nothing else can have.
pub fn adding(message: Model) -> Change {
    Change::insert("outbox", Entity::insert(ActiveModel::from(message).reset_all()))
}

/// Messages of these channels whose next attempt is due, oldest first; attempts that never came back are among them.
///
/// # Errors
/// When the database fails.
pub async fn due(
    db: &impl ConnectionTrait,
    channels: &[&str],
    now: Millis,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::State.is_in(["waiting", "sending"]))
        .filter(Column::Channel.is_in(channels.iter().copied()))
        .filter(Column::NextAt.lte(now))
        .order_by_asc(Column::NextAt)
        .limit(limit)
        .all(db)
        .await?)
}

/// When the next attempt of any message of these channels is due.
///
/// # Errors
/// When the database fails.
pub async fn next_due(db: &impl ConnectionTrait, channels: &[&str]) -> Result<Option<Millis>, StoreError> {
    Ok(Entity::find()
        .filter(Column::State.is_in(["waiting", "sending"]))
        .filter(Column::Channel.is_in(channels.iter().copied()))
        .order_by_asc(Column::NextAt)
        .select_only()
        .column(Column::NextAt)
        .into_tuple()
        .one(db)
        .await?)
}

/// Takes a message for one attempt. `Ok(false)` when another worker has it.
///
/// # Errors
/// When the database fails.
pub async fn take(db: &impl ConnectionTrait, message: &Model, lost_at: Millis) -> Result<bool, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value("sending"))
        .col_expr(Column::Attempts, Expr::value(message.attempts + 1))
        .col_expr(Column::NextAt, Expr::value(lost_at))
        .filter(Column::Id.eq(&message.id))
        .filter(Column::State.eq(&message.state))
        .filter(Column::Attempts.eq(message.attempts))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Forgets a message that was never tried; does nothing when there is none.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(db: &impl ConnectionTrait, effect: &str) -> Result<(), StoreError> {
    Entity::delete_many()
        .filter(Column::Effect.eq(effect))
        .filter(Column::State.eq("waiting"))
        .filter(Column::Attempts.eq(0))
        .exec(db)
        .await?;
    Ok(())
}

/// Messages that wait to be sent, in the order in which they are due, behind `after`: when it is due, and its id.
///
/// # Errors
/// When the database fails.
pub async fn waiting(
    db: &impl ConnectionTrait,
    after: Option<&(Millis, String)>,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let mut waiting = Entity::find().filter(Column::State.eq("waiting"));
    if let Some((at, id)) = after {
        waiting = waiting.filter(Column::NextAt.gte(*at)).filter(Column::NextAt.gt(*at).or(Column::Id.gt(id)));
    }
    Ok(waiting.order_by_asc(Column::NextAt).order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// Gives a message up that waits to be sent, and forgets its content. `Ok(false)` when it does not wait any more.
///
/// # Errors
/// When the database fails.
pub async fn give_up(db: &impl ConnectionTrait, id: &str, why: &str) -> Result<bool, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value("given_up"))
        .col_expr(Column::LastError, Expr::value(why))
        .col_expr(Column::Sealed, Expr::value(Vec::<u8>::new()))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq("waiting"))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    Sent { at: Millis, taken: Option<Taken> },
    Again { next_at: Millis, error: String },
    GivenUp { error: String },
}

/// Writes down how an attempt ended. Sent content is forgotten. `Ok(false)` when it had ended before.
///
/// # Errors
/// When the database fails.
pub async fn finish(db: &impl ConnectionTrait, id: &str, attempt: Attempt) -> Result<bool, StoreError> {
    let update = Entity::update_many().filter(Column::Id.eq(id)).filter(Column::State.eq("sending"));
    let update = match attempt {
        Attempt::Sent { at, taken } => update
            .col_expr(Column::State, Expr::value("sent"))
            .col_expr(Column::SentAt, Expr::value(at))
            .col_expr(Column::PartsLeft, Expr::value(parts(taken.as_ref())))
            .col_expr(Column::Gateway, Expr::value(taken.map(|taken| taken.gateway)))
            .col_expr(Column::Sealed, Expr::value(Vec::<u8>::new())),
        Attempt::Again { next_at, error } => update
            .col_expr(Column::State, Expr::value("waiting"))
            .col_expr(Column::NextAt, Expr::value(next_at))
            .col_expr(Column::LastError, Expr::value(error)),
        Attempt::GivenUp { error } => update
            .col_expr(Column::State, Expr::value("given_up"))
            .col_expr(Column::LastError, Expr::value(error))
            .col_expr(Column::Sealed, Expr::value(Vec::<u8>::new())),
    };
    Ok(update.exec(db).await?.rows_affected == 1)
}

fn parts(taken: Option<&Taken>) -> i32 {
    taken.and_then(|taken| i32::try_from(taken.names.len()).ok()).unwrap_or(0)
}

/// The effect that a message is.
///
/// # Errors
/// When the database fails.
pub async fn effect(db: &impl ConnectionTrait, id: &str) -> Result<Option<String>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?.map(|row| row.effect))
}

/// Writes down that one more part of a message has arrived. `Ok(true)` when that was the last one: the message is now
/// delivered.
///
/// # Errors
/// When the database fails.
pub async fn part_arrived(db: &impl ConnectionTrait, id: &str, at: Millis) -> Result<bool, StoreError> {
    // First of all the row is changed, so that of two parts that arrive at once the second sees the first.
    let sent = || Entity::update_many().filter(Column::Id.eq(id)).filter(Column::State.eq("sent"));
    sent().col_expr(Column::PartsLeft, Expr::col(Column::PartsLeft).sub(1)).exec(db).await?;
    let done = sent()
        .col_expr(Column::State, Expr::value("delivered"))
        .col_expr(Column::ReportedAt, Expr::value(at))
        .filter(Column::PartsLeft.lte(0))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Writes down that a message, or a part of it, never arrives. `Ok(false)` when it is known already what became of it.
///
/// # Errors
/// When the database fails.
pub async fn never_arrives(db: &impl ConnectionTrait, id: &str, at: Millis) -> Result<bool, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value("undelivered"))
        .col_expr(Column::ReportedAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq("sent"))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}
