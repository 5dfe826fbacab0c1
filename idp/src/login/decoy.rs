//! Unknown addresses: the same pages, the same pace, the same budgets, and never a pass.
//!
//! What a real enrolment counts in its row, a decoy counts here, in bounded memory: an attempt at an unknown address
//! must burn its question and pause after as many failures as one at a known address.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::ceremony::{BURN_AFTER, PAUSE, PAUSE_AFTER};
use crate::clock::{HOUR, Millis};

/// Addresses remembered at most; the oldest are forgotten first.
const CAPACITY: usize = 50_000;

/// Counters of addresses that belong to nobody.
#[derive(Debug, Default)]
pub struct Decoys(Mutex<HashMap<[u8; 32], Count>>);

#[derive(Clone, Copy, Debug)]
struct Count {
    failures: i64,
    number: i64,
    wrong_here: i32,
    paused_until: Millis,
    seen_at: Millis,
}

impl Decoys {
    /// Number of the question that the address is at.
    pub(super) fn number(&self, address: &[u8; 32]) -> i64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(address).map_or(0, |count| count.number)
    }

    /// Whether the address pauses.
    pub(super) fn is_paused(&self, address: &[u8; 32], now: Millis) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(address).is_some_and(|count| now < count.paused_until)
    }

    /// Counts a wrong answer; says whether the question is burnt.
    pub(super) fn wrong(&self, address: &[u8; 32], now: Millis) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CAPACITY {
            let oldest = counts.values().map(|count| count.seen_at).min().unwrap_or(now);
            counts.retain(|_, count| count.seen_at > oldest && now - count.seen_at < 24 * HOUR);
        }
        let count = counts.entry(*address).or_insert(Count {
            failures: 0,
            number: 0,
            wrong_here: 0,
            paused_until: 0,
            seen_at: now,
        });
        count.seen_at = now;
        count.failures += 1;
        count.wrong_here += 1;
        if count.failures % i64::from(PAUSE_AFTER) == 0 {
            count.paused_until = now + PAUSE;
        }
        let burnt = count.wrong_here >= BURN_AFTER;
        if burnt {
            count.number += 1;
            count.wrong_here = 0;
        }
        burnt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoy_burns_and_pauses_as_an_enrolment_does() {
        let decoys = Decoys::default();
        let who = [1; 32];
        assert!(!decoys.wrong(&who, 0));
        assert!(!decoys.wrong(&who, 0));
        assert!(decoys.wrong(&who, 0), "the third wrong answer burns the question");
        assert_eq!(decoys.number(&who), 1);
        decoys.wrong(&who, 0);
        assert!(!decoys.is_paused(&who, 0));
        decoys.wrong(&who, 0);
        assert!(decoys.is_paused(&who, 0), "the fifth pauses");
        assert!(!decoys.is_paused(&who, PAUSE));
    }
}
