//! The other types: batches, card payments and operations, through the C table that a server uses.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use merchant::enum_plugin_v1;
use plugin_api::{
    message::{Approved, MappedDetails, Payee, Purpose, Subject, Transaction},
    testing::{
        Loaded,
        conformance::{self, ServiceSamples},
        context,
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The guide shows one of each, and they are the ones that are tested.
const README: &str = include_str!("../../../README.md");

fn examples() -> Vec<Value> {
    let blocks = README.split("```json\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    blocks
        .filter_map(|(block, _)| serde_json::from_str::<Value>(block).ok())
        .filter(|of| of["type"].is_string())
        .collect()
}

fn example(kind: &str) -> Value {
    examples().into_iter().find(|of| of["type"] == kind).unwrap_or_else(|| panic!("README has no {kind}"))
}

fn batch() -> Value {
    example(merchant::BATCH)
}

fn card() -> Value {
    json!({
        "type": "3ds:payment_authorisation",
        "instructed_amount": { "amount": 222.22, "currency": "AUD" },
        "source_account": "4111111111111111",
        "beneficiary_name": "Demo Shop",
        "payment_desc": "A mug",
    })
}

fn operation(parameters: &Value) -> Value {
    json!({ "type": "enum_operation", "operation": parameters })
}

fn operations() -> Vec<Value> {
    let (mine, other) = ("123456789012", "210987654321");
    let money = json!({ "currency": "WMZ", "amount": "100.00" });
    [
        json!({ "name": "keeper_login", "wmid": mine, "keeper": "light" }),
        json!({ "name": "add_correspondent", "wmid": mine, "correspondent": other, "correspondent_name": "Bob" }),
        json!({ "name": "change_keys", "wmid": mine }),
        json!({ "name": "change_personal_data", "wmid": mine, "data": "phone" }),
        json!({ "name": "raise_limit", "wmid": mine, "account": { "purse": "Z123456789012" }, "period": "day",
            "limit": money }),
        json!({ "name": "take_loan", "wmid": mine, "lender": other, "amount": money, "days": 30, "interest": "12.5" }),
        json!({ "name": "give_loan", "wmid": mine, "borrower": other, "amount": money, "days": 1, "interest": "0" }),
    ]
    .map(|parameters| operation(&parameters))
    .to_vec()
}

fn good() -> Vec<Value> {
    let mut good = operations();
    good.extend([batch(), card()]);
    good.extend(examples());
    good
}

/// `of` with something else at `pointer`, or with nothing there.
fn with(of: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut changed = of.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match (changed.pointer_mut(parent).unwrap(), value) {
        (Value::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
        (Value::Object(members), None) => drop(members.remove(name).unwrap()),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        (Value::Array(items), None) => drop(items.remove(name.parse().unwrap())),
        (other, _) => panic!("{other}"),
    }
    changed
}

/// Every object inside `of`, as JSON pointers; the whole one is "".
fn objects(of: &Value, at: &str) -> Vec<String> {
    let below: Vec<(String, &Value)> = match of {
        Value::Object(members) => members.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (format!("{at}/{n}"), value)).collect(),
        _ => Vec::new(),
    };
    let own = of.is_object().then(|| at.to_owned());
    own.into_iter().chain(below.into_iter().flat_map(|(at, value)| objects(value, &at))).collect()
}

fn bad_batches() -> Vec<Value> {
    let batch = batch();
    let one = batch["payments"][0].clone();
    let more = |count: usize| {
        let payment =
            |number: usize| with(&one, "/creditorAccount", Some(json!({ "purse": format!("Z{number:012}") })));
        let payments: Vec<Value> = (0..count).map(payment).collect();
        let minor = merchant::amount::minor_units(one["instructedAmount"]["amount"].as_str().unwrap(), 2).unwrap();
        let total = minor * u64::try_from(count).unwrap();
        let total = format!("{}.{:02}", total / 100, total % 100);
        with(&with(&batch, "/payments", Some(payments.into())), "/totalAmount/amount", Some(json!(total)))
    };
    assert!(!refused(&more(2)) && !refused(&more(20)));
    let purse = &one["creditorAccount"];
    vec![
        more(1),
        more(21),
        with(&batch, "/payments", Some(json!([]))),
        with(&batch, "/payments/0", None),
        with(&batch, "/totalAmount/amount", Some(json!("31.51"))),
        with(&batch, "/totalAmount/amount", Some(json!("31.49"))),
        with(&batch, "/totalAmount/currency", Some(json!("WME"))),
        with(&batch, "/payments/1/instructedAmount/currency", Some(json!("WME"))),
        with(&batch, "/payments/1/instructedAmount/amount", Some(json!("0"))),
        with(&batch, "/payments/1/creditorAccount/purse", Some(json!("E123456789012"))),
        with(&batch, "/payments/1/creditorAccount", Some(purse.clone())),
        with(&batch, "/payments/1/creditorName", Some(json!(""))),
        with(&batch, "/payments/1/creditorName", Some(json!("Bob\u{200b}"))),
        with(&batch, "/payments/1/creditorName", Some(json!("Cafe\u{301}"))),
    ]
}

fn bad_cards() -> Vec<Value> {
    let amount = |value: Value| with(&card(), "/instructed_amount/amount", Some(value));
    let currency = |code: &str| with(&card(), "/instructed_amount/currency", Some(json!(code)));
    let yen = |value: Value| with(&currency("JPY"), "/instructed_amount/amount", Some(value));
    assert!(!refused(&yen(json!(222))) && !refused(&yen(json!(222.0))) && !refused(&amount(json!("222.22"))));
    let source = |number: &str| with(&card(), "/source_account", Some(json!(number)));
    let mut bad = vec![
        amount(json!("not-an-amount")),
        amount(json!("2e2")),
        amount(json!("+222.22")),
        amount(json!("222,22")),
        amount(json!(0)),
        amount(json!(0.0)),
        amount(json!(-222.22)),
        amount(json!(222.222)),
        amount(json!(1e21)),
        amount(json!(1e-7)),
        amount(json!(0.1 + 0.2)),
        amount(json!(999_999_999_999_999_u64)),
        amount(json!(u64::MAX)),
        amount(json!(true)),
        amount(json!(null)),
        yen(json!(222.22)),
        currency("NOT_A_CURRENCY"),
        currency("aud"),
        currency("WMZ"),
        source("not-a-card-primary-account-number"),
        source("41111111111"),
        source("41111111111111111111"),
        source("4111 1111 1111 1111"),
        source("٤١١١١١١١١١١١١١١١"),
        with(&card(), "/type", Some(json!("payment"))),
        with(&card(), "/beneficiary_name", Some(json!(""))),
        with(&card(), "/beneficiary_name", Some(json!("Demo\u{202e}pohS"))),
        with(&card(), "/payment_desc", Some(json!(""))),
    ];
    // Every member is required.
    for pointer in [
        "/instructed_amount",
        "/instructed_amount/amount",
        "/instructed_amount/currency",
        "/source_account",
        "/beneficiary_name",
        "/payment_desc",
    ] {
        bad.push(with(&card(), pointer, None));
    }
    bad
}

fn bad_operations() -> Vec<Value> {
    let loan = operations().into_iter().find(|of| of["operation"]["name"] == "take_loan").unwrap();
    let limit = operations().into_iter().find(|of| of["operation"]["name"] == "raise_limit").unwrap();
    let mut bad = vec![
        with(&loan, "/operation/name", Some(json!("sell_soul"))),
        with(&loan, "/operation/days", Some(json!(0))),
        with(&loan, "/operation/days", Some(json!(3651))),
        with(&loan, "/operation/days", Some(json!("30"))),
        with(&loan, "/operation/days", Some(json!(30.5))),
        with(&loan, "/operation/interest", Some(json!("12,5"))),
        with(&loan, "/operation/interest", Some(json!("-1"))),
        with(&loan, "/operation/interest", Some(json!("01"))),
        with(&loan, "/operation/interest", Some(json!(12.5))),
        with(&loan, "/operation/wmid", Some(json!("12345678901"))),
        with(&loan, "/operation/lender", Some(json!("Z12345678901"))),
        with(&loan, "/operation/amount/currency", Some(json!("AUD"))),
        with(&loan, "/operation/amount/amount", Some(json!("1e2"))),
        with(&loan, "/operation/amount/amount", Some(json!(100))),
        with(&limit, "/operation/limit/currency", Some(json!("WME"))),
        with(&limit, "/operation/period", Some(json!("year"))),
        // Parameters of another operation.
        operation(&json!({ "name": "change_keys", "wmid": "123456789012", "keeper": "light" })),
        operation(&json!({ "name": "keeper_login", "wmid": "123456789012", "keeper": "heavy" })),
        operation(&json!("change_keys")),
    ];
    for of in operations() {
        for name in of["operation"].as_object().unwrap().keys() {
            bad.push(with(&of, &format!("/operation/{name}"), None));
        }
    }
    bad
}

fn bad() -> Vec<Value> {
    let mut bad: Vec<Value> = [bad_batches(), bad_cards(), bad_operations()].concat();
    for of in good() {
        for object in objects(&of, "") {
            bad.push(with(&of, &format!("{object}/x"), Some(json!("y"))));
        }
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

fn refused(details: &Value) -> bool {
    matches!(mapped(details), MappedDetails::Refused { .. })
}

#[test]
fn it_conforms() {
    let samples = ServiceSamples { settings: json!({}), good: good(), refused: bad() };
    conformance::service(enum_plugin_v1(), &samples).unwrap();
}

#[test]
fn the_readme_shows_one_of_each_type_and_they_are_taken() {
    let types = loaded().describe().unwrap().manifest.details_types;
    assert_eq!(types.len(), 4);
    for kind in types {
        assert!(!refused(&example(&kind)), "{kind}");
    }
}

#[test]
fn whatever_is_taken_is_canonical_and_valid_under_its_schema() {
    let schemas = loaded().describe().unwrap().details_schemas;
    for of in good() {
        let schema = jsonschema::validator_for(&schemas[of["type"].as_str().unwrap()]).unwrap();
        assert!(schema.is_valid(&of), "{of}: {:?}", schema.validate(&of).err().map(|e| e.to_string()));
        assert_eq!(transaction(&of).check(), Ok(()), "{of}");
    }
}

#[test]
fn the_schemas_are_closed_at_every_depth() {
    let schemas = loaded().describe().unwrap().details_schemas;
    for of in good() {
        let schema = jsonschema::validator_for(&schemas[of["type"].as_str().unwrap()]).unwrap();
        for object in objects(&of, "") {
            let more = with(&of, &format!("{object}/x"), Some(json!("y")));
            assert!(!schema.is_valid(&more), "{more}");
            assert!(refused(&more), "{more}");
        }
    }
}

#[test]
fn a_batch_is_its_total_and_all_its_payees_in_their_order() {
    let Transaction { amount_minor, currency, subject, payee_account, .. } = transaction(&batch());
    let payee =
        |account: &str, name: &str, amount_minor| Payee { account: account.into(), name: name.into(), amount_minor };
    let payees = vec![payee("Z123456789012", "Demo Shop", 1050), payee("Z210987654321", "Tea House", 2100)];
    assert_eq!((amount_minor, currency.as_str(), subject), (3150, "WMZ", Some(Subject::Batch { payees })));
    assert!(payee_account.starts_with('M'), "{payee_account}");
    let mut turned = batch();
    turned["payments"].as_array_mut().unwrap().reverse();
    assert_ne!(transaction(&turned).payee_account, payee_account);
}

#[test]
fn of_a_card_no_more_than_four_digits_leave_the_object() {
    let of = transaction(&card());
    assert_eq!((of.amount_minor, of.minor_digits, of.currency.as_str()), (22_222, 2, "AUD"));
    assert_eq!(of.subject, Some(Subject::Card { source: "1111".into() }));
    assert!(!json!(of).to_string().contains("411111"), "{of:?}");
    let whole = with(&card(), "/instructed_amount/amount", Some(json!(100.0)));
    assert_eq!(transaction(&whole).amount_minor, 10_000);
}

#[test]
fn an_operation_says_in_machine_form_what_it_is_about() {
    for of in operations() {
        let Some(Subject::Operation { name, fields }) = transaction(&of).subject else { panic!("{of}") };
        assert_eq!(of["operation"]["name"], name);
        assert_eq!(fields["wmid"], "123456789012");
    }
    let loan = transaction(&operations()[5]);
    assert_eq!((loan.amount().as_str(), loan.currency.as_str()), ("100.00", "WMZ"));
    assert_eq!(transaction(&operations()[2]).amount_minor, 0);
}

#[test]
fn an_approved_object_comes_back_as_sent_and_that_of_another_does_not() {
    let all = good();
    for (number, of) in all.iter().enumerate() {
        let approved = |transaction| Approved { details: of.clone(), transaction, confirmation: "conf-1".into() };
        let mut expected = of.clone();
        expected["confirmation"] = json!("conf-1");
        assert_eq!(loaded().approved(&approved(transaction(of))).unwrap(), expected);
        let other = transaction(&all[(number + 1) % all.len()]);
        assert!(other == transaction(of) || loaded().approved(&approved(other)).is_err(), "{of}");
    }
}

proptest! {
    #[test]
    fn a_batch_that_does_not_add_up_is_refused(
        amounts in proptest::collection::vec(1_u64..=99_999_999_999_999, 2..20),
        off in prop_oneof![Just(0_i64), -3_i64..=3],
    ) {
        let text = |minor: u64| format!("{}.{:02}", minor / 100, minor % 100);
        let payments: Vec<Value> = amounts.iter().enumerate().map(|(number, &minor)| json!({
            "creditorName": "Somebody", "creditorAccount": { "purse": format!("Z{number:012}") },
            "instructedAmount": { "currency": "WMZ", "amount": text(minor) },
        })).collect();
        let sum: u64 = amounts.iter().sum();
        let total = sum.checked_add_signed(off).unwrap();
        let sent = json!({ "type": "payment_batch", "payments": payments,
            "totalAmount": { "currency": "WMZ", "amount": text(total) } });
        let fits = total <= 99_999_999_999_999;
        prop_assert_eq!(refused(&sent), off != 0 || !fits);
    }

    #[test]
    fn a_number_means_the_decimal_that_was_sent(minor in 1_u64..=99_999_999_999_999) {
        let sent: Value = serde_json::from_str(&format!("{}.{:02}", minor / 100, minor % 100)).unwrap();
        let sent = with(&card(), "/instructed_amount/amount", Some(sent));
        prop_assert_eq!(transaction(&sent).amount_minor, minor);
    }

    /// Few characters and short texts, so that what stands on the one side of a border often fits on the other.
    #[test]
    fn two_batches_with_one_digest_are_one(
        one in proptest::collection::vec(("[ab1]{1,3}", 1_u64..30, 0_u64..3), 2..5),
        other in proptest::collection::vec(("[ab1]{1,3}", 1_u64..30, 0_u64..3), 2..5),
        references in ("[ab1]{0,3}", "[ab1]{0,3}"),
    ) {
        let of = |payees: &[(String, u64, u64)], reference: &str| {
            let payees: Vec<Payee> = payees.iter().map(|(name, amount_minor, purse)| Payee {
                account: format!("Z{purse:012}"), name: name.clone(), amount_minor: *amount_minor,
            }).collect();
            Transaction { reference: reference.to_owned(), subject: Some(Subject::Batch { payees }), ..transaction(&batch()) }
        };
        let (one, other) = (of(&one, &references.0), of(&other, &references.1));
        prop_assert_eq!(one.digest() == other.digest(), one == other);
        prop_assert_eq!(one.check_number() == other.check_number(), one == other);
    }
}
