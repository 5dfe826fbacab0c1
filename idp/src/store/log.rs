//! The account log: a hash chain per account, appended in the transaction that it tells of.
//!
//! Each link is a MAC over the previous link, the number, the time and the event. The account's row holds the newest
//! number and link, so that an entry that was altered, removed or cut off at the end shows.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr};
use serde::{Deserialize, Serialize};

use super::{
    Change, StoreError, Tx,
    account::{self, Placed},
    apply,
};
use crate::{clock::Millis, seal::Seal};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub at: Millis,
    /// An [`Event`] as JSON.
    pub event: String,
    pub hash: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a log is called.
const RECORD: &str = "account log";

/// One thing that happened to an account. Absent fields are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What: `registered`, `activation_sent`, `activated`, `login`, `payment`, `consent`, `logout`, `locked` …
    pub what: String,
    /// How it ended: `ok`, `wrong`, `blocked`, `clone`, `declined`, `expired` …
    pub result: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// The relying party's `client_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Network address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The payment that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<plugin_api::message::Transaction>,
    /// Identifier of a confirmation, grant or message that it led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why somebody declined, in one of the words that they could choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was unusual about it, as the policy names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<String>,
}

impl Event {
    pub fn new(what: &str, result: &str) -> Self {
        Self { what: what.to_owned(), result: result.to_owned(), ..Self::default() }
    }
}

/// Appends `event` to the log of `account_id`, in the caller's transaction.
///
/// # Errors
/// A conflict when the account was deleted: nothing more happens to it. When there is none such; when the database fails.
pub async fn append(tx: &Tx, seal: &Seal, account_id: &str, at: Millis, event: &Event) -> Result<(), StoreError> {
    let (seq, head, status) = head(tx, account_id).await?;
    if status == account::DELETED {
        return Err(StoreError::Conflict(RECORD));
    }
    apply(tx, Next::to(seal, account_id, (seq, &head), at, event)?.changes(None)).await
}

/// As [`append`], to the log as it stood when `account` was read: saves a read in the writer's time. Touches nothing when
/// something was appended since. `placed`, if it is given, is written with it, since the account's row is written anyway.
///
/// # Errors
/// When the event cannot be written.
pub fn appending_after(
    seal: &Seal,
    account: &account::Model,
    at: Millis,
    event: &Event,
    placed: Option<Placed>,
) -> Result<[Change; 2], StoreError> {
    let next = Next::to(seal, &account.id, (account.log_seq, &account.log_head), at, event)?;
    Ok(next.changes(placed))
}

/// The next entry of a log.
struct Next(Model);

impl Next {
    fn to(
        seal: &Seal,
        account_id: &str,
        (seq, head): (i64, &[u8]),
        at: Millis,
        event: &Event,
    ) -> Result<Self, StoreError> {
        let event = serde_json::to_string(event).map_err(|error| unreadable(account_id, &error.to_string()))?;
        let seq = seq + 1;
        let hash = link(seal, account_id, head, seq, at, &event).to_vec();
        Ok(Self(Model { account_id: account_id.to_owned(), seq, at, event, hash }))
    }

    fn changes(self, placed: Option<Placed>) -> [Change; 2] {
        let Self(entry) = self;
        let mut moved = account::Entity::update_many()
            .col_expr(account::Column::LogSeq, Expr::value(entry.seq))
            .col_expr(account::Column::LogHead, Expr::value(entry.hash.clone()))
            .filter(account::Column::Id.eq(&entry.account_id))
            .filter(account::Column::LogSeq.eq(entry.seq - 1));
        if let Some(Placed { places, until }) = placed {
            moved = moved
                .col_expr(account::Column::Places, Expr::value(places))
                .col_expr(account::Column::PlacesUntil, Expr::value(until));
        }
        let entry = Entity::insert(ActiveModel::from(entry).reset_all());
        [Change::update(RECORD, moved), Change::insert(RECORD, entry)]
    }
}

/// The newest link. In a transaction on PostgreSQL the account's row is locked with it, so that appends to one log wait
/// for each other instead of failing; SQLite has one writer anyway. The log is the last that a transaction touches, which
/// keeps the order of locks the same everywhere.
async fn head(db: &impl ConnectionTrait, account_id: &str) -> Result<(i64, Vec<u8>, String), StoreError> {
    account::Entity::find_by_id(account_id)
        .lock_exclusive()
        .select_only()
        .column(account::Column::LogSeq)
        .column(account::Column::LogHead)
        .column(account::Column::Status)
        .into_tuple()
        .all(db)
        .await?
        .pop()
        .ok_or_else(|| unreadable(account_id, "there is no such account"))
}

fn link(seal: &Seal, account_id: &str, previous: &[u8], seq: i64, at: Millis, event: &str) -> [u8; 32] {
    seal.chain(&[account_id.as_bytes(), previous, &seq.to_be_bytes(), &at.to_be_bytes(), event.as_bytes()])
}

fn unreadable(account_id: &str, reason: &str) -> StoreError {
    StoreError::Unreadable { table: "log", id: account_id.to_owned(), reason: reason.to_owned() }
}

/// Entries of an account, newest first.
///
/// # Errors
/// When the database fails.
pub async fn newest(db: &impl ConnectionTrait, account_id: &str, limit: u64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::AccountId.eq(account_id)).order_by_desc(Column::Seq).limit(limit).all(db).await?)
}

/// Entries of an account whose number is below `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn before(
    db: &impl ConnectionTrait,
    account_id: &str,
    before: i64,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::Seq.lt(before))
        .order_by_desc(Column::Seq)
        .limit(limit)
        .all(db)
        .await?)
}

impl Model {
    /// What it tells.
    ///
    /// # Errors
    /// When it is no event.
    pub fn event(&self) -> Result<Event, StoreError> {
        serde_json::from_str(&self.event).map_err(|error| unreadable(&self.account_id, &error.to_string()))
    }
}

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// Every entry is as it was written, and none is missing.
    Whole { entries: i64 },
    /// The first number at which the chain does not hold.
    Broken { at: i64, reason: &'static str },
}

/// Proves that nothing in an account's log was altered or removed.
///
/// # Errors
/// When the database fails or there is no such account.
pub async fn verify(db: &impl ConnectionTrait, seal: &Seal, account_id: &str) -> Result<Verdict, StoreError> {
    const PAGE: u64 = 500;
    let (last, head, _) = head(db, account_id).await?;
    let (mut seq, mut previous) = (0_i64, Vec::new());
    loop {
        let page = Entity::find()
            .filter(Column::AccountId.eq(account_id))
            .filter(Column::Seq.gt(seq))
            .order_by_asc(Column::Seq)
            .limit(PAGE)
            .all(db)
            .await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            if entry.seq != seq + 1 {
                return Ok(Verdict::Broken { at: seq + 1, reason: "the entry is missing" });
            }
            let expected = link(seal, account_id, &previous, entry.seq, entry.at, &entry.event);
            if expected[..] != entry.hash[..] {
                return Ok(Verdict::Broken { at: entry.seq, reason: "the entry was altered" });
            }
            (seq, previous) = (entry.seq, entry.hash);
        }
    }
    if seq != last || previous != head {
        return Ok(Verdict::Broken { at: seq + 1, reason: "entries at the end are missing" });
    }
    Ok(Verdict::Whole { entries: last })
}
