//! Windows, clones, clock offsets, and what an answer does not cover.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use cipherpad_core::{
    challenge::{Challenge, Digits},
    keys::{Keys, Secret},
    payment::{Amount, Payee},
    question::{Question, Suites},
    verify::{PadState, STEP_SECONDS, Verdict},
};
use proptest::prelude::*;

const NOW: u64 = 1_700_000_000;

fn suites() -> Suites {
    Suites::for_digits(Digits::Eight).unwrap()
}

fn keys() -> Keys {
    Keys::from_root(Secret::new([5; 32]))
}

fn pad() -> PadState {
    PadState::new(keys(), suites())
}

fn challenge(text: &str) -> Challenge {
    Challenge::parse(text, Digits::Eight).unwrap()
}

fn login() -> Question {
    Question::Login { challenge: challenge("58715204") }
}

fn payment(challenge_text: &str, payee: &str, minor: u64) -> Question {
    Question::Payment {
        challenge: challenge(challenge_text),
        payee: payee.parse().unwrap(),
        amount: Amount::from_minor(minor).unwrap(),
    }
}

/// What a pad with this counter and a clock that is `minutes` ahead answers.
fn answer(question: &Question, counter: u64, minutes: i64) -> String {
    let now = (NOW / STEP_SECONDS).checked_add_signed(minutes).unwrap();
    question.answer(&suites(), &keys(), counter, now).unwrap()
}

fn accepted(state: &PadState, question: &Question, text: &str) -> Option<PadState> {
    match state.judge(question, text, NOW).unwrap() {
        Verdict::Accepted(state) => Some(state),
        Verdict::Wrong | Verdict::Clone => None,
    }
}

#[test]
fn the_counter_may_be_ten_ahead_and_no_more() {
    for ahead in 0..=10 {
        let state = accepted(&pad(), &login(), &answer(&login(), ahead, 0)).unwrap();
        assert_eq!(state.next_counter(), ahead + 1);
    }
    assert!(accepted(&pad(), &login(), &answer(&login(), 11, 0)).is_none());
}

#[test]
fn the_clock_may_be_two_minutes_off_and_no_more() {
    for minutes in -2..=2 {
        assert!(accepted(&pad(), &login(), &answer(&login(), 0, minutes)).is_some(), "{minutes}");
    }
    for minutes in [-3, 3] {
        assert!(accepted(&pad(), &login(), &answer(&login(), 0, minutes)).is_none(), "{minutes}");
    }
}

#[test]
fn a_clock_offset_is_learnt_from_right_answers_only_and_is_capped() {
    let learnt = accepted(&pad(), &login(), &answer(&login(), 0, 2)).unwrap();
    assert!(accepted(&learnt, &login(), &answer(&login(), 1, 4)).is_some());
    assert!(accepted(&learnt, &login(), &answer(&login(), 1, -1)).is_none());
    let capped = accepted(&learnt, &login(), &answer(&login(), 1, 4)).unwrap();
    assert!(accepted(&capped, &login(), &answer(&login(), 2, 5)).is_none());
    assert!(accepted(&capped, &login(), &answer(&login(), 2, 0)).is_some());
}

#[test]
fn an_answer_is_accepted_once() {
    let text = answer(&login(), 3, 0);
    let state = accepted(&pad(), &login(), &text).unwrap();
    assert!(matches!(state.judge(&login(), &text, NOW).unwrap(), Verdict::Clone));
}

#[test]
fn an_old_counter_that_is_otherwise_right_is_a_clone() {
    let mut state = pad();
    for counter in [10, 20, 30] {
        state = accepted(&state, &login(), &answer(&login(), counter, 0)).unwrap();
    }
    assert_eq!(state.next_counter(), 31);
    for (counter, clone) in [(30, true), (15, true), (11, true), (10, false), (0, false)] {
        let verdict = state.judge(&login(), &answer(&login(), counter, 0), NOW).unwrap();
        assert_eq!(matches!(verdict, Verdict::Clone), clone, "{counter}");
    }
    // A clone's answer to a payment shows in the same way.
    let pay = payment("58715204", "Z123456789012", 1050);
    assert!(matches!(state.judge(&pay, &answer(&pay, 30, 0), NOW).unwrap(), Verdict::Clone));
}

#[test]
fn counters_wrap_at_64_bits() {
    let mut json = serde_json::to_value(pad()).unwrap();
    json["next_counter"] = u64::MAX.into();
    let state: PadState = serde_json::from_value(json).unwrap();
    let wrapped = accepted(&state, &login(), &answer(&login(), 3, 0)).unwrap();
    assert_eq!(wrapped.next_counter(), 4);
    let last = accepted(&state, &login(), &answer(&login(), u64::MAX, 0)).unwrap();
    assert_eq!(last.next_counter(), 0);
}

