//! Failures that are ours, not the caller's: logged in full, shown as "something went wrong here" and nothing more.

use crate::{entropy::EntropyError, plugins::CallError, seal::SealError, store::StoreError};

/// Something of ours failed.
#[derive(Debug, thiserror::Error)]
pub enum Internal {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sealing or opening a record.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The random generator.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A plugin.
    #[error(transparent)]
    Plugin(#[from] CallError),
    /// A page could not be rendered.
    #[error("page: {0}")]
    Page(String),
    /// A token could not be signed, or a key not be read.
    #[error("signing: {0}")]
    Signing(String),
    /// No text message can be sent now. Nobody's fault that could be told.
    #[error("a text message is held back")]
    Held,
    /// A computation that has no reason to fail.
    #[error("{0}")]
    Other(String),
}

impl From<sea_orm::DbErr> for Internal {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<serde_json::Error> for Internal {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(format!("JSON: {error}"))
    }
}

impl Internal {
    /// Whether the same work, begun again from fresh reads, may succeed.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(StoreError::Conflict(_)))
    }
}
