//! Who is heard: each rule with the attack that it stops.

use std::{
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    bridge::Request,
    desktop::Desktop,
    site::{ORIGIN, Site},
};

/// Refused with this status, and in a way that the page cannot read.
fn unheard(request: &Request, status: u16, code: &str) {
    let reply = request.send();
    assert_eq!(reply.refusal(), (status, code.to_owned()));
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

/// Refused with this status, and the page may read why.
fn refused(request: &Request, status: u16, code: &str) {
    let reply = request.send();
    assert_eq!(reply.refusal(), (status, code.to_owned()));
    assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN));
}

#[test]
fn only_a_listed_page_that_asks_in_the_one_way_is_heard() {
    // No reader is needed: nothing of this comes so far.
    let desktop = Desktop::start();
    let bridge = desktop.bridge();
    let good = bridge.request("/v1/create", &Site::new().wants_key());

    for foreign in [
        "https://evil.example",
        "http://localhost:8081",
        "https://localhost:8080",
        "http://localhost:8080.evil.example",
        "http://localhost:8080/",
        "HTTP://localhost:8080",
        "http://LOCALHOST:8080",
        "http://sub.localhost:8080",
        "null",
        "",
        "*",
    ] {
        unheard(&good.clone().with("Origin", foreign), 403, "foreign-origin");
        unheard(&good.clone().with("Origin", foreign).method("OPTIONS"), 403, "foreign-origin");
    }
    unheard(&good.clone().without("Origin"), 403, "foreign-origin");
    let mut twice = good.clone();
    twice.headers.push(("Origin".to_owned(), "https://evil.example".to_owned()));
    unheard(&twice, 403, "foreign-origin");

    // DNS rebinding: a name of the attacker's that resolves to this computer.
    let port = bridge.port;
    for host in [format!("evil.example:{port}"), "127.0.0.1".to_owned(), format!("127.0.0.1.evil.example:{port}")] {
        unheard(&good.clone().with("Host", &host), 421, "foreign-host");
    }
    unheard(&good.clone().with("Host", &format!("127.0.0.1:{}", port ^ 1)), 421, "foreign-host");
    let mut absolute = good.clone();
    absolute.target = format!("http://evil.example:{port}/v1/create");
    unheard(&absolute, 421, "foreign-host");
    for host in ["localhost", "[::1]"] {
        refused(&good.clone().with("Host", &format!("{host}:{port}")), 409, "not-enrolled");
    }

    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        let reply = good.clone().method(method).send();
        assert_eq!(reply.status, 405, "{method}");
    }
    // What a form or a script without preflight can send.
    for simple in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; a=b"] {
        refused(&good.clone().with("Content-Type", simple), 415, "json-only");
    }
    refused(&good.clone().without("Content-Type"), 415, "json-only");
    refused(&good.clone().without("X-Enum-Bridge"), 403, "header-missing");
    refused(&good.clone().with("X-Enum-Bridge", "2"), 403, "header-missing");
    let mut elsewhere = good.clone();
    elsewhere.target = "/".to_owned();
    refused(&elsewhere, 404, "no-such-path");

    let mut broken = good.clone();
    broken.body = b"{\"publicKey\":".to_vec();
    refused(&broken, 400, "malformed");
    refused(&good, 409, "not-enrolled");
}

#[test]
fn long_bodies_and_slow_ones_are_cut_off() {
    let desktop = Desktop::start();
    let bridge = desktop.bridge();
    let mut long = bridge.request("/v1/create", &json!({}));
    long.body = vec![b' '; 32 * 1024 + 1];
    refused(&long, 413, "too-long");
    // Without a length, or with a false one.
    refused(&long.clone().with("Transfer-Encoding", "chunked"), 411, "length-missing");
    let mut slow = bridge.request("/v1/create", &json!({}));
    slow.length = Some(1000);
    let begun = Instant::now();
    refused(&slow, 408, "too-slow");
    assert!(begun.elapsed() < Duration::from_secs(15));

    // Half a head, and nothing more.
    let mut half = TcpStream::connect((Ipv4Addr::LOCALHOST, bridge.port)).unwrap();
    half.write_all(b"POST /v1/create HTTP/1.1\r\nHost: ").unwrap();
    half.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut half, &mut rest).unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200"));
}

