//! The factor through its C table, with a person who reads her mail, and with others who do not.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use plugin_api::{
    message::{Context, Effect, Input, Purpose, Step},
    testing::{
        Loaded,
        conformance::{self, Asked, Person},
        context,
    },
};
use serde_json::{Value, json};

/// 32 times the byte 9: other randomness than the kit's.
const OTHER: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";
/// Bytes 0 to 31.
const COUNTING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Somebody with a mailbox.
struct Ann;

impl Person for Ann {
    fn enrol(&mut self, _: &Context, asked: &Asked) -> Input {
        typed(&code(&asked.effects))
    }

    fn answer(&mut self, _: &Context, asked: &Asked) -> Input {
        typed(&code(&asked.effects))
    }

    fn wrong(&mut self, _: &Context, asked: &Asked) -> Input {
        typed(&other_than(&code(&asked.effects)))
    }
}

fn typed(code: &str) -> Input {
    Input::from_iter([("answer", code)])
}

/// The code in the one mail that goes out.
fn code(effects: &[Effect]) -> String {
    let [Effect::Mail { args, .. }] = effects else { panic!("{effects:?}") };
    args["code"].clone()
}

/// Another code, which differs in one digit.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

fn plugin() -> Loaded {
    Loaded::new(email_factor::enum_plugin_v1(), &json!({})).unwrap()
}

fn login(random: &str) -> Context {
    Context { random: random.to_owned(), ..context(Purpose::Authorize) }
}

fn asked(step: Step) -> (Asked, Value) {
    let Step::Ask { page, data, state, effects } = step else { panic!("it did not ask") };
    (Asked { page, data, effects }, state)
}

