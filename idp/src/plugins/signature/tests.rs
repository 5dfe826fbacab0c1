//! Against files that minisign itself has made.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

const FILE: &[u8] = include_bytes!("../../../tests/data/minisign/example.txt");
const SIGNATURE: &str = include_str!("../../../tests/data/minisign/example.txt.minisig");
const LEGACY: &str = include_str!("../../../tests/data/minisign/example.txt.legacy.minisig");
const PUBLIC: &str = include_str!("../../../tests/data/minisign/publisher.pub");
const SECRET: &str = include_str!("../../../tests/data/minisign/publisher.key");
const OTHER: &str = include_str!("../../../tests/data/minisign/other.pub");

fn trusted(public: &str) -> TrustedKey {
    TrustedKey::parse(public.lines().nth(1).unwrap()).unwrap()
}

fn flaw(trusted: &[TrustedKey], bytes: &[u8], text: &str) -> SignatureError {
    verify(trusted, bytes, text).unwrap_err()
}

/// With one character of a line changed.
fn altered(text: &str, line: usize, at: usize) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let other = if lines[line].as_bytes()[at] == b'A' { "B" } else { "A" };
    lines[line].replace_range(at..=at, other);
    lines.join("\n")
}

#[test]
fn what_minisign_signed_is_vouched_for() {
    let keys = [trusted(OTHER), trusted(PUBLIC)];
    let vouched = verify(&keys, FILE, SIGNATURE).unwrap();
    assert_eq!(vouched.comment, "example.txt 1.0.0");
    assert_eq!(vouched.key.id(), keys[1].id());
    assert_eq!(keys[1].id().to_string(), "0E68280A961544B3", "as the comment of the .pub file says");
    let crlf = SIGNATURE.replace('\n', "\r\n");
    assert!(verify(&keys, FILE, &crlf).is_ok(), "a file that travelled by mail");
}

#[test]
fn every_changed_byte_of_the_file_is_noticed() {
    let keys = [trusted(PUBLIC)];
    for at in 0..FILE.len() {
        let mut file = FILE.to_vec();
        file[at] ^= 1;
        assert_eq!(flaw(&keys, &file, SIGNATURE), SignatureError::Altered(keys[0].id()), "byte {at}");
    }
    assert_eq!(flaw(&keys, &FILE[1..], SIGNATURE), SignatureError::Altered(keys[0].id()));
}

#[test]
fn a_changed_comment_is_noticed_if_it_is_the_trusted_one() {
    let keys = [trusted(PUBLIC)];
    let trusted_comment = SIGNATURE.replace("example.txt 1.0.0", "example.txt 9.0.0");
    assert_eq!(flaw(&keys, FILE, &trusted_comment), SignatureError::Altered(keys[0].id()));
    assert!(verify(&keys, FILE, &SIGNATURE.replace("from minisign", "from anybody")).is_ok(), "nobody vouches for it");
}

#[test]
fn changed_signatures_are_noticed() {
    let keys = [trusted(PUBLIC)];
    for (line, at) in [(1, 20), (1, 90), (3, 0), (3, 80)] {
        let flaw = flaw(&keys, FILE, &altered(SIGNATURE, line, at));
        assert_eq!(flaw, SignatureError::Altered(keys[0].id()), "line {line}, character {at}");
    }
    let global = SIGNATURE.lines().nth(3).unwrap();
    for text in
        ["", "untrusted comment: x", "\n\n\n\n", &SIGNATURE.replace(global, "AAAA"), &SIGNATURE.replace("RUSz", "RVSz")]
    {
        assert_eq!(flaw(&keys, FILE, text), SignatureError::Malformed, "{text}");
    }
}

#[test]
fn the_legacy_form_is_refused_although_it_is_genuine() {
    assert_eq!(flaw(&[trusted(PUBLIC)], FILE, LEGACY), SignatureError::Legacy);
}

#[test]
fn a_key_that_is_not_trusted_is_named() {
    let said = flaw(&[trusted(OTHER)], FILE, SIGNATURE);
    assert_eq!(said, SignatureError::UnknownKey(trusted(PUBLIC).id()));
    assert!(
        said.to_string().contains("0E68280A961544B3") && said.to_string().contains("plugins.trusted_keys"),
        "{said}"
    );
    assert!(matches!(flaw(&[], FILE, SIGNATURE), SignatureError::UnknownKey(_)));
}

#[test]
fn what_is_no_key_is_refused() {
    for text in ["", "RW", "RWQ=", &SIGNATURE[44..], "-----BEGIN PUBLIC KEY-----"] {
        assert!(TrustedKey::parse(text).unwrap_err().contains(".pub file"), "{text:?}");
    }
}

#[test]
fn minisigns_secret_key_signs_here() {
    let signature = sign(FILE, SECRET, None, "again").unwrap();
    let keys = [trusted(PUBLIC)];
    assert_eq!(verify(&keys, FILE, &signature).unwrap().comment, "again");
}

#[test]
fn a_new_key_signs_and_its_password_is_needed() {
    for password in [None, Some("correct horse")] {
        let key = keygen(password).unwrap();
        let keys = [TrustedKey::parse(&key.trusted).unwrap()];
        assert!(key.public.contains(&key.id) && key.public.contains(&key.trusted), "{}", key.public);
        let signature = sign(FILE, &key.secret, password, "mine").unwrap();
        assert_eq!(verify(&keys, FILE, &signature).unwrap().comment, "mine");
        let other = if password.is_some() { None } else { Some("wrong") };
        assert!(matches!(sign(FILE, &key.secret, other, "mine"), Err(KeyError::Use(_))));
        assert!(!format!("{key:?}").contains(key.secret.lines().nth(1).unwrap()));
    }
    assert!(matches!(sign(FILE, SECRET, None, "two\nlines"), Err(KeyError::Comment)));
}
