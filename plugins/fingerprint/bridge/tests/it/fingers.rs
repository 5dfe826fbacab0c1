//! Fingers, right ones and wrong ones.

use std::{
    os::unix::fs::PermissionsExt as _,
    thread,
    time::{Duration, Instant},
};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};

use crate::{desktop::Desktop, site::Site};

const ALL: [&str; 10] = [
    "left-thumb",
    "left-index-finger",
    "left-middle-finger",
    "left-ring-finger",
    "left-little-finger",
    "right-thumb",
    "right-index-finger",
    "right-middle-finger",
    "right-ring-finger",
    "right-little-finger",
];
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;

fn part(credential: &Value, name: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(credential["response"][name].as_str().unwrap()).unwrap()
}

fn client_data(credential: &Value) -> Value {
    serde_json::from_slice(&part(credential, "clientDataJSON")).unwrap()
}

#[test]
fn a_finger_registers_and_signs_in_and_the_site_sees_a_verified_user() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge();
    let mut site = Site::new();
    let made = site.register(&desktop, &bridge, None, "mine");
    assert_eq!(client_data(&made)["type"], "webauthn.create");
    bridge.until_it_says("http://localhost:8080 wants to be opened by your right index finger");

    for uses in 1..=2 {
        let (result, signed) = site.login(&desktop, &bridge, None, "mine");
        assert!(result.user_verified());
        assert_eq!(result.counter(), uses);
        let flags = part(&signed, "authenticatorData")[32];
        assert_eq!(flags & (USER_PRESENT | USER_VERIFIED), USER_PRESENT | USER_VERIFIED);
        assert_eq!(client_data(&signed)["origin"], "http://localhost:8080");
    }
    bridge.until_it_says("http://localhost:8080 wants to know that it is you.");
    let listed = desktop.list(&["credentials"]);
    assert_eq!(listed.len(), 1);
    assert!(listed[0].starts_with("localhost\tann@example.com\tright-index-finger\tused 2 times\tlast used at "));
    assert_eq!(desktop.list(&["fingers"]), ["right-index-finger\t1 keys"]);
}

#[test]
fn the_keys_outlive_the_program() {
    let desktop = Desktop::with_finger("left-thumb");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    bridge.stop();
    let (result, _) = site.login(&desktop, &desktop.bridge(), None, "mine");
    assert!(result.user_verified());
}

#[test]
fn another_finger_signs_nothing_and_a_bad_scan_is_no_failure() {
    let desktop = Desktop::with_finger("right-thumb");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    let asking = bridge.asks("/v1/get", &site.wants_proof());
    for _ in 0..2 {
        desktop.touch("somebody");
    }
    desktop.until_finger_is_needed();
    // Too short: as often as it likes.
    for _ in 0..6 {
        desktop.until_finger_is_needed();
        desktop.reader("RETRY 1");
    }
    bridge.until_it_says("That was too short: try again.");
    desktop.touch("mine");
    asking.join().unwrap().credential();
    assert_eq!(bridge.said().iter().filter(|line| line.contains("was not recognised")).count(), 2);

    let asking = bridge.asks("/v1/get", &site.wants_proof());
    for _ in 0..3 {
        desktop.touch("somebody");
    }
    assert_eq!(asking.join().unwrap().refusal(), (403, "not-recognised".to_owned()));
}

#[test]
fn five_failures_in_a_row_cost_half_a_minute_and_no_restart_shortens_it() {
    let desktop = Desktop::with_finger("right-thumb");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    let asking = bridge.asks("/v1/get", &site.wants_proof());
    for _ in 0..3 {
        desktop.touch("somebody");
    }
    assert_eq!(asking.join().unwrap().refusal(), (403, "not-recognised".to_owned()));
    let asking = bridge.asks("/v1/get", &site.wants_proof());
    for _ in 0..2 {
        desktop.touch("somebody");
    }
    let paused = asking.join().unwrap();
    assert_eq!(paused.refusal(), (429, "paused".to_owned()));
    let seconds: u64 = paused.header("retry-after").unwrap().parse().unwrap();
    assert!((25..=30).contains(&seconds), "{seconds}");
    bridge.stop();

    // The right finger does not help now, for none is asked for; nor does a key for another site.
    let bridge = desktop.bridge();
    assert_eq!(bridge.request("/v1/get", &site.wants_proof()).send().refusal(), (429, "paused".to_owned()));
    desktop.enrol("left-thumb", "other");
    assert_eq!(bridge.request("/v1/create", &site.wants_key()).send().refusal(), (429, "paused".to_owned()));

    assert!(desktop.run(&["unlock"]).status.success());
    assert!(site.login(&desktop, &bridge, None, "mine").0.user_verified());
}