fn enrolled(plugin: &Loaded) -> Value {
    let cx = context(Purpose::Authorize);
    let (page, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let step = plugin.enrol_answer(&cx, &state, &typed(&code(&page.effects))).unwrap();
    let Step::Pass { enrolment: Some(enrolment), facts, .. } = step else { panic!("it was not taken") };
    assert_eq!(facts.amr, ["otp"]);
    enrolment
}

fn wrong() -> Step {
    Step::Wrong { signal: None }
}

#[test]
fn conforms() {
    conformance::factor(email_factor::enum_plugin_v1(), &mut Ann).unwrap();
}

#[test]
fn it_is_of_the_lowest_level_and_unbound() {
    let plugin = plugin();
    let manifest = plugin.describe().unwrap().manifest;
    assert_eq!((manifest.id.as_str(), manifest.acr.as_deref()), ("email", Some("urn:enum:acr:1")));
    assert!(manifest.unbound && manifest.permissions.is_empty());
    let (enrolment, payment) = (enrolled(&plugin), context(Purpose::Payment));
    // Should a host mix the state of one purpose into another.
    for (first, other) in [(login(COUNTING), payment.clone()), (payment.clone(), login(COUNTING))] {
        let (page, state) = asked(plugin.begin(&first, &enrolment).unwrap());
        assert_eq!(plugin.answer(&other, &enrolment, &state, &typed(&code(&page.effects))).unwrap(), wrong());
    }
    let without = Context { transaction: None, ..payment };
    assert_eq!(plugin.begin(&without, &enrolment).unwrap(), Step::Fail { reason: "no_transaction".to_owned() });
}

#[test]
fn the_mail_of_a_payment_spells_it_out() {
    let plugin = plugin();
    let payment = context(Purpose::Payment);
    let (page, _) = asked(plugin.begin(&payment, &enrolled(&plugin)).unwrap());
    let [Effect::Mail { text, args, .. }] = page.effects.as_slice() else { panic!("{:?}", page.effects) };
    let transaction = payment.transaction.unwrap();
    assert!(args["payee"].contains(&transaction.payee_name) && args["payee"].contains(&transaction.payee_account));
    assert!(args["amount"].ends_with(&transaction.currency), "{args:?}");
    for texts in plugin.describe().unwrap().texts.values() {
        assert!(["{payee}", "{amount}", "{site}", "{code}"].iter().all(|name| texts[text].contains(name)), "{texts:?}");
    }
}

#[test]
fn the_mailed_code_passes_as_people_type_it() {
    let (plugin, cx) = (plugin(), login(COUNTING));
    let enrolment = enrolled(&plugin);
    assert_eq!(enrolment, json!({ "since": cx.now }));
    let (page, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    let code = code(&page.effects);
    // Leading zeros are part of it.
    assert_eq!(code, "012345");
    for right in [code.as_str(), "012 345", " 012-345 "] {
        let step = plugin.answer(&cx, &enrolment, &state, &typed(right)).unwrap();
        let Step::Pass { facts, enrolment: None, .. } = step else { panic!("{right:?} was not taken") };
        assert_eq!(facts.amr, ["otp"]);
    }
    for odd in ["", " ", "-", "12345", "0123456", "12345 ", "٠١٢٣٤٥", "０１２３４５", "012345\0"] {
        assert_eq!(plugin.answer(&cx, &enrolment, &state, &typed(odd)).unwrap(), wrong(), "{odd:?}");
    }
    assert_eq!(plugin.answer(&cx, &enrolment, &state, &Input::default()).unwrap(), wrong());
}

#[test]
fn the_code_of_another_challenge_is_wrong() {
    let plugin = plugin();
    let enrolment = enrolled(&plugin);
    let (first, first_state) = asked(plugin.begin(&login(OTHER), &enrolment).unwrap());
    let (second, second_state) = asked(plugin.begin(&login(COUNTING), &enrolment).unwrap());
    let (first, second) = (code(&first.effects), code(&second.effects));
    assert_ne!(first, second);
    for (state, foreign) in [(&first_state, &second), (&second_state, &first)] {
        let step = plugin.answer(&login(OTHER), &enrolment, state, &typed(foreign)).unwrap();
        assert_eq!(step, wrong());
    }
}

#[test]
fn a_state_without_a_code_is_an_error_and_not_answered_by_nothing() {
    let (plugin, cx) = (plugin(), login(COUNTING));
    let enrolment = enrolled(&plugin);
    for state in [json!({ "code": "" }), json!({ "code": "12345" }), json!({ "code": null }), json!({}), Value::Null] {
        let error = plugin.answer(&cx, &enrolment, &state, &typed("")).unwrap_err().to_string();
        assert!(!error.contains("12345"), "{error}");
        plugin.enrol_answer(&cx, &state, &typed("")).unwrap_err();
    }
}

#[test]
fn the_code_is_in_the_mail_and_in_the_state_and_nowhere_else() {
    let plugin = plugin();
    let (cx, enrolment) = (login(COUNTING), enrolled(&plugin));
    let (first, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let again = plugin.enrol_answer(&cx, &state, &typed("1")).unwrap();
    for step in [plugin.begin(&cx, &enrolment).unwrap(), plugin.enrol_begin(&cx, None).unwrap(), again] {
        let (page, state) = asked(step);
        let code = code(&first.effects);
        assert_eq!(state["code"], json!(code));
        assert!(!format!("{} {}", page.page, page.data).contains(&code), "{}", page.data);
        let shown: Vec<_> = page.data.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(shown.iter().all(|name| ["address", "digits", "problem"].contains(name)), "{shown:?}");
        for effect in &page.effects {
            let Effect::Mail { subject, args, .. } = effect else { panic!("{effect:?}") };
            // Subjects are logged by mail servers, and shown on locked phones.
            for texts in plugin.describe().unwrap().texts.values() {
                assert!(!texts[subject].contains('{'), "{subject}");
            }
            assert_eq!(args.values().filter(|value| value.contains(&code)).count(), 1);
        }
    }
    assert!(plugin.host().lines().is_empty() && plugin.host().calls().is_empty());
}

#[test]
fn an_address_without_an_account_meets_with_the_same() {
    let plugin = plugin();
    let enrolment = enrolled(&plugin);
    let real = context(Purpose::Authorize);
    let (expected, expected_state) = asked(plugin.begin(&real, &enrolment).unwrap());
    assert_eq!(expected.data, json!({ "address": "a***@example.org", "digits": 6 }));
    // An account's address is kept in lower case; a decoy has what was typed.
    for spelling in ["ann@example.org", " Ann@Example.ORG "] {
        let mut cx = real.clone();
        cx.account.email = spelling.to_owned();
        let decoy = plugin.decoy(&cx).unwrap().enrolment;
        let (page, state) = asked(plugin.begin(&cx, &decoy).unwrap());
        assert_eq!((&page, &state), (&expected, &expected_state), "{spelling:?}");
        assert_eq!(plugin.answer(&cx, &decoy, &state, &typed(&code(&page.effects))).unwrap(), wrong());
    }
}

#[test]
fn a_decoy_stays_the_same_for_a_day_and_enrols_nobody() {
    let (plugin, cx) = (plugin(), login(COUNTING));
    let decoy = plugin.decoy(&cx).unwrap();
    let later = Context { now: cx.now + 3_600_000, ..cx.clone() };
    assert_eq!(plugin.decoy(&later).unwrap(), decoy);
    let code = decoy.enrolling["code"].as_str().unwrap().to_owned();
    assert_eq!(plugin.enrol_answer(&cx, &decoy.enrolling, &typed(&code)).unwrap(), wrong());
}

#[test]
fn a_slip_while_enrolling_is_pointed_out_and_a_wrong_code_is_counted() {
    let (plugin, cx) = (plugin(), login(COUNTING));
    let (first, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    for slip in ["", "12345", "0123456", "o12345"] {
        let (again, kept) = asked(plugin.enrol_answer(&cx, &state, &typed(slip)).unwrap());
        assert_eq!((again.data["problem"].as_str(), &kept), (Some("problem_form"), &state), "{slip:?}");
        assert!(again.effects.is_empty(), "a slip sends no mail");
    }
    // The host counts these, and ends it after five.
    let guess = typed(&other_than(&code(&first.effects)));
    assert_eq!(plugin.enrol_answer(&cx, &state, &guess).unwrap(), wrong());
    let replacing = plugin.enrol_begin(&cx, Some(&enrolled(&plugin))).unwrap();
    assert_eq!(asked(replacing).0, first, "turning it on again asks for proof again");
}

#[test]
fn an_administrator_chooses_the_length() {
    for digits in 6..=10 {
        let plugin = Loaded::new(email_factor::enum_plugin_v1(), &json!({ "digits": digits })).unwrap();
        let cx = login(COUNTING);
        let (page, state) = asked(plugin.begin(&cx, &enrolled(&plugin)).unwrap());
        assert_eq!((code(&page.effects).len(), &page.data["digits"]), (digits, &json!(digits)));
        // A code that is under way stays good when the setting changes.
        let other = self::plugin();
        let step = other.answer(&cx, &enrolled(&other), &state, &typed(&code(&page.effects))).unwrap();
        assert!(matches!(step, Step::Pass { .. }));
    }
    for digits in [0, 5, 11, 255] {
        let refused = Loaded::new(email_factor::enum_plugin_v1(), &json!({ "digits": digits })).err().unwrap();
        assert_eq!(refused.to_string(), format!("digits: a code has 6 to 10 digits, not {digits}"));
    }
}

#[test]
fn the_mail_says_what_it_is_for_and_has_every_argument_in_every_language() {
    let plugin = plugin();
    let cx = context(Purpose::Authorize);
    let texts = plugin.describe().unwrap().texts;
    let steps = [plugin.begin(&cx, &enrolled(&plugin)).unwrap(), plugin.enrol_begin(&cx, None).unwrap()];
    for step in steps {
        let (page, _) = asked(step);
        let [Effect::Mail { text, args, .. }] = page.effects.as_slice() else { panic!("{:?}", page.effects) };
        assert_eq!(args["site"], "Corner Shop (https://shop.example)");
        assert!(args.get("minutes").is_none_or(|minutes| minutes == "3"));
        let given: BTreeSet<_> = args.keys().map(String::as_str).collect();
        for (locale, texts) in &texts {
            let names = texts[text].split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0);
            assert_eq!(names.collect::<BTreeSet<_>>(), given, "{locale} {text}");
        }
    }
}
