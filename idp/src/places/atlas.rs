//! A database file of addresses: MaxMind's format, with the members that `GeoIP2`, `GeoLite2` and DB-IP have for cities and
//! countries.

use std::{
    collections::BTreeMap,
    io::Read,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use maxminddb::Reader;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Visitor},
};

use super::{Place, Spot};
use crate::letter;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 2 << 30;
/// Language in which every database has names.
const ANYBODY: &str = "en";
/// How far off a place may be when the file does not say, in kilometres.
const UNSAID_KM: f64 = 100.0;
/// So many addresses are looked up before a file is trusted to have the members that are read here.
const PROBES: u32 = 1024;

/// One file, read.
pub(super) struct Atlas(Reader<Vec<u8>>);

impl std::fmt::Debug for Atlas {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Atlas").field(&self.0.metadata().database_type).finish()
    }
}

/// What is told of an address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    city: Named,
    subdivisions: Vec<Named>,
    country: Named,
    traits: Traits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    names: BTreeMap<String, String>,
}

/// What is gone by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Where {
    country: Country,
    location: Location,
    traits: Traits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Country {
    iso_code: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<Number>,
    longitude: Option<Number>,
    accuracy_radius: Option<Number>,
}

/// A number of whatever width a file has it in.
#[derive(Clone, Copy, Debug)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a number")
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }

            #[expect(clippy::cast_precision_loss, reason = "degrees and kilometres are small")]
            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "degrees and kilometres are small")]
            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Whoever is behind such an address may be anywhere.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Traits {
    is_anonymous: bool,
    is_anonymous_proxy: bool,
    is_satellite_provider: bool,
}

impl Traits {
    fn hide(&self) -> bool {
        self.is_anonymous || self.is_anonymous_proxy || self.is_satellite_provider
    }
}

impl Where {
    fn place(self) -> Option<Place> {
        let is_code = self.country.iso_code.len() == 2 && self.country.iso_code.bytes().all(|b| b.is_ascii_uppercase());
        let country = if is_code { self.country.iso_code } else { String::new() };
        let Location { latitude, longitude, accuracy_radius } = self.location;
        let degrees = latitude.zip(longitude);
        let radius = accuracy_radius.map_or(UNSAID_KM, |Number(km)| km);
        let spot = degrees.and_then(|(Number(north), Number(east))| Spot::new(north, east, radius));
        let is_known = !self.traits.hide() && (is_code || spot.is_some());
        is_known.then_some(Place { country, spot })
    }
}

impl Names {
    fn told(&self, locale: &str) -> Option<String> {
        if self.traits.hide() {
            return None;
        }
        let region = || self.subdivisions.first().and_then(|region| region.in_language(locale));
        let parts = [self.city.in_language(locale).or_else(region), self.country.in_language(locale)];
        let told = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        (!told.is_empty()).then_some(told)
    }
}

impl Named {
    /// Names come from the file: they stay within the sentence that they are put into.
    fn in_language(&self, locale: &str) -> Option<String> {
        let named = self.names.get(locale).or_else(|| self.names.get(ANYBODY)).or_else(|| self.names.values().next());
        named.map(|name| letter::plain(name)).filter(|name| !name.is_empty())
    }
}

