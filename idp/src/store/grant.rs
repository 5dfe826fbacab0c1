//! Grants and their refresh tokens: one family, rotated at each use, killed as a whole.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ConnectionTrait, Iterable, JoinType, QueryFilter, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{Change, StoreError, account, backchannel, device_code};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "token_grant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub client_id: String,
    pub account_id: String,
    pub sid: String,
    /// What was granted.
    pub sealed: Vec<u8>,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub revoked_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Refresh tokens.
pub mod refresh {
    use sea_orm::entity::prelude::*;

    use crate::clock::Millis;

    /// What a conflict over a refresh token is called.
    pub const RECORD: &str = "refresh token";

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "refresh")]
    pub struct Model {
        /// Keyed hash of the token.
        #[sea_orm(primary_key, auto_increment = false)]
        pub hash: String,
        pub grant_id: String,
        pub created_at: Millis,
        pub expires_at: Millis,
        pub used_at: Option<Millis>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What a conflict over a grant is called.
pub const RECORD: &str = "grant";

/// Adds a grant. Touches nothing when its account is not active: one that was locked after it had signed in gets no
/// tokens.
///
/// # Errors
/// When the statement cannot be built.
pub fn adding(grant: Model) -> Result<Change, StoreError> {
    let (account, row) = (grant.account_id.clone(), ActiveModel::from(grant));
    let columns = Column::iter().filter_map(|column| row.get(column).into_value().map(|value| (column, value)));
    let (columns, values): (Vec<_>, Vec<_>) = columns.unzip();
    let while_active = Query::select()
        .exprs(values.into_iter().map(Expr::value))
        .from(account::Entity)
        .and_where(account::Column::Id.eq(account))
        .and_where(account::Column::Status.eq(account::ACTIVE))
        .to_owned();
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns(columns)
        .select_from(while_active)
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    Ok(Change::inserting(RECORD, insert))
}

/// Changes what a grant says. Touches nothing when it was revoked.
pub fn resealing(id: &str, sealed: Vec<u8>) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Sealed, Expr::value(sealed))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null());
    Change::update(RECORD, update)
}

/// A grant that has neither been revoked nor expired.
///
/// # Errors
/// When the database fails.
pub async fn live(db: &impl ConnectionTrait, id: &str, now: Millis) -> Result<Option<Model>, StoreError> {
    let found = super::only(Entity::find_by_id(id), db).await?;
    Ok(found.filter(|grant| grant.revoked_at.is_none() && now < grant.expires_at))
}

/// A grant whether live, revoked or expired: the caller says which.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}

/// A grant and its account, in one look: live, revoked or expired, active or locked; the caller says which.
///
/// # Errors
/// When the database fails.
pub async fn with_account(db: &impl ConnectionTrait, id: &str) -> Result<Option<(Model, account::Model)>, StoreError> {
    let owner = Entity::belongs_to(account::Entity).from(Column::AccountId).to(account::Column::Id).into();
    let found = Entity::find_by_id(id).join(JoinType::InnerJoin, owner).select_also(account::Entity);
    Ok(super::only_two(found, db).await?)
}

/// Live grants that were made in one session of an account.
///
/// # Errors
/// When the database fails.
pub async fn of_session(
    db: &impl ConnectionTrait,
    account_id: &str,
    sid: &str,
    now: Millis,
) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Sid.eq(sid))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .all(db)
        .await?)
}

/// Live grants of an account.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str, now: Millis) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .all(db)
        .await?)
}

/// Ends every family of an account at a client, and what would open another; says how many.
///
/// # Errors
/// When the database fails.
pub async fn revoke_of_client(
    db: &impl ConnectionTrait,
    account_id: &str,
    client_id: &str,
    now: Millis,
) -> Result<u64, StoreError> {
    let ending = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::ClientId.eq(client_id))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now));
    let unfetched = take_back_unfetched(db, account_id, Some(client_id), now).await?;
    Ok(unfetched + ending.exec(db).await?.rows_affected)
}

/// What was approved and not fetched yet opens a family minutes later. It goes before the families do: of a client that
/// fetches it at the same moment, either that fails or its family is there to be ended.
async fn take_back_unfetched(
    db: &impl ConnectionTrait,
    account_id: &str,
    client_id: Option<&str>,
    now: Millis,
) -> Result<u64, StoreError> {
    let devices = device_code::take_back(db, account_id, client_id, now).await?;
    Ok(devices + backchannel::take_back(db, account_id, client_id, now).await?)
}

/// Ends a whole family: no refresh token of it works again, and no access token of it is honoured here. `Ok(false)` when
/// it had ended before.
///
/// # Errors
/// When the database fails.
pub async fn revoke(db: &impl ConnectionTrait, id: &str, now: Millis) -> Result<bool, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Ends every family of an account, and what would open another.
///
/// # Errors
/// When the database fails.
pub async fn revoke_all(db: &impl ConnectionTrait, account_id: &str, now: Millis) -> Result<(), StoreError> {
    take_back_unfetched(db, account_id, None, now).await?;
    Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Adds a refresh token.
pub fn adding_refresh(token: refresh::Model) -> Change {
    Change::insert(refresh::RECORD, refresh::Entity::insert(refresh::ActiveModel::from(token).reset_all()))
}

/// The token whether used, expired or neither: the caller says which.
///
/// # Errors
/// When the database fails.
pub async fn find_refresh(db: &impl ConnectionTrait, hash: &str) -> Result<Option<refresh::Model>, StoreError> {
    Ok(super::only(refresh::Entity::find_by_id(hash), db).await?)
}

/// Uses a refresh token up. Touches nothing when it was used or has expired.
pub fn using_up_refresh(hash: &str, now: Millis) -> Change {
    let update = refresh::Entity::update_many()
        .col_expr(refresh::Column::UsedAt, Expr::value(now))
        .filter(refresh::Column::Hash.eq(hash))
        .filter(refresh::Column::UsedAt.is_null())
        .filter(refresh::Column::ExpiresAt.gt(now));
    Change::update(refresh::RECORD, update)
}
