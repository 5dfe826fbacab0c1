//! What tables of mailed links have in common: a link works once, until it expires, and those made after another can be voided
//! with it.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::StoreError;
use crate::clock::Millis;

/// The columns of such a table.
pub(super) struct Columns<C> {
    pub(super) token_hash: C,
    pub(super) account_id: C,
    pub(super) created_at: C,
    pub(super) expires_at: C,
    pub(super) used_at: C,
}

/// Uses a link up. `Ok(false)` when it was used or has expired.
pub(super) async fn use_up<E: EntityTrait>(
    db: &impl ConnectionTrait,
    of: Columns<E::Column>,
    token_hash: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let using = E::update_many()
        .col_expr(of.used_at, Expr::value(now))
        .filter(of.token_hash.eq(token_hash))
        .filter(of.used_at.is_null())
        .filter(of.expires_at.gt(now));
    Ok(using.exec(db).await?.rows_affected == 1)
}

/// Uses up all links of an account that were made at `since` or later.
pub(super) async fn void_since<E: EntityTrait>(
    db: &impl ConnectionTrait,
    of: Columns<E::Column>,
    account_id: &str,
    since: Millis,
    now: Millis,
) -> Result<(), StoreError> {
    let voiding = E::update_many()
        .col_expr(of.used_at, Expr::value(now))
        .filter(of.account_id.eq(account_id))
        .filter(of.created_at.gte(since))
        .filter(of.used_at.is_null());
    voiding.exec(db).await?;
    Ok(())
}
