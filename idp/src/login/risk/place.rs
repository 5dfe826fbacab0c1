//! Places that an account was used at, and whether another one is new, or too far away. Pure.
//!
//! They stand in the account's row, so that a login reads and writes them with what it reads and writes anyway. A place is
//! remembered when something was proven there that will do, and never before.

use serde::{Deserialize, Serialize};

use super::{NewPlaceBy, Rules, Signal};
use crate::{
    clock::{DAY, HOUR, Millis},
    places::{Place, Spot},
    store::account::Placed,
};

/// Places that an account keeps; the one seen longest ago gives way.
const MOST: usize = 10;

/// A place that an account was used at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Been {
    /// ISO 3166-1 code; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// Where on the Earth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Spot>,
    /// When it was last.
    pub at: Millis,
}

/// All of an account, the last one first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known(Vec<Been>);

impl Known {
    /// What an account's row holds; what does not parse was never there. Places that it has not been at for `memory` are
    /// forgotten.
    pub fn read(text: &str, now: Millis, memory: Millis) -> Self {
        let mut places: Vec<Been> = serde_json::from_str(text).unwrap_or_default();
        places.retain(|place| now - place.at < memory);
        Self(places)
    }

    /// Each of them, the last one first.
    pub fn all(&self) -> &[Been] {
        &self.0
    }

    /// What is unusual about being at `place` now. Nothing is new to an account whose first place it is; to one that
    /// `has_rested` for so long that its places were forgotten, everything is.
    pub(super) fn signals(&self, place: &Place, now: Millis, rules: &Rules, has_rested: bool) -> Vec<Signal> {
        let differs = has_rested || !self.0.is_empty();
        let is_new = differs && !self.0.iter().any(|been| been.is_near(place, rules));
        let is_too_far = self.0.first().is_some_and(|last| last.is_too_far_from(place, now, rules));
        let signals = [(is_new, Signal::NewPlace), (is_too_far, Signal::ImpossibleTravel)];
        signals.into_iter().filter_map(|(is, signal)| is.then_some(signal)).collect()
    }

    /// With `place` as the last one, as the account's row holds it.
    pub(super) fn with(mut self, place: Place, now: Millis, memory: Millis) -> Placed {
        let Place { country, spot } = place;
        self.0.retain(|other| (&other.country, &other.spot) != (&country, &spot));
        self.0.insert(0, Been { country, spot, at: now });
        while self.0.len() > MOST {
            self.0.remove(self.dispensable());
        }
        // To a day, so that the index is not written by each proof.
        let until = (now + memory + DAY - 1).div_euclid(DAY) * DAY;
        Placed { places: serde_json::json!(self.0).to_string(), until }
    }
}

impl Known {
    /// The one to forget first: the oldest in a country that others are in as well, so that somebody who gets about in one
    /// country does not become a stranger at home.
    fn dispensable(&self) -> usize {
        let is_one_of_several = |been: &Been| self.0.iter().filter(|other| other.country == been.country).count() > 1;
        self.0.iter().rposition(is_one_of_several).unwrap_or(self.0.len().saturating_sub(1))
    }
}

impl Been {
    /// Whether `place` counts as this one.
    fn is_near(&self, place: &Place, rules: &Rules) -> bool {
        let is_told = !self.country.is_empty() && !place.country.is_empty();
        match self.spot.zip(place.spot) {
            // Where a country is missing, as well.
            Some((there, here)) if rules.new_place_by == NewPlaceBy::Distance || !is_told => {
                here.at_least_from(&there) <= f64::from(rules.new_place_km)
            }
            _ => is_told && self.country == place.country,
        }
    }

