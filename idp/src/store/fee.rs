//! The ledger of fees for messages. A charge is what somebody has accepted to pay, written with the message; what becomes of
//! the message adds an entry to it. Rows are added and never changed.
//!
//! A charge has at most two entries, and their key says which: first it is `charged` (the gateway took the message) or
//! `void` (it never did), then what was charged may be `reversed` (the message did not arrive). The sum of an account's
//! entries in one currency is what it owes.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use plugin_api::message::Fee;
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, FromQueryResult, QueryFilter,
    entity::prelude::*,
    sea_query::{CaseStatement, Expr, ExprTrait, IntoColumnRef, OnConflict, Order, Query},
};

use super::{Change, StoreError, Tx, outbox};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fee_charge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub account_id: String,
    pub factor: String,
    /// The relying party that asked for the payment.
    pub client_id: String,
    pub enrolment: String,
    /// With `enrolment` the visit: it is charged for once.
    pub interaction_hash: String,
    /// The message whose fate settles it.
    pub effect: String,
    pub amount_minor: i64,
    pub minor_digits: i32,
    pub currency: String,
    pub created_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub mod entry {
    use sea_orm::entity::prelude::*;

    use crate::clock::Millis;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fee_entry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub charge_id: String,
        /// 1 settles the charge, 2 takes that back.
        #[sea_orm(primary_key, auto_increment = false)]
        pub step: i32,
        /// `charged`, `void` or `reversed`.
        pub kind: String,
        /// What the account owes more by it.
        pub amount_minor: i64,
        pub at: Millis,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What a conflict over a charge is called.
const RECORD: &str = "fee_charge";
const SETTLED: i32 = 1;
const TAKEN_BACK: i32 = 2;
/// Charges that one page of the ledger holds at most.
const PAGE: u64 = 500;

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The gateway took the message: the fee is owed.
    Charged,
    /// It never did: nothing is owed.
    Void,
    /// It took the message, which did not arrive: what was owed no longer is.
    Reversed,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::Void => "void",
            Self::Reversed => "reversed",
        }
    }

    fn step(self) -> i32 {
        if self == Self::Reversed { TAKEN_BACK } else { SETTLED }
    }

    fn amount(self, charge: i64) -> i64 {
        match self {
            Self::Charged => charge,
            Self::Void => 0,
            Self::Reversed => -charge,
        }
    }
}

/// Adds a charge. Touches nothing when the visit has one already.
pub fn charging(charge: Model) -> Change {
    let once = OnConflict::columns([Column::Enrolment, Column::InteractionHash]).do_nothing().to_owned();
    Change::insert(RECORD, Entity::insert(ActiveModel::from(charge).reset_all()).on_conflict(once))
}

/// Adds an entry to the charge of a message, if it has one: once, whatever comes again; and nothing is taken back that was not
/// charged.
///
/// # Errors
/// When the database fails.
pub async fn settle(tx: &Tx, effect: &str, kind: Kind, at: Millis) -> Result<(), StoreError> {
    let Some(charge) = super::only(Entity::find().filter(Column::Effect.eq(effect)), tx).await? else {
        return Ok(());
    };
    if kind == Kind::Reversed {
        let settled = super::only(entry::Entity::find_by_id((charge.id.clone(), SETTLED)), tx).await?;
        if settled.is_none_or(|settled| settled.kind != Kind::Charged.name()) {
            return Ok(());
        }
    }
    let entry = entry::ActiveModel {
        charge_id: Set(charge.id),
        step: Set(kind.step()),
        kind: Set(kind.name().to_owned()),
        amount_minor: Set(kind.amount(charge.amount_minor)),
        at: Set(at),
    };
    let once = OnConflict::columns([entry::Column::ChargeId, entry::Column::Step]).do_nothing().to_owned();
    entry::Entity::insert(entry).on_conflict(once).exec_without_returning(tx).await?;
    Ok(())
}

