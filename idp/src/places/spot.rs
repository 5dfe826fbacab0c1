//! Distances on the Earth, as far as they are certain.

use serde::{Deserialize, Serialize};

/// Mean radius of the Earth, in kilometres.
const EARTH_KM: f64 = 6371.0;
/// Half of the Earth's circumference, in kilometres: nothing is farther off.
const FARTHEST_KM: f64 = 20_015.0;
/// How far rounding to a tenth of a degree moves a place at most, in kilometres.
const ROUNDING_KM: f64 = 8.0;

/// Where something is on the Earth: no better than to a tenth of a degree, since nothing hangs on more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// How far off it may be, in kilometres.
    pub radius: u16,
}

impl Spot {
    /// What lies within `radius` kilometres of these degrees; `None` when there are no such.
    pub fn new(latitude: f64, longitude: f64, radius: f64) -> Option<Self> {
        let real = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        let tenth = |degrees: f64| (degrees * 10.0).round() / 10.0;
        let real = real && radius >= 0.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 8 to 20 015")]
        let radius = (radius.clamp(0.0, FARTHEST_KM - ROUNDING_KM) + ROUNDING_KM).ceil() as u16;
        real.then(|| Self { latitude: tenth(latitude), longitude: tenth(longitude), radius })
    }

    /// Kilometres that certainly lie between two spots: those between their middles, less how far off both may be.
    pub fn at_least_from(&self, other: &Self) -> f64 {
        let (north, south) = (self.latitude.to_radians(), other.latitude.to_radians());
        let (up, across) = (north - south, (self.longitude - other.longitude).to_radians());
        // Haversine.
        let half = (up / 2.0).sin().powi(2) + north.cos() * south.cos() * (across / 2.0).sin().powi(2);
        let between = 2.0 * EARTH_KM * half.clamp(0.0, 1.0).sqrt().asin();
        (between - f64::from(self.radius) - f64::from(other.radius)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn spot(latitude: f64, longitude: f64, radius: u16) -> Spot {
        Spot { latitude, longitude, radius }
    }

    #[test]
    fn distances_are_those_on_the_earth_less_what_is_uncertain() {
        let (hanoi, new_york) = ((21.0285, 105.8542), (40.7128, -74.0060));
        for (from, to, km) in [
            (spot(hanoi.0, hanoi.1, 0), spot(hanoi.0, hanoi.1, 0), 0.0),
            (spot(hanoi.0, hanoi.1, 0), spot(new_york.0, new_york.1, 0), 13_150.0),
            (spot(hanoi.0, hanoi.1, 100), spot(new_york.0, new_york.1, 50), 13_000.0),
            (spot(hanoi.0, hanoi.1, 10_000), spot(new_york.0, new_york.1, 10_000), 0.0),
            // Across the line where days change, and at a pole.
            (spot(0.0, 179.9, 0), spot(0.0, -179.9, 0), 22.2),
            (spot(90.0, 0.0, 0), spot(90.0, 180.0, 0), 0.0),
            (spot(0.0, 0.0, 0), spot(0.0, 180.0, 0), 20_015.0),
            (spot(-90.0, 0.0, 0), spot(90.0, 0.0, 0), 20_015.0),
        ] {
            let (there, back) = (from.at_least_from(&to), to.at_least_from(&from));
            assert!((there - km).abs() <= km * 0.002 + 0.1, "{from:?} {to:?}: {there}");
            assert!((there - back).abs() < 0.001);
        }
    }

    #[test]
    fn a_spot_is_no_better_than_it_needs_to_be() {
        assert_eq!(Spot::new(21.028_511, 105.854_17, 20.0), Some(spot(21.0, 105.9, 28)));
        assert_eq!(Spot::new(-90.0, 180.0, 0.0), Some(spot(-90.0, 180.0, 8)));
        assert_eq!(Spot::new(0.0, 0.0, f64::MAX).unwrap().radius, 20_015);
        // Rounded spots are never said to be farther apart than the true ones are.
        let (a, b) = ((10.049, 20.049), (10.051, 20.051));
        let rounded = Spot::new(a.0, a.1, 0.0).unwrap().at_least_from(&Spot::new(b.0, b.1, 0.0).unwrap());
        assert!(rounded <= spot(a.0, a.1, 0).at_least_from(&spot(b.0, b.1, 0)), "{rounded}");
    }

    #[test]
    fn there_are_no_degrees_beyond_the_earth() {
        for (latitude, longitude) in [
            (90.1, 0.0),
            (-90.1, 0.0),
            (0.0, 180.1),
            (0.0, -180.1),
            (f64::NAN, 0.0),
            (0.0, f64::NAN),
            (f64::INFINITY, 0.0),
        ] {
            assert_eq!(Spot::new(latitude, longitude, 1.0), None, "{latitude} {longitude}");
        }
        assert_eq!(Spot::new(0.0, 0.0, -1.0), None);
        assert_eq!(Spot::new(0.0, 0.0, f64::NAN), None);
    }
}
