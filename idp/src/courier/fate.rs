//! What becomes of a message, told to whoever charges or counts by it.

use crate::{
    clock::Millis,
    error::Internal,
    store::{
        Tx,
        fee::{self, Kind},
    },
};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The next one on the way (a mail server, an SMS gateway, a file) has taken it.
    Accepted,
    /// It was not taken, and is not tried any more.
    GivenUp,
    /// It was taken, and a gateway has reported that it arrived.
    Delivered,
    /// It was taken, and a gateway has reported that it never arrives.
    Undelivered,
}

/// Called once for each fate of the message that is `effect`, in the transaction `tx` in which its row changes: what is
/// done here happens exactly when the fate is written down. `at` is when that is. A message meets [`Fate::Accepted`] or
/// [`Fate::GivenUp`], never both; of the other two, which follow the first, at most one.
///
/// # Errors
/// When the database fails; then the fate is not written down either.
pub(super) async fn settle(tx: &Tx, effect: &str, fate: Fate, at: Millis) -> Result<(), Internal> {
    tracing::debug!(effect, ?fate, at, "courier: settled");
    let entry = match fate {
        Fate::Accepted => Kind::Charged,
        Fate::GivenUp => Kind::Void,
        Fate::Undelivered => Kind::Reversed,
        Fate::Delivered => return Ok(()),
    };
    Ok(fee::settle(tx, effect, entry, at).await?)
}
