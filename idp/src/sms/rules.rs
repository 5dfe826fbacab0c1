//! Whether one more message may be sent: pure, over what is known of its number and what was counted.

use super::{number::Number, settings::Guard};
use crate::{
    clock::{DAY, MINUTE, Millis},
    store::sms_guard::Model as Prefix,
};

/// Why a message is held back: for the log and the numbers of operators, never for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Number,
    Country,
    Type,
    /// One of the limits, by its name.
    Limit(&'static str),
    /// Too few of the codes that were sent to the prefix were used.
    Unused,
}

impl Reason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Country => "country",
            Self::Type => "type",
            Self::Limit(name) => name,
            Self::Unused => "unused",
        }
    }

    /// Whether only an address with an account meets it, since it lies in the account's number.
    pub(super) fn is_of_number(self) -> bool {
        match self {
            Self::Number | Self::Country | Self::Type | Self::Unused => true,
            Self::Limit(name) => is_of_number(name),
        }
    }
}

/// Whether a limit counts what goes to a number or to those beside it, or depends on what messages to it cost.
fn is_of_number(limit: &str) -> bool {
    ["number_", "prefix_", "spend_"].iter().any(|start| limit.starts_with(start))
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Sent; the prefix' state changes to this one first, if there is one.
    Send(Option<Prefix>),
    Hold(Reason),
    /// Held back, and the prefix is closed for a while.
    Close(Prefix),
}

