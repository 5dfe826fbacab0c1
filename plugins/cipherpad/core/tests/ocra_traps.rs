//! Traps of RFC 6287, one test each, and the suite grammar.
#![expect(clippy::unwrap_used, reason = "tests")]

use cipherpad_core::{
    challenge::Digits,
    ocra::{Hash, Inputs, OcraError, Question, Suite},
    question::Suites,
};

const KEY: &[u8] = b"12345678901234567890123456789012";

fn suite(text: &str) -> Suite {
    text.parse().unwrap_or_else(|error| unreachable!("{text}: {error}"))
}

fn ask(suite_text: &str, question: &str) -> Result<String, OcraError> {
    let suite = suite(suite_text);
    suite.answer(KEY, &Inputs::of(&Question::new(&suite, question)?))
}

#[test]
fn the_suite_is_maced_byte_for_byte() {
    let short = ask("OCRA-1:HOTP-SHA1-6:QH8", "deadbeef").unwrap();
    let long = ask("OCRA-1:HOTP-SHA1-6:QH08", "deadbeef").unwrap();
    assert_ne!(short, long);
}

#[test]
fn numbers_padded_on_the_right_collide_unless_their_length_is_fixed() {
    let answer = |question| ask("OCRA-1:HOTP-SHA256-8:QN08", question).unwrap();
    assert_eq!(answer("00000001"), answer("00000016"));
    assert_eq!(answer("00000001"), answer("00000256"));
    // With eight digits and no leading zero, sixteen times a number is longer or is no multiple in range.
    assert_ne!(answer("10000000"), answer("16000000"));
    assert_ne!(answer("10000000"), answer("99999999"));
}

#[test]
fn a_mutual_exchange_bounds_each_question_not_both_together() {
    let suite = suite("OCRA-1:HOTP-SHA256-8:QA08");
    assert!(Question::mutual(&suite, "CLI22220", "SRV11110").is_ok());
    assert_eq!(Question::mutual(&suite, "CLI222200", "SRV11110"), Err(OcraError::QuestionLength { max: 8, found: 9 }));
    assert_eq!(Question::new(&suite, "CLI22220SRV11110"), Err(OcraError::QuestionLength { max: 8, found: 16 }));
}

#[test]
fn the_order_of_a_mutual_exchange_matters() {
    let suite = suite("OCRA-1:HOTP-SHA256-8:QA08");
    let of = |theirs, ours| suite.answer(KEY, &Inputs::of(&Question::mutual(&suite, theirs, ours).unwrap())).unwrap();
    assert_ne!(of("CLI22220", "SRV11110"), of("SRV11110", "CLI22220"));
}

#[test]
fn ten_digits_never_start_with_more_than_two() {
    for question in 10_000_000..10_000_200 {
        let answer = ask("OCRA-1:HOTP-SHA256-10:QN08", &question.to_string()).unwrap();
        assert_eq!(answer.len(), 10);
        assert!(answer.as_bytes()[0] <= b'2', "{answer}");
    }
}

#[test]
fn truncation_zero_is_the_whole_hmac() {
    assert_eq!(ask("OCRA-1:HOTP-SHA512-0:QN08", "12345678").unwrap().len(), 128);
}

#[test]
fn a_bare_s_is_no_suite() {
    assert!("OCRA-1:HOTP-SHA1-6:QH10-S".parse::<Suite>().is_err());
}

#[test]
fn our_questions_are_at_least_as_long_as_our_answers() {
    for digits in Digits::ALL {
        let suites = Suites::for_digits(digits).unwrap();
        assert!(suites.login.digits() as usize <= digits.count());
        assert_eq!(suites.login.question_max(), digits.count());
        assert_eq!(suites.digits(), Some(digits));
        assert!(suites.login.can_sign() && suites.payment.can_sign());
    }
    let eight = Suites::for_digits(Digits::Eight).unwrap();
    assert_eq!(eight.login.as_str(), "OCRA-1:HOTP-SHA256-8:C-QN08-T1M");
    assert_eq!(eight.payment.as_str(), "OCRA-1:HOTP-SHA256-8:C-QH64-T1M");
}

#[test]
fn session_information_is_padded_on_the_left_and_bounded() {
    let suite = suite("OCRA-1:HOTP-SHA1-6:QH10-S064");
    let question = Question::new(&suite, "0123456789").unwrap();
    let with = |session: &[u8]| suite.answer(KEY, &Inputs { session: Some(session), ..Inputs::of(&question) });
    let mut padded = vec![0; 62];
    padded.extend_from_slice(&[1, 2]);
    assert_eq!(with(&[1, 2]), with(&padded));
    assert_ne!(with(&[1, 2]), with(&[1, 2, 0]));
    assert_eq!(with(&[7; 65]), Err(OcraError::SessionLength { max: 64 }));
}

#[test]
fn inputs_must_be_those_of_the_suite() {
    let suite = suite("OCRA-1:HOTP-SHA256-8:C-QN08");
    let question = Question::new(&suite, "12345678").unwrap();
    assert_eq!(suite.answer(KEY, &Inputs::of(&question)), Err(OcraError::Missing("a counter")));
    let extra = Inputs { counter: Some(0), time: Some(1), ..Inputs::of(&question) };
    assert_eq!(suite.answer(KEY, &extra), Err(OcraError::Unexpected("a time")));
}

