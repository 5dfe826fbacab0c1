//! Fingers that were not recognised, counted (NIST SP 800-63B, biometrics): five in a row, then 30 seconds before each
//! further one; after fifty the bridge stays shut until its owner opens it by `enum-bridge unlock`.

use serde::{Deserialize, Serialize};

const PAUSE_FROM: u32 = 5;
const PAUSE_SECONDS: u64 = 30;
const DISABLED_FROM: u32 = 50;

/// Failures in a row, and until when nothing is tried (Unix seconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tries {
    failures: u32,
    paused_until: u64,
}

/// Why no finger is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// For so many seconds.
    Paused(u64),
    /// Until the owner unlocks.
    Disabled,
}

impl Tries {
    /// Whether a finger may be asked for at `now` (Unix seconds). A clock that was set back lengthens the pause.
    pub(crate) fn may_try(self, now: u64) -> Result<(), Locked> {
        if self.failures >= DISABLED_FROM {
            return Err(Locked::Disabled);
        }
        match self.paused_until.saturating_sub(now) {
            0 => Ok(()),
            seconds => Err(Locked::Paused(seconds)),
        }
    }

    /// After one more that was not recognised.
    #[must_use]
    pub(crate) fn failed(self, now: u64) -> Self {
        let failures = self.failures.saturating_add(1);
        let paused_until = if failures < PAUSE_FROM { 0 } else { now.saturating_add(PAUSE_SECONDS) };
        Self { failures, paused_until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_failure_begins_to_cost_time_and_the_fiftieth_ends_it() {
        let mut tries = Tries::default();
        let mut now = 1000;
        for _ in 1..PAUSE_FROM {
            tries = tries.failed(now);
            assert_eq!(tries.may_try(now), Ok(()));
        }
        for _ in PAUSE_FROM..DISABLED_FROM {
            tries = tries.failed(now);
            assert_eq!(tries.may_try(now), Err(Locked::Paused(30)));
            assert_eq!(tries.may_try(now + 29), Err(Locked::Paused(1)));
            now += 30;
            assert_eq!(tries.may_try(now), Ok(()), "each later one has a pause of its own");
        }
        tries = tries.failed(now);
        assert_eq!(tries.may_try(now + 1_000_000), Err(Locked::Disabled));
    }

    #[test]
    fn a_clock_that_is_set_back_opens_nothing() {
        let tries = (0..5).fold(Tries::default(), |tries, _| tries.failed(1000));
        assert_eq!(tries.may_try(400), Err(Locked::Paused(630)));
    }
}
