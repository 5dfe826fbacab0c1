//! Why the catalog stays as it is.

use std::path::PathBuf;

use super::{LoadError, Refused, SealError, SignatureError, StoreError};

/// Why the catalog stays as it is. Display says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Settings could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A file is no plugin, or cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is no signature.
    #[error(
        "plugin {file}: it is unsigned: there is no {signature}; get the publisher's .minisig file, or sign your own \
         build with `enum-idp plugin sign`"
    )]
    Unsigned {
        /// The plugin file.
        file: PathBuf,
        /// Where its signature should be.
        signature: PathBuf,
    },
    /// The signature cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The signature does not hold.
    #[error("plugin {file}: {why}")]
    Signature {
        /// The plugin file.
        file: PathBuf,
        /// Why.
        why: SignatureError,
    },
    /// There is no plugin of this id.
    #[error("no plugin {0} is installed; `enum-idp plugin list` shows those that are")]
    Unknown(String),
    /// It would not run.
    #[error("plugin {id}: {why}")]
    Refused {
        /// Which plugin.
        id: String,
        /// Why.
        why: Refused,
    },
    /// It makes no sense as things stand.
    #[error("plugin {id}: {why}")]
    Unfit {
        /// Which plugin.
        id: String,
        /// Why, and what to do.
        why: String,
    },
}