#[test]
fn ten_fingers_have_ten_keys_and_there_is_no_eleventh() {
    let desktop = Desktop::start();
    let bridge = desktop.bridge();
    let mut site = Site::new();
    assert_eq!(bridge.request("/v1/create", &site.wants_key()).send().refusal(), (409, "not-enrolled".to_owned()));
    for finger in ALL {
        desktop.enrol(finger, finger);
        site.register(&desktop, &bridge, Some(finger), finger);
    }
    assert_eq!(desktop.list(&["fingers"]), ALL.map(|finger| format!("{finger}\t1 keys")));
    assert_eq!(bridge.request("/v1/create", &site.wants_key()).send().refusal(), (409, "already-here".to_owned()));

    let again = desktop.run(&["enrol", "left-thumb"]);
    assert!(!again.status.success());
    assert!(String::from_utf8(again.stderr).unwrap().contains("is enrolled already"));
    let eleventh = desktop.run(&["enrol", "sixth-finger"]);
    assert!(!eleventh.status.success());
    let mut order = site.wants_proof();
    order["finger"] = json!("sixth-finger");
    assert_eq!(bridge.request("/v1/get", &order).send().refusal(), (400, "malformed".to_owned()));

    // Each has its own key: a finger that is asked for by name answers with that, and another one does not.
    let (result, _) = site.login(&desktop, &bridge, Some("left-ring-finger"), "left-ring-finger");
    assert_eq!(result.cred_id(), site.keys[3].cred_id());
}

#[test]
fn what_a_finger_opened_is_gone_with_it() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    assert!(desktop.run(&["forget", "right-index-finger"]).status.success());
    assert!(desktop.list(&["fingers"]).is_empty());
    assert!(desktop.list(&["credentials"]).is_empty());
    // Somebody else's finger under the old name does not come into its keys.
    desktop.enrol("right-index-finger", "somebody");
    assert_eq!(bridge.request("/v1/get", &site.wants_proof()).send().refusal(), (404, "no-key".to_owned()));
    assert!(!desktop.run(&["forget", "left-thumb"]).status.success());
}

#[test]
fn a_reader_that_is_pulled_out_ends_the_request() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    let asking = bridge.asks("/v1/get", &site.wants_proof());
    desktop.until_finger_is_needed();
    let begun = Instant::now();
    desktop.reader("UNPLUG");
    assert_eq!(asking.join().unwrap().refusal(), (503, "no-reader".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(bridge.request("/v1/get", &site.wants_proof()).send().refusal(), (503, "no-reader".to_owned()));
}

#[test]
fn a_signal_that_anybody_on_the_bus_can_send_is_no_match() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    let asking = bridge.asks("/v1/get", &site.wants_proof());
    desktop.until_finger_is_needed();
    for _ in 0..5 {
        desktop.forge_match();
        thread::sleep(Duration::from_millis(50));
        assert!(!asking.is_finished());
    }
    desktop.touch("mine");
    asking.join().unwrap().credential();
}

#[test]
fn a_page_that_goes_away_leaves_the_reader_free() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    let connection = bridge.request("/v1/get", &site.wants_proof()).write();
    desktop.until_finger_is_needed();
    drop(connection);
    // Another program gets the reader, which only one can have.
    crate::desktop::until("the reader is free", || {
        desktop.run(&["forget", "right-index-finger"]).status.success().then_some(())
    });
}

#[test]
fn nobody_comes_and_the_time_is_up() {
    let desktop = Desktop::with_finger("right-index-finger");
    let config = desktop.folder().join("bridge.toml");
    std::fs::write(&config, "finger_seconds = 1\n").unwrap();
    let bridge = desktop.bridge_with(&["--config", config.to_str().unwrap()]);
    assert_eq!(bridge.request("/v1/create", &Site::new().wants_key()).send().refusal(), (408, "timed-out".to_owned()));
    assert!(desktop.list(&["credentials"]).is_empty());
}

#[test]
fn no_finger_is_asked_for_unless_the_site_was_shown() {
    let desktop = Desktop::with_finger("right-index-finger");
    let script = desktop.folder().join("notify");
    let shown = desktop.folder().join("shown");
    let write = |end: &str| {
        std::fs::write(&script, format!("#!/bin/sh\nprintf '%s|%s\\n' \"$1\" \"$2\" >> {}\n{end}\n", shown.display()))
            .unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("exit 0");
    let bridge = desktop.bridge_with(&["--notify-command", script.to_str().unwrap()]);
    let site = Site::registered(&desktop, &bridge);
    let text = std::fs::read_to_string(&shown).unwrap();
    assert!(
        text.starts_with("Fingerprint|http://localhost:8080 wants to be opened by your right index finger"),
        "{text}"
    );

    write("exit 1");
    assert_eq!(bridge.request("/v1/get", &site.wants_proof()).send().refusal(), (503, "not-shown".to_owned()));
    // The reader was never taken.
    assert!(desktop.run(&["forget", "right-index-finger"]).status.success());
}
