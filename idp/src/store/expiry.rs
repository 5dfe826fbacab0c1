//! Deletes what has expired, in small batches by index, so that no sweep holds the writer up.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Query};

use super::{StoreError, code, grant, pushed, registration, session, spent};
use crate::clock::{DAY, Millis};

/// Rows a table loses in one batch at most.
const BATCH: u64 = 500;

macro_rules! sweep {
    ($db:expr, $entity:ty, $key:expr, $column:expr, $before:expr) => {{
        let mut old = Query::select();
        old.column($key).from(<$entity>::default()).and_where($column.lt($before)).limit(BATCH);
        <$entity>::delete_many().filter($key.in_subquery(old)).exec($db).await?.rows_affected
    }};
}

/// One batch of every table that expires; returns how many rows went. A day's grace keeps a late replay recognisable.
///
/// # Errors
/// When the database fails.
pub async fn sweep(db: &impl ConnectionTrait, now: Millis) -> Result<u64, StoreError> {
    let before = now - DAY;
    let mut gone = sweep!(db, code::Entity, code::Column::Hash, code::Column::ExpiresAt, before);
    gone += sweep!(db, pushed::Entity, pushed::Column::Hash, pushed::Column::ExpiresAt, before);
    gone += sweep!(db, grant::refresh::Entity, grant::refresh::Column::Hash, grant::refresh::Column::ExpiresAt, before);
    gone += sweep!(db, grant::Entity, grant::Column::Id, grant::Column::ExpiresAt, before);
    gone += sweep!(db, session::Entity, session::Column::IdHash, session::Column::ExpiresAt, before);
    gone += sweep!(db, spent::Entity, spent::Column::Hash, spent::Column::ExpiresAt, before);
    gone += sweep!(
        db,
        registration::Entity,
        registration::Column::TokenHash,
        registration::Column::ExpiresAt,
        before
    );
    Ok(gone)
}