#[test]
fn a_preflight_allows_exactly_what_the_page_needs() {
    let desktop = Desktop::start();
    let bridge = desktop.bridge();
    let asking = bridge
        .request("/v1/get", &json!({}))
        .method("OPTIONS")
        .without("X-Enum-Bridge")
        .without("Content-Type")
        .with("Access-Control-Request-Method", "POST")
        .with("Access-Control-Request-Headers", "content-type,x-enum-bridge");
    let reply = asking.send();
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(reply.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(reply.header("access-control-allow-headers"), Some("content-type, x-enum-bridge"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    assert_eq!(reply.header("vary"), Some("Origin"));
    assert!(reply.body.is_empty());
}

#[test]
fn one_page_at_a_time() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    let first = bridge.asks("/v1/get", &site.wants_proof());
    desktop.until_finger_is_needed();
    refused(&bridge.request("/v1/get", &site.wants_proof()), 409, "busy");
    refused(&bridge.request("/v1/create", &site.wants_key()), 409, "busy");
    desktop.touch("mine");
    first.join().unwrap().credential();
}

#[test]
fn a_page_gets_keys_for_its_own_site_only() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge_with(&["--origin", "https://id.example.co.uk"]);
    let site = Site::registered(&desktop, &bridge);
    for other in ["evil.example", "example.co.uk.evil.example", "co.uk", "uk", "d.example.co.uk", "localhost", ""] {
        let mut order = site.wants_key();
        order["publicKey"]["rp"]["id"] = json!(other);
        refused_for(&bridge.request("/v1/create", &order), "https://id.example.co.uk");
        let mut order = site.wants_proof();
        order["publicKey"]["rpId"] = json!(other);
        refused_for(&bridge.request("/v1/get", &order), "https://id.example.co.uk");
    }
    // The other listed site asks for the first one's key by its name: to it, it does not exist.
    let mut order = site.wants_proof();
    order["publicKey"]["rpId"] = json!("example.co.uk");
    let stolen = bridge.request("/v1/get", &order).with("Origin", "https://id.example.co.uk").send();
    assert_eq!(stolen.refusal(), (404, "no-key".to_owned()));
    assert!(!bridge.said().iter().any(|line| line.contains("example.co.uk wants")), "no finger was asked for");
}

fn refused_for(request: &Request, origin: &str) {
    let reply = request.clone().with("Origin", origin).send();
    assert_eq!(reply.refusal(), (403, "other-site".to_owned()));
}

#[test]
fn a_parent_domain_is_the_pages_own_site() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge_with(&["--origin", "https://id.example.co.uk"]);
    let mut order = Site::new().wants_key();
    order["publicKey"]["rp"]["id"] = json!("example.co.uk");
    let request = bridge.request("/v1/create", &order).with("Origin", "https://id.example.co.uk");
    let asking = std::thread::spawn(move || request.send());
    desktop.touch("mine");
    asking.join().unwrap().credential();
    assert!(desktop.list(&["credentials"])[0].starts_with("example.co.uk\t"));
}

#[test]
fn what_a_body_says_of_its_origin_is_not_looked_at() {
    let desktop = Desktop::with_finger("right-index-finger");
    let bridge = desktop.bridge();
    let site = Site::registered(&desktop, &bridge);
    let mut order = site.wants_proof();
    order["origin"] = json!("https://evil.example");
    order["publicKey"]["origin"] = json!("https://evil.example");
    order["clientDataJSON"] = json!("e30");
    // Nor is a wish to do without the finger.
    order["publicKey"]["userVerification"] = json!("discouraged");
    let asking = bridge.asks("/v1/get", &order);
    desktop.touch("mine");
    let signed = asking.join().unwrap().credential();
    let text = signed["response"]["clientDataJSON"].as_str().unwrap();
    let data = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, text).unwrap();
    let data: serde_json::Value = serde_json::from_slice(&data).unwrap();
    assert_eq!(data["origin"], ORIGIN);
    assert_eq!(data["crossOrigin"], false);
}

#[test]
fn no_other_address_of_the_computer_is_listened_on() {
    let desktop = Desktop::start();
    let bridge = desktop.bridge();
    TcpStream::connect((Ipv4Addr::LOCALHOST, bridge.port)).unwrap();
    if TcpStream::connect((Ipv6Addr::LOCALHOST, bridge.port)).is_err() {
        bridge.until_it_says("there is no ::1 on this computer");
    }
    // An address that is not 127.0.0.1: another of loopback's, and the one that leads outside if there is one.
    let wait = Duration::from_secs(2);
    let elsewhere = (Ipv4Addr::new(127, 0, 0, 2), bridge.port).into();
    assert!(TcpStream::connect_timeout(&elsewhere, wait).is_err());
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Sends nothing; only chooses the address that would be used.
    if probe.connect("192.0.2.1:9").is_ok() {
        let outside = (probe.local_addr().unwrap().ip(), bridge.port).into();
        assert!(TcpStream::connect_timeout(&outside, wait).is_err());
    }
}

#[test]
fn it_does_not_start_for_everybody() {
    let desktop = Desktop::start();
    for args in [vec!["run"], vec!["run", "--origin", "*"], vec!["run", "--origin", "http://id.example"]] {
        let done = desktop.run(&args);
        assert!(!done.status.success(), "{args:?}");
    }
}
