//! Leaves a plugin alone that fails again and again.

use std::collections::VecDeque;
use std::mem::replace;
use std::time::{Duration, Instant};

/// So many faults...
const FAULTS: usize = 3;
/// ...within this time open the breaker...
const WINDOW: Duration = Duration::from_mins(1);
/// ...for this long.
const COOL_DOWN: Duration = Duration::from_mins(1);

#[derive(Debug)]
enum State {
    /// Calls go through; when its latest faults were.
    Closed(VecDeque<Instant>),
    /// No call goes through until then.
    Open(Instant),
    /// Calls go through on trial: the first to come back decides.
    Trial,
}

/// Counts faults. Takes the time from its caller.
#[derive(Debug)]
pub(super) struct Breaker(State);

impl Breaker {
    pub(super) fn new() -> Self {
        Self(State::Closed(VecDeque::new()))
    }

    /// Whether a call may go through now.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        if let State::Open(until) = self.0 {
            if now < until {
                return false;
            }
            self.0 = State::Trial;
        }
        true
    }

    /// A call came back sound.
    pub(super) fn sound(&mut self) {
        if matches!(self.0, State::Trial) {
            self.0 = State::Closed(VecDeque::new());
        }
    }

    /// A call failed. Returns whether this opened the breaker.
    pub(super) fn fault(&mut self, now: Instant) -> bool {
        self.0 = match replace(&mut self.0, State::Trial) {
            State::Open(until) => {
                self.0 = State::Open(until);
                return false;
            }
            State::Trial => State::Open(now + COOL_DOWN),
            State::Closed(mut faults) => {
                faults.retain(|&fault| now.duration_since(fault) < WINDOW);
                faults.push_back(now);
                if faults.len() < FAULTS { State::Closed(faults) } else { State::Open(now + COOL_DOWN) }
            }
        };
        matches!(self.0, State::Open(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn three_faults_in_a_minute_open_it() {
        let (mut breaker, now) = (Breaker::new(), Instant::now());
        assert!(!breaker.fault(now));
        breaker.sound();
        assert!(!breaker.fault(now + SECOND));
        assert!(breaker.allows(now + SECOND));
        assert!(breaker.fault(now + 59 * SECOND));
        assert!(!breaker.allows(now + 60 * SECOND));
        assert!(!breaker.fault(now + 61 * SECOND), "an overdue call does not prolong the quarantine");
        assert!(!breaker.allows(now + 118 * SECOND));
        assert!(breaker.allows(now + 119 * SECOND));
    }

    #[test]
    fn faults_far_apart_do_not_open_it() {
        let (mut breaker, now) = (Breaker::new(), Instant::now());
        for fault in 0..10 {
            assert!(!breaker.fault(now + fault * 31 * SECOND), "{fault}");
        }
    }

    #[test]
    fn a_trial_is_decided_by_its_first_call() {
        let (mut breaker, now) = (Breaker::new(), Instant::now());
        for _ in 0..3 {
            breaker.fault(now);
        }
        let later = now + 60 * SECOND;
        assert!(breaker.allows(later));
        assert!(breaker.fault(later), "one fault on trial is enough");
        assert!(!breaker.allows(later + 59 * SECOND));
        let last = later + 60 * SECOND;
        assert!(breaker.allows(last));
        breaker.sound();
        assert!(!breaker.fault(last), "trusted again: it takes three");
        assert!(breaker.allows(last));
    }
}
