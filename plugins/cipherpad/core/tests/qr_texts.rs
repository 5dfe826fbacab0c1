//! QR texts: classic, long, signed, damaged.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use cipherpad_core::{
    challenge::Digits,
    keys::Secret,
    payment::{Amount, AmountError, PayeeError},
    qr::{self, Money, QrError, QrKey, Scanned, Vouched},
    question::Question,
};
use proptest::prelude::*;

const NOW: u64 = 1_700_000_000;

fn parse(text: &str) -> Result<Scanned, QrError> {
    qr::parse(text, Digits::Eight)
}

fn login() -> Question {
    Question::Login { challenge: "58715204".to_owned().try_into().unwrap() }
}

fn payment() -> Question {
    Question::Payment {
        challenge: "58715204".to_owned().try_into().unwrap(),
        payee: "Z123456789012".parse().unwrap(),
        amount: Amount::from_minor(1050).unwrap(),
    }
}

fn vouched(question: Question) -> Vouched {
    let money =
        matches!(question, Question::Payment { .. }).then(|| Money { minor_digits: 2, currency: "WMZ".to_owned() });
    Vouched {
        origin: "https://shop.example".into(),
        name: "Лавка".into(),
        question,
        money,
        words: None,
        expires: NOW + 180,
    }
}

fn seed() -> Secret {
    Secret::new([3; 32])
}

#[test]
fn classic_and_long_forms_say_the_same() {
    for text in ["enum:l?c=58715204", "enum:login?challenge=58715204", "ENUM:L?C=5871%205204", " enum:l?c=58715204\n"] {
        assert_eq!(parse(text), Ok(Scanned::Unsigned(login())), "{text}");
    }
    for text in [
        "enum:p?c=58715204&p=Z123456789012&a=10.50",
        "enum:p?a=10,5&p=z123456789012&c=58715204",
        "enum:payment?challenge=58715204&purse=Z123456789012&amount=10,50",
        "enum:payment?challenge=58715204&purse=Z123456789012&amount=10%2C50&x=y",
    ] {
        assert_eq!(parse(text), Ok(Scanned::Unsigned(payment())), "{text}");
    }
}

#[test]
fn incomplete_or_ambiguous_codes_are_refused() {
    for (text, error) in [
        ("", QrError::NotOurs),
        ("https://shop.example/?c=58715204", QrError::NotOurs),
        ("enum:x?c=58715204", QrError::NotOurs),
        ("enum:l", QrError::NotOurs),
        ("enum:l?", QrError::Missing("challenge")),
        ("enum:l?c=", QrError::Missing("challenge")),
        ("enum:l?c=58715204&c=58715205", QrError::Twice("challenge")),
        ("enum:l?c=58715204&challenge=58715205", QrError::Twice("challenge")),
        ("enum:p?c=58715204&a=10", QrError::Missing("purse")),
        ("enum:p?c=58715204&p=Z123456789012", QrError::Missing("amount")),
        ("enum:p?c=58715204&p=123456789012&a=10", QrError::Payee(PayeeError::NoLetter)),
        ("enum:p?c=58715204&p=Z123456789012&a=1,000", QrError::Amount(AmountError::Decimals(2))),
        ("enum:s?abc", QrError::Damaged),
        ("enum:s?abc.def", QrError::Damaged),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
    assert!(matches!(parse("enum:l?c=5871520"), Err(QrError::Challenge(_))));
    assert!(matches!(parse(&format!("enum:l?c=58715204&x={}", "y".repeat(3000))), Err(QrError::NotOurs)));
}

#[test]
fn signed_codes_carry_everything_and_verify() {
    for question in [login(), payment()] {
        let text = qr::sign(&vouched(question.clone()), &seed()).unwrap();
        let Ok(Scanned::Signed(signed)) = parse(&text) else { panic!("{text}") };
        assert_eq!(signed.verify(&qr::public_key(&seed()), NOW), Ok(vouched(question)));
    }
}

#[test]
fn signed_codes_of_operations_carry_their_words() {
    let operation = |amount| Question::Operation {
        challenge: "58715204".to_owned().try_into().unwrap(),
        check: "A123456789012".parse().unwrap(),
        amount,
    };
    let money = Some(Money { minor_digits: 2, currency: "WMZ".to_owned() });
    let words = Some("Взять заём".to_owned());
    let verified = |vouched: &Vouched| {
        let text = qr::sign(vouched, &seed()).unwrap();
        let Ok(Scanned::Signed(signed)) = parse(&text) else { panic!("{text}") };
        signed.verify(&qr::public_key(&seed()), NOW)
    };
    for (question, money) in
        [(operation(None), None), (operation(Amount::from_minor(1050).ok()), money.clone()), (payment(), money.clone())]
    {
        let vouched = Vouched { money, words: words.clone(), ..vouched(question) };
        assert_eq!(verified(&vouched), Ok(vouched));
    }
    // An operation that nobody could read, an amount without its currency, and a login with words are none.
    let unworded = Vouched { words: None, ..vouched(operation(None)) };
    let bare = Vouched { money: None, words: words.clone(), ..vouched(operation(Amount::from_minor(1050).ok())) };
    let login = Vouched { words, ..vouched(login()) };
    for odd in [unworded, bare, login] {
        assert_eq!(verified(&odd), Err(QrError::Damaged), "{odd:?}");
    }
}

#[test]
fn signed_codes_expire_and_belong_to_one_provider() {
    let text = qr::sign(&vouched(payment()), &seed()).unwrap();
    let Ok(Scanned::Signed(signed)) = parse(&text) else { panic!("{text}") };
    assert_eq!(signed.verify(&qr::public_key(&seed()), NOW + 180), Err(QrError::Expired));
    assert_eq!(signed.verify(&qr::public_key(&Secret::new([4; 32])), NOW), Err(QrError::Signature));
    assert_eq!(signed.verify(&QrKey([0; 32]), NOW), Err(QrError::Signature));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text: String) {
        // An arbitrary text that happens to be valid is not a failure; a panic is.
        prop_assert!(parse(&text).is_err() || text.to_ascii_lowercase().contains("enum:"));
    }

    #[test]
    fn no_text_of_our_kind_makes_the_parser_panic(text in "enum:[lps]\\?[a-zA-Z0-9&=.,%_-]{0,60}") {
        if let Ok(Scanned::Signed(signed)) = parse(&text) {
            prop_assert!(signed.verify(&qr::public_key(&seed()), NOW).is_err());
        }
    }

    #[test]
    fn one_changed_character_voids_a_signed_code(at in 7usize..400, to in "[A-Za-z0-9_-]") {
        let text = qr::sign(&vouched(payment()), &seed()).unwrap();
        let at = 7 + at % (text.len() - 7);
        let changed = format!("{}{to}{}", &text[..at], &text[at + 1..]);
        prop_assume!(changed != text);
        if let Ok(Scanned::Signed(signed)) = parse(&changed) {
            prop_assert!(signed.verify(&qr::public_key(&seed()), NOW).is_err());
        }
    }
}
