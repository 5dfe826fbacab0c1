//! Consent that is remembered: a scope that was allowed is not asked about again, a wider one is.

use std::collections::BTreeSet;

use sea_orm::ConnectionTrait;

use super::interaction::Demand;
use crate::{clock::Millis, error::Internal, store};

/// Whether `account_id` has allowed all that the demand wants.
///
/// # Errors
/// When the database fails.
pub async fn is_given(db: &impl ConnectionTrait, account_id: &str, demand: &Demand) -> Result<bool, Internal> {
    if demand.trusted {
        return Ok(true);
    }
    let Some(consent) = store::consent::find(db, account_id, &demand.client_id).await? else { return Ok(false) };
    let allowed: BTreeSet<&str> = consent.scope.split(' ').collect();
    Ok(demand.scope.iter().all(|wanted| allowed.contains(wanted.as_str())))
}

/// Remembers that it was allowed, besides what was allowed before.
///
/// # Errors
/// When the database fails.
pub async fn remember(
    tx: &impl ConnectionTrait,
    account_id: &str,
    demand: &Demand,
    now: Millis,
) -> Result<(), Internal> {
    let before = store::consent::find(tx, account_id, &demand.client_id).await?;
    let mut scope: BTreeSet<String> = demand.scope.iter().cloned().collect();
    if let Some(before) = before {
        scope.extend(before.scope.split(' ').map(str::to_owned));
    }
    let row = store::consent::Model {
        account_id: account_id.to_owned(),
        client_id: demand.client_id.clone(),
        scope: scope.into_iter().collect::<Vec<_>>().join(" "),
        granted_at: now,
    };
    Ok(store::consent::put(tx, row).await?)
}
