//! Messages that are held back: numbers, limits, and prefixes whose codes nobody uses.

use enum_idp::clock::{DAY, MINUTE};

use super::{ANN, asked, asked_to_pay, code, ledger, member, provider_with};
use crate::{
    codes::{adds_by, answers, goes, is_in, sent},
    login::strangers::comparable,
    on_both_databases,
    support::{
        database::Database,
        http,
        person::Person,
        provider::{GENEROUS, Provider, Written, person_phone},
    },
};

on_both_databases! {
    numbers_of_other_countries_get_nothing_and_other_methods_work,
    a_number_that_gets_nothing_is_answered_like_no_account,
    a_payment_whose_message_is_held_back_costs_nothing,
    an_activation_code_is_held_back_as_well,
    a_number_gets_so_many_in_an_hour_whoever_asks,
    an_address_block_causes_so_many_for_known_and_unknown_alike,
    a_prefix_whose_codes_nobody_uses_is_closed_told_of_once_and_tried_again,
    a_limit_over_all_is_told_of_once,
    no_more_money_is_spent_than_allowed_and_numbers_cost_what_they_cost,
}

/// Addresses of people whose numbers have the same first digits.
const NEIGHBOURS: [&str; 4] = ["pat@example.ca", "pat@example.cb", "pat@example.cc", "pat@example.cd"];

async fn guarded(database: Database, guard: &str) -> Provider {
    provider_with(database, &format!("{GENEROUS}[sms.guard]\n{guard}\n")).await
}

#[track_caller]
fn is_held(person: &Person) {
    let complaint = person.complaint().unwrap_or_else(|| panic!("{}", person.what_is_shown()));
    assert!(complaint.contains("No text message can be sent") && !person.sees("answer"), "{}", person.what_is_shown());
}

/// Somebody is shown what they would be shown if a message were sent, and none is.
async fn is_withheld(provider: &Provider, email: &str) -> Person {
    let before = sent(provider).await;
    let person = asked(provider, email).await;
    assert_eq!(sent(provider).await, before);
    person
}

async fn tries(provider: &Provider, email: &str) -> Person {
    goes(provider, &provider.sites.own.sends(&[]), email).await
}

async fn numbers_of_other_countries_get_nothing_and_other_methods_work(database: Database) {
    let settings = format!("{GENEROUS}[sms.guard]\ncountries = ['DE', 'VN']\n");
    let both = Written { pins: vec!["cipherpad", "sms_factor", "merchant"], settings, ..Written::default() };
    let provider = Provider::starts_as(database, both).await;
    let mut pad = provider.member(ANN).await;
    adds_by(&provider, ANN, "sms").await;
    let mut ann = tries(&provider, ANN).await;
    ann.presses("factor-sms").await;
    assert!(ann.sees("answer"), "{}", ann.what_is_shown());
    assert_eq!(sent(&provider).await, 0);
    ann.presses("other").await.presses("factor-cipherpad").await;
    pad.person = ann;
    pad.answers().await;
    is_in(&pad.person);
}

