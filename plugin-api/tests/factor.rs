//! A small factor, through the C table, under the conformance suite.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../examples/word.rs"]
mod word;

use plugin_api::message::{Context, Facts, Input, Purpose, Step};
use plugin_api::testing::conformance::{self, Asked, Person};
use plugin_api::testing::{Loaded, context};
use plugin_api::{Error, Status};
use serde_json::json;

struct Ann;

impl Person for Ann {
    fn enrol(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "drow")])
    }

    fn answer(&mut self, _: &Context, asked: &Asked) -> Input {
        let challenge: String = asked.data["challenge"].as_str().unwrap().chars().rev().collect();
        Input::from_iter([("answer", format!("word{challenge}"))])
    }

    fn wrong(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "drow")])
    }
}

#[test]
fn a_sound_factor_conforms() {
    conformance::factor(word::enum_plugin_v1(), &mut Ann).unwrap();
}

#[test]
fn someone_who_answers_wrongly_is_noticed() {
    struct Mallory;
    impl Person for Mallory {
        fn enrol(&mut self, cx: &Context, asked: &Asked) -> Input {
            Ann.enrol(cx, asked)
        }
        fn answer(&mut self, cx: &Context, asked: &Asked) -> Input {
            Ann.wrong(cx, asked)
        }
        fn wrong(&mut self, cx: &Context, asked: &Asked) -> Input {
            Ann.wrong(cx, asked)
        }
    }
    let broken = conformance::factor(word::enum_plugin_v1(), &mut Mallory).unwrap_err();
    assert!(broken.to_string().starts_with("the right answer passes"), "{broken}");
}

#[test]
fn states_and_enrolments_travel_as_json() {
    let loaded = Loaded::new(word::enum_plugin_v1(), &json!({})).unwrap();
    let cx = context(Purpose::Authorize);
    let enrolment = json!({ "word": "drow", "used": 4 });
    let Step::Ask { state, data, .. } = loaded.begin(&cx, &enrolment).unwrap() else { unreachable!() };
    assert_eq!(data, json!({ "challenge": "007007" }));
    let input = Input::from_iter([("answer", "word700700")]);
    let step = loaded.answer(&cx, &enrolment, &state, &input).unwrap();
    assert_eq!(step, Step::pass_with(Facts::amr(&["kba"]), json!({ "word": "drow", "used": 5 })));
    assert_eq!(loaded.host().lines()[0].message, "right word");
}

#[test]
fn refused_settings_name_the_key() {
    let table = word::enum_plugin_v1();
    assert_eq!(
        Loaded::new(table, &json!({ "min_length": 101 })).unwrap_err(),
        Error::failed("min_length: at most 100")
    );
    let Err(Error::Failed(text)) = Loaded::new(table, &json!({ "min_lenght": 3 })) else { unreachable!() };
    assert!(text.contains("min_lenght"), "{text}");
}

#[test]
fn errors_do_not_quote_secrets() {
    let loaded = Loaded::new(word::enum_plugin_v1(), &json!({})).unwrap();
    let enrolment = json!({ "word": "drow", "used": "s3cret" });
    let Err(Error::Failed(text)) = loaded.begin(&context(Purpose::Authorize), &enrolment) else { unreachable!() };
    assert!(text.contains("enrolment") && !text.contains("s3cret"), "{text}");
}

#[test]
fn an_instance_is_needed_for_all_but_describe() {
    let table = word::enum_plugin_v1();
    let reply = table.describe(1 << 20);
    assert_eq!(reply.status, Status::Ok.code());
    assert!(!reply.overflowed);
    let short = table.describe(reply.bytes.len() - 1);
    assert!(short.overflowed && short.bytes.len() < reply.bytes.len());
}
