//! When a person has to show that they are one, and when even a person has to wait.
//!
//! These counts live in memory and slow abuse down; the budgets that safety rests on are the enrolment's own. Known and
//! unknown addresses are counted alike.

use super::{Visit, Visitor};
use crate::{
    clock::{MINUTE, Millis},
    store::account::canonical_email,
};

/// Over what time failures are remembered.
const MEMORY: Millis = 15 * MINUTE;
/// Failures at one e-mail address after which a new visit begins with a sum.
const FAILURES_OF_EMAIL: u32 = 5;
/// Failures from one address block after which a new visit begins with a sum.
const FAILURES_OF_BLOCK: u32 = 15;

impl Visitor<'_> {
    fn email_key(&self, email: &str) -> String {
        self.app.seal.hash("limits", &canonical_email(email))
    }

    /// Remembers a wrong answer.
    pub(super) fn note_failure(&self, email: &str) {
        let (limits, now) = (&self.app.limits, self.app.clock.now());
        limits.allow("failures-email", &self.email_key(email), MEMORY, FAILURES_OF_EMAIL, now);
        limits.allow("failures-block", &self.block, MEMORY, FAILURES_OF_BLOCK, now);
    }

    /// Whether whoever is there, or the address that they ask for, has failed so often that a robot is likely.
    pub(super) fn is_suspicious(&self, email: &str) -> bool {
        let (limits, now) = (&self.app.limits, self.app.clock.now());
        limits.is_used_up("failures-email", &self.email_key(email), MEMORY, FAILURES_OF_EMAIL, now)
            || limits.is_used_up("failures-block", &self.block, MEMORY, FAILURES_OF_BLOCK, now)
    }

    /// Counts a challenge that is about to be shown; false when there were too many.
    pub(super) fn may_ask(&self, visit: &Visit, email: &str) -> bool {
        let (limits, now) = (&self.app.limits, self.app.clock.now());
        let most = &self.app.config.limits;
        limits.allow("challenges-email", &self.email_key(email), MINUTE, most.email_challenges_per_minute, now)
            && limits.allow(
                "challenges-client",
                &visit.request.client_id,
                MINUTE,
                most.client_challenges_per_minute,
                now,
            )
    }
}
