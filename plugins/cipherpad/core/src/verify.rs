//! The server's judgement of an answer.

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::{
    keys::Keys,
    ocra::OcraError,
    question::{Prepared, Question, Suites},
    typed,
};

/// Length of a time step of our suites.
pub const STEP_SECONDS: u64 = 60;
/// How far a pad's counter may be ahead.
const COUNTERS_AHEAD: u64 = 10;
/// How far back an otherwise right answer still tells of a second device with the same key.
const COUNTERS_BACK: u64 = 20;
/// How many minutes a pad's clock may be away from where we expect it.
const STEPS_AWAY: i8 = 2;

/// What the server keeps of a pad. Serialised it holds K: whoever stores it must seal it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PadState {
    keys: Keys,
    suites: Suites,
    /// Lowest counter that has not been accepted yet.
    next_counter: u64,
    /// Minutes by which the pad's clock is ahead, learnt from right answers only.
    clock_offset: i8,
}

/// What an answer turns out to be.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one per answer, moved once")]
pub enum Verdict {
    /// Right; the new state must be stored in place of the old one before anybody learns of it.
    Accepted(PadState),
    /// Not right, for whatever reason.
    Wrong,
    /// Right for a counter that lies behind: two devices hold one key. Never accepted.
    Clone,
}

impl PadState {
    /// A pad that has not answered yet.
    pub fn new(keys: Keys, suites: Suites) -> Self {
        Self { keys, suites, next_counter: 0, clock_offset: 0 }
    }

    /// Suites agreed at activation.
    pub fn suites(&self) -> &Suites {
        &self.suites
    }

    /// Counter from which on answers are accepted.
    pub fn next_counter(&self) -> u64 {
        self.next_counter
    }

    /// Judges what was typed as the answer to `question` at `unix_seconds`.
    ///
    /// Looks at every (counter, minute) of a window whether or not one has matched already, and compares in constant
    /// time; counters that lie behind are looked at only when the answer is not right. An accepted counter moves the window past itself, so each (counter, minute) is accepted once if
    /// the caller replaces the state by compare-and-set.
    ///
    /// # Errors
    /// If the question does not fit the suites agreed at activation, such as a challenge of another length.
    pub fn judge(&self, question: &Question, typed: &str, unix_seconds: u64) -> Result<Verdict, OcraError> {
        let prepared = question.prepare(&self.suites, &self.keys)?;
        let answer = typed::digits(typed).unwrap_or_default();
        let minute = (unix_seconds / STEP_SECONDS).saturating_add_signed(self.clock_offset.into());
        if answer.len() != prepared.suite().digits() as usize {
            return Ok(Verdict::Wrong);
        }
        let search = |first, count| search(&prepared, answer.as_bytes(), first, count, minute);
        let accepted = search(self.next_counter, COUNTERS_AHEAD + 1)?;
        if bool::from(accepted.hit()) {
            return Ok(Verdict::Accepted(self.after(&accepted)));
        }
        let back = self.next_counter.min(COUNTERS_BACK);
        let behind = search(self.next_counter - back, back)?;
        Ok(if bool::from(behind.hit()) { Verdict::Clone } else { Verdict::Wrong })
    }

    fn after(&self, accepted: &Match) -> Self {
        Self {
            next_counter: accepted.counter.wrapping_add(1),
            clock_offset: self.clock_offset.saturating_add(accepted.drift).clamp(-STEPS_AWAY, STEPS_AWAY),
            ..self.clone()
        }
    }
}

/// Compares with every candidate of a window. What it takes does not depend on which of them matches.
fn search(question: &Prepared<'_>, answer: &[u8], first: u64, count: u64, minute: u64) -> Result<Match, OcraError> {
    let mut found = Match::default();
    for counter in (0..count).map(|distance| first.wrapping_add(distance)) {
        for drift in -STEPS_AWAY..=STEPS_AWAY {
            let candidate = question.answer(counter, minute.saturating_add_signed(drift.into()))?;
            found.note(candidate.as_bytes().ct_eq(answer), counter, drift);
        }
    }
    Ok(found)
}

/// First candidate that matched.
#[derive(Default)]
struct Match {
    hit: u8,
    counter: u64,
    drift: i8,
}

impl Match {
    fn hit(&self) -> Choice {
        Choice::from(self.hit)
    }

    fn note(&mut self, equal: Choice, counter: u64, drift: i8) {
        let first = equal & !self.hit();
        self.counter.conditional_assign(&counter, first);
        self.drift.conditional_assign(&drift, first);
        self.hit |= equal.unwrap_u8();
    }
}
