//! What plugins keep: values under keys, of a plugin as a whole or of one account.
//!
//! Values are sealed for their place, so that a row copied to another account, or another plugin, does not open there. A
//! row carries the data version of the build that wrote it: another build neither reads nor overwrites it.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ConnectionTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict, SimpleExpr},
};

use super::{Change, StoreError};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plugin_data")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub plugin: String,
    /// Empty for what is the plugin's as a whole.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Of the build that wrote it.
    pub data_version: i32,
    /// JSON, sealed for [`record`].
    pub sealed: Vec<u8>,
    /// Rises with every change; begins at the time, so that a key that is forgotten and put again never meets a version
    /// of its earlier life.
    pub version: i64,
    pub expires_at: Option<Millis>,
    pub updated_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a plugin's data is called, and what its rows are sealed as.
pub const RECORD: &str = "plugin_data";

/// Where a value lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub plugin: String,
    /// Empty for what is the plugin's as a whole.
    pub account: String,
    pub key: String,
}

impl Place {
    /// What a value at this place is sealed as. No other place gives the same text.
    pub fn record(&self) -> String {
        record(&self.plugin, &self.account, &self.key)
    }

    fn is_it(&self) -> SimpleExpr {
        Column::Plugin.eq(&self.plugin).and(Column::Account.eq(&self.account)).and(Column::Key.eq(&self.key))
    }
}

/// [`Place::record`] of its parts: the ids of plugins and accounts have no `/`.
pub fn record(plugin: &str, account: &str, key: &str) -> String {
    format!("{plugin}/{account}/{key}")
}

/// What lies at a place, unless it has expired.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &impl ConnectionTrait, place: &Place, now: Millis) -> Result<Option<Model>, StoreError> {
    let row = super::only(Entity::find().filter(place.is_it()), db).await?;
    Ok(row.filter(|row| row.expires_at.is_none_or(|at| at > now)))
}

/// Puts a value, whatever was there. Touches nothing when that is of another data version. `row.version` is for a place
/// that is empty.
pub fn putting(row: Model, now: Millis) -> Change {
    let same = here(Column::DataVersion).eq(row.data_version);
    upsert(row, same.or(here(Column::ExpiresAt).lte(now)))
}

/// Puts a value where there is none, or none any more; otherwise touches nothing.
pub fn adding(row: Model, now: Millis) -> Change {
    upsert(row, here(Column::ExpiresAt).lte(now))
}

fn upsert(row: Model, replaces: SimpleExpr) -> Change {
    let otherwise = OnConflict::columns([Column::Plugin, Column::Account, Column::Key])
        .update_columns([Column::DataVersion, Column::Sealed, Column::ExpiresAt, Column::UpdatedAt])
        .value(Column::Version, here(Column::Version).add(1))
        .action_and_where(replaces)
        .to_owned();
    Change::insert(RECORD, Entity::insert(ActiveModel::from(row).reset_all()).on_conflict(otherwise))
}

/// A column of the row that is there, as opposed to the one that is to be inserted.
fn here(column: Column) -> SimpleExpr {
    Expr::col((Entity, column))
}

/// Replaces a value whose version is `seen`; touches nothing when there is no such version, or no longer.
pub fn replacing(row: Model, seen: i64, now: Millis) -> Change {
    let place = Place { plugin: row.plugin, account: row.account, key: row.key };
    let update = Entity::update_many()
        .col_expr(Column::Sealed, Expr::value(row.sealed))
        .col_expr(Column::ExpiresAt, Expr::value(row.expires_at))
        .col_expr(Column::UpdatedAt, Expr::value(row.updated_at))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(place.is_it())
        .filter(Column::DataVersion.eq(row.data_version))
        .filter(Column::Version.eq(seen))
        .filter(alive(now));
    Change::update(RECORD, update)
}

