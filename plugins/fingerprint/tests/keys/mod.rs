//! What the tests share: the plugin, contexts, people and pages.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::allow_attributes, dead_code, reason = "each test program uses a part")]

use fingerprint_key::{Key, Manner};
use plugin_api::{
    Result,
    message::{Context, Input, Purpose, Step},
    testing::{Loaded, context},
};
use serde_json::{Value, json};

/// Issuer of the kit's contexts.
pub(crate) const ISSUER: &str = "https://id.example";
/// 32 times the byte 9: other randomness than the kit's.
pub(crate) const OTHER: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";

pub(crate) fn plugin() -> Loaded {
    with(&json!({})).unwrap()
}

pub(crate) fn with(settings: &Value) -> Result<Loaded> {
    Loaded::new(fingerprint_factor::enum_plugin_v1(), settings)
}

pub(crate) fn login() -> Context {
    context(Purpose::Authorize)
}

pub(crate) fn payment() -> Context {
    context(Purpose::Payment)
}

/// Options on the page, and the state that is kept.
pub(crate) fn asked(step: Step) -> (String, Value) {
    let Step::Ask { data, state, .. } = step else { panic!("it did not ask: {step:?}") };
    (data["options"].as_str().unwrap().to_owned(), state)
}

pub(crate) fn sent(answer: &str) -> Input {
    Input::from_iter([("credential", answer)])
}

pub(crate) fn named(answer: &str, name: &str) -> Input {
    Input::from_iter([("credential", answer), ("name", name)])
}

/// A key, and what is kept of it.
pub(crate) fn enrolled(plugin: &Loaded, name: &str) -> (Key, Value) {
    enrolled_with(plugin, name, &Manner::at(ISSUER))
}

pub(crate) fn enrolled_with(plugin: &Loaded, name: &str, manner: &Manner) -> (Key, Value) {
    let cx = login();
    let (options, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let (key, answer) = Key::create(&options, manner).unwrap();
    let step = plugin.enrol_answer(&cx, &state, &named(&answer, name)).unwrap();
    let Step::Pass { enrolment: Some(enrolment), .. } = step else { panic!("it was not taken: {step:?}") };
    (key, enrolment)
}

pub(crate) fn wrong() -> Step {
    Step::wrong()
}

pub(crate) fn right(step: Result<Step>) -> bool {
    matches!(step.unwrap(), Step::Pass { .. })
}

/// A page as a host renders it.
pub(crate) fn pages(plugin: &Loaded, page: &str, locale: &str, data: &Value) -> String {
    let description = plugin.describe().unwrap();
    let mut engine = tera::Tera::default();
    engine.autoescape_on([""]);
    engine.add_raw_templates(description.pages.iter().map(|(name, text)| (name.clone(), text.as_str()))).unwrap();
    let mut context = tera::Context::new();
    context.insert("data", data);
    context.insert("t", &description.texts[locale]);
    let names = ["webauthn.js", "bridge.js", "nameless.js"];
    let assets: Value = names.iter().map(|name| ((*name).to_owned(), json!(format!("/assets/x/{name}")))).collect();
    context.insert("assets", &assets);
    engine.render(page, &context).unwrap()
}