/// A charge with its entries and the state of its message.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Line {
    pub id: String,
    pub account_id: String,
    pub factor: String,
    pub client_id: String,
    pub effect: String,
    pub amount_minor: i64,
    pub minor_digits: i32,
    pub currency: String,
    pub created_at: Millis,
    /// `charged` or `void`.
    pub settled: Option<String>,
    pub settled_minor: Option<i64>,
    pub settled_at: Option<Millis>,
    pub reversed_minor: Option<i64>,
    pub reversed_at: Option<Millis>,
    /// State of the message in the outbox.
    pub message: Option<String>,
}

impl Line {
    /// The fee as a decimal with a point, exact.
    pub fn amount(&self) -> String {
        decimal(self.amount_minor, self.minor_digits)
    }

    /// `pending`, `charged`, `void` or `reversed`.
    pub fn status(&self) -> &str {
        match (&self.settled, self.reversed_at) {
            (_, Some(_)) => Kind::Reversed.name(),
            (Some(settled), None) => settled,
            (None, None) => "pending",
        }
    }

    /// What the account owes by it: the sum of its entries.
    pub fn owed_minor(&self) -> i64 {
        self.settled_minor.unwrap_or_default() + self.reversed_minor.unwrap_or_default()
    }

    /// What does not add up, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        let settled_as = |kind: Kind| {
            self.settled.as_deref() == Some(kind.name()) && self.settled_minor == Some(kind.amount(self.amount_minor))
        };
        let (charged, void) = (settled_as(Kind::Charged), settled_as(Kind::Void));
        match self.message.as_deref() {
            _ if self.amount_minor <= 0 => Some("the amount is not above zero"),
            _ if self.settled.is_some() && !charged && !void => {
                Some("it is settled with another amount, or as something else")
            }
            _ if self.reversed_minor.is_some() && !charged => Some("it is reversed and was not charged"),
            _ if self.reversed_minor.is_some_and(|minor| minor != -self.amount_minor) => {
                Some("another amount is reversed than was charged")
            }
            Some("sent") if !charged => Some("its message was taken, and it is not charged"),
            Some("given_up") if !void => Some("its message was given up, and it is not void"),
            Some("waiting" | "sending") if self.settled.is_some() => Some("it is settled before its message was"),
            _ => None,
        }
    }
}

/// Minor units, which may be owed the other way, as a decimal with a point.
pub fn decimal(minor: i64, digits: i32) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor_digits = u8::try_from(digits).unwrap_or_default();
    let fee = Fee { amount_minor: minor.unsigned_abs(), minor_digits, currency: String::new() };
    format!("{sign}{}", fee.amount())
}

/// Which charges.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Of one account, or of all.
    pub account_id: Option<String>,
    /// Accepted at or after this moment.
    pub since: Millis,
    /// Accepted before this moment.
    pub until: Millis,
}

/// One page of charges in the order of their time, behind `after`, the last line of the page before.
///
/// # Errors
/// When the database fails.
pub async fn page(db: &impl ConnectionTrait, filter: &Filter, after: Option<&Line>) -> Result<Vec<Line>, StoreError> {
    let mut select = lines();
    let at = |name: Column| Expr::col((Entity, name));
    let since = after.map_or(filter.since, |line| line.created_at);
    select.and_where(at(Column::CreatedAt).gte(since)).and_where(at(Column::CreatedAt).lt(filter.until));
    if let Some(line) = after {
        select.and_where(at(Column::CreatedAt).gt(line.created_at).or(at(Column::Id).gt(line.id.clone())));
    }
    if let Some(account) = &filter.account_id {
        select.and_where(at(Column::AccountId).eq(account));
    }
    select.order_by((Entity, Column::CreatedAt), Order::Asc).order_by((Entity, Column::Id), Order::Asc).limit(PAGE);
    Ok(Line::find_by_statement(db.get_database_backend().build(&select)).all(db).await?)
}

