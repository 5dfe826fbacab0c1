//! Assurance levels: an ordered ladder, and one value beside it for payments.

/// Proven by a mailbox.
pub const MAILBOX: &str = "urn:enum:acr:1";
/// Proven by possession: pad, SMS.
pub const POSSESSION: &str = "urn:enum:acr:2";
/// Bound to one transaction; never earned by a login.
pub const PAYMENT: &str = "urn:enum:acr:payment";

/// Weakest first. `phr` and `phrh` are phishing-resistant as OpenID EAP ACR Values defines them.
pub const LADDER: [&str; 4] = [MAILBOX, POSSESSION, "phr", "phrh"];

/// All values that discovery names.
pub const SUPPORTED: [&str; 5] = [MAILBOX, POSSESSION, "phr", "phrh", PAYMENT];

/// The strongest of `levels`; the weakest there is when none of them is on the ladder.
pub fn highest<'a>(levels: impl IntoIterator<Item = &'a str>) -> &'static str {
    levels.into_iter().filter_map(rung).max().map_or(MAILBOX, |rung| LADDER[rung])
}

/// The weakest of `levels`; the weakest there is when none of them is on the ladder.
pub fn lowest<'a>(levels: impl IntoIterator<Item = &'a str>) -> &'static str {
    levels.into_iter().filter_map(rung).min().map_or(MAILBOX, |rung| LADDER[rung])
}

fn rung(acr: &str) -> Option<usize> {
    LADDER.iter().position(|step| *step == acr)
}

/// Whether something proven at `have` answers a request for `want`: a stronger level satisfies a weaker one.
pub fn satisfies(have: &str, want: &str) -> bool {
    match (rung(have), rung(want)) {
        (Some(have), Some(want)) => have >= want,
        _ => have == want,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stronger_satisfies_weaker_and_never_the_reverse() {
        for (low, weaker) in LADDER.iter().enumerate() {
            for (high, stronger) in LADDER.iter().enumerate() {
                assert_eq!(satisfies(stronger, weaker), high >= low, "{stronger} for {weaker}");
            }
        }
    }

    #[test]
    fn the_highest_and_the_lowest_are_taken_from_the_ladder_alone() {
        assert_eq!(highest([]), MAILBOX);
        assert_eq!(highest([POSSESSION, MAILBOX]), POSSESSION);
        assert_eq!(highest(["phr", PAYMENT, "urn:unknown"]), "phr");
        assert_eq!(lowest([]), MAILBOX);
        assert_eq!(lowest(["phr", PAYMENT, POSSESSION]), POSSESSION);
    }

    #[test]
    fn a_payment_stands_beside_the_ladder() {
        for level in LADDER {
            assert!(!satisfies(level, PAYMENT));
            assert!(!satisfies(PAYMENT, level));
        }
        assert!(satisfies(PAYMENT, PAYMENT));
        assert!(!satisfies(POSSESSION, "urn:unknown"));
    }
}
