//! What people type: challenges, purses, amounts, activation codes, PINs.
#![expect(clippy::unwrap_used, reason = "tests")]

use cipherpad_core::{
    challenge::{Challenge, ChallengeError, Digits},
    code::{ActivationCode, CodeError},
    payment::{Amount, AmountError, Payee, PayeeError},
    pin::{Pin, PinError, PinPolicy},
};
use proptest::prelude::*;

fn challenge(text: &str) -> Result<String, ChallengeError> {
    Challenge::parse(text, Digits::Eight).map(|challenge| challenge.as_str().to_owned())
}

#[test]
fn a_challenge_is_read_however_it_is_written() {
    for text in [
        "58715204",
        "5871 5204",
        " 5871\u{a0}5204\n",
        "58-71-52-04",
        "5871\u{2013}5204",
        "٥٨٧١ ٥٢٠٤",
        "۵۸۷۱۵۲۰۴",
        "५८७१५२०४",
        "５８７１５２０４",
        "\u{200e}5871\u{202f}5204\u{200f}",
    ] {
        assert_eq!(challenge(text).as_deref(), Ok("58715204"), "{text:?}");
    }
}

#[test]
fn a_challenge_of_another_length_or_shape_is_refused() {
    assert_eq!(challenge("5871520"), Err(ChallengeError::Length { expected: 8, found: 7 }));
    assert_eq!(challenge("587152041"), Err(ChallengeError::Length { expected: 8, found: 9 }));
    assert_eq!(challenge("08715204"), Err(ChallengeError::LeadingZero));
    assert_eq!(challenge("5871520x"), Err(ChallengeError::NotDigits));
    assert_eq!(challenge("5871520²"), Err(ChallengeError::NotDigits));
    assert_eq!(challenge(""), Err(ChallengeError::Length { expected: 8, found: 0 }));
}

#[test]
fn challenges_are_shown_in_two_groups() {
    let grouped = |text, digits| Challenge::parse(text, digits).unwrap().grouped();
    assert_eq!(grouped("58715204", Digits::Eight), "5871 5204");
    assert_eq!(grouped("5871520", Digits::Seven), "5871 520");
    assert_eq!(grouped("587152", Digits::Six), "587 152");
}

#[test]
fn payees() {
    let payee = |text: &str| text.parse::<Payee>().map(|payee| payee.as_str().to_owned());
    for text in ["Z123456789012", "z123456789012", " Z 1234 5678 9012 ", "z-123456-789012", "Z１２３456789012"] {
        assert_eq!(payee(text).as_deref(), Ok("Z123456789012"), "{text:?}");
    }
    assert_eq!(payee("123456789012"), Err(PayeeError::NoLetter));
    for text in ["", "Z", "Z12345678901", "Z1234567890123", "ZZ23456789012", "Я123456789012", "Z12345678901O"] {
        assert_eq!(payee(text), Err(PayeeError::Shape), "{text:?}");
    }
}

#[test]
fn amounts() {
    let amount = |text| Amount::parse(text, 2).map(Amount::minor);
    for (text, minor) in [
        ("10.50", 1050),
        ("10,50", 1050),
        ("10.5", 1050),
        ("10", 1000),
        ("0.01", 1),
        (" 7 ", 700),
        ("١٠٫٥٠", 1050),
        ("184467440737095516.15", u64::MAX),
    ] {
        assert_eq!(amount(text), Ok(minor), "{text:?}");
    }
    for (text, error) in [
        ("1e3", AmountError::Shape),
        ("-5", AmountError::Shape),
        ("+5", AmountError::Shape),
        ("", AmountError::Shape),
        (".", AmountError::Shape),
        (".50", AmountError::Shape),
        ("10.", AmountError::Shape),
        ("1 000", AmountError::Shape),
        ("1,000.50", AmountError::Shape),
        ("1.000.000", AmountError::Shape),
        ("1,000", AmountError::Decimals(2)),
        ("1.005", AmountError::Decimals(2)),
        ("010", AmountError::LeadingZero),
        ("00.50", AmountError::LeadingZero),
        ("0", AmountError::Zero),
        ("0.00", AmountError::Zero),
        ("184467440737095516.16", AmountError::Overflow),
        ("99999999999999999999999999999999999999999999999999", AmountError::Overflow),
    ] {
        assert_eq!(amount(text), Err(error), "{text:?}");
    }
    assert_eq!(Amount::parse("10", 0).map(Amount::minor), Ok(10));
    assert_eq!(Amount::parse("10.5", 0), Err(AmountError::Decimals(0)));
}

#[test]
fn amounts_are_shown_with_their_decimals() {
    let show = |minor, digits| Amount::from_minor(minor).unwrap().display(digits);
    assert_eq!(show(1050, 2), "10.50");
    assert_eq!(show(5, 2), "0.05");
    assert_eq!(show(10, 0), "10");
    assert_eq!(show(1, 8), "0.00000001");
}

