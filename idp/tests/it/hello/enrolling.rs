//! Setting a passphrase: on its page, by whom the host has led there, and by nobody else.

use enum_idp::clock::{DAY, MINUTE};
use serde_json::{Value, json};

use super::{EMAIL, OTHER, SECRET, begun, gets_in, provider, registers, sets};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::post_json,
        plugins::{self, pinned},
        program::Program,
        provider::is_refused_on_a_page,
    },
};

on_both_databases! {
    what_is_no_passphrase_is_told_on_the_page,
    a_page_that_was_left_can_be_come_back_to,
    the_page_belongs_to_its_browser,
    an_answer_counts_for_the_page_that_it_was_given_to,
    no_device_sets_a_passphrase,
    a_page_ends_after_a_day_and_can_be_started_again,
    a_link_sets_one_passphrase,
    a_script_is_told_what_it_needs,
}

async fn what_is_no_passphrase_is_told_on_the_page(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.stranger();
    registers(&provider, &mut ann, "hello").await;
    let page = ann.at.to_string();
    let mut ann = ann.reads("ru");
    ann.opens(&page).await;
    assert!(ann.page.html.contains("Придумайте фразу"), "{}", ann.what_is_shown());
    sets(&mut ann, "too short").await;
    assert_eq!(ann.page.text_of("problem").as_deref(), Some("В ней должно быть от 12 до 128 символов."));
    ann.types("answer", SECRET).types("again", OTHER).presses("continue").await;
    assert_eq!(ann.page.text_of("problem").as_deref(), Some("Фразы не совпадают: введите их ещё раз."));
    assert!(!ann.page.html.contains("kettle") && !ann.at.as_str().contains("kettle"));
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "pending");
    sets(&mut ann, SECRET).await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
}

async fn a_page_that_was_left_can_be_come_back_to(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.stranger();
    registers(&provider, &mut ann, "hello").await;
    sets(&mut ann, "too short").await;
    let page = ann.at.to_string();
    let provider = provider.restarts().await;
    ann.opens("/").await;
    ann.opens(&page).await;
    assert!(ann.sees("problem"), "the step is kept: {}", ann.what_is_shown());
    sets(&mut ann, SECRET).await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
    assert!(gets_in(&provider, SECRET).await);
}

async fn the_page_belongs_to_its_browser(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.stranger();
    registers(&provider, &mut ann, "hello").await;
    let step = ann.page.control("enrolment_step").map_or("0".to_owned(), |(_, field)| field.value.clone());
    let fields = [("enrolment_step", step.as_str()), ("answer", OTHER), ("again", OTHER)];
    let mut eve = provider.stranger();
    eve.posts(&format!("{}/answer", ann.at), &fields).await;
    is_refused_on_a_page(&eve);
    eve.opens("/register").await;
    eve.posts(&format!("{}/answer", ann.at), &fields).await;
    is_refused_on_a_page(&eve);
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "pending");
}

async fn an_answer_counts_for_the_page_that_it_was_given_to(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.stranger();
    registers(&provider, &mut ann, "hello").await;
    let mut earlier = ann.clone();
    sets(&mut ann, "too short").await;
    sets(&mut earlier, OTHER).await;
    assert!(!earlier.sees("activated"), "an answer to a page that has moved on: {}", earlier.what_is_shown());
    assert!(earlier.sees("problem"), "the person sees where they are: {}", earlier.what_is_shown());
    sets(&mut earlier, SECRET).await;
    assert!(earlier.sees("activated"), "{}", earlier.what_is_shown());
    sets(&mut ann, OTHER).await;
    assert!(gets_in(&provider, SECRET).await, "the first that was taken stays");
}

/// Who knows an address may call this endpoint, so nothing may be had there without a code.
async fn no_device_sets_a_passphrase(database: Database) {
    let provider = provider(database).await;
    begun(&provider, "hello").await;
    let endpoint = provider.origin.join("/enrol/hello").unwrap();
    let asked = json!({ "email": EMAIL, "input": { "answer": OTHER, "again": OTHER } });
    assert_eq!(post_json(&endpoint, &asked).await.error(), "unknown_factor");
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "pending");
}

async fn a_page_ends_after_a_day_and_can_be_started_again(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.stranger();
    registers(&provider, &mut ann, "hello").await;
    let mut late = ann.clone();
    provider.waits(DAY + MINUTE);
    sets(&mut late, OTHER).await;
    assert!(!late.sees("activated") && late.sees("resend"), "{}", late.what_is_shown());
    late.presses("resend").await;
    sets(&mut late, SECRET).await;
    assert!(late.sees("activated"), "{}", late.what_is_shown());
    assert!(gets_in(&provider, SECRET).await);
}

async fn a_link_sets_one_passphrase(database: Database) {
    let provider = provider(database).await;
    let begun = begun(&provider, "hello").await;
    assert_eq!(begun.code, None);
    let link = begun.link.unwrap();
    let mut filter = provider.stranger();
    filter.opens(&link).await;
    assert_eq!(provider.enrolment_of(EMAIL).await.version, 0, "opening it changes nothing");
    let mut ann = provider.stranger();
    sets(ann.opens(&link).await, SECRET).await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
    is_refused_on_a_page(provider.stranger().opens(&link).await);
    is_refused_on_a_page(provider.stranger().opens(&format!("{link}x")).await);
    is_refused_on_a_page(provider.stranger().opens(&link.replace("/hello/", "/cipherpad/")).await);
    sets(&mut filter, OTHER).await;
    assert!(gets_in(&provider, SECRET).await, "an earlier opened page sets nothing any more");
}

async fn a_script_is_told_what_it_needs(database: Database) {
    let program = Program::new(&database);
    let text = std::fs::read_to_string(&program.config).unwrap();
    std::fs::write(&program.config, plugins::enabling(&text, &[pinned("plugin_hello_rust")])).unwrap();
    let told = |arguments: &[&str]| -> Value { serde_json::from_str(&program.succeeds(arguments)).unwrap() };
    let phone = "+447400123456";
    let made = told(&["account", "create", "--email", EMAIL, "--phone", phone, "--activate", "--factor", "hello"]);
    let is_link = |told: &Value| told["link"].as_str().unwrap().starts_with("http://127.0.0.1:9/enrol/hello/");
    assert!(is_link(&made) && made["code"].is_null(), "{made}");
    let again = told(&["account", "enrol", "--email", EMAIL, "--factor", "hello"]);
    assert!(is_link(&again) && again["link"] != made["link"], "{again}");
    let pad = told(&["account", "enrol", "--email", EMAIL]);
    assert!(pad["link"].is_null() && pad["code"].is_string(), "{pad}");
    told(&["account", "unenrol", "--email", EMAIL, "--factor", "hello"]);
    let methods = told(&["account", "show", "--email", EMAIL])["methods"].clone();
    assert_eq!(methods.as_array().unwrap().len(), 1, "{methods}");
    let refused = program.runs(&["account", "unenrol", "--email", EMAIL, "--factor", "hello"]);
    assert!(!refused.success && refused.stderr.contains("has no method hello"), "{}", refused.stderr);
    let refused = program.runs(&["account", "enrol", "--email", "bo@example.com"]);
    assert!(!refused.success && refused.stderr.contains("no account"), "{}", refused.stderr);
}