impl Atlas {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        // Looked at before it is opened: opening a pipe waits for whoever writes into it.
        let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
        if !about.is_file() || about.len() > LARGEST {
            return Err(format!("not a file of at most {LARGEST} bytes"));
        }
        let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let file = Reader::from_source(bytes).map_err(|error| format!("not in MaxMind's format (.mmdb): {error}"))?;
        let kind = file.metadata().database_type.to_lowercase();
        if !["city", "country", "enterprise"].iter().any(|known| kind.contains(known)) {
            let kind = letter::plain(&kind);
            return Err(format!("a database of type {kind:?} has no places: supply one of cities or countries"));
        }
        let atlas = Self(file);
        atlas.probe()?;
        Ok(atlas)
    }

    /// When it was built, in seconds since 1970.
    pub(super) fn built(&self) -> u64 {
        self.0.metadata().build_epoch
    }

    /// Looks some addresses up, evenly spread. A file of other members, or a damaged one, shows here rather than in a login.
    fn probe(&self) -> Result<(), String> {
        let (mut listed, mut placed) = (0, 0);
        for number in 0..PROBES {
            let address = IpAddr::V4(Ipv4Addr::from(number * (u32::MAX / PROBES) + number));
            let damaged = |error| format!("it cannot be read at {address}: {error}");
            let found: Option<Where> = self.lookup(address).map_err(damaged)?;
            let names: Option<Names> = self.lookup(address).map_err(damaged)?;
            listed += u32::from(found.is_some());
            let is_hidden = names.is_some_and(|names| names.traits.hide());
            placed += u32::from(is_hidden || found.is_some_and(|found| found.place().is_some()));
        }
        if listed > 0 && placed == 0 {
            return Err("it lists addresses, but neither countries nor coordinates of them".to_owned());
        }
        Ok(())
    }

    fn lookup<T: DeserializeOwned>(&self, address: IpAddr) -> Result<Option<T>, maxminddb::MaxMindDbError> {
        if address.is_ipv6() && self.0.metadata().ip_version == 4 {
            return Ok(None);
        }
        self.0.lookup(address)?.decode()
    }

    /// What the file says of an address.
    fn at<T: DeserializeOwned>(&self, address: &str) -> Option<T> {
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        self.lookup(address).unwrap_or_else(|error| {
            tracing::warn!(%error, "the address database is damaged");
            None
        })
    }

    pub(super) fn find(&self, address: &str) -> Option<Place> {
        self.at::<Where>(address)?.place()
    }

    pub(super) fn name(&self, address: &str, locale: &str) -> Option<String> {
        self.at::<Names>(address)?.told(locale)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::{Value, json};

    use super::*;

    fn names(record: Value) -> [Option<String>; 3] {
        let names: Names = serde_json::from_value(record).unwrap();
        ["en", "ru", "vi"].map(|locale| names.told(locale))
    }

    fn place(record: Value) -> Option<Place> {
        serde_json::from_value::<Where>(record).unwrap().place()
    }

    #[test]
    fn names_are_in_the_language_that_there_is() {
        let vietnam = json!({ "iso_code": "VN", "names": { "en": "Vietnam", "ru": "Вьетнам", "vi": "Việt Nam" } });
        let texts = |en: &str, ru: &str, vi: &str| [en, ru, vi].map(|text| Some(text.to_owned()));
        for (record, expected) in [
            (
                json!({ "city": { "names": { "en": "Hanoi", "ru": "Ханой" } }, "country": vietnam }),
                texts("Hanoi, Vietnam", "Ханой, Вьетнам", "Hanoi, Việt Nam"),
            ),
            (
                json!({ "subdivisions": [{ "names": { "en": "Lam Dong" } }, { "names": { "en": "x" } }], "country": vietnam }),
                texts("Lam Dong, Vietnam", "Lam Dong, Вьетнам", "Lam Dong, Việt Nam"),
            ),
            (json!({ "country": vietnam }), texts("Vietnam", "Вьетнам", "Việt Nam")),
            (json!({ "city": { "names": { "de": "Hanoi" } } }), texts("Hanoi", "Hanoi", "Hanoi")),
            (json!({ "city": { "names": { "en": "" } } }), [None, None, None]),
            (json!({}), [None, None, None]),
            (json!({ "country": vietnam, "traits": { "is_anonymous_proxy": true } }), [None, None, None]),
            // A file is not to write our letters.
            (
                json!({ "city": { "names": { "en": "A\n\nhttps://evil.example\u{202e}" } } }),
                texts("A  https: //evil.example", "A  https: //evil.example", "A  https: //evil.example"),
            ),
        ] {
            assert_eq!(names(record.clone()), expected, "{record}");
        }
    }

    #[test]
    fn a_place_is_a_country_or_a_spot_or_both() {
        let hanoi = json!({ "latitude": 21.0285, "longitude": 105.8542, "accuracy_radius": 20 });
        let spot = Spot::new(21.0285, 105.8542, 20.0);
        let vn = || "VN".to_owned();
        for (record, expected) in [
            (json!({ "country": { "iso_code": "VN" }, "location": hanoi }), Some(Place { country: vn(), spot })),
            (json!({ "country": { "iso_code": "VN" } }), Some(Place { country: vn(), spot: None })),
            (json!({ "location": hanoi }), Some(Place { country: String::new(), spot })),
            (
                json!({ "location": { "latitude": 21.0285, "longitude": 105.8542 } }),
                Some(Place { country: String::new(), spot: Spot::new(21.0285, 105.8542, UNSAID_KM) }),
            ),
            (json!({ "location": { "latitude": 91.0, "longitude": 0.0 } }), None),
            (json!({ "location": { "latitude": 21.0 } }), None),
            (json!({ "country": { "iso_code": "<b>" } }), None),
            (json!({ "country": { "iso_code": "VN" }, "traits": { "is_satellite_provider": true } }), None),
            (json!({}), None),
        ] {
            assert_eq!(place(record.clone()), expected, "{record}");
        }
    }
}
