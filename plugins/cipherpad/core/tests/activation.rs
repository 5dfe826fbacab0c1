//! The agreement: two honest sides, and everybody in between.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use cipherpad_core::{
    activation::{ActivationError, Hello, Offer, PadDone, PadStart, ServerDone, ServerPending, ServerStart},
    challenge::Digits,
    code::ActivationCode,
    keys::Secret,
    question::{Question, Suites},
    verify::{STEP_SECONDS, Verdict},
};
use proptest::prelude::*;

const NOW: u64 = 1_700_000_000;

fn code() -> ActivationCode {
    ActivationCode::from_random([7; 10])
}

fn server(code: &ActivationCode) -> ServerStart {
    ServerStart {
        psk: code.psk(),
        account: "acc-1".to_owned(),
        issuer: "https://id.example".to_owned(),
        epoch: 3,
        suites: Suites::for_digits(Digits::Eight).unwrap(),
    }
}

fn offer(start: &PadStart) -> (Offer, ServerPending) {
    server(&code()).accept(&start.hello(), &[2; 32]).unwrap()
}

fn agree() -> (PadDone, ServerDone) {
    let start = PadStart::new(&code(), [1; 32]);
    let (offer, pending) = offer(&start);
    let (finish, pad) = start.receive(offer).unwrap().finish(NOW).unwrap();
    (pad, pending.complete(&finish, NOW).unwrap())
}

#[test]
fn both_sides_come_to_the_same_key() {
    let (pad, server) = agree();
    assert_eq!(pad.counter, 1);
    assert_eq!(server.pad.next_counter(), 1);
    assert_eq!(server.epoch, 3);
    assert_eq!(pad.offer.qr_key, cipherpad_core::qr::public_key(&server.qr_seed));
    let question = Question::Login { challenge: "58715204".to_owned().try_into().unwrap() };
    let answer = question.answer(&pad.offer.suites, &pad.keys, pad.counter, NOW / STEP_SECONDS).unwrap();
    assert!(matches!(server.pad.judge(&question, &answer, NOW).unwrap(), Verdict::Accepted(_)));
}

#[test]
fn the_servers_states_survive_being_stored() {
    let start = PadStart::new(&code(), [1; 32]);
    let stored = serde_json::to_string(&server(&code())).unwrap();
    let (offer, pending) =
        serde_json::from_str::<ServerStart>(&stored).unwrap().accept(&start.hello(), &[2; 32]).unwrap();
    let stored = serde_json::to_string(&pending).unwrap();
    let (finish, _) = start.receive(offer).unwrap().finish(NOW).unwrap();
    assert!(serde_json::from_str::<ServerPending>(&stored).unwrap().complete(&finish, NOW).is_ok());
}

#[test]
fn a_pad_with_another_code_sees_that_the_server_does_not_know_it() {
    let start = PadStart::new(&ActivationCode::from_random([8; 10]), [1; 32]);
    let (offer, _) = offer(&start);
    assert!(matches!(start.receive(offer), Err(ActivationError::Mac)));
}

#[test]
fn a_pad_that_ignores_the_servers_mac_still_fails() {
    let start = PadStart::new(&code(), [1; 32]);
    let (offer_a, _) = offer(&start);
    // Same code and key, other server randomness: another agreement.
    let (_, pending_b) = server(&code()).accept(&start.hello(), &[3; 32]).unwrap();
    let (finish, _) = start.receive(offer_a).unwrap().finish(NOW).unwrap();
    assert!(matches!(pending_b.complete(&finish, NOW), Err(ActivationError::Mac)));
}

#[test]
fn a_wrong_first_answer_ends_the_activation() {
    let start = PadStart::new(&code(), [1; 32]);
    let (offer, pending) = offer(&start);
    let (mut finish, _) = start.receive(offer).unwrap().finish(NOW).unwrap();
    finish.answer = if finish.answer == "00000000" { "00000001".to_owned() } else { "00000000".to_owned() };
    assert!(matches!(pending.complete(&finish, NOW), Err(ActivationError::Answer)));
}

#[test]
fn a_clock_that_is_far_off_ends_the_activation() {
    let start = PadStart::new(&code(), [1; 32]);
    let (offer, pending) = offer(&start);
    let (finish, _) = start.receive(offer).unwrap().finish(NOW + 3 * STEP_SECONDS).unwrap();
    assert!(matches!(pending.complete(&finish, NOW), Err(ActivationError::Answer)));
}

