//! Policy: which factors may be used for what, which level they prove, and what each relying party wants at least. Pure,
//! so that every rule is a row in a test.
//!
//! The document is an administrator's ([`kept`]); it only ever takes away from what manifests declare. One that says
//! nothing leaves every factor as its manifest describes it.

use std::collections::BTreeMap;

use plugin_api::message::{Manifest, Purpose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{acr, interaction::Demand, risk};

pub mod kept;
mod written;

pub use written::BadPolicy;

/// The document. Unknown members are errors: a misspelt rule must not be a missing rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// By the factor's id. One that is not named may do what its manifest says.
    pub factors: BTreeMap<String, FactorRule>,
    /// By `client_id`. One that is not named gets whatever factors prove.
    pub clients: BTreeMap<String, ClientRule>,
    /// Whether a factor whose answers are not bound to the transaction (`unbound` in its manifest) may confirm payments.
    pub unbound_payments: bool,
    /// What follows when something about a proof is unusual.
    pub risk: risk::Rules,
}

/// What one factor may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FactorRule {
    /// Nobody is asked by it, and what it has proven counts no more.
    pub off: bool,
    /// Purposes that it may be used for; all of its manifest's when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purposes: Option<Vec<Purpose>>,
    /// Highest level that it proves, one of the ladder; its manifest's when left out or higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = acr::LADDER))]
    pub acr: Option<String>,
}

/// What one relying party wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientRule {
    /// Lowest level that will do, whatever it asks for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = acr::LADDER))]
    pub acr: Option<String>,
    /// Ids of the factors that may sign people in; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorize: Option<Vec<String>>,
    /// Ids of the factors that may confirm payments; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<Vec<String>>,
    /// As `unbound_payments` of the whole document, for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unbound_payments: Option<bool>,
}

/// Something that was proven in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Level that it proved then.
    pub acr: String,
    /// By which factor; unknown of sessions that an older release has opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// When.
    pub at: crate::clock::Millis,
}

impl Policy {
    /// Whether this is a factor for such a purpose at all: by its manifest, and by what may confirm payments. Whoever has
    /// only others is treated as somebody who has none.
    pub fn serves(&self, manifest: &Manifest, client: &str, purpose: Purpose) -> bool {
        manifest.purposes.contains(&purpose)
            && (purpose == Purpose::Authorize || !manifest.unbound || self.takes_unbound(client))
    }

    /// The `acr` that a right answer earns where this is demanded, at best: enrolments of one factor may be worth more or less.
    /// `None` when the factor may not be asked. It does not hang on who is asked, so that nobody can be told from nobody.
    pub fn earns(&self, manifest: &Manifest, demand: &Demand) -> Option<String> {
        self.earned(manifest, most(manifest), demand)
    }

    /// The `acr` that a right answer by an enrolment that claims to be worth `claimed` earns where this is demanded. `None` when
    /// that is not enough, or when the factor may not be asked.
    pub fn proves(&self, manifest: &Manifest, claimed: Option<&str>, demand: &Demand) -> Option<String> {
        self.earned(manifest, worth(manifest, claimed), demand)
    }

    fn earned(&self, manifest: &Manifest, declared: &str, demand: &Demand) -> Option<String> {
        let purpose = demand.purpose();
        if !demand.is_shown_by(manifest) {
            return None;
        }
        let level = self.allowed(manifest, declared, &demand.client_id, purpose).filter(|level| demand.takes(level))?;
        if purpose == Purpose::Payment && !manifest.unbound {
            return Some(acr::PAYMENT.to_owned());
        }
        let essential = demand.acr_essential && !demand.acr_values.is_empty();
        let wanted = !essential || demand.acr_values.iter().any(|wanted| acr::satisfies(level, wanted));
        wanted.then(|| level.to_owned())
    }

