//! The passphrase under the conformance suite, and what the suite cannot know of it.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use plugin_api::message::{Context, Input, Purpose, Step};
use plugin_api::testing::conformance::{self, Asked, Person};
use plugin_api::testing::{Loaded, context};
use plugin_hello_rust::enum_plugin_v1;
use serde_json::{Value, json};

const SECRET: &str = "kettle orbit walnut jazz";

struct Ann;

impl Person for Ann {
    fn enrol(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", SECRET), ("again", SECRET)])
    }

    fn answer(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", SECRET)])
    }

    fn wrong(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "kettle orbit walnut jizz")])
    }
}

#[test]
fn it_conforms() {
    conformance::factor(enum_plugin_v1(), &mut Ann).unwrap();
}

/// Chooses `secret` in the place of `old`.
fn chooses(loaded: &Loaded, secret: &str, again: &str, old: Option<&Value>) -> Step {
    let cx = context(Purpose::Authorize);
    let Step::Ask { state, .. } = loaded.enrol_begin(&cx, old).unwrap() else { panic!("it did not ask") };
    loaded.enrol_answer(&cx, &state, &Input::from_iter([("answer", secret), ("again", again)])).unwrap()
}

fn complaint(step: Step) -> String {
    let Step::Ask { data, .. } = step else { panic!("it took the passphrase") };
    data["problem"].as_str().unwrap().to_owned()
}

fn enrolment(step: Step) -> Value {
    let Step::Pass { enrolment: Some(enrolment), .. } = step else { panic!("it refused the passphrase") };
    enrolment
}

#[test]
fn what_is_no_passphrase_is_not_taken() {
    let loaded = Loaded::new(enum_plugin_v1(), &json!({})).unwrap();
    let long = "я".repeat(129);
    for short_or_long in ["", "eleven char", long.as_str()] {
        assert_eq!(complaint(chooses(&loaded, short_or_long, short_or_long, None)), "problem_length");
    }
    assert_eq!(complaint(chooses(&loaded, SECRET, "kettle orbit walnut jizz", None)), "problem_again");
    enrolment(chooses(&loaded, "twelve chars", "twelve chars", None));
    enrolment(chooses(&loaded, &long[2..], &long[2..], None));
}

#[test]
fn a_change_needs_another_passphrase_and_ends_the_earlier_one() {
    let loaded = Loaded::new(enum_plugin_v1(), &json!({})).unwrap();
    let first = enrolment(chooses(&loaded, SECRET, SECRET, None));
    assert_eq!(complaint(chooses(&loaded, SECRET, SECRET, Some(&first))), "problem_same");
    let other = "harbour lemon quiet drum";
    let second = enrolment(chooses(&loaded, other, other, Some(&first)));
    let answer = |enrolment: &Value, typed: &str| {
        let cx = context(Purpose::Authorize);
        let input = Input::from_iter([("answer", typed)]);
        matches!(loaded.answer(&cx, enrolment, &Value::Null, &input).unwrap(), Step::Pass { .. })
    };
    assert!(answer(&second, other) && !answer(&second, SECRET) && answer(&first, SECRET));
}

#[test]
fn one_passphrase_is_one_on_every_keyboard() {
    let loaded = Loaded::new(enum_plugin_v1(), &json!({})).unwrap();
    let (composed, decomposed) = ("Nguyễn tiếng Việt", "Nguye\u{302}\u{303}n tie\u{302}\u{301}ng Vie\u{302}\u{323}t");
    let enrolment = enrolment(chooses(&loaded, composed, decomposed, None));
    let input = Input::from_iter([("answer", decomposed)]);
    let step = loaded.answer(&context(Purpose::Authorize), &enrolment, &Value::Null, &input).unwrap();
    assert!(matches!(step, Step::Pass { .. }));
}

#[test]
fn the_passphrase_is_in_nothing_that_is_kept_or_said() {
    let loaded = Loaded::new(enum_plugin_v1(), &json!({})).unwrap();
    let step = chooses(&loaded, SECRET, "something else entirely", None);
    assert!(!serde_json::to_string(&step).unwrap().contains("kettle"));
    let phc = enrolment(chooses(&loaded, SECRET, SECRET, None))["phc"].as_str().unwrap().to_owned();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !phc.contains("kettle"), "{phc}");
    assert!(loaded.host().lines().is_empty());
}
