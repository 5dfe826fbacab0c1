//! The one place that reads the clock and the generator of random numbers; `cipherpad-core` has neither.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::PadError;

/// Unix seconds.
#[expect(clippy::disallowed_methods, reason = "a program of its own: this is where its time comes from")]
pub(crate) fn unix_seconds() -> Result<u64, PadError> {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).map_err(|_| PadError::Clock)
}

/// Fresh random bytes.
#[expect(clippy::disallowed_methods, reason = "a program of its own: this is where its randomness comes from")]
pub(crate) fn random<const N: usize>() -> Result<[u8; N], PadError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
