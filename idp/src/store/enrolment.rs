//! Enrolments: one account's registered instance of a factor, with its budgets.
//!
//! Every change is a compare-and-set on `version`, so that of two requests that judged the same state one wins and the
//! other has to look again. That is what makes a right answer count once and a wrong one count always.
//!
//! A row says in which data version of its plugin the state was written. No build of another data version is handed it.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ActiveValue::NotSet,
    ConnectionTrait, FromQueryResult, IdenStatic, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, SelectA, SelectB,
    entity::prelude::*,
    sea_query::{Alias, CaseStatement, Expr, ExprTrait, Func, IntoCondition, IntoIden, Query, TableRef, ValueTuple},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Change, StoreError, Tx, account,
    device::{self, Seen},
};
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
    /// `pending`, `active`, `off` (by its owner), `disabled` (by failures) or `replaced`.
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
    /// When a pending enrolment ends. One that was ever active has none.
    pub expires_at: Option<Millis>,
    /// Data version of the build that wrote the state, as [`stored_version`] gives it.
    pub data_version: i32,
    /// Level that the plugin said it is worth, where it said so.
    pub acr: Option<String>,
}

/// A step of enrolling on the plugin's own pages that waits for the person's answer: what a pending enrolment of such a
/// factor holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct PageStep {
    /// Name of the plugin's page.
    pub page: String,
    /// What the page is given.
    pub data: Value,
    /// The plugin's state.
    pub state: Value,
}

/// A manifest's data version as columns hold it.
pub fn stored_version(data_version: u32) -> i32 {
    i32::try_from(data_version).unwrap_or(i32::MAX)
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

    /// Whether a build of this data version may be handed the state.
    pub fn is_of(&self, data_version: u32) -> bool {
        self.data_version == stored_version(data_version)
    }

    /// Whether the state is one of a step of enrolling: it waits for its answer, or ended while it did.
    pub fn is_enrolling(&self) -> bool {
        self.expires_at.is_some()
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

/// An enrolment, its account, and the one of `devices` (hashes) that the account knows, in one look.
///
/// # Errors
/// When the database fails.
pub async fn with_account(
    db: &impl ConnectionTrait,
    id: &str,
    devices: Vec<String>,
) -> Result<Option<(Model, account::Model, Option<Seen>)>, StoreError> {
    let owner = Entity::belongs_to(account::Entity).from(Column::AccountId).to(account::Column::Id).into();
    let found = Entity::find_by_id(id).join(JoinType::InnerJoin, owner);
    if devices.is_empty() {
        let found = super::only_two(found.select_also(account::Entity), db).await?;
        return Ok(found.map(|(enrolment, account)| (enrolment, account, None)));
    }
    let theirs = Entity::belongs_to(device::Entity)
        .from(Column::AccountId)
        .to(device::Column::AccountId)
        .on_condition(move |_, theirs| {
            let column = |column| Expr::col((theirs.clone(), column));
            let live = column(device::Column::EndedAt).is_null();
            column(device::Column::Hash).is_in(devices.clone()).and(live).into_condition()
        })
        .into();
    let found = found
        .join(JoinType::LeftJoin, theirs)
        .column_as(device::Column::Hash, "device")
        .column_as(device::Column::SeenAt, "device_seen_at")
        .select_also(account::Entity);
    let Some(row) = db.query_one_raw(found.build(db.get_database_backend())).await? else { return Ok(None) };
    let enrolment = Model::from_query_result(&row, SelectA.as_str())?;
    let account = account::Model::from_query_result(&row, SelectB.as_str())?;
    // `select_also` names what was selected before as the first table's.
    let named = |name: &str| format!("{}{name}", SelectA.as_str());
    let hash: Option<String> = row.try_get("", &named("device"))?;
    let seen_at: Option<Millis> = row.try_get("", &named("device_seen_at"))?;
    Ok(Some((enrolment, account, hash.zip(seen_at).map(|(hash, seen_at)| Seen { hash, seen_at }))))
}

/// All enrolments of an account that are active, pending or disabled, oldest first; those of one moment by their ids, since
/// the first one leads.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.ne("replaced"))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// Whether an account has a method that was ever activated; one that is switched off counts.
///
/// # Errors
/// When the database fails.
pub async fn any_was_active(db: &impl ConnectionTrait, account_id: &str) -> Result<bool, StoreError> {
    Ok(of_account(db, account_id).await?.iter().any(|row| row.status != "pending"))
}

/// Ids of all enrolments that an account has or had.
///
/// # Errors
/// When the database fails.
pub async fn ids_of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<String>, StoreError> {
    let all = Entity::find().filter(Column::AccountId.eq(account_id)).select_only().column(Column::Id);
    Ok(all.into_tuple().all(db).await?)
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

/// Ends every enrolment of an account, whatever its factor and whether it waits, works or is disabled.
///
/// # Errors
/// When the database fails.
pub async fn replace_all(db: &impl ConnectionTrait, account_id: &str) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value("replaced"))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.ne("replaced"))
        .exec(db)
        .await?;
    Ok(())
}

/// Ends what belongs to an account's number: every enrolment of one of `factors`, and all that wait.
///
/// # Errors
/// When the database fails.
pub async fn replace_of_number(
    db: &impl ConnectionTrait,
    account_id: &str,
    factors: &[String],
) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value("replaced"))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.ne("replaced"))
        .filter(Column::Status.eq("pending").or(Column::Factor.is_in(factors)))
        .exec(db)
        .await?;
    Ok(())
}

