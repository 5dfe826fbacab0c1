//! What the person sees, in every language.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::{
    message::{Description, Effect, Input, Purpose, Step, SubjectKind},
    testing::{Loaded, context, context_of},
};
use serde_json::{Value, json};

/// Name and data of a page.
type Page = (String, Value);

fn plugin() -> Loaded {
    Loaded::new(sms_factor::enum_plugin_v1(), &json!({ "digits": 8 })).unwrap()
}

/// Every page that there is, and what is sent on the way.
fn all(plugin: &Loaded) -> (Vec<Page>, Vec<Effect>) {
    let cx = context(Purpose::Authorize);
    let enrolment = plugin.decoy(&cx).unwrap().enrolment;
    let proving = plugin.enrol_begin(&cx, None).unwrap();
    let Step::Ask { state, .. } = &proving else { panic!("it did not ask") };
    let slipped = plugin.enrol_answer(&cx, state, &Input::default()).unwrap();
    let (mut pages, mut messages) = (Vec::new(), Vec::new());
    let payment = plugin.begin(&context(Purpose::Payment), &enrolment).unwrap();
    let operation = plugin.begin(&context_of(SubjectKind::Operation), &enrolment).unwrap();
    for step in [plugin.begin(&cx, &enrolment).unwrap(), payment, operation, proving, slipped] {
        let Step::Ask { page, data, effects, .. } = step else { panic!("it did not ask") };
        pages.push((page, data));
        messages.extend(effects);
    }
    (pages, messages)
}

/// Renders as the server does: escaped, with `data` and `t`.
fn render(description: &Description, (name, data): &Page, texts: &BTreeMap<String, String>) -> String {
    let mut tera = tera::Tera::default();
    tera.autoescape_on([""]);
    tera.add_raw_templates(&description.pages).unwrap();
    let mut values = tera::Context::new();
    values.insert("data", data);
    values.insert("t", texts);
    tera.render(name, &values).unwrap()
}

#[test]
fn pages_render_in_every_language_with_the_fixed_ids() {
    let plugin = plugin();
    let description = plugin.describe().unwrap();
    let (pages, _) = all(&plugin);
    for texts in description.texts.values() {
        for page in &pages {
            let html = render(&description, page, texts);
            for part in [
                "<label for=\"answer\">",
                "id=\"answer\" name=\"answer\"",
                "inputmode=\"numeric\"",
                "autocomplete=\"one-time-code\"",
                "maxlength=\"40\"",
                "id=\"answer-hint\"",
                "id=\"continue\"",
                &format!("8 {}", texts["digits"]),
            ] {
                assert!(html.contains(part), "{part} is not in {html}");
            }
            let has_problem = page.1.get("problem").is_some();
            let alert = format!("role=\"alert\" id=\"problem\">{} 8 ", texts["problem_form"]);
            assert_eq!((html.contains(&alert), html.contains("aria-invalid")), (has_problem, has_problem), "{html}");
        }
    }
}

/// Each text is replaced by its key, and then each key has to turn up somewhere.
#[test]
fn every_text_is_used() {
    let plugin = plugin();
    let description = plugin.describe().unwrap();
    let keys = description.texts["en"].keys();
    let texts = keys.clone().map(|key| (key.clone(), format!("[{key}]"))).collect();
    let (pages, messages) = all(&plugin);
    let seen: String = pages.iter().map(|page| render(&description, page, &texts)).collect();
    let mut used: BTreeSet<String> = plugin_api::TEXTS.map(str::to_owned).into();
    for message in messages {
        let Effect::Sms { text, .. } = message else { panic!("{message:?}") };
        used.insert(text);
    }
    used.extend(keys.clone().filter(|key| seen.contains(&format!("[{key}]"))).cloned());
    assert_eq!(used, keys.cloned().collect());
    let shown: BTreeSet<_> = pages.into_iter().map(|(name, _)| name).collect();
    assert_eq!(shown, description.pages.into_keys().collect());
}