    /// Whether nobody gets from this one to `place` in the time since.
    fn is_too_far_from(&self, place: &Place, now: Millis, rules: &Rules) -> bool {
        let Some((there, here)) = self.spot.zip(place.spot) else { return false };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any life time are exact in f64")]
        let hours = (now - self.at).max(0) as f64 / HOUR as f64;
        let km = here.at_least_from(&there);
        km > f64::from(rules.travel_km) && km > f64::from(rules.travel_kmh) * hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Signal::{ImpossibleTravel, NewPlace};

    const MEMORY: Millis = 180 * DAY;

    fn place(country: &str, spot: Option<(f64, f64, f64)>) -> Place {
        let spot = spot.and_then(|(latitude, longitude, radius)| Spot::new(latitude, longitude, radius));
        Place { country: country.to_owned(), spot }
    }

    fn hanoi() -> Place {
        place("VN", Some((21.03, 105.85, 20.0)))
    }

    fn signals(been: &Place, hours: i64, now_at: &Place, rules: &Rules) -> Vec<Signal> {
        let then = 1_000_000_000;
        let placed = Known::default().with(been.clone(), then, MEMORY);
        Known::read(&placed.places, then + hours * HOUR, MEMORY).signals(now_at, then + hours * HOUR, rules, false)
    }

    #[test]
    fn a_place_is_new_by_country_or_by_distance() {
        let (near_hanoi, saigon) = (place("VN", Some((20.97, 105.77, 20.0))), place("VN", Some((10.78, 106.7, 20.0))));
        let nanning = place("CN", Some((22.82, 108.32, 50.0)));
        let vague = place("", Some((15.0, 105.0, 1000.0)));
        let (vietnam, china, unknown) = (place("VN", None), place("CN", None), place("", Some((21.0, 105.9, 20.0))));
        for (been, now_at, by_country, by_distance) in [
            (hanoi(), hanoi(), false, false),
            (hanoi(), near_hanoi, false, false),
            // 1140 km in one country; 320 km, and a border.
            (hanoi(), saigon, false, true),
            (hanoi(), nanning, true, true),
            // It may be Hanoi.
            (hanoi(), vague.clone(), false, false),
            // A database of countries has no coordinates.
            (vietnam.clone(), vietnam.clone(), false, false),
            (vietnam.clone(), china.clone(), true, true),
            (hanoi(), vietnam.clone(), false, false),
            (hanoi(), china, true, true),
            // Nothing says that it is in Vietnam.
            (unknown.clone(), vietnam, true, true),
            // A network that does not say its country vouches for no other, and for no other place.
            (unknown.clone(), place("US", Some((40.7, -74.0, 20.0))), true, true),
            (hanoi(), place("", Some((40.7, -74.0, 20.0))), true, true),
            (hanoi(), unknown, false, false),
        ] {
            for (by, is_new) in [(NewPlaceBy::Country, by_country), (NewPlaceBy::Distance, by_distance)] {
                let rules = Rules { new_place_by: by, ..Rules::default() };
                // A day later one can be anywhere.
                let expected = if is_new { vec![NewPlace] } else { Vec::new() };
                assert_eq!(signals(&been, 24, &now_at, &rules), expected, "{been:?} {now_at:?} {by:?}");
            }
        }
    }

    #[test]
    fn nobody_travels_faster_than_the_rules_say() {
        let saigon = || place("VN", Some((10.78, 106.7, 20.0)));
        let new_york = || place("US", Some((40.7, -74.0, 20.0)));
        let rules = Rules { new_place_by: NewPlaceBy::Distance, new_place_km: 20_000, ..Rules::default() };
        for (been, hours, now_at, is_impossible) in [
            (hanoi(), 0, hanoi(), false),
            // 1140 km: by aeroplane in two hours, not in one.
            (hanoi(), 0, saigon(), true),
            (hanoi(), 1, saigon(), true),
            (hanoi(), 2, saigon(), false),
            (hanoi(), 13, new_york(), true),
            (hanoi(), 14, new_york(), false),
            // Not so far that the database could not be wrong, or a relay of the same provider be used.
            (hanoi(), 0, place("CN", Some((22.82, 108.32, 20.0))), false),
            // Where it is not certain, it is as near as it may be.
            (hanoi(), 0, place("VN", Some((10.78, 106.7, 900.0))), false),
            (place("VN", Some((21.03, 105.85, 900.0))), 0, saigon(), false),
            // Nobody knows how far it is to a country.
            (hanoi(), 0, place("US", None), false),
            (place("US", None), 0, hanoi(), false),
        ] {
            let expected = if is_impossible { vec![ImpossibleTravel] } else { Vec::new() };
            let found: Vec<Signal> =
                signals(&been, hours, &now_at, &rules).into_iter().filter(|signal| *signal != NewPlace).collect();
            assert_eq!(found, expected, "{been:?} {hours} {now_at:?}");
        }
        let slow = Rules { travel_kmh: 100, travel_km: 50, ..rules };
        assert_eq!(signals(&hanoi(), 10, &saigon(), &slow), [ImpossibleTravel]);
        assert_eq!(signals(&hanoi(), 12, &saigon(), &slow), []);
        assert_eq!(signals(&hanoi(), 0, &place("CN", Some((22.82, 108.32, 20.0))), &slow), [ImpossibleTravel]);
    }

    #[test]
    fn the_first_place_is_not_new_and_old_ones_are_forgotten() {
        let rules = Rules::default();
        assert_eq!(Known::default().signals(&hanoi(), 0, &rules, false), []);
        assert_eq!(Known::default().signals(&hanoi(), 0, &rules, true), [NewPlace], "what was known is forgotten");
        assert_eq!(Known::read("nonsense", 0, MEMORY), Known::default());
        let placed = Known::default().with(hanoi(), 1, MEMORY);
        assert_eq!(placed.until, MEMORY + DAY, "no earlier than it is forgotten, and to a day");
        assert_eq!(Known::read(&placed.places, MEMORY + 1, MEMORY), Known::default());
        assert_eq!(Known::read(&placed.places, MEMORY, MEMORY).all().len(), 1);
        // A clock that goes back makes nothing faster than it was.
        assert_eq!(Known::read(&placed.places, 0, MEMORY).signals(&hanoi(), -HOUR, &rules, false), []);
    }

    #[test]
    fn so_many_places_are_kept_and_the_last_one_counts_for_travel() {
        let city = |number: i32| place("XX", Some((f64::from(number) * 7.0, 0.0, 10.0)));
        let mut text = String::new();
        for number in 0..12 {
            text = Known::read(&text, 0, MEMORY).with(city(number), i64::from(number), MEMORY).places;
        }
        let known = Known::read(&text, 12, MEMORY);
        assert_eq!((known.all().len(), known.all()[0].spot), (MOST, city(11).spot));
        let rules = Rules { new_place_by: NewPlaceBy::Distance, ..Rules::default() };
        assert_eq!(known.signals(&city(2), 12, &rules, false), [ImpossibleTravel]);
        assert_eq!(known.signals(&city(0), 12, &rules, false), [NewPlace, ImpossibleTravel]);
        // Coming back moves it to the front and keeps the others.
        let again = Known::read(&known.with(city(2), 13, MEMORY).places, 13, MEMORY);
        assert_eq!((again.all().len(), again.all()[0].spot), (MOST, city(2).spot));
    }

    #[test]
    fn who_gets_about_in_one_country_is_no_stranger_in_another() {
        let mut text = Known::default().with(place("US", Some((40.7, -74.0, 20.0))), 0, MEMORY).places;
        for number in 1..=20 {
            let city = place("VN", Some((f64::from(number), 105.0, 10.0)));
            text = Known::read(&text, 0, MEMORY).with(city, i64::from(number), MEMORY).places;
        }
        let known = Known::read(&text, 21, MEMORY);
        assert_eq!(known.all().len(), MOST);
        assert_eq!(known.signals(&place("US", None), 21, &Rules::default(), false), []);
    }
}