#[test]
fn the_pin_digest_has_the_length_of_its_hash() {
    let suite = suite("OCRA-1:HOTP-SHA256-8:QN08-PSHA256");
    let question = Question::new(&suite, "12345678").unwrap();
    let right = suite.pin_digest("1234").unwrap();
    assert_eq!(right.len(), Hash::Sha256.len());
    assert!(suite.answer(KEY, &Inputs { pin_digest: Some(&right), ..Inputs::of(&question) }).is_ok());
    let short = Inputs { pin_digest: Some(&right[1..]), ..Inputs::of(&question) };
    assert_eq!(suite.answer(KEY, &short), Err(OcraError::PinLength { expected: 32 }));
}

#[test]
fn the_counter_uses_all_64_bits() {
    let suite = suite("OCRA-1:HOTP-SHA256-8:C-QN08");
    let question = Question::new(&suite, "12345678").unwrap();
    let at = |counter| suite.answer(KEY, &Inputs { counter: Some(counter), ..Inputs::of(&question) }).unwrap();
    assert_ne!(at(u64::MAX), at(u64::from(u32::MAX)));
    assert_ne!(at(1 << 32), at(0));
}

#[test]
fn time_steps() {
    let at = |suite_text: &str, seconds| suite(suite_text).time_step().unwrap().at(seconds);
    assert_eq!(at("OCRA-1:HOTP-SHA1-6:QN08-T30S", 89), Ok(2));
    assert_eq!(at("OCRA-1:HOTP-SHA1-6:QN08-T5M", 600), Ok(2));
    assert_eq!(at("OCRA-1:HOTP-SHA1-6:QN08-T48H", 48 * 3600), Ok(1));
    assert_eq!(at("OCRA-1:HOTP-SHA1-6:QN08-T0H", 1), Err(OcraError::ZeroTimeStep));
}

#[test]
fn suites_that_parse() {
    for text in [
        "OCRA-1:HOTP-SHA1-4:QN04",
        "OCRA-1:HOTP-SHA512-10:QA64",
        "OCRA-1:HOTP-SHA256-0:C-QH8-PSHA512-S999-T59M",
        "OCRA-1:HOTP-SHA1-6:QN08-S001",
        "OCRA-1:HOTP-SHA1-6:QN08-T1S",
        "OCRA-1:HOTP-SHA1-6:QN08-T0H",
        "OCRA-1:HOTP-SHA1-6:QN4",
    ] {
        assert_eq!(suite(text).as_str(), text);
    }
}

#[test]
fn suites_that_do_not() {
    for text in [
        "",
        "OCRA-1",
        "OCRA-2:HOTP-SHA1-6:QN08",
        "ocra-1:HOTP-SHA1-6:QN08",
        "OCRA-1:HOTP-SHA1-6:QN08:",
        "OCRA-1:HOTP-SHA3-6:QN08",
        "OCRA-1:HOTP-SHA1-3:QN08",
        "OCRA-1:HOTP-SHA1-11:QN08",
        "OCRA-1:HOTP-SHA1-06:QN08",
        "OCRA-1:HOTP-SHA1-+6:QN08",
        "OCRA-1:HOTP-SHA1-:QN08",
        "OCRA-1:HOTP-SHA1-6:",
        "OCRA-1:HOTP-SHA1-6:C",
        "OCRA-1:HOTP-SHA1-6:QN03",
        "OCRA-1:HOTP-SHA1-6:QN65",
        "OCRA-1:HOTP-SHA1-6:QN008",
        "OCRA-1:HOTP-SHA1-6:QX08",
        "OCRA-1:HOTP-SHA1-6:QN",
        "OCRA-1:HOTP-SHA1-6:QN08-C",
        "OCRA-1:HOTP-SHA1-6:QN08-",
        "OCRA-1:HOTP-SHA1-6:QN08-P",
        "OCRA-1:HOTP-SHA1-6:QN08-T1M-PSHA1",
        "OCRA-1:HOTP-SHA1-6:QN08-S64",
        "OCRA-1:HOTP-SHA1-6:QN08-S000",
        "OCRA-1:HOTP-SHA1-6:QN08-T60S",
        "OCRA-1:HOTP-SHA1-6:QN08-T0M",
        "OCRA-1:HOTP-SHA1-6:QN08-T01M",
        "OCRA-1:HOTP-SHA1-6:QN08-T49H",
        "OCRA-1:HOTP-SHA1-6:QN08-TM",
        "OCRA-1:HOTP-SHA1-6:QN08-T1é",
        "OCRA-1:HOTP-SHA1-6:QN08-T1M-T1M",
    ] {
        assert!(text.parse::<Suite>().is_err(), "{text}");
    }
}

#[test]
fn questions_must_have_their_format() {
    assert!(ask("OCRA-1:HOTP-SHA1-6:QN08", "1234567a").is_err());
    assert!(ask("OCRA-1:HOTP-SHA1-6:QH08", "1234567g").is_err());
    assert!(ask("OCRA-1:HOTP-SHA1-6:QA08", "1234 567").is_err());
    assert!(ask("OCRA-1:HOTP-SHA1-6:QN08", "").is_err());
}
