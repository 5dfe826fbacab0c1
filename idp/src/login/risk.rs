//! Risk: what is unusual about somebody who proves themselves, and what follows from it. Pure, so that every rule is a row
//! in a test.
//!
//! What decides is asked after a right answer ([`after`]), when all signals are known. Before it, nobody may learn anything
//! about an account: what is asked of whoever names an address then rests on failures, which are counted alike for any
//! address, and on whether this browser has ever proven that account ([`device`]), which only its cookie tells. That look
//! only saves the person an answer that would not do; it refuses nobody.

use plugin_api::message::Manifest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acr;

pub mod after;
pub mod device;
pub mod place;
mod told;

/// Something unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The account was never used in this browser.
    NewDevice,
    /// The account was never used at this place.
    NewPlace,
    /// Nobody gets here so fast from where the account was used last.
    ImpossibleTravel,
    /// There were many wrong answers of late, for this address or from this network.
    Failures,
}

impl Signal {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::NewDevice, Self::NewPlace, Self::ImpossibleTravel, Self::Failures];

    /// Its name in the policy, in the log and in keys of texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewDevice => "new_device",
            Self::NewPlace => "new_place",
            Self::ImpossibleTravel => "impossible_travel",
            Self::Failures => "failures",
        }
    }

    /// Whether it tells something about where somebody is.
    pub fn is_of_a_place(self) -> bool {
        matches!(self, Self::NewPlace | Self::ImpossibleTravel)
    }
}

/// What makes a place a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewPlaceBy {
    /// Another country than any before.
    #[default]
    Country,
    /// Farther than `new_place_km` from any before.
    Distance,
}

/// What follows from each signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The account was never used in this browser. By default its owner gets a notice. The first one that it is ever used in
    /// is not new.
    pub new_device: Rule,
    /// The account was never used at this place. The first one is not new. Needs an address database (`places.database`).
    pub new_place: Rule,
    /// Nobody gets here so fast from where the account was used last. Needs an address database with coordinates.
    pub impossible_travel: Rule,
    /// As many wrong answers as bring a bot check (`limits.failures_until_check`).
    pub failures: Rule,
    /// What makes a place a new one.
    pub new_place_by: NewPlaceBy,
    /// Places so near to one another count as one, in kilometres, where a place is new by its distance; without coordinates
    /// the country counts.
    #[schemars(range(min = 1, max = 20_000))]
    pub new_place_km: u16,
    /// How fast somebody may travel, in kilometres an hour.
    #[schemars(range(min = 1, max = 30_000))]
    pub travel_kmh: u16,
    /// What is no farther is never too far, in kilometres.
    #[schemars(range(min = 1, max = 20_000))]
    pub travel_km: u16,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            new_device: Rule { notify: true, ..Rule::default() },
            new_place: Rule::default(),
            impossible_travel: Rule::default(),
            failures: Rule::default(),
            new_place_by: NewPlaceBy::default(),
            new_place_km: 100,
            travel_kmh: 1000,
            travel_km: 500,
        }
    }
}

/// What follows from one signal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The account's owner is told of the proof.
    pub notify: bool,
    /// Lowest level that will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = acr::LADDER))]
    pub acr: Option<String>,
    /// What becomes of somebody whose methods do not reach that level.
    pub otherwise: Otherwise,
    /// Nothing that is proven will do, whatever its level.
    pub refuse: bool,
}

/// What becomes of somebody who cannot prove more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// They are let in, and the account's owner is told.
    #[default]
    Notify,
    /// They are not let in.
    Refuse,
}

/// What follows from all signals together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'r> {
    /// It will do.
    Accept {
        /// The owner is told.
        notify: bool,
    },
    /// Another method of the account would do.
    More {
        /// Lowest level that does.
        acr: &'r str,
        /// The signal that asks for it.
        why: Signal,
    },
    /// Nothing that the account has would do.
    Refuse {
        /// The signal that is in the way.
        why: Signal,
    },
}

impl Rules {
    fn of(&self, signal: Signal) -> &Rule {
        match signal {
            Signal::NewDevice => &self.new_device,
            Signal::NewPlace => &self.new_place,
            Signal::ImpossibleTravel => &self.impossible_travel,
            Signal::Failures => &self.failures,
        }
    }

