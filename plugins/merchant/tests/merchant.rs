//! The merchant service, through the C table that a server uses.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use merchant::enum_plugin_v1;
use plugin_api::{
    message::{Approved, MappedDetails, Purpose, Transaction},
    testing::{Loaded, context},
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn order() -> Value {
    json!({
        "type": "payment_initiation",
        "instructedAmount": { "currency": "WMZ", "amount": "10.50" },
        "creditorName": "Demo Shop",
        "creditorAccount": { "purse": "Z123456789012" },
        "reference": "order-1001",
        "remittanceInformation": "A mug",
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut order = order();
    *order.pointer_mut(pointer).unwrap() = value;
    order
}

/// Each differs from a good order in one thing.
fn bad_orders() -> Vec<Value> {
    let mut bad = vec![
        with("/type", json!("payment")),
        with("/instructedAmount/amount", json!("0.00")),
        with("/instructedAmount/amount", json!(10.5)),
        with("/instructedAmount/amount", json!("-10.50")),
        with("/instructedAmount/amount", json!("10.505")),
        with("/instructedAmount/amount", json!("1e3")),
        with("/instructedAmount/amount", json!("9999999999999")),
        with("/instructedAmount/currency", json!("WMR")),
        with("/instructedAmount/currency", json!("wmz")),
        // A Cyrillic letter that looks like M.
        with("/instructedAmount/currency", json!("WМZ")),
        with("/instructedAmount/currency", json!("USD")),
        with("/creditorAccount/purse", json!("R123456789012")),
        with("/creditorAccount/purse", json!("Z12345678901")),
        with("/creditorAccount/purse", json!("z123456789012")),
        with("/creditorAccount/purse", json!("Z123456789012\n")),
        with("/creditorName", json!("")),
        with("/creditorName", json!("Demo\u{202e}pohS")),
        with("/creditorName", json!("D".repeat(65))),
        with("/reference", json!("order\u{0}1001")),
        with("/reference", json!("r".repeat(65))),
        with("/remittanceInformation", json!("A\nmug")),
        with("/remittanceInformation", json!("m".repeat(141))),
    ];
    for object in ["", "/instructedAmount", "/creditorAccount"] {
        let mut order = order();
        order.pointer_mut(object).unwrap().as_object_mut().unwrap().insert("x".into(), json!("y"));
        bad.push(order);
    }
    for (object, required) in [
        ("", "type"),
        ("", "instructedAmount"),
        ("", "creditorName"),
        ("", "creditorAccount"),
        ("/instructedAmount", "currency"),
        ("/instructedAmount", "amount"),
        ("/creditorAccount", "purse"),
    ] {
        let mut order = order();
        order.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(required).unwrap();
        bad.push(order);
    }
    bad
}

fn loaded() -> Loaded {
    Loaded::new(enum_plugin_v1(), &json!({})).unwrap()
}

fn mapped(details: &Value) -> MappedDetails {
    loaded().map_details(details, &context(Purpose::Payment).site).unwrap()
}

fn transaction(details: &Value) -> Transaction {
    match mapped(details) {
        MappedDetails::Transaction { transaction } => transaction,
        MappedDetails::Refused { reason } => panic!("{details} was refused: {reason}"),
    }
}

fn refusal(details: &Value) -> String {
    match mapped(details) {
        MappedDetails::Refused { reason } => reason,
        MappedDetails::Transaction { transaction } => panic!("{details} became {transaction:?}"),
    }
}

fn refused(details: &Value) -> bool {
    matches!(mapped(details), MappedDetails::Refused { .. })
}

fn schema_accepts(details: &Value) -> bool {
    let schema = loaded().describe().unwrap().details_schemas.remove("payment_initiation").unwrap();
    jsonschema::validator_for(&schema).unwrap().is_valid(details)
}

#[test]
fn the_shortest_order_will_do() {
    let mut short = order();
    short.as_object_mut().unwrap().retain(|name, _| !["reference", "remittanceInformation"].contains(&name.as_str()));
    assert_eq!(transaction(&short).check(), Ok(()));
}

#[test]
fn what_is_bad_is_refused_with_a_reason() {
    for bad in bad_orders() {
        assert!(!refusal(&bad).is_empty(), "{bad}");
    }
}

#[test]
fn an_order_becomes_the_transaction_that_will_be_shown() {
    let expected = Transaction {
        payee_account: "Z123456789012".into(),
        payee_name: "Demo Shop".into(),
        amount_minor: 1050,
        minor_digits: 2,
        currency: "WMZ".into(),
        reference: "order-1001".into(),
        description: "A mug".into(),
        subject: None,
    };
    assert_eq!(transaction(&order()), expected);
}

#[test]
fn a_refusal_names_the_field() {
    for (pointer, bad, field) in [
        ("/instructedAmount/amount", "0", "instructedAmount.amount"),
        ("/instructedAmount/currency", "WMR", "instructedAmount.currency"),
        ("/creditorAccount/purse", "Z1", "creditorAccount.purse"),
        ("/creditorName", "\u{202e}", "creditorName"),
        ("/reference", "\u{7}", "reference"),
        ("/remittanceInformation", " x", "remittanceInformation"),
    ] {
        assert!(refusal(&with(pointer, json!(bad))).starts_with(field), "{pointer}");
    }
}

#[test]
fn the_schema_says_yes_to_an_order_and_no_to_what_it_can_see() {
    assert!(schema_accepts(&order()));
    // Beyond a schema: zero amounts, the letter of the purse against the currency, and texts that deceive the eye.
    let beyond = ["0.00", "WMR", "R123456789012", "Demo\u{202e}pohS", "order\u{0}1001", "A\nmug"];
    for bad in bad_orders() {
        let beyond = beyond.iter().any(|value| bad.to_string().contains(&json!(value).to_string()));
        assert_eq!(schema_accepts(&bad), beyond, "{bad}");
    }
}

#[test]
fn every_object_of_the_schema_is_closed() {
    for object in ["", "/instructedAmount", "/creditorAccount"] {
        let mut order = order();
        order.pointer_mut(object).unwrap().as_object_mut().unwrap().insert("extra".into(), json!(1));
        assert!(!schema_accepts(&order), "{object} takes unknown fields");
        assert!(refusal(&order).contains("unknown field"), "{object}");
    }
}

#[test]
fn an_approved_order_comes_back_as_sent_with_its_confirmation() {
    let approved = Approved { details: order(), transaction: transaction(&order()), confirmation: "conf-1".into() };
    let mut expected = order();
    expected["confirmation"] = json!("conf-1");
    assert_eq!(loaded().approved(&approved).unwrap(), expected);
}

#[test]
fn approval_of_another_transaction_is_an_error() {
    let shown = transaction(&order());
    for other in [
        Transaction { amount_minor: 1051, ..shown.clone() },
        Transaction { payee_account: "Z123456789013".into(), ..shown.clone() },
        Transaction { payee_name: "Demo Shoq".into(), ..shown.clone() },
        Transaction { reference: "order-1002".into(), ..shown },
    ] {
        let approved = Approved { details: order(), transaction: other, confirmation: "conf-1".into() };
        assert!(loaded().approved(&approved).is_err());
    }
}

proptest! {
    #[test]
    fn what_maps_says_exactly_what_was_sent(
        minor in 1_u64..=99_999_999_999_999,
        letter in proptest::sample::select(merchant::purse::CURRENCIES.map(|(letter, _)| letter).to_vec()),
        digits in "[0-9]{12}",
        name in "[\\p{L}\\p{N}][\\p{L}\\p{N}\\p{P}]{0,63}",
    ) {
        let purse = format!("{letter}{digits}");
        let mut sent = with("/instructedAmount/amount", json!(format!("{}.{:02}", minor / 100, minor % 100)));
        sent["instructedAmount"]["currency"] = json!(format!("WM{letter}"));
        sent["creditorAccount"]["purse"] = json!(purse);
        sent["creditorName"] = json!(name);
        prop_assume!(merchant::plain::check(&name, 64).is_ok());
        let transaction = transaction(&sent);
        prop_assert!(schema_accepts(&sent));
        prop_assert_eq!(transaction.amount_minor, minor);
        prop_assert_eq!(transaction.payee_name, name);
        prop_assert_eq!(transaction.payee_account, purse);
        prop_assert_eq!(transaction.currency, format!("WM{letter}"));
    }

    #[test]
    fn a_purse_of_another_currency_is_refused(letter in "[A-Z]", other in "[A-Z]", digits in "[0-9]{12}") {
        prop_assume!(letter != other);
        let mut sent = with("/creditorAccount/purse", json!(format!("{letter}{digits}")));
        sent["instructedAmount"]["currency"] = json!(format!("WM{other}"));
        prop_assert!(refused(&sent));
    }

    #[test]
    fn an_unknown_field_anywhere_is_refused(name in "[a-zA-Z_]{1,12}", inside in 0_usize..3) {
        let mut sent = order();
        let object = ["", "/instructedAmount", "/creditorAccount"][inside];
        let members = sent.pointer_mut(object).unwrap().as_object_mut().unwrap();
        prop_assume!(!members.contains_key(&name));
        members.insert(name, json!(null));
        prop_assert!(refused(&sent));
        prop_assert!(!schema_accepts(&sent));
    }
}