#[test]
fn answers_are_read_however_they_are_typed() {
    let text = answer(&login(), 0, 0);
    let (left, right) = text.split_at(4);
    assert!(accepted(&pad(), &login(), &format!(" {left}\u{a0}{right}\n")).is_some());
    for bad in ["", left, "x", &format!("{text}0"), &format!("0{text}")] {
        assert!(accepted(&pad(), &login(), bad).is_none(), "{bad:?}");
    }
}

#[test]
fn the_state_survives_being_stored() {
    let state = accepted(&pad(), &login(), &answer(&login(), 7, 1)).unwrap();
    let stored = serde_json::to_string(&state).unwrap();
    let state: PadState = serde_json::from_str(&stored).unwrap();
    assert_eq!(state.next_counter(), 8);
    assert!(accepted(&state, &login(), &answer(&login(), 8, 3)).is_some());
}

#[test]
fn a_challenge_of_another_length_does_not_fit() {
    let six = Question::Login { challenge: Challenge::parse("587152", Digits::Six).unwrap() };
    assert!(accepted(&pad(), &six, "000000").is_none());
    let pad = PadState::new(keys(), Suites::for_digits(Digits::Six).unwrap());
    assert!(pad.judge(&login(), "000000", NOW).is_err());
}

/// Whether answers to `given` are taken for `wanted`. Two of them, since one in about two million is right by chance.
fn serves(given: &Question, wanted: &Question, counter: u64) -> bool {
    [counter, (counter + 1) % 11].iter().all(|counter| accepted(&pad(), wanted, &answer(given, *counter, 0)).is_some())
}

fn any_payment() -> impl Strategy<Value = (String, String, u64)> {
    ("[1-9][0-9]{7}", "[A-Z][0-9]{12}", 1..=u64::MAX)
}

proptest! {
    #[test]
    fn an_answer_for_a_login_never_confirms_a_payment_nor_the_reverse(
        (number, payee, minor) in any_payment(), counter in 0u64..11
    ) {
        let login = Question::Login { challenge: challenge(&number) };
        let pay = payment(&number, &payee, minor);
        prop_assert!(!serves(&login, &pay, counter));
        prop_assert!(!serves(&pay, &login, counter));
        prop_assert!(accepted(&pad(), &pay, &answer(&pay, counter, 0)).is_some());
    }

    #[test]
    fn one_changed_character_of_what_is_approved_voids_the_answer(
        (number, payee, minor) in any_payment(), which in 0usize..3, at in 0usize..32, by in 1u8..9
    ) {
        let approved = payment(&number, &payee, minor);
        let (mut number, mut payee) = (number.into_bytes(), payee.into_bytes());
        let mut amount = minor.to_string().into_bytes();
        let changed = match which { 0 => &mut number, 1 => &mut payee, _ => &mut amount };
        let at = at % changed.len();
        changed[at] = match changed[at] {
            // Stay among first digits: a leading zero would be no challenge and no canonical amount.
            digit @ b'1'..=b'9' if at == 0 => b'1' + (digit - b'1' + by) % 9,
            digit @ b'0'..=b'9' => b'0' + (digit - b'0' + by) % 10,
            letter => b'A' + (letter - b'A' + by) % 26,
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let Ok(minor) = text(amount).parse() else { return Ok(()) };
        let payee: Payee = text(payee).parse().unwrap();
        let tampered = payment(&text(number), payee.as_str(), minor);
        prop_assert!(!serves(&approved, &tampered, 0));
    }

    #[test]
    fn no_text_makes_the_judge_panic(text: String, now: u64) {
        prop_assert!(!matches!(pad().judge(&login(), &text, now), Ok(Verdict::Clone)));
    }
}

#[test]
fn the_question_of_a_payment_is_as_published() {
    // From the vectors: key "123456…", counter 7, minute 0x132d0b6. Here through the RFC's suite and our question.
    let rows: Vec<serde_json::Value> = serde_json::from_str(include_str!("vectors/ocra-rfc6287.json")).unwrap();
    let published: Vec<&str> = rows
        .iter()
        .filter(|row| row["mode"] == "derived-cipherpad-payment")
        .map(|row| row["expected"].as_str().unwrap())
        .collect();
    let Ok(master) = <[u8; 32]>::try_from(b"12345678901234567890123456789012".as_slice()) else { panic!("32 bytes") };
    let suite = suites().payment;
    let ours: Vec<String> =
        [("Z123456789012", 1050), ("Z123456789012", 1051), ("E123456789012", 1050), ("Z123456789013", 1050)]
            .into_iter()
            .map(|(payee, minor): (&str, u64)| {
                use sha2::Digest;
                let text = hex::encode(sha2::Sha256::digest(format!("enum-pay-1\0{}\0{payee}\0{minor}", "58715204")));
                let question = cipherpad_core::ocra::Question::new(&suite, &text).unwrap();
                let inputs = cipherpad_core::ocra::Inputs {
                    counter: Some(7),
                    time: Some(0x132_d0b6),
                    ..cipherpad_core::ocra::Inputs::of(&question)
                };
                suite.answer(&master, &inputs).unwrap()
            })
            .collect();
    assert_eq!(ours, published);
}