/// Writes a row as it is but for its version, which rises. Touches nothing when somebody else has changed it since it
/// was read.
pub fn saving(changed: Model) -> Change {
    let place = Place { plugin: changed.plugin, account: changed.account, key: changed.key };
    let update = Entity::update_many()
        .col_expr(Column::Sealed, Expr::value(changed.sealed))
        .col_expr(Column::DataVersion, Expr::value(changed.data_version))
        .col_expr(Column::ExpiresAt, Expr::value(changed.expires_at))
        .col_expr(Column::UpdatedAt, Expr::value(changed.updated_at))
        .col_expr(Column::Version, Expr::value(changed.version + 1))
        .filter(place.is_it())
        .filter(Column::Version.eq(changed.version));
    Change::update(RECORD, update)
}

/// Forgets what lies at a place, if it is of this data version and, where one is named, of this version. Says whether
/// there was anything alive.
///
/// # Errors
/// When the database fails.
pub async fn forget(
    db: &impl ConnectionTrait,
    place: &Place,
    data_version: i32,
    seen: Option<i64>,
    now: Millis,
) -> Result<bool, StoreError> {
    let mut those =
        Entity::delete_many().filter(place.is_it()).filter(Column::DataVersion.eq(data_version)).filter(alive(now));
    if let Some(seen) = seen {
        those = those.filter(Column::Version.eq(seen));
    }
    Ok(those.exec(db).await?.rows_affected == 1)
}

/// Up to `limit` keys from `from` on (`after`: behind it), in the order of their bytes.
///
/// # Errors
/// When the database fails.
pub async fn keys(
    db: &impl ConnectionTrait,
    from: &Place,
    after: bool,
    now: Millis,
    limit: u64,
) -> Result<Vec<String>, StoreError> {
    let bound = if after { Column::Key.gt(&from.key) } else { Column::Key.gte(&from.key) };
    Ok(Entity::find()
        .filter(Column::Plugin.eq(&from.plugin))
        .filter(Column::Account.eq(&from.account))
        .filter(bound)
        .filter(alive(now))
        .order_by_asc(Column::Key)
        .limit(limit)
        .select_only()
        .column(Column::Key)
        .into_tuple()
        .all(db)
        .await?)
}

/// How many values a plugin keeps for one account, the expired ones left out.
///
/// # Errors
/// When the database fails.
pub async fn count_of(db: &impl ConnectionTrait, plugin: &str, account: &str, now: Millis) -> Result<u64, StoreError> {
    let those = Entity::find().filter(Column::Plugin.eq(plugin)).filter(Column::Account.eq(account)).filter(alive(now));
    Ok(those.count(db).await?)
}

/// How many rows a plugin has in all, those included that have expired and were not swept yet.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &impl ConnectionTrait, plugin: &str) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::Plugin.eq(plugin)).count(db).await?)
}

/// Up to `limit` rows of a plugin behind this account and key, to go through all of them.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &impl ConnectionTrait,
    plugin: &str,
    after: Option<(&str, &str)>,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let mut rows = Entity::find().filter(Column::Plugin.eq(plugin));
    if let Some((account, key)) = after {
        let place = Expr::tuple([Expr::col(Column::Account), Expr::col(Column::Key)]);
        rows = rows.filter(place.gt(Expr::tuple([Expr::value(account), Expr::value(key)])));
    }
    Ok(rows.order_by_asc(Column::Account).order_by_asc(Column::Key).limit(limit).all(db).await?)
}

/// Forgets all that a plugin keeps, and says how much that was.
///
/// # Errors
/// When the database fails.
pub async fn remove_all(db: &impl ConnectionTrait, plugin: &str) -> Result<u64, StoreError> {
    Ok(Entity::delete_many().filter(Column::Plugin.eq(plugin)).exec(db).await?.rows_affected)
}

/// Forgets all that any plugin keeps of an account, and says how much that was.
///
/// # Errors
/// When the database fails.
pub async fn remove_of_account(db: &impl ConnectionTrait, account: &str) -> Result<u64, StoreError> {
    Ok(Entity::delete_many().filter(Column::Account.eq(account)).exec(db).await?.rows_affected)
}

fn alive(now: Millis) -> SimpleExpr {
    Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(now))
}