#[test]
fn activation_codes_forgive_what_people_confuse() {
    let code = ActivationCode::from_random([0x08, 0x42, 0x10, 0x84, 0x21, 0x08, 0x42, 0x10, 0x84, 0x00]);
    let shown = code.grouped();
    assert_eq!(shown.len(), 21);
    let confused = shown.replace('1', "l").replace('0', "o").replace('-', " ").to_lowercase();
    assert_ne!(confused, shown);
    assert!(confused.parse::<ActivationCode>() == Ok(code.clone()));
    assert!(shown.replace('1', "I").parse::<ActivationCode>() == Ok(code.clone()));
    assert!(shown.replace('-', "").parse::<ActivationCode>() == Ok(code));
    assert!(shown[..20].parse::<ActivationCode>() == Err(CodeError::Length(16)));
    assert!("UUUU".parse::<ActivationCode>() == Err(CodeError::Character));
    assert!("".parse::<ActivationCode>() == Err(CodeError::Length(0)));
}

#[test]
fn the_psk_of_a_code_never_changes() {
    let code = ActivationCode::from_random([0; 10]);
    assert_eq!(code.grouped(), "0000-0000-0000-0000-0");
    // Computed with an independent HKDF (Python's hmac module).
    assert_eq!(hex::encode(code.psk().expose()), "4d0ca82712c76d2e5c66e6890d68071dc53a8fafbbee06991a409a6758622920");
}

#[test]
fn easy_pins_are_refused() {
    for text in [
        "123456", "234567", "000000", "111111", "654321", "121212", "123123", "112233", "789456", "890123", "987654",
        "012345", "696969", "159753", "147258",
    ] {
        assert_eq!(Pin::choose(text, PinPolicy::Six).err(), Some(PinError::TooCommon), "{text}");
    }
    for text in ["1234", "0000", "1212", "2580", "4321"] {
        assert_eq!(Pin::choose(text, PinPolicy::Four).err(), Some(PinError::TooCommon), "{text}");
    }
    assert_eq!(Pin::choose("8264", PinPolicy::Six).err(), Some(PinError::Length { min: 6 }));
    assert!(Pin::choose("8264", PinPolicy::Four).is_ok());
    assert!(Pin::choose("826491", PinPolicy::Six).is_ok());
    assert_eq!(Pin::choose("8264ab", PinPolicy::Six).err(), Some(PinError::NotDigits));
    // In use nothing may tell whether a PIN could be the right one.
    assert!(Pin::typed("123456").is_ok());
}

proptest! {
    #[test]
    fn derived_challenges_parse_as_themselves(random: [u8; 32]) {
        for digits in Digits::ALL {
            let derived = Challenge::derive(&random, digits);
            let parsed = Challenge::parse(&derived.grouped(), digits);
            prop_assert_eq!(parsed.as_ref(), Ok(&derived));
            prop_assert_eq!(derived.digits(), digits);
        }
    }

    #[test]
    fn codes_survive_the_way_to_the_person_and_back(random: [u8; 10]) {
        let code = ActivationCode::from_random(random);
        prop_assert!(code.grouped().parse::<ActivationCode>() == Ok(code));
    }

    #[test]
    fn any_one_wrong_character_of_a_code_is_noticed(random: [u8; 10], at in 0usize..17, by in 1usize..32) {
        const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text = ActivationCode::from_random(random).grouped().replace('-', "").into_bytes();
        let old = ALPHABET.iter().position(|symbol| *symbol == text[at]).unwrap();
        text[at] = ALPHABET[(old + by) % 32];
        let parsed = String::from_utf8(text).unwrap().parse::<ActivationCode>();
        prop_assert!(parsed == Err(CodeError::Check));
    }

    #[test]
    fn any_swap_of_two_characters_of_a_code_is_noticed(random: [u8; 10], one in 0usize..17, other in 0usize..17) {
        let mut text = ActivationCode::from_random(random).grouped().replace('-', "").into_bytes();
        prop_assume!(text[one] != text[other]);
        text.swap(one, other);
        let parsed = String::from_utf8(text).unwrap().parse::<ActivationCode>();
        prop_assert!(parsed == Err(CodeError::Check));
    }

    #[test]
    fn amounts_survive_being_shown(minor in 1u64.., digits in 0u8..9) {
        let amount = Amount::from_minor(minor).unwrap();
        prop_assert_eq!(Amount::parse(&amount.display(digits), digits), Ok(amount));
    }

    #[test]
    fn no_typed_text_makes_a_parser_panic(text: String, digits: u8) {
        // Results of any kind are fine: the test is that each call returns.
        let _ = (challenge(&text), text.parse::<Payee>(), Amount::parse(&text, digits), text.parse::<ActivationCode>());
        prop_assert!(Pin::typed(&text).is_err() || text.chars().count() >= 4);
    }
}
