//! Deletes what has expired, in small batches by index, so that no sweep holds the writer up.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{
    StoreError, account, address, backchannel, challenge, code, code_pace, device, device_code, grant, phone_change,
    phone_undo, plugin_call, plugin_data, pushed, recovery, recovery_budget, registration, session, sms_guard,
    sms_part, spent, support,
};
use crate::clock::{DAY, MINUTE, Millis};

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
    gone += sweep!(db, backchannel::Entity, backchannel::Column::Id, backchannel::Column::ExpiresAt, before);
    gone += sweep!(db, device_code::Entity, device_code::Column::Hash, device_code::Column::ExpiresAt, before);
    gone += sweep!(db, grant::refresh::Entity, grant::refresh::Column::Hash, grant::refresh::Column::ExpiresAt, before);
    gone += sweep!(db, grant::Entity, grant::Column::Id, grant::Column::ExpiresAt, before);
    gone += sweep!(db, session::Entity, session::Column::IdHash, session::Column::ExpiresAt, before);
    gone += sweep_spent(db, now).await?;
    gone += sweep!(db, registration::Entity, registration::Column::TokenHash, registration::Column::ExpiresAt, before);
    gone += sweep!(db, recovery::Entity, recovery::Column::Id, recovery::Column::ExpiresAt, before);
    gone +=
        sweep!(db, recovery_budget::Entity, recovery_budget::Column::Subject, recovery_budget::Column::ExpiresAt, now);
    gone +=
        sweep!(db, address::link::Entity, address::link::Column::TokenHash, address::link::Column::ExpiresAt, before);
    gone += sweep!(db, phone_change::Entity, phone_change::Column::AccountId, phone_change::Column::ExpiresAt, now);
    gone += sweep!(db, phone_undo::Entity, phone_undo::Column::TokenHash, phone_undo::Column::ExpiresAt, before);
    gone += sweep!(db, support::Entity, support::Column::Id, support::Column::ExpiresAt, before);
    gone += sweep!(db, plugin_call::Entity, plugin_call::Column::Id, plugin_call::Column::At, now - plugin_call::KEPT);
    gone += sweep_parts(db, now).await?;
    gone += sweep_plugin_data(db, now).await?;
    gone += sweep_challenges(db, before).await?;
    gone += sweep_devices(db, now).await?;
    gone +=
        sweep!(db, sms_guard::count::Entity, sms_guard::count::Column::Key, sms_guard::count::Column::ExpiresAt, now);
    gone += sweep!(db, code_pace::Entity, code_pace::Column::Enrolment, code_pace::Column::ExpiresAt, now);
    // Rows of accounts come last, as everywhere.
    gone += account::forget_old_places(db, now, BATCH).await?;
    Ok(gone)
}

/// Without the day's grace, for every request with a proof leaves an entry: what it stands for is refused for its age alone. The
/// clocks of two nodes may differ a little. The key is a pair: a live entry must outlive an expired one of another purpose that
/// bears its hash.
async fn sweep_spent(db: &impl ConnectionTrait, now: Millis) -> Result<u64, StoreError> {
    let mut old = Query::select();
    old.columns([spent::Column::Purpose, spent::Column::Hash])
        .from(spent::Entity)
        .and_where(spent::Column::ExpiresAt.lt(now - MINUTE))
        .limit(BATCH);
    let key = Expr::tuple([Expr::col(spent::Column::Purpose), Expr::col(spent::Column::Hash)]);
    Ok(spent::Entity::delete_many().filter(key.in_subquery(old.take())).exec(db).await?.rows_affected)
}

/// Without a grace: nobody sees these any more. As above, the key is more than one column.
async fn sweep_plugin_data(db: &impl ConnectionTrait, now: Millis) -> Result<u64, StoreError> {
    let columns = [plugin_data::Column::Plugin, plugin_data::Column::Account, plugin_data::Column::Key];
    let mut old = Query::select();
    old.columns(columns).from(plugin_data::Entity).and_where(plugin_data::Column::ExpiresAt.lte(now)).limit(BATCH);
    let key = Expr::tuple(columns.map(Expr::col));
    Ok(plugin_data::Entity::delete_many().filter(key.in_subquery(old.take())).exec(db).await?.rows_affected)
}

/// As above, the key is a pair.
async fn sweep_parts(db: &impl ConnectionTrait, now: Millis) -> Result<u64, StoreError> {
    let columns = [sms_part::Column::Outbox, sms_part::Column::Part];
    let mut old = Query::select();
    let before = now - sms_part::KEPT;
    old.columns(columns).from(sms_part::Entity).and_where(sms_part::Column::TakenAt.lt(before)).limit(BATCH);
    let key = Expr::tuple(columns.map(Expr::col));
    Ok(sms_part::Entity::delete_many().filter(key.in_subquery(old.take())).exec(db).await?.rows_affected)
}

/// As above, the key is a pair.
async fn sweep_challenges(db: &impl ConnectionTrait, before: Millis) -> Result<u64, StoreError> {
    let columns = [challenge::Column::Enrolment, challenge::Column::InteractionHash];
    let mut old = Query::select();
    old.columns(columns).from(challenge::Entity).and_where(challenge::Column::ExpiresAt.lt(before)).limit(BATCH);
    let key = Expr::tuple(columns.map(Expr::col));
    Ok(challenge::Entity::delete_many().filter(key.in_subquery(old.take())).exec(db).await?.rows_affected)
}

/// As above, the key is a pair.
async fn sweep_devices(db: &impl ConnectionTrait, now: Millis) -> Result<u64, StoreError> {
    let columns = [device::Column::AccountId, device::Column::Hash];
    let mut old = Query::select();
    old.columns(columns).from(device::Entity).and_where(device::Column::ExpiresAt.lt(now)).limit(BATCH);
    let key = Expr::tuple(columns.map(Expr::col));
    Ok(device::Entity::delete_many().filter(key.in_subquery(old.take())).exec(db).await?.rows_affected)
}
