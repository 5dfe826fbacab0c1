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
/// How many times as many failures an address block may have as an e-mail address: several people may share it.
const SHARED_BY: u32 = 3;

/// Who has answered, as far as is known. Names are counted beside addresses, so that nobody finds out by the counts which
/// belong together; what the enrolment counts itself is one for both.
#[derive(Clone, Copy)]
pub(super) enum Who<'a> {
    /// By the address that was typed.
    At(&'a str),
    /// By the name that the answer gives.
    Named(&'a str),
}

impl Visitor<'_> {
    fn email_key(&self, email: &str) -> String {
        self.app.seal.hash("limits", &canonical_email(email))
    }

    fn name_key(&self, name: &str) -> String {
        self.app.seal.hash("limits", name)
    }

    /// Remembers a wrong answer.
    pub(super) fn note_failure(&self, who: Who<'_>) {
        let (limits, now) = (&self.app.limits, self.app.clock.now());
        let most = self.app.config.limits.failures_until_check;
        match who {
            Who::At(email) => limits.allow("failures-email", &self.email_key(email), MEMORY, most, now),
            Who::Named(name) => limits.allow("failures-name", &self.name_key(name), MEMORY, most, now),
        };
        limits.allow("failures-block", &self.block, MEMORY, most.saturating_mul(SHARED_BY), now);
    }

    /// Whether whoever is there, or the address that they ask for, has failed so often that a robot is likely.
    pub(super) fn is_suspicious(&self, email: &str) -> bool {
        let (limits, now) = (&self.app.limits, self.app.clock.now());
        let most = self.app.config.limits.failures_until_check;
        limits.is_used_up("failures-email", &self.email_key(email), MEMORY, most, now) || self.comes_from_suspicion()
    }

    /// Whether answers in this name have failed so often.
    pub(super) fn is_suspicious_name(&self, name: &str) -> bool {
        let (limits, now) = (&self.app.limits, self.app.clock.now());
        let most = self.app.config.limits.failures_until_check;
        limits.is_used_up("failures-name", &self.name_key(name), MEMORY, most, now)
    }

    /// Counts an offer to sign in without an address, which asks a plugin; false when there were too many.
    pub(super) fn may_offer(&self) -> bool {
        let most = self.app.config.limits.challenges_per_minute;
        self.app.limits.allow("nameless", &self.block, MINUTE, most, self.app.clock.now())
    }

    /// The same of where whoever is there comes from, as long as it is not known whom they ask for.
    pub(super) fn comes_from_suspicion(&self) -> bool {
        let most = self.app.config.limits.failures_until_check.saturating_mul(SHARED_BY);
        self.app.limits.is_used_up("failures-block", &self.block, MEMORY, most, self.app.clock.now())
    }

    /// Counts a challenge that is about to be shown; false when there were too many.
    pub(super) fn may_ask(&self, visit: &Visit, email: &str) -> bool {
        self.may_ask_for(visit, "challenges-email", &self.email_key(email))
    }

    /// The same for an answer in somebody's name, who was not asked for by an address.
    pub(super) fn may_claim(&self, visit: &Visit, name: &str) -> bool {
        self.may_ask_for(visit, "challenges-name", &self.name_key(name))
    }

    fn may_ask_for(&self, visit: &Visit, whose: &'static str, key: &str) -> bool {
        let (limits, now) = (&self.app.limits, self.app.clock.now());
        let most = &self.app.config.limits;
        limits.allow(whose, key, MINUTE, most.email_challenges_per_minute, now)
            && limits.allow(
                "challenges-client",
                &visit.request.client_id,
                MINUTE,
                most.client_challenges_per_minute,
                now,
            )
    }
}