    /// What has a surprising effect, or none, with these factors running, and with or without an address database; one sentence
    /// each.
    pub(super) fn doubts(&self, running: &[Manifest], has_places: bool) -> Vec<String> {
        let declared = running.iter().map(|manifest| manifest.acr.as_deref().unwrap_or(acr::MAILBOX));
        let best = acr::highest(declared);
        let mut doubts = Vec::new();
        for signal in Signal::ALL {
            let (name, rule) = (signal.name(), self.of(signal));
            if let Some(acr) = rule.acr.as_deref().filter(|acr| !running.is_empty() && !acr::satisfies(best, acr)) {
                doubts.push(format!("risk.{name} asks for {acr}, which no factor that runs can prove"));
            }
            if rule.refuse && signal == Signal::NewDevice {
                doubts.push(format!("risk.{name} lets nobody use another browser than their first"));
            }
            if rule.refuse && signal == Signal::NewPlace {
                doubts.push(format!("risk.{name} lets nobody in from anywhere but their first place"));
            }
            if signal.is_of_a_place() && !has_places && *rule != Rule::default() {
                doubts.push(format!("risk.{name} has no effect: places.database names no file"));
            }
        }
        doubts
    }

    /// Whether it matters what else than `proven` an account could prove.
    pub fn ask_more(&self, signals: &[Signal], proven: &str) -> bool {
        signals.iter().any(|signal| self.of(*signal).exceeds(proven).is_some())
    }

    /// Decides about something proven at the level `proven`, of an account whose methods reach the level `best`.
    pub fn decide(&self, signals: &[Signal], proven: &str, best: &str) -> Decision<'_> {
        let (mut notify, mut more) = (false, None);
        for why in signals.iter().copied() {
            let rule = self.of(why);
            notify |= rule.notify;
            if rule.refuse {
                return Decision::Refuse { why };
            }
            let Some(acr) = rule.exceeds(proven) else { continue };
            if acr::satisfies(best, acr) {
                if more.is_none_or(|(level, _)| !acr::satisfies(level, acr)) {
                    more = Some((acr, why));
                }
            } else if rule.otherwise == Otherwise::Refuse {
                return Decision::Refuse { why };
            } else {
                notify = true;
            }
        }
        more.map_or(Decision::Accept { notify }, |(acr, why)| Decision::More { acr, why })
    }
}

impl Rule {
    /// The level that is asked for, if `proven` does not reach it.
    fn exceeds(&self, proven: &str) -> Option<&str> {
        self.acr.as_deref().filter(|acr| !acr::satisfies(proven, acr))
    }
}

/// What a visit was raised to, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Lowest level that will do; `None` when nothing will.
    pub least: Option<String>,
    /// The signal that it is for.
    pub why: Signal,
    /// Something was proven, and did not do: this holds to the end of the visit.
    pub after_a_proof: bool,
    /// The network address of that proof, where the signal is about the place.
    #[serde(default)]
    pub address: Option<String>,
}

