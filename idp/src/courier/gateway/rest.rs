//! A gateway that failed again and again is left alone for a while.

use std::sync::{Mutex, PoisonError};

use crate::clock::{MINUTE, Millis, SECOND};

/// Failures in a row after which a gateway rests.
const FAILURES: u32 = 3;
const FIRST: Millis = 30 * SECOND;
const LONGEST: Millis = 10 * MINUTE;

/// How a gateway has been doing on this node.
#[derive(Debug, Default)]
pub(super) struct Rest(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Millis,
}

impl Rest {
    /// Whether it is to be left alone now. When a rest is over, one message tries, and the others pass by until that one
    /// is back, or as long as a rest takes.
    pub(super) fn rests(&self, now: Millis) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failures < FAILURES {
            return false;
        }
        if now < state.until {
            return true;
        }
        state.until = now + pause(state.failures);
        false
    }

    /// It has answered, whatever it said.
    pub(super) fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// It could not be reached, refused to work, or did not answer. `true` when it begins to rest by this.
    pub(super) fn failed(&self, now: Millis) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        state.until = now + pause(state.failures);
        state.failures >= FAILURES
    }
}

/// Doubles with each failure.
fn pause(failures: u32) -> Millis {
    let doublings = failures.saturating_sub(FAILURES).min(10);
    (FIRST << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_after_three_failures_in_a_row_and_longer_each_time() {
        let rest = Rest::default();
        assert!(!rest.failed(0) && !rest.failed(0));
        assert!(!rest.rests(0), "two failures are no reason");
        assert!(rest.failed(0));
        assert!(rest.rests(0) && rest.rests(FIRST - 1));
        assert!(!rest.rests(FIRST), "one tries");
        assert!(rest.rests(FIRST), "the next does not, until that one is back");
        rest.failed(FIRST);
        assert!(rest.rests(FIRST + 2 * FIRST - 1));
        assert!(!rest.rests(FIRST + 2 * FIRST));
        for _ in 0..100 {
            rest.failed(0);
        }
        assert!(rest.rests(LONGEST - 1) && !rest.rests(LONGEST));
    }

    #[test]
    fn one_answer_ends_it() {
        let rest = Rest::default();
        for _ in 0..5 {
            rest.failed(0);
        }
        rest.answered();
        assert!(!rest.rests(0));
        rest.failed(0);
        assert!(!rest.rests(0), "and counting begins anew");
    }

    #[test]
    fn who_was_let_through_and_never_came_back_keeps_nobody_out_for_good() {
        let rest = Rest::default();
        for _ in 0..3 {
            rest.failed(0);
        }
        assert!(!rest.rests(FIRST));
        assert!(rest.rests(2 * FIRST - 1));
        assert!(!rest.rests(2 * FIRST));
    }
}