    /// The level on the ladder that a right answer by an enrolment that claims to be worth `claimed` proves to this relying
    /// party; `None` when the factor may not be asked.
    pub fn level<'p>(
        &'p self,
        manifest: &'p Manifest,
        claimed: Option<&'p str>,
        client: &str,
        purpose: Purpose,
    ) -> Option<&'p str> {
        self.allowed(manifest, worth(manifest, claimed), client, purpose)
    }

    /// The same of the best enrolment that there can be, whoever is asked.
    pub fn level_at_best<'p>(&'p self, manifest: &'p Manifest, client: &str, purpose: Purpose) -> Option<&'p str> {
        self.allowed(manifest, most(manifest), client, purpose)
    }

    fn allowed<'p>(
        &'p self,
        manifest: &Manifest,
        declared: &'p str,
        client: &str,
        purpose: Purpose,
    ) -> Option<&'p str> {
        if !self.serves(manifest, client, purpose) || !self.allows(&manifest.id, client, purpose) {
            return None;
        }
        let level = self.capped(declared, &manifest.id);
        self.suffices(level, client).then_some(level)
    }

    /// The level that something proven before stands for today, towards this relying party. What was lowered or switched
    /// off since counts as that; what was raised since does not count as more.
    pub fn still_proves<'p>(&'p self, proof: &'p Proof, client: &str) -> Option<&'p str> {
        let level = match &proof.factor {
            Some(factor) if self.allows(factor, client, Purpose::Authorize) => self.capped(&proof.acr, factor),
            // Nobody knows whether a rule about factors is about this one.
            None if self.factors.is_empty() && self.client(client).is_none_or(|rule| rule.authorize.is_none()) => {
                &proof.acr
            }
            _ => return None,
        };
        self.suffices(level, client).then_some(level)
    }

    /// Values of `acr` that can be reached with factors of these manifests, weakest first. What only some enrolments of a factor
    /// may be worth is among them where the factor's rule names a level: nobody but the administrator knows whether there
    /// are such.
    pub fn reachable<'m>(&self, manifests: impl Iterator<Item = &'m Manifest>) -> Vec<&'static str> {
        let (mut rungs, mut bound) = (0, false);
        for manifest in manifests {
            let may = |purpose| {
                manifest.purposes.contains(&purpose)
                    && self.factors.get(&manifest.id).is_none_or(|rule| rule.allows(purpose))
            };
            if may(Purpose::Authorize) {
                let is_named = self.factors.get(&manifest.id).is_some_and(|rule| rule.acr.is_some());
                let declared = if is_named { most(manifest) } else { worth(manifest, None) };
                let level = self.capped(declared, &manifest.id);
                rungs = rungs.max(acr::LADDER.iter().filter(|rung| acr::satisfies(level, rung)).count());
            }
            bound |= may(Purpose::Payment) && !manifest.unbound;
        }
        acr::LADDER[..rungs].iter().copied().chain(bound.then_some(acr::PAYMENT)).collect()
    }

    fn client(&self, id: &str) -> Option<&ClientRule> {
        self.clients.get(id)
    }

    fn takes_unbound(&self, client: &str) -> bool {
        self.client(client).and_then(|rule| rule.unbound_payments).unwrap_or(self.unbound_payments)
    }

    fn allows(&self, factor: &str, client: &str, purpose: Purpose) -> bool {
        let listed = self.client(client).and_then(|rule| match purpose {
            Purpose::Authorize => rule.authorize.as_ref(),
            Purpose::Payment => rule.payment.as_ref(),
        });
        self.factors.get(factor).is_none_or(|rule| rule.allows(purpose))
            && listed.is_none_or(|listed| listed.iter().any(|id| id == factor))
    }

    /// The weaker of what a factor claims and what it may claim. A claim beside the ladder, such as the one that only a
    /// payment earns, is worth its lowest rung.
    fn capped<'p>(&'p self, claimed: &'p str, factor: &str) -> &'p str {
        let claimed = if acr::LADDER.contains(&claimed) { claimed } else { acr::MAILBOX };
        let cap = self.factors.get(factor).and_then(|rule| rule.acr.as_deref());
        cap.filter(|cap| acr::satisfies(claimed, cap)).unwrap_or(claimed)
    }

    fn suffices(&self, level: &str, client: &str) -> bool {
        let least = self.client(client).and_then(|rule| rule.acr.as_deref());
        least.is_none_or(|least| acr::satisfies(level, least))
    }
}

/// What an enrolment is worth that claims `claimed`, by its factor's manifest: what that says of all if it claims nothing,
/// or nothing of the ladder; never more than the manifest allows one.
fn worth<'m>(manifest: &'m Manifest, claimed: Option<&'m str>) -> &'m str {
    let usual = manifest.acr.as_deref().unwrap_or(acr::MAILBOX);
    let Some(claimed) = claimed.filter(|claimed| acr::LADDER.contains(claimed)) else { return usual };
    if acr::satisfies(most(manifest), claimed) { claimed } else { most(manifest) }
}

/// The most that any enrolment of a factor is worth.
fn most(manifest: &Manifest) -> &str {
    let usual = manifest.acr.as_deref().unwrap_or(acr::MAILBOX);
    manifest.acr_most.as_deref().filter(|most| acr::satisfies(most, usual)).unwrap_or(usual)
}

impl FactorRule {
    fn allows(&self, purpose: Purpose) -> bool {
        !self.off && self.purposes.as_ref().is_none_or(|purposes| purposes.contains(&purpose))
    }
}

#[cfg(test)]
mod tests;
