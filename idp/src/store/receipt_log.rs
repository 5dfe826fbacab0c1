//! The public log of receipts: a Merkle tree (RFC 6962 §2.1) of which every complete subtree is kept, so that any proof
//! needs a few rows. Rows are added and never changed, but for the one that says how far the tree has grown.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use std::collections::HashMap;

use enum_receipt::tree::Hash;
use sea_orm::{Condition, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr};

use super::{Change, StoreError, Tx, confirmation};
use crate::clock::Millis;

/// The tree as it stands: one row.
pub mod tree {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "receipt_tree")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i16,
        pub size: i64,
        pub root: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A complete subtree.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receipt_node")]
pub struct Model {
    /// It has 2^level leaves.
    #[sea_orm(primary_key, auto_increment = false)]
    pub level: i16,
    /// Its number among those of its level, from the left.
    #[sea_orm(primary_key, auto_increment = false)]
    pub idx: i64,
    pub hash: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const RECORD: &str = "receipt log";
/// The only row of [`tree`].
const ONLY: i16 = 1;
/// Rows that one statement adds at most: databases bound the number of values.
const AT_ONCE: usize = 1000;

/// Where a complete subtree stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// It has 2^level leaves.
    pub level: u8,
    /// Its number among those of its level, from the left.
    pub index: u64,
}

/// How far the tree has grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Leaves.
    pub size: u64,
    /// Hash of the whole.
    pub root: Hash,
}

/// # Errors
/// When the database fails.
pub async fn tree(db: &impl ConnectionTrait) -> Result<Tree, StoreError> {
    let row = super::only(tree::Entity::find_by_id(ONLY), db).await?.ok_or_else(|| unreadable("it is not there"))?;
    let size = u64::try_from(row.size).map_err(|_| unreadable("its size is negative"))?;
    Ok(Tree { size, root: hash(row.root)? })
}

/// Says that the tree has grown from `old`. Touches nothing when somebody else has said so before.
pub fn growing(old: u64, new: Tree) -> Change {
    let update = tree::Entity::update_many()
        .col_expr(tree::Column::Size, Expr::value(number(new.size)))
        .col_expr(tree::Column::Root, Expr::value(new.root.to_vec()))
        .filter(tree::Column::Id.eq(ONLY))
        .filter(tree::Column::Size.eq(number(old)));
    Change::update(RECORD, update)
}

/// Adds complete subtrees.
///
/// # Errors
/// When one of them is there already, or the database fails.
pub async fn add(tx: &Tx, nodes: &[(Place, Hash)]) -> Result<(), StoreError> {
    for some in nodes.chunks(AT_ONCE) {
        let rows = some.iter().map(|(place, hash)| {
            let row = Model { level: place.level.into(), idx: number(place.index), hash: hash.to_vec() };
            ActiveModel::from(row).reset_all()
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The hashes of complete subtrees.
///
/// # Errors
/// When one of them is not there, or the database fails.
pub async fn hashes(db: &impl ConnectionTrait, places: &[Place]) -> Result<HashMap<Place, Hash>, StoreError> {
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let one = |place: &Place| {
        Condition::all().add(Column::Level.eq(i16::from(place.level))).add(Column::Idx.eq(number(place.index)))
    };
    let any = places.iter().fold(Condition::any(), |any, place| any.add(one(place)));
    let mut found = HashMap::new();
    for row in Entity::find().filter(any).all(db).await? {
        let place = Place {
            level: u8::try_from(row.level).map_err(|_| unreadable("a level is none"))?,
            index: u64::try_from(row.idx).map_err(|_| unreadable("a number is negative"))?,
        };
        found.insert(place, hash(row.hash)?);
    }
    if places.iter().all(|place| found.contains_key(place)) { Ok(found) } else { Err(unreadable("a node is missing")) }
}

/// Hashes of the leaves from number `from` up to, and without, number `to`.
///
/// # Errors
/// When the database fails.
pub async fn leaves(db: &impl ConnectionTrait, from: u64, to: u64) -> Result<Vec<Hash>, StoreError> {
    let rows = Entity::find()
        .filter(Column::Level.eq(0_i16))
        .filter(Column::Idx.gte(number(from)))
        .filter(Column::Idx.lt(number(to)))
        .order_by_asc(Column::Idx)
        .all(db)
        .await?;
    rows.into_iter().map(|row| hash(row.hash)).collect()
}

/// By the index of those that wait. The bound, which all of them fulfil, has SQLite search in it.
fn is_waiting() -> Condition {
    Condition::all().add(confirmation::Column::LogIndex.is_null()).add(confirmation::Column::CreatedAt.gte(0))
}

/// Receipts that are not in the tree yet, with the ids of their confirmations, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn waiting(db: &impl ConnectionTrait, most: usize) -> Result<Vec<(String, String)>, StoreError> {
    Ok(confirmation::Entity::find()
        .select_only()
        .column(confirmation::Column::Id)
        .column(confirmation::Column::Receipt)
        .filter(is_waiting())
        .order_by_asc(confirmation::Column::CreatedAt)
        .order_by_asc(confirmation::Column::Id)
        .limit(most as u64)
        .into_tuple()
        .all(db)
        .await?)
}

/// When the oldest receipt was made that is not in the tree yet.
///
/// # Errors
/// When the database fails.
pub async fn waiting_since(db: &impl ConnectionTrait) -> Result<Option<Millis>, StoreError> {
    let oldest = confirmation::Entity::find()
        .select_only()
        .column(confirmation::Column::CreatedAt)
        .filter(is_waiting())
        .order_by_asc(confirmation::Column::CreatedAt)
        .order_by_asc(confirmation::Column::Id)
        .limit(1);
    Ok(oldest.into_tuple().all(db).await?.pop())
}

/// Gives the receipt of a confirmation its number. Touches nothing when it has one.
pub fn numbering(confirmation: &str, index: u64) -> Change {
    let update = confirmation::Entity::update_many()
        .col_expr(confirmation::Column::LogIndex, Expr::value(number(index)))
        .filter(confirmation::Column::Id.eq(confirmation))
        .filter(confirmation::Column::LogIndex.is_null());
    Change::update(RECORD, update)
}

/// The databases' integers have a sign. No tree grows so large.
fn number(of: u64) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

fn hash(bytes: Vec<u8>) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|_| unreadable("a hash has another length"))
}

fn unreadable(reason: &str) -> StoreError {
    StoreError::Unreadable { table: "receipt_tree", id: ONLY.to_string(), reason: reason.to_owned() }
}