/// Charges of an account in the reverse order of their time: at most `limit` of those before the charge `before`.
///
/// # Errors
/// When the database fails.
pub async fn newest(
    db: &impl ConnectionTrait,
    account_id: &str,
    before: Option<&Line>,
    limit: u64,
) -> Result<Vec<Line>, StoreError> {
    let mut select = lines();
    let at = |name: Column| Expr::col((Entity, name));
    select.and_where(at(Column::AccountId).eq(account_id));
    if let Some(line) = before {
        select.and_where(at(Column::CreatedAt).lte(line.created_at));
        select.and_where(at(Column::CreatedAt).lt(line.created_at).or(at(Column::Id).lt(line.id.clone())));
    }
    select.order_by((Entity, Column::CreatedAt), Order::Desc).order_by((Entity, Column::Id), Order::Desc).limit(limit);
    Ok(Line::find_by_statement(db.get_database_backend().build(&select)).all(db).await?)
}

/// What the entries of an account come to in one currency.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Total {
    pub currency: String,
    pub minor_digits: i32,
    /// Sum of what was charged.
    pub charged_minor: i64,
    /// Sum of what was given back of it: not above zero.
    pub reversed_minor: i64,
}

impl Total {
    /// What the account owes: the sum of all entries.
    pub fn owed_minor(&self) -> i64 {
        self.charged_minor + self.reversed_minor
    }
}

/// What an account's entries come to, by currency.
///
/// # Errors
/// When the database fails.
pub async fn totals(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<Total>, StoreError> {
    let of = |kind: Kind| {
        let is_it = Expr::col((entry::Entity, entry::Column::Kind)).eq(kind.name());
        let amount = Expr::col((entry::Entity, entry::Column::AmountMinor));
        Expr::expr(CaseStatement::new().case(is_it, amount).finally(0_i64)).sum().cast_as("bigint")
    };
    let mut select = Query::select();
    select
        .from(Entity)
        .column((Entity, Column::Currency))
        .column((Entity, Column::MinorDigits))
        .expr_as(of(Kind::Charged), "charged_minor")
        .expr_as(of(Kind::Reversed), "reversed_minor")
        .inner_join(entry::Entity, Expr::col((entry::Entity, entry::Column::ChargeId)).equals((Entity, Column::Id)))
        .and_where(Expr::col((Entity, Column::AccountId)).eq(account_id))
        .group_by_columns([(Entity, Column::Currency), (Entity, Column::MinorDigits)])
        .order_by((Entity, Column::Currency), Order::Asc)
        .order_by((Entity, Column::MinorDigits), Order::Asc);
    Ok(Total::find_by_statement(db.get_database_backend().build(&select)).all(db).await?)
}

/// A charge.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Line>, StoreError> {
    let mut select = lines();
    select.and_where(Expr::col((Entity, Column::Id)).eq(id));
    Ok(Line::find_by_statement(db.get_database_backend().build(&select)).one(db).await?)
}

fn lines() -> sea_orm::sea_query::SelectStatement {
    use entry::Column as Of;
    let mut select = Query::select();
    select.from(Entity);
    for column in [
        Column::Id,
        Column::AccountId,
        Column::Factor,
        Column::ClientId,
        Column::Effect,
        Column::AmountMinor,
        Column::MinorDigits,
        Column::Currency,
        Column::CreatedAt,
    ] {
        select.column((Entity, column));
    }
    for (entry, step) in [("settled_entry", SETTLED), ("reversed_entry", TAKEN_BACK)] {
        let of = |name: Of| Expr::col((entry, name));
        let on = of(Of::ChargeId).equals((Entity, Column::Id)).and(of(Of::Step).eq(step));
        select.join_as(sea_orm::JoinType::LeftJoin, entry::Entity, entry, on);
    }
    for (entry, column, name) in [
        ("settled_entry", Of::Kind, "settled"),
        ("settled_entry", Of::AmountMinor, "settled_minor"),
        ("settled_entry", Of::At, "settled_at"),
        ("reversed_entry", Of::AmountMinor, "reversed_minor"),
        ("reversed_entry", Of::At, "reversed_at"),
    ] {
        select.expr_as(Expr::col((entry, column).into_column_ref()), name);
    }
    let on = Expr::col((outbox::Entity, outbox::Column::Effect)).equals((Entity, Column::Effect));
    select.left_join(outbox::Entity, on).expr_as(Expr::col((outbox::Entity, outbox::Column::State)), "message");
    select
}