async fn a_number_that_gets_nothing_is_answered_like_no_account(database: Database) {
    let provider = guarded(database, "countries = ['DE']\naccount_per_hour = 2").await;
    member(&provider, ANN, "en").await;
    let mut shown = Vec::new();
    for email in [ANN, "ada@example.com"] {
        let mut person = is_withheld(&provider, email).await;
        let first = comparable(&person, email);
        provider.waits(MINUTE);
        person.presses("again").await;
        let again = comparable(&person, email);
        provider.waits(MINUTE);
        // What everybody can meet is told, and does not hide behind the number.
        let held = tries(&provider, email).await;
        is_held(&held);
        shown.push([first, again, comparable(&held, email)]);
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(sent(&provider).await, 0);
}

async fn a_payment_whose_message_is_held_back_costs_nothing(database: Database) {
    let provider = guarded(database, "countries = ['DE']").await;
    member(&provider, ANN, "en").await;
    let (mut ann, _) = asked_to_pay(&provider, ANN, 1050).await;
    provider.waits(MINUTE);
    ann.presses("again").await;
    assert!(ann.sees("answer"), "{}", ann.what_is_shown());
    assert_eq!((sent(&provider).await, ledger(&provider).await.len()), (0, 0));
}

async fn an_activation_code_is_held_back_as_well(database: Database) {
    let settings = format!("{GENEROUS}[sms.guard]\ncountries = ['DE']\n");
    let provider = Provider::starts_with(database, &settings).await;
    let mut ann = provider.stranger();
    provider.applies(&mut ann, ANN).await;
    let link = provider.mailed_link(ANN, 1).await;
    for _ in 0..2 {
        ann.opens(&link).await;
        ann.chooses("factor-cipherpad").presses("continue").await;
        assert_eq!(ann.reply.status, 429, "{}", ann.what_is_shown());
        assert!(ann.page.html.contains("No text message can be sent"), "{}", ann.what_is_shown());
    }
    let provider = provider.restarts_as(Written::default()).await;
    ann.opens(&link).await;
    ann.chooses("factor-cipherpad").presses("continue").await;
    assert!(ann.sees("resend"), "nothing was used up: {}", ann.what_is_shown());
    provider.activation_code(&person_phone(ANN), 1).await;
}

async fn a_number_gets_so_many_in_an_hour_whoever_asks(database: Database) {
    let provider = guarded(database, "number_per_hour = 2").await;
    member(&provider, ANN, "en").await;
    member(&provider, "bob@example.com", "en").await;
    for _ in 0..2 {
        asked(&provider, ANN).await;
        provider.waits(MINUTE);
    }
    is_withheld(&provider, ANN).await;
    provider.waits(MINUTE);
    let provider = provider.restarts().await;
    is_withheld(&provider, ANN).await;
    asked(&provider, "bob@example.com").await;
    provider.waits(60 * MINUTE);
    asked(&provider, ANN).await;
}

async fn an_address_block_causes_so_many_for_known_and_unknown_alike(database: Database) {
    let provider = guarded(database, "block_per_hour = 3").await;
    member(&provider, ANN, "en").await;
    for email in ["nobody1@example.com", "nobody2@example.com", "nobody3@example.com"] {
        asked(&provider, email).await;
    }
    let (ann, ada) = (tries(&provider, ANN).await, tries(&provider, "ada@example.com").await);
    is_held(&ann);
    assert_eq!(comparable(&ann, ANN), comparable(&ada, "ada@example.com"));
    assert_eq!(sent(&provider).await, 0);
}

async fn a_prefix_whose_codes_nobody_uses_is_closed_told_of_once_and_tried_again(database: Database) {
    let guard =
        "least_sample = 3\nleast_used_percent = 50\ntrial = 2\nopen_minutes = 30\nalert_to = 'admin@example.com'";
    let provider = guarded(database, guard).await;
    // Turning it on has used a code for each of them, none of which was sent.
    for neighbour in NEIGHBOURS {
        member(&provider, neighbour, "en").await;
    }
    // The last one's first message is the one that comes through on trial.
    let (last, others) = NEIGHBOURS.split_last().unwrap();
    for _ in 0..3 {
        for neighbour in others {
            asked(&provider, neighbour).await;
        }
        provider.waits(MINUTE);
    }
    // Four of nine are less than half.
    assert_eq!(sent(&provider).await, 9);
    is_withheld(&provider, NEIGHBOURS[0]).await;
    let told = provider.mail.wait_for("admin@example.com", 1, |_| true).await;
    assert!(told.len() == 1 && told[0].text.contains("+447400"), "{told:?}");
    let metrics = http::send(hyper::Method::GET, &provider.origin.join("/metrics").unwrap(), &[], String::new()).await;
    assert!(metrics.text().contains("enum_sms_held_back_total{reason=\"unused\"}"), "{}", metrics.text());
    assert_eq!(sent(&provider).await, 9);
    provider.waits(30 * MINUTE);
    let mut person = asked(&provider, last).await;
    let code = code(&provider, last, 1).await;
    answers(&mut person, &code).await;
    is_in(&person);
    // One of two on trial came back: all is as before.
    for neighbour in others {
        asked(&provider, neighbour).await;
    }
    assert_eq!(provider.mail.to("admin@example.com").len(), 1);
}

async fn a_limit_over_all_is_told_of_once(database: Database) {
    let provider = guarded(database, "all_per_hour = 1\nalert_to = 'admin@example.com'").await;
    member(&provider, ANN, "en").await;
    member(&provider, "bob@example.com", "en").await;
    asked(&provider, ANN).await;
    for _ in 0..2 {
        is_held(&tries(&provider, "bob@example.com").await);
    }
    let told = provider.mail.wait_for("admin@example.com", 1, |_| true).await;
    assert!(told.len() == 1 && told[0].text.contains("all_per_hour"), "{told:?}");
}

async fn no_more_money_is_spent_than_allowed_and_numbers_cost_what_they_cost(database: Database) {
    let dear = person_phone("bob@example.com");
    let guard = format!(
        "spend_per_day = 20\nprices = {{ default = 5, '{}' = 15 }}\nalert_to = 'admin@example.com'",
        &dear[..dear.len() - 1]
    );
    let provider = guarded(database, &guard).await;
    member(&provider, ANN, "en").await;
    member(&provider, "bob@example.com", "en").await;
    // 5 are spent, and 5 again; the dear one does not fit any more, two of the others do.
    asked(&provider, ANN).await;
    provider.waits(MINUTE);
    asked(&provider, ANN).await;
    is_withheld(&provider, "bob@example.com").await;
    for _ in 0..2 {
        provider.waits(MINUTE);
        asked(&provider, ANN).await;
    }
    provider.waits(MINUTE);
    is_withheld(&provider, ANN).await;
    let told = provider.mail.wait_for("admin@example.com", 1, |_| true).await;
    assert!(told.len() == 1 && told[0].text.contains("spend_per_day"), "{told:?}");
    provider.waits(DAY);
    asked(&provider, "bob@example.com").await;
}