/// One limit: its name, what was counted, and what may be.
pub(super) type Counted = (&'static str, i32, u32);

/// What holds for addresses with and without an account comes first: behind a reason that lies in the number it would tell
/// one from the other.
pub(super) fn decide(
    guard: &Guard,
    number: Option<&Number>,
    counted: &[Counted],
    prefix: Option<&Prefix>,
    now: Millis,
) -> Decision {
    let is_reached = |(_, sent, most): &&Counted| *most > 0 && i64::from(*sent) >= i64::from(*most);
    let reached =
        |of_number: bool| counted.iter().filter(move |(name, ..)| is_of_number(name) == of_number).find(is_reached);
    if let Some((name, ..)) = reached(false) {
        return Decision::Hold(Reason::Limit(name));
    }
    let Some(number) = number else { return Decision::Hold(Reason::Number) };
    let is_listed = |list: &[String], what: &str| list.iter().any(|item| item.eq_ignore_ascii_case(what));
    let country = number.country.as_deref().unwrap_or_default();
    if !guard.countries.is_empty() && !is_listed(&guard.countries, country) {
        return Decision::Hold(Reason::Country);
    }
    if !is_listed(&guard.types, number.kind) {
        return Decision::Hold(Reason::Type);
    }
    if let Some((name, ..)) = reached(true) {
        return Decision::Hold(Reason::Limit(name));
    }
    prefix.map_or(Decision::Send(None), |prefix| judge(guard, prefix, now))
}

/// As for a number that nothing speaks against: what is decided of an address without an account.
pub(super) fn decide_of_nobody(guard: &Guard, counted: &[Counted], now: Millis) -> Decision {
    let number = Number { country: guard.countries.first().cloned(), kind: "mobile" };
    let guard = Guard { types: vec![number.kind.to_owned()], ..guard.clone() };
    decide(&guard, Some(&number), counted, None, now)
}

/// Whether the codes that went to a prefix come back.
fn judge(guard: &Guard, prefix: &Prefix, now: Millis) -> Decision {
    let (sent, used) = (i64::from(prefix.sent), i64::from(prefix.used));
    let anew = || Prefix { sent: 0, used: 0, since: now, open_until: None, ..prefix.clone() };
    let close = || {
        let until = now + i64::from(guard.open_minutes) * MINUTE;
        Decision::Close(Prefix { open_until: Some(until), ..anew() })
    };
    match prefix.open_until {
        Some(until) if now < until => Decision::Hold(Reason::Unused),
        // On trial: a few are sent to see whether they come back.
        Some(_) if used > 0 && used * 2 >= i64::from(guard.trial) => Decision::Send(Some(anew())),
        Some(_) if sent < i64::from(guard.trial) => Decision::Send(None),
        Some(_) => close(),
        None if guard.least_sample > 0
            && sent >= i64::from(guard.least_sample)
            && used * 100 < sent * i64::from(guard.least_used_percent) =>
        {
            close()
        }
        None if now - prefix.since >= DAY => Decision::Send(Some(anew())),
        None => Decision::Send(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 100 * DAY;

    fn vietnamese() -> Number {
        Number { country: Some("VN".to_owned()), kind: "mobile" }
    }

    fn prefix(sent: i32, used: i32) -> Prefix {
        Prefix { prefix: "+8491234".to_owned(), sent, used, since: NOW - 1, open_until: None, version: 3 }
    }

    fn decision(guard: &Guard, prefix: &Prefix) -> Decision {
        decide(guard, Some(&vietnamese()), &[], Some(prefix), NOW)
    }

    #[test]
    fn numbers_of_other_countries_and_types_get_nothing() {
        let only = |countries: &[&str]| Guard {
            countries: countries.iter().map(|&country| country.to_owned()).collect(),
            ..Guard::default()
        };
        let of = |kind| Number { kind, ..vietnamese() };
        for (guard, number, expected) in [
            (only(&[]), Some(vietnamese()), Decision::Send(None)),
            (only(&["de", "vn"]), Some(vietnamese()), Decision::Send(None)),
            (only(&["DE"]), Some(vietnamese()), Decision::Hold(Reason::Country)),
            (only(&["DE"]), Some(Number { country: None, kind: "mobile" }), Decision::Hold(Reason::Country)),
            (only(&[]), None, Decision::Hold(Reason::Number)),
            (only(&[]), Some(of("fixed_line_or_mobile")), Decision::Send(None)),
            (only(&[]), Some(of("premium_rate")), Decision::Hold(Reason::Type)),
            (only(&[]), Some(of("shared_cost")), Decision::Hold(Reason::Type)),
            (only(&[]), Some(of("voip")), Decision::Hold(Reason::Type)),
            (only(&[]), Some(of("pager")), Decision::Hold(Reason::Type)),
            (Guard { types: vec!["voip".to_owned()], ..only(&[]) }, Some(of("voip")), Decision::Send(None)),
        ] {
            assert_eq!(decide(&guard, number.as_ref(), &[], None, NOW), expected, "{number:?}");
        }
    }

    #[test]
    fn a_limit_that_is_reached_holds_and_none_is_no_limit() {
        let with = |counted: &[Counted]| decide(&Guard::default(), Some(&vietnamese()), counted, None, NOW);
        assert_eq!(with(&[("number_per_hour", 9, 10), ("all_per_day", 5, 0)]), Decision::Send(None));
        let reached = with(&[("number_per_hour", 9, 10), ("prefix_per_day", 10, 10)]);
        assert_eq!(reached, Decision::Hold(Reason::Limit("prefix_per_day")));
        assert_eq!(with(&[("all_per_hour", i32::MAX, u32::MAX)]), Decision::Send(None));
    }

    #[test]
    fn what_lies_in_the_number_never_hides_what_everybody_meets() {
        let guard = Guard { countries: vec!["DE".to_owned()], ..Guard::default() };
        let with = |counted: &[Counted]| decide(&guard, Some(&vietnamese()), counted, None, NOW);
        assert_eq!(with(&[]), Decision::Hold(Reason::Country));
        for common in ["account_per_hour", "block_per_day", "all_per_hour"] {
            let held = with(&[("number_per_hour", 9, 1), ("prefix_per_day", 9, 1), (common, 1, 1)]);
            assert_eq!(held, Decision::Hold(Reason::Limit(common)));
            assert!(!Reason::Limit(common).is_of_number());
        }
        for reason in ["number_per_hour", "prefix_per_day", "spend_per_day"].map(Reason::Limit).into_iter().chain([
            Reason::Number,
            Reason::Country,
            Reason::Type,
            Reason::Unused,
        ]) {
            assert!(reason.is_of_number(), "{reason:?}");
        }
    }

    #[test]
    fn a_prefix_whose_codes_are_not_used_is_closed_and_tried_again() {
        let guard = Guard { least_sample: 10, least_used_percent: 20, open_minutes: 60, trial: 4, ..Guard::default() };
        let closed = Prefix { sent: 0, used: 0, since: NOW, open_until: Some(NOW + 60 * MINUTE), ..prefix(0, 0) };
        let anew = Prefix { sent: 0, used: 0, since: NOW, ..prefix(0, 0) };
        let on_trial = |sent, used| Prefix { open_until: Some(NOW), ..prefix(sent, used) };
        for (state, expected) in [
            (prefix(9, 0), Decision::Send(None)),
            (prefix(10, 1), Decision::Close(closed.clone())),
            (prefix(10, 2), Decision::Send(None)),
            (closed.clone(), Decision::Hold(Reason::Unused)),
            (on_trial(0, 0), Decision::Send(None)),
            (on_trial(3, 0), Decision::Send(None)),
            (on_trial(4, 1), Decision::Close(closed)),
            (on_trial(4, 2), Decision::Send(Some(anew.clone()))),
            (Prefix { since: NOW - DAY, ..prefix(9, 0) }, Decision::Send(Some(anew))),
        ] {
            assert_eq!(decision(&guard, &state), expected, "{state:?}");
        }
        let off = Guard { least_sample: 0, ..guard };
        assert_eq!(decision(&off, &prefix(1000, 0)), Decision::Send(None));
    }
}
