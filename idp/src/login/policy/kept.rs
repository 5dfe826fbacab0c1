//! The policy in force, and its history.
//!
//! Every document is kept as a version; the newest is in force. Whoever adds one raises the revision that nodes follow the
//! plugin catalog by, in the same transaction, so that every node has it within seconds.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::{BadPolicy, Policy};
use crate::{
    clock::Millis,
    error::Internal,
    store::{self, Db, StoreError, plugin, policy},
};

/// Longest document, in bytes.
const LONGEST: usize = 256 * 1024;

/// What this node goes by.
#[derive(Debug)]
pub struct InForce {
    policy: ArcSwap<Policy>,
    /// Revision and version that were followed last.
    followed: Mutex<(Option<i64>, i64)>,
}

/// Why a policy was not put in force.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The document.
    #[error(transparent)]
    Bad(#[from] BadPolicy),
    /// Longer than what is kept.
    #[error("the policy is longer than {LONGEST} bytes")]
    TooLong,
    /// There is nothing to return to.
    #[error("there is no version {0} of the policy; `enum-idp policy history` shows those that there are")]
    NoVersion(i64),
    /// Somebody was faster.
    #[error("the policy or the plugin catalog was changed in the meantime: look at it and try again")]
    Conflict,
    /// Ours.
    #[error(transparent)]
    Internal(Internal),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::from(Internal::from(error))
    }
}

impl From<Internal> for Refused {
    fn from(error: Internal) -> Self {
        if error.is_conflict() { Self::Conflict } else { Self::Internal(error) }
    }
}

impl InForce {
    /// The newest version.
    ///
    /// # Errors
    /// When the database fails, or the document is not one that this release understands.
    pub async fn load(db: &Db) -> Result<Self, Internal> {
        let row = policy::newest(db.read()).await?;
        let version = row.as_ref().map_or(0, |row| row.version);
        let policy = read(row)?;
        Ok(Self { policy: ArcSwap::from_pointee(policy), followed: Mutex::new((None, version)) })
    }

    /// What to go by in the step that asks.
    pub fn now(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Takes over the newest version, if the catalog's revision has risen; says whether that is another one. A document
    /// that this release does not understand leaves the one before in force, and is logged.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn follow(&self, db: &Db, revision: i64) -> Result<bool, StoreError> {
        let mut followed = self.followed.lock().await;
        if followed.0 == Some(revision) {
            return Ok(false);
        }
        let row = policy::newest(db.read()).await?;
        let version = row.as_ref().map_or(0, |row| row.version);
        let changed = version != followed.1;
        if changed {
            match read(row) {
                Ok(policy) => {
                    self.policy.store(Arc::new(policy));
                    tracing::info!(version, "another policy is in force");
                }
                Err(error) => tracing::error!(version, %error, "the policy is not understood; the one before stays"),
            }
        }
        *followed = (Some(revision), version);
        Ok(changed)
    }
}

fn read(row: Option<policy::Model>) -> Result<Policy, Internal> {
    let Some(row) = row else { return Ok(Policy::default()) };
    let version = row.version;
    Policy::parse(&row.document).map_err(|error| Internal::Other(format!("version {version}: {error}")))
}

/// Puts a document in force, on all nodes within seconds; gives its version.
///
/// # Errors
/// Why not; then everything stays as it was.
pub async fn set(db: &Db, document: &str, note: Option<String>, now: Millis) -> Result<i64, Refused> {
    Policy::parse(document)?;
    if document.len() > LONGEST {
        return Err(Refused::TooLong);
    }
    let seen = plugin::revision(db.read()).await?;
    let version = policy::newest(db.read()).await?.map_or(0, |row| row.version) + 1;
    let row = policy::Model { version, document: document.to_owned(), note, created_at: now };
    db.write(move |tx| Box::pin(async move { store::apply(tx, [plugin::raising(seen), policy::adding(row)]).await }))
        .await?;
    Ok(version)
}

/// Puts an earlier version in force again, as a new one; 0 is what holds before any is set. Without `version` it is the
/// one before the present one.
///
/// # Errors
/// When there is no such version; as [`set`].
pub async fn restore(db: &Db, version: Option<i64>, now: Millis) -> Result<i64, Refused> {
    let version = match version {
        Some(version) => version,
        None => policy::newest(db.read()).await?.map_or(0, |row| row.version) - 1,
    };
    let document = match version {
        0 => "{}".to_owned(),
        _ => policy::version(db.read(), version).await?.ok_or(Refused::NoVersion(version))?.document,
    };
    set(db, &document, Some(format!("version {version} again")), now).await
}
