//! The public log of receipts: every receipt is put into a Merkle tree (RFC 6962 §2.1) that only grows. Whoever keeps a
//! head, which says how the tree stood at one time, can have us prove later that nothing in it was altered or removed: we
//! can neither deny a receipt nor give it an earlier date.
//!
//! A receipt waits for that a moment: payments do not queue for the tree. The crate `enum-receipt` verifies what is said
//! here.

mod pages;
mod plan;

use enum_receipt::{HEAD_TYPE, Head, tree::Hash, tree::leaf};
pub use pages::{consistency, entries, head, proof};

use super::error::{ErrorCode, OAuthError, Refusal};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    keys::jws::Alg,
    store::{self, StoreError, receipt_log},
};

/// Receipts that are put into the tree at once.
const BATCH: usize = 512;
/// No head is signed while a receipt has waited for so long: half of what [`enum_receipt::LOGGED_WITHIN_S`] promises.
const PATIENCE: Millis = enum_receipt::LOGGED_WITHIN_S * SECOND / 2;

/// Puts every receipt that waits into the tree. One node at a time: whoever comes second finds the tree grown, and has put
/// in nothing.
///
/// # Errors
/// [`StoreError::Conflict`] when another node was faster; otherwise when the database fails.
pub async fn append_all(app: &App) -> Result<(), StoreError> {
    while append(app).await? {}
    Ok(())
}

/// Puts some in, so few that no other write waits for long; returns whether there may be more.
async fn append(app: &App) -> Result<bool, StoreError> {
    // Most of the time there is nothing, and a reader finds that without the writer.
    let waiting = receipt_log::waiting(app.db.read(), BATCH).await?;
    if waiting.is_empty() {
        return Ok(false);
    }
    let more = waiting.len() == BATCH;
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let old = receipt_log::tree(tx).await?;
                let known = receipt_log::hashes(tx, &plan::whole(old.size)).await?;
                let leaves = waiting.iter().map(|(_, receipt)| leaf(receipt.as_bytes()));
                // All of them were there, or `hashes` would have failed.
                let grown = plan::grow(old.size, &known, leaves).ok_or(StoreError::Conflict("receipt log"))?;
                let numbers = (old.size..).zip(&waiting).map(|(index, (id, _))| receipt_log::numbering(id, index));
                let mut changes = vec![receipt_log::growing(old.size, grown.tree)];
                changes.extend(numbers);
                store::apply(tx, changes).await?;
                receipt_log::add(tx, &grown.nodes).await
            })
        })
        .await?;
    Ok(more)
}

/// The state of the tree, signed now. While a receipt waits for too long none is: a head without it would say that it is
/// younger than it is.
async fn signed(app: &App, tree: &receipt_log::Tree) -> Result<String, Refusal> {
    let waits_since = receipt_log::waiting_since(app.db.read()).await?;
    if waits_since.is_some_and(|since| app.clock.now() - since > PATIENCE) {
        let text = "receipts wait to be put into the log: ask again later";
        return Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, text).into());
    }
    let head = Head { iss: app.config.issuer.clone(), iat: app.clock.seconds(), size: tree.size, root: tree.root };
    Ok(app.keys.sign(Alg::Es256, HEAD_TYPE, &head)?)
}

/// The hashes of a path.
async fn hashes(app: &App, path: &[Vec<receipt_log::Place>]) -> Result<Vec<Hash>, Internal> {
    let known = receipt_log::hashes(app.db.read(), &path.concat()).await?;
    let folded: Option<Vec<Hash>> = path.iter().map(|range| plan::fold(range, &known)).collect();
    folded.ok_or_else(|| Internal::Other("a node of the receipt log was read and is missing".to_owned()))
}