#[test]
fn weak_public_keys_are_refused_by_both_sides() {
    // Points of small order on Curve25519: u = 0, 1, p - 1, p, p + 1.
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    let near = |last: u8| {
        let mut key = p;
        key[0] = last;
        key
    };
    let mut one = [0; 32];
    one[0] = 1;
    for weak in [[0; 32], one, near(0xec), near(0xed), near(0xee)] {
        let refused = server(&code()).accept(&Hello { pad_key: weak }, &[2; 32]);
        assert!(matches!(refused, Err(ActivationError::WeakKey)), "{weak:?}");
        let start = PadStart::new(&code(), [1; 32]);
        let (mut offer, _) = offer(&start);
        offer.server_key = weak;
        assert!(matches!(start.receive(offer), Err(ActivationError::WeakKey)), "{weak:?}");
    }
}

#[test]
fn a_pad_does_not_let_itself_be_talked_into_other_suites() {
    let start = PadStart::new(&code(), [1; 32]);
    let (mut offer, _) = offer(&start);
    offer.suites.login = "OCRA-1:HOTP-SHA1-4:C-QN08-T1M".parse().unwrap();
    assert!(matches!(start.receive(offer), Err(ActivationError::Suites)));
    let start = PadStart::new(&code(), [1; 32]);
    let (mut offer, _) = self::offer(&start);
    offer.challenge = "587152".to_owned().try_into().unwrap();
    assert!(matches!(start.receive(offer), Err(ActivationError::Suites)));
}

#[test]
fn secrets_do_not_show() {
    let (pad, server) = agree();
    let root = hex::encode(pad.keys.root().expose());
    let shown = format!("{pad:?} {server:?} {:?} {:?}", code(), code().psk());
    assert!(!shown.contains(&root) && !shown.contains(code().grouped().as_str()));
    assert!(shown.contains("Secret(…)"));
    let bytes = format!("{:?}", pad.keys.root().expose());
    assert!(!shown.contains(&bytes));
}

#[test]
fn keys_for_login_and_payment_differ_from_the_root() {
    let keys = cipherpad_core::keys::Keys::from_root(Secret::new([9; 32]));
    let json = serde_json::to_string(&keys).unwrap();
    assert_eq!(json, "\"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk\"");
    let back: cipherpad_core::keys::Keys = serde_json::from_str(&json).unwrap();
    assert_eq!(back.root().expose(), &[9; 32]);
}

/// Changes one field of the offer; returns false if that changed nothing.
fn tamper(offer: &mut Offer, field: usize, byte: usize, xor: u8) {
    let flip = |bytes: &mut [u8; 32]| bytes[byte] ^= xor;
    match field {
        0 => flip(&mut offer.server_key),
        1 => flip(&mut offer.qr_key.0),
        2 => flip(&mut offer.mac),
        3 => offer.account.push('x'),
        4 => offer.issuer.push('x'),
        5 => offer.epoch ^= u64::from(xor),
        6 => {
            let other = if offer.challenge.as_str() == "10000000" { "10000001" } else { "10000000" };
            offer.challenge = other.to_owned().try_into().unwrap();
        }
        _ => panic!("no such field"),
    }
}

proptest! {
    #[test]
    fn nothing_of_the_offer_can_be_changed_on_the_way(field in 0usize..7, byte in 0usize..32, xor in 1u8..) {
        // The top bit of an X25519 key is masked out by its own definition, yet it is in the transcript.
        let start = PadStart::new(&code(), [1; 32]);
        let (mut offer, _) = offer(&start);
        tamper(&mut offer, field, byte, xor);
        prop_assert!(start.receive(offer).is_err());
    }

    #[test]
    fn nothing_of_the_hello_can_be_changed_on_the_way(byte in 0usize..32, xor in 1u8..) {
        let start = PadStart::new(&code(), [1; 32]);
        let mut hello = start.hello();
        hello.pad_key[byte] ^= xor;
        if let Ok((offer, _)) = server(&code()).accept(&hello, &[2; 32]) {
            prop_assert!(start.receive(offer).is_err());
        }
    }
}
