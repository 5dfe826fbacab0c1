//! Every PIN opens to some key, and nothing tells which is right.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeSet, HashSet};

use cipherpad_core::{
    keys::{Keys, Secret},
    pin::{Cost, Hidden, Pin, PinError, PinPolicy},
};

/// Cheap: these tests are about what comes out, not about what it costs.
const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

fn hidden() -> Hidden {
    let pin = Pin::choose("826491", PinPolicy::Six).unwrap();
    Hidden::hide(&Keys::from_root(Secret::new([5; 32])), &pin, [1; 16], CHEAP).unwrap().0
}

#[test]
fn the_right_pin_opens_to_the_key() {
    let (keys, _) = hidden().open(&Pin::typed("826491").unwrap()).unwrap();
    assert_eq!(keys.root().expose(), &[5; 32]);
    let (keys, _) = hidden().open(&Pin::typed("8264 91").unwrap()).unwrap();
    assert_eq!(keys.root().expose(), &[5; 32]);
}

#[test]
fn every_other_pin_opens_to_another_key_without_complaint() {
    let keys: HashSet<[u8; 32]> = (100_000..100_200)
        .map(|pin: u32| *hidden().open(&Pin::typed(&pin.to_string()).unwrap()).unwrap().0.root().expose())
        .collect();
    assert_eq!(keys.len(), 200);
    assert!(!keys.contains(&[5; 32]));
}

#[test]
fn the_store_holds_salt_cost_and_32_bytes_and_nothing_to_test_a_pin_with() {
    let json = serde_json::to_value(hidden()).unwrap();
    let fields: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["cost", "key", "salt"]));
    assert_eq!(json["key"].as_str().unwrap().len(), 43);
}

#[test]
fn pictures_belong_to_pins_and_differ_between_them() {
    let picture = |pin: u32| hidden().open(&Pin::typed(&pin.to_string()).unwrap()).unwrap().1.name();
    assert_eq!(picture(826_491), picture(826_491));
    let seen: HashSet<&str> = (100_000..100_400).map(picture).collect();
    assert_eq!(seen.len(), 16);
}

#[test]
fn a_damaged_cost_is_an_error() {
    let mut json = serde_json::to_value(hidden()).unwrap();
    json["cost"]["passes"] = 0.into();
    let damaged: Hidden = serde_json::from_value(json).unwrap();
    assert_eq!(damaged.open(&Pin::typed("826491").unwrap()).err(), Some(PinError::Cost));
}
