//! Address databases in MaxMind's format (its specification 2.0), for IPv4.

use std::{net::Ipv4Addr, path::Path};

use serde_json::{Value, json};

/// Zeros between the search tree and the data.
const SEPARATOR: usize = 16;
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// A place of its own for each of a few addresses.
pub(crate) const HANOI: &str = "127.0.1.1";
pub(crate) const HANOI_TOO: &str = "127.0.1.2";
pub(crate) const SAIGON: &str = "127.0.2.1";
pub(crate) const NEW_YORK: &str = "127.0.3.1";
/// Which no database lists.
pub(crate) const NOWHERE: &str = "127.0.9.9";

/// Where a record of the search tree leads.
#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Data(usize),
}

/// A city with its coordinates, as such files have it.
pub(crate) fn city(names: &Value, code: &str, country: &Value, (latitude, longitude): (f64, f64)) -> Value {
    json!({
        "city": { "names": names },
        "continent": { "code": "XX", "names": { "en": "Somewhere" } },
        "country": { "iso_code": code, "names": country },
        "location": { "latitude": latitude, "longitude": longitude, "accuracy_radius": 20, "time_zone": "Asia/Bangkok" },
        "subdivisions": [{ "iso_code": "HN", "names": { "en": "Region" } }],
    })
}

pub(crate) fn hanoi() -> Value {
    let names = json!({ "en": "Hanoi", "ru": "Ханой" });
    city(&names, "VN", &json!({ "en": "Vietnam", "ru": "Вьетнам" }), (21.0285, 105.8542))
}

pub(crate) fn saigon() -> Value {
    city(&json!({ "en": "Ho Chi Minh City" }), "VN", &json!({ "en": "Vietnam" }), (10.7769, 106.7009))
}

pub(crate) fn new_york() -> Value {
    city(&json!({ "en": "New York" }), "US", &json!({ "en": "United States" }), (40.7128, -74.0060))
}

/// Writes a database in which the addresses above are where they say.
pub(crate) fn draws(path: &Path) {
    let all = [(HANOI, hanoi()), (HANOI_TOO, hanoi()), (SAIGON, saigon()), (NEW_YORK, new_york())];
    std::fs::write(path, file("Test-City", &all)).unwrap();
}

/// A database in which each of the networks (`192.0.2.0/24`, or one address) has a record. They must not lie in one another.
pub(crate) fn file(kind: &str, networks: &[(&str, Value)]) -> Vec<u8> {
    let (mut tree, mut data) = (vec![[Record::Nothing; 2]], Vec::new());
    for (network, record) in networks {
        let (address, length) = network.split_once('/').unwrap_or((network, "32"));
        let (bits, length) = (u32::from(address.parse::<Ipv4Addr>().unwrap()), length.parse::<u32>().unwrap());
        let mut at = 0;
        for depth in 0..length - 1 {
            let side = (bits >> (31 - depth)) as usize & 1;
            at = if let Record::Node(next) = tree[at][side] {
                next
            } else {
                tree.push([Record::Nothing; 2]);
                let next = tree.len() - 1;
                tree[at][side] = Record::Node(next);
                next
            };
        }
        tree[at][(bits >> (32 - length)) as usize & 1] = Record::Data(data.len());
        put(&mut data, record);
    }
    let mut file = Vec::new();
    for record in tree.iter().flatten() {
        let value = match record {
            Record::Nothing => tree.len(),
            Record::Node(node) => *node,
            Record::Data(offset) => tree.len() + SEPARATOR + offset,
        };
        file.extend(u32::try_from(value).unwrap().to_be_bytes());
    }
    file.extend([0; SEPARATOR]);
    file.extend(data);
    file.extend(MARK);
    put(
        &mut file,
        &json!({
            "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_790_000_000,
            "database_type": kind, "description": { "en": "Made by a test" }, "ip_version": 4,
            "languages": ["en"], "node_count": tree.len(), "record_size": 32,
        }),
    );
    file
}

/// The width that the specification has a whole number in: type and bytes.
fn width(name: &str) -> (u8, usize) {
    match name {
        "build_epoch" => (9, 8),
        "node_count" | "autonomous_system_number" => (6, 4),
        _ => (5, 2),
    }
}

/// Appends a value: texts, maps, lists, doubles, and whole numbers in the width of their name.
fn put(to: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => {
            head(to, 2, text.len());
            to.extend(text.as_bytes());
        }
        Value::Object(map) => {
            head(to, 7, map.len());
            for (key, value) in map {
                put(to, &Value::String(key.clone()));
                if let Some(number) = value.as_u64() {
                    let (kind, bytes) = width(key);
                    head(to, kind, bytes);
                    to.extend(&number.to_be_bytes()[8 - bytes..]);
                } else {
                    put(to, value);
                }
            }
        }
        Value::Array(list) => {
            head(to, 11, list.len());
            for value in list {
                put(to, value);
            }
        }
        Value::Number(number) => {
            head(to, 3, 8);
            to.extend(number.as_f64().unwrap().to_be_bytes());
        }
        other => panic!("no such value: {other}"),
    }
}

/// Type and size. Types above 7 stand in a second byte.
fn head(to: &mut Vec<u8>, kind: u8, size: usize) {
    let size = u8::try_from(size).unwrap();
    let (short, longer) = if size < 29 { (size, None) } else { (29, Some(size - 29)) };
    if kind > 7 {
        to.extend([short, kind - 7]);
    } else {
        to.push((kind << 5) | short);
    }
    to.extend(longer);
}