impl Raised {
    /// Whether something proven at this level will do.
    pub fn takes(&self, level: &str) -> bool {
        self.least.as_ref().is_some_and(|least| acr::satisfies(level, least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::acr::{MAILBOX, POSSESSION};

    const ALL: [Signal; 4] = Signal::ALL;
    const TWO: [Signal; 2] = [Signal::NewDevice, Signal::Failures];
    const YES: Decision<'_> = Decision::Accept { notify: false };
    const TOLD: Decision<'_> = Decision::Accept { notify: true };

    fn more(acr: &str, why: Signal) -> Decision<'_> {
        Decision::More { acr, why }
    }

    fn refuse(why: Signal) -> Decision<'static> {
        Decision::Refuse { why }
    }

    fn raise(acr: &str, otherwise: Otherwise) -> Rule {
        Rule { acr: Some(acr.to_owned()), otherwise, ..Rule::default() }
    }

    #[test]
    fn by_default_a_new_device_is_told_of_and_nothing_more_is_asked() {
        let rules = Rules::default();
        for level in acr::LADDER {
            for best in acr::LADDER {
                let decide = |signals: &[Signal]| rules.decide(signals, level, best);
                assert_eq!(decide(&[]), YES);
                for quiet in [Signal::NewPlace, Signal::ImpossibleTravel, Signal::Failures] {
                    assert_eq!(decide(&[quiet]), YES);
                }
                assert_eq!(decide(&[Signal::NewDevice]), TOLD);
                assert_eq!(decide(&ALL), TOLD);
                assert!(!rules.ask_more(&ALL, level));
            }
        }
    }

    #[test]
    fn a_signal_raises_what_is_asked_of_whoever_can_prove_it() {
        use Signal::{Failures, NewDevice};
        for otherwise in [Otherwise::Notify, Otherwise::Refuse] {
            let unreached = if otherwise == Otherwise::Refuse { refuse(NewDevice) } else { TOLD };
            let rules = Rules { new_device: raise("phr", otherwise), ..Rules::default() };
            for (signals, proven, best, expected) in [
                (&[][..], MAILBOX, "phr", YES),
                (&[Failures], MAILBOX, "phr", YES),
                (&[NewDevice], "phr", "phr", YES),
                (&[NewDevice], "phrh", "phrh", YES),
                (&[NewDevice], MAILBOX, "phr", more("phr", NewDevice)),
                (&[NewDevice], POSSESSION, "phrh", more("phr", NewDevice)),
                (&[NewDevice], POSSESSION, POSSESSION, unreached),
                (&[NewDevice], MAILBOX, POSSESSION, unreached),
                // A level beside the ladder proves none on it.
                (&[NewDevice], acr::PAYMENT, POSSESSION, unreached),
            ] {
                assert_eq!(rules.decide(signals, proven, best), expected, "{signals:?} {proven} {best} {otherwise:?}");
                let unsettled = signals.contains(&NewDevice) && !acr::satisfies(proven, "phr");
                assert_eq!(rules.ask_more(signals, proven), unsettled, "{signals:?} {proven}");
            }
        }
    }

    #[test]
    fn of_several_signals_the_strictest_counts() {
        use Signal::{Failures, NewDevice};
        let rules = |new_device: Rule, failures: Rule| Rules { new_device, failures, ..Rules::default() };
        let (notify, refusing) = (Otherwise::Notify, Otherwise::Refuse);
        let outright = Rule { refuse: true, ..Rule::default() };
        for (rules, proven, best, expected) in [
            (rules(raise(POSSESSION, notify), raise("phr", notify)), MAILBOX, "phr", more("phr", Failures)),
            (rules(raise("phr", notify), raise(POSSESSION, notify)), MAILBOX, "phr", more("phr", NewDevice)),
            // What can be reached is asked for, and what cannot is only told of.
            (rules(raise(POSSESSION, notify), raise("phr", notify)), MAILBOX, POSSESSION, more(POSSESSION, NewDevice)),
            (rules(raise(POSSESSION, notify), raise("phr", notify)), POSSESSION, POSSESSION, TOLD),
            (rules(raise(POSSESSION, notify), raise("phr", refusing)), MAILBOX, POSSESSION, refuse(Failures)),
            // A stronger demand that is waived does not waive the weaker one that is not.
            (rules(raise(POSSESSION, refusing), raise("phr", notify)), MAILBOX, MAILBOX, refuse(NewDevice)),
            (rules(raise("phr", notify), outright.clone()), MAILBOX, "phrh", refuse(Failures)),
            (rules(outright.clone(), Rule::default()), "phrh", "phrh", refuse(NewDevice)),
        ] {
            assert_eq!(rules.decide(&TWO, proven, best), expected, "{rules:?} {proven} {best}");
        }
    }

    #[test]
    fn surprising_rules_are_doubted() {
        let pad = Manifest::factor("pad", "1.0.0").acr(POSSESSION);
        let outright = Rule { refuse: true, ..Rule::default() };
        for (new_device, failures, words) in [
            (Rule::default(), Rule::default(), None),
            (raise(POSSESSION, Otherwise::Refuse), outright.clone(), None),
            (raise("phr", Otherwise::Notify), Rule::default(), Some("no factor that runs can prove")),
            (outright, Rule::default(), Some("another browser than their first")),
        ] {
            let doubts = Rules { new_device, failures, ..Rules::default() }.doubts(std::slice::from_ref(&pad), false);
            assert_eq!(doubts.len(), usize::from(words.is_some()), "{doubts:?}");
            assert!(words.is_none_or(|words| doubts[0].contains(words)), "{doubts:?}");
        }
        let place = |rule: Rule| Rules { impossible_travel: rule.clone(), new_place: rule, ..Rules::default() };
        let (raised, refused) =
            (place(raise(POSSESSION, Otherwise::Notify)), place(Rule { refuse: true, ..Rule::default() }));
        for (rules, has_places, count) in
            [(&raised, true, 0), (&raised, false, 2), (&refused, true, 1), (&refused, false, 3)]
        {
            assert_eq!(rules.doubts(std::slice::from_ref(&pad), has_places).len(), count, "{rules:?} {has_places}");
        }
    }

    #[test]
    fn what_a_visit_was_raised_to_holds() {
        let raised = |least: Option<&str>| Raised {
            least: least.map(str::to_owned),
            why: Signal::NewDevice,
            after_a_proof: true,
            address: None,
        };
        for (least, level, takes) in [
            (Some(POSSESSION), MAILBOX, false),
            (Some(POSSESSION), POSSESSION, true),
            (Some(POSSESSION), "phrh", true),
            (Some("phr"), POSSESSION, false),
            (None, "phrh", false),
        ] {
            assert_eq!(raised(least).takes(level), takes, "{least:?} {level}");
        }
    }
}
