//! The address database as a file: taken over when it changes, refused when it is broken, and read without fear.

use std::{path::Path, time::Duration};

use enum_idp::places::Places;
use hyper::Method;
use serde_json::{Value, json};

use super::with_places;
use crate::{
    on_both_databases,
    support::{
        atlas::{self, HANOI, HANOI_TOO, NEW_YORK, NOWHERE, SAIGON},
        database::Database,
        http,
        program::Program,
        provider::Provider,
    },
};

on_both_databases! {
    a_new_file_is_taken_up_without_a_restart,
    a_broken_file_leaves_the_one_before,
}

/// Within which every node follows.
const SECONDS: Duration = Duration::from_secs(10);

/// As people replace such a file: whole, under its name.
fn replaces(file: &Path, content: &[u8]) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, content).unwrap();
    std::fs::rename(beside, file).unwrap();
}

async fn comes_to(what: &str, is_so: impl AsyncFn() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SECONDS, waited).await.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn metric(provider: &Provider, line: &str) -> bool {
    let url = provider.origin.join("/metrics").unwrap();
    http::send(Method::GET, &url, &[], String::new()).await.text().lines().any(|told| told == line)
}

fn name(provider: &Provider, address: &str) -> Option<String> {
    provider.app.places.name(address, "en")
}

async fn a_new_file_is_taken_up_without_a_restart(database: Database) {
    let provider = with_places(database).await;
    assert_eq!(name(&provider, HANOI).as_deref(), Some("Hanoi, Vietnam"));
    comes_to("the age of the file", async || metric(&provider, "enum_places_built 1790000000").await).await;
    replaces(&provider.dir.join("places.mmdb"), &atlas::file("Test-City", &[(HANOI, atlas::new_york())]));
    comes_to("another place", async || name(&provider, HANOI).as_deref() == Some("New York, United States")).await;
    assert_eq!(name(&provider, SAIGON), None);
}

async fn a_broken_file_leaves_the_one_before(database: Database) {
    let provider = with_places(database).await;
    let file = provider.dir.join("places.mmdb");
    let whole = std::fs::read(&file).unwrap();
    for broken in [Some(&b"nothing of the kind"[..]), None, Some(&whole[..whole.len() / 2]), Some(&[])] {
        match broken {
            Some(bytes) => replaces(&file, bytes),
            None => std::fs::remove_file(&file).unwrap(),
        }
        comes_to("a warning", async || metric(&provider, "enum_places_failed 1").await).await;
        assert_eq!(name(&provider, HANOI).as_deref(), Some("Hanoi, Vietnam"));
        replaces(&file, &whole);
        comes_to("its end", async || metric(&provider, "enum_places_failed 0").await).await;
        assert_eq!(name(&provider, HANOI).as_deref(), Some("Hanoi, Vietnam"));
    }
}

#[test]
fn a_start_with_a_file_that_cannot_be_used_says_why() {
    let everywhere =
        |kind: &str, record: Value| atlas::file(kind, &[("0.0.0.0/1", record.clone()), ("128.0.0.0/1", record)]);
    let database = Database::sqlite();
    let program = Program::new(&database);
    let file = database.dir().join("places.mmdb");
    let text = std::fs::read_to_string(&program.config).unwrap();
    std::fs::write(&program.config, format!("{text}\n[places]\ndatabase = '{}'\n", file.display())).unwrap();
    for (content, words) in [
        (None, "No such file"),
        (Some(b"not a database".to_vec()), "not in MaxMind's format"),
        (Some(everywhere("GeoLite2-ASN", json!({ "autonomous_system_number": 1 }))), "has no places"),
        (Some(everywhere("other generic_country", json!({ "country": "VN" }))), "cannot be read at"),
        (Some(everywhere("Test-City", json!({ "place": "here" }))), "neither countries nor coordinates"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let said = program.refuses_to_serve();
        assert!(said.contains("places.database") && said.contains("places.mmdb") && said.contains(words), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let said = program.refuses_to_serve();
    assert!(said.contains("not a file"), "{said}");
}

#[test]
fn a_file_of_countries_does_as_well() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("places.mmdb");
    let country = json!({ "country": { "iso_code": "VN", "names": { "en": "Vietnam" } } });
    std::fs::write(&file, atlas::file("DBIP-Country-Lite", &[("127.0.0.0/8", country)])).unwrap();
    let places = Places::open(Some(&file)).unwrap();
    let place = places.find(NOWHERE).unwrap();
    assert_eq!((place.country.as_str(), place.spot), ("VN", None));
    assert_eq!(places.told(NOWHERE, "ru"), "127.0.9.9 (Vietnam)");
    for unknown in ["192.0.2.1", "::1", "2001:db8::1", "", "nonsense", "127.0.0.1:80"] {
        assert!(places.find(unknown).is_none(), "{unknown}");
        assert_eq!(places.told(unknown, "en"), unknown);
    }
    assert_eq!(places.told("::ffff:127.0.0.1", "en"), "::ffff:127.0.0.1 (Vietnam)");
}

/// Numbers that look random and are the same each time (xorshift).
fn draw(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 16).unwrap()
}

#[test]
fn no_file_makes_it_panic() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("places.mmdb");
    atlas::draws(&path);
    let whole = std::fs::read(&path).unwrap();
    let (mut opened, mut refused) = (0, 0);
    let mut tries = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let Ok(places) = Places::open(Some(&path)) else {
            refused += 1;
            return;
        };
        opened += 1;
        for address in [HANOI, HANOI_TOO, SAIGON, NEW_YORK, NOWHERE, "0.0.0.0", "255.255.255.255", "::1", "2001:db8::1"]
        {
            drop(places.find(address));
            drop(places.told(address, "ru"));
        }
    };
    for length in 0..whole.len() {
        tries(&whole[..length]);
    }
    let mut state = 0x9E37_79B9_7F4A_7C15;
    for _ in 0..4000 {
        let mut bytes = whole.clone();
        for _ in 0..=draw(&mut state) % 8 {
            let at = draw(&mut state) % bytes.len();
            bytes[at] = u8::try_from(draw(&mut state) % 256).unwrap();
        }
        tries(&bytes);
    }
    assert!(opened > 500 && refused > 500, "{opened} were opened, {refused} refused: the test shows little");
}