/// Ids and factors of the active enrolments of an account. In a transaction on PostgreSQL they stay locked, so that of two
/// that would each leave one way in, the second sees what the first did. Locked by id: whoever locks several does it in one
/// order.
///
/// # Errors
/// When the database fails.
pub async fn active_held(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<(String, String)>, StoreError> {
    Ok(Entity::find()
        .lock_exclusive()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Status.eq("active"))
        .order_by_asc(Column::Id)
        .select_only()
        .column(Column::Id)
        .column(Column::Factor)
        .into_tuple()
        .all(db)
        .await?)
}

/// How many enrolments of a factor an account has in use.
///
/// # Errors
/// When the database fails.
pub async fn count_active(db: &impl ConnectionTrait, account_id: &str, factor: &str) -> Result<u64, StoreError> {
    let active = Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Factor.eq(factor))
        .filter(Column::Status.eq("active"));
    Ok(active.count(db).await?)
}

/// What the budgets of the enrolment that leads have come to, and holds for all that it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// No payments.
    Payments,
    /// Nothing until the owner has activated it anew.
    All,
}

/// Stops the other active enrolments of `lead`'s factor and account.
///
/// # Errors
/// When the database fails.
pub async fn stop_others(db: &impl ConnectionTrait, lead: &Model, stop: Stop) -> Result<(), StoreError> {
    let update = Entity::update_many();
    let update = match stop {
        Stop::Payments => update.col_expr(Column::PaymentsBlocked, Expr::value(true)),
        Stop::All => update.col_expr(Column::Status, Expr::value("disabled")),
    };
    update
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::AccountId.eq(&lead.account_id))
        .filter(Column::Factor.eq(&lead.factor))
        .filter(Column::Id.ne(&lead.id))
        .filter(Column::Status.eq("active"))
        .exec(db)
        .await?;
    Ok(())
}

/// How many accounts have which of `factors` in use, by the bits of their places in the list. An account with none of them
/// is not counted.
///
/// # Errors
/// When the database fails.
pub async fn sets(
    db: &impl ConnectionTrait,
    factors: &[String],
    for_payments: bool,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let bit = |place: usize| Expr::cust(format!("CAST({} AS bigint)", 1_i64 << place));
    let has = |(place, factor): (usize, &String)| {
        let one = CaseStatement::new().case(Column::Factor.eq(factor), bit(place));
        Expr::expr(Func::max(one.finally(Expr::cust("CAST(0 AS bigint)"))))
    };
    let mut all = factors.iter().enumerate().map(has);
    let Some(first) = all.next() else { return Ok(Vec::new()) };
    let set = all.fold(first, ExprTrait::add);
    let mut each = Query::select();
    each.expr_as(set, Alias::new("methods"))
        .from(Entity)
        .and_where(Column::Status.eq("active"))
        .and_where(Column::Factor.is_in(factors))
        .group_by_col(Column::AccountId);
    if for_payments {
        each.and_where(Column::PaymentsBlocked.eq(false));
    }
    let methods = || Expr::col(Alias::new("methods"));
    let counted = Query::select()
        .expr_as(methods(), Alias::new("methods"))
        .expr_as(Func::count(methods()), Alias::new("accounts"))
        .from_subquery(each.take(), Alias::new("method_sets"))
        .add_group_by([methods()])
        .take();
    let rows = db.query_all_raw(db.get_database_backend().build(&counted)).await?;
    let rows = rows.into_iter().map(|row| Ok((row.try_get("", "methods")?, row.try_get("", "accounts")?)));
    Ok(rows.collect::<Result<_, DbErr>>()?)
}

/// Data versions that the rows of a factor have, and how many rows have each.
///
/// # Errors
/// When the database fails.
pub async fn data_versions(db: &impl ConnectionTrait, factor: &str) -> Result<Vec<(i32, i64)>, StoreError> {
    Ok(Entity::find()
        .filter(Column::Factor.eq(factor))
        .select_only()
        .column(Column::DataVersion)
        .column_as(Expr::expr(Func::count(Expr::col(Column::Id))), "rows")
        .group_by(Column::DataVersion)
        .into_tuple()
        .all(db)
        .await?)
}

/// Rows of a factor in one data version, whatever their status, in the order of their ids behind `after`.
///
/// # Errors
/// When the database fails.
pub async fn of_version(
    db: &impl ConnectionTrait,
    factor: &str,
    data_version: i32,
    after: &str,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::Factor.eq(factor))
        .filter(Column::DataVersion.eq(data_version))
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?)
}

/// Stores other states in another data version, sealed each for its row, and raises the versions, so that whoever judged
/// an old state conflicts. One statement, which is what makes thousands of rows bearable.
///
/// # Errors
/// [`StoreError::Conflict`] when somebody else has changed one of the rows since it was read; when the database fails.
pub async fn migrate(tx: &Tx, rows: Vec<(Model, Vec<u8>)>, data_version: i32) -> Result<(), StoreError> {
    let count = rows.len() as u64;
    if count == 0 {
        return Ok(());
    }
    // Both databases call the columns of such a list so.
    let column = |number| Expr::col((Alias::new("given"), Alias::new(format!("column{number}"))));
    let given = rows.into_iter().map(|(row, sealed)| {
        let values: [sea_orm::Value; 3] = [row.id.into(), row.version.into(), sealed.into()];
        ValueTuple::Many(values.into())
    });
    let update = Query::update()
        .table(Entity)
        .value(Column::Sealed, column(3))
        .value(Column::DataVersion, data_version)
        .value(Column::Version, column(2).add(1))
        .from(TableRef::ValuesList(given.collect(), Alias::new("given").into_iden()))
        .and_where(Expr::col((Entity, Column::Id)).eq(column(1)))
        .and_where(Expr::col((Entity, Column::Version)).eq(column(2)))
        .to_owned();
    let done = tx.execute_raw(tx.get_database_backend().build(&update)).await?;
    if done.rows_affected() == count { Ok(()) } else { Err(StoreError::Conflict("enrolment")) }
}
