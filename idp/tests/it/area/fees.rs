//! What somebody sees of their own fees, and nobody else.

use enum_idp::{
    clock::{DAY, HOUR, Millis},
    store::{
        StoreError,
        fee::{self, Filter, Kind, decimal},
    },
};
use serde_json::json;

use super::{ANN, EVE, account, adds_texts};
use crate::{
    codes::{answers, goes, is_in},
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{GENEROUS, Provider, Written, person_phone},
    },
};

on_both_databases! {
    what_was_charged_what_is_free_and_what_it_costs_is_shown,
    totals_are_those_of_the_ledger,
    charges_follow_each_other_and_end,
    a_name_that_is_a_formula_stays_a_text,
    nobody_sees_the_fees_of_others,
}

/// With codes by text message behind the cipherpad.
async fn provider(database: Database) -> Provider {
    let pins = vec!["cipherpad", "sms_factor", "merchant"];
    let settings = format!("{GENEROUS}[sms.guard]\nnumber_per_hour = 0\naccount_per_hour = 0\n");
    Provider::starts_as(database, Written { pins, settings, ..Written::default() }).await
}

/// The newest of `count` codes by text message.
async fn code(provider: &Provider, count: usize) -> String {
    let code_of =
        |text: &str| text.lines().last()?.strip_prefix('@')?.split_once(" #").map(|(_, code)| code.to_owned());
    let sent = provider.sms.wait_for(&person_phone(ANN), count, |letter| code_of(&letter.text).is_some()).await;
    assert_eq!(sent.len(), count, "{sent:?}");
    code_of(&sent.last().unwrap().text).unwrap()
}

async fn what_was_charged_what_is_free_and_what_it_costs_is_shown(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    adds_texts(&provider, ANN).await;
    let mut person = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
    person.presses("factor-sms").await;
    answers(&mut person, &code(&provider, 1).await).await;
    is_in(&person);
    provider.waits(HOUR);
    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    let mut person = goes(&provider, &visit, ANN).await;
    person.presses("factor-sms").await.presses("accept").await;
    answers(&mut person, &code(&provider, 2).await).await;
    is_in(&person);
    crate::sms::charged(&provider, 1).await;

    ann.enters("/account/fees").await;
    let shown = ann.person.page.html.replace("&nbsp;", "\u{a0}");
    for part in ["0.05\u{a0}WMZ", "1.50\u{a0}WMR", ">charged<", "The shop", "Charged on "] {
        assert!(shown.contains(part), "{part}: {}", ann.person.what_is_shown());
    }
    assert!(ann.person.page.text_of("free-1").unwrap().contains("4 of 5 free"), "{}", ann.person.what_is_shown());
    ann.person.presses_link("csv").await;
    let csv = ann.person.reply.text();
    assert!(ann.person.reply.header("content-disposition").contains("attachment; filename=\"e-num-fees.csv\""));
    assert_eq!(ann.person.reply.header("cache-control"), "no-store");
    assert!(csv.starts_with("\"charge\",\"accepted_at\"") && csv.lines().count() == 2, "{csv}");
    assert!(csv.contains("\"sms\",\"The shop\",\"shop\",\"0.05\",\"WMZ\",\"charged\",\"0.05\""), "{csv}");
    ann.person.opens("/account/fees/export.json").await;
    let file = ann.person.reply.json();
    assert_eq!((file[0]["owed"].as_str(), file[0]["client_id"].as_str()), (Some("0.05"), Some("shop")));
    assert!(file[0]["settled_at"].is_string() && file[0]["reversed_at"].is_null(), "{file}");
    ann.enters("/account/data").await.confirms().await.person.presses("export").await;
    assert_eq!(ann.person.reply.json()["fees"], file);
    provider.waits(DAY);
    ann.enters("/account/fees").await;
    assert!(ann.person.page.text_of("free-1").unwrap().contains("5 of 5 free"), "{}", ann.person.what_is_shown());
}

const THEN: Millis = 1_780_000_000_000;

/// Adds a charge, several of which are in one moment, with what became of it.
async fn was_charged(provider: &Provider, email: &str, number: i64, of: (&str, &str), kinds: &'static [Kind]) {
    let effect = format!("test:{email}:{number}");
    let charge = fee::Model {
        id: format!("{email}-{number:03}"),
        account_id: account(provider, email).await.id,
        factor: "sms".to_owned(),
        client_id: of.0.to_owned(),
        enrolment: format!("e{number}"),
        interaction_hash: email.to_owned(),
        effect: effect.clone(),
        amount_minor: 100 + number,
        minor_digits: 2,
        currency: of.1.to_owned(),
        created_at: THEN + number / 3,
    };
    let written = provider.app.db.write(move |tx| {
        Box::pin(async move {
            fee::charging(charge).apply(tx).await?;
            for kind in kinds {
                fee::settle(tx, &effect, *kind, THEN + HOUR).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    written.await.unwrap();
}

/// 22 charges: of the first three one is void, one was given back and one waits; the last is in another currency.
async fn was_charged_often(provider: &Provider) {
    for number in 0..22 {
        let kinds: &[Kind] = match number {
            0 => &[Kind::Void],
            1 => &[Kind::Charged, Kind::Reversed],
            2 => &[],
            _ => &[Kind::Charged],
        };
        was_charged(provider, ANN, number, ("shop", if number == 21 { "WMR" } else { "WMZ" }), kinds).await;
    }
}

async fn totals_are_those_of_the_ledger(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.member(EVE).await;
    was_charged_often(&provider).await;
    was_charged(&provider, EVE, 900, ("shop", "WMZ"), &[Kind::Charged]).await;
    let theirs = Filter { account_id: Some(account(&provider, ANN).await.id), since: 0, until: Millis::MAX };
    let lines = fee::page(provider.app.db.read(), &theirs, None).await.unwrap();
    let owed = |currency: &str| {
        let of = lines.iter().filter(|line| line.currency == currency);
        decimal(of.map(fee::Line::owed_minor).sum(), 2)
    };
    ann.enters("/account/fees").await;
    let charged = decimal(101 + (103..=120).sum::<i64>(), 2);
    for row in [["WMZ", &charged, "1.01", &owed("WMZ")], ["WMR", "1.21", "0.00", &owed("WMR")]] {
        let [currency, charged, reversed, owed] = row;
        let row = format!("{currency}</th><td>{charged}</td><td>{reversed}</td><td>{owed}</td>");
        assert!(ann.person.page.html.contains(&row), "{row}: {}", ann.person.what_is_shown());
    }
    assert_eq!(ann.person.page.html.matches("<th scope=\"row\">").count(), 2);
    ann.person.opens("/account/fees/export.json").await;
    let file = ann.person.reply.json();
    let exported: f64 = file.as_array().unwrap().iter().filter(|row| row["currency"] == "WMZ").map(owed_in).sum();
    assert_eq!(format!("{exported:.2}"), owed("WMZ"), "the file comes to the same");
}

fn owed_in(row: &serde_json::Value) -> f64 {
    row["owed"].as_str().unwrap().parse().unwrap()
}

fn charges(person: &Person) -> usize {
    person.page.html.matches("id=\"fee-").count()
}

async fn charges_follow_each_other_and_end(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    was_charged_often(&provider).await;
    ann.enters("/account/fees").await;
    assert_eq!(charges(&ann.person), 20);
    for absent in ["fee-ann@example.com-001", "fee-ann@example.com-000", "newest"] {
        assert!(!ann.person.sees(absent), "{absent}: {}", ann.person.what_is_shown());
    }
    ann.person.presses_link("older").await;
    assert_eq!(charges(&ann.person), 2, "{}", ann.person.what_is_shown());
    for part in [">given back<", "Given back on ", ">not charged<", "could not be sent"] {
        assert!(ann.person.page.html.contains(part), "{part}: {}", ann.person.what_is_shown());
    }
    assert!(ann.person.sees("newest") && !ann.person.sees("older"));
    ann.person.presses_link("newest").await;
    assert_eq!(charges(&ann.person), 20);
    assert!(ann.person.page.html.contains(">on its way<"), "{}", ann.person.what_is_shown());
}

async fn a_name_that_is_a_formula_stays_a_text(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    was_charged(&provider, ANN, 1, ("=cmd|' /C calc'!A0", "@WMZ"), &[Kind::Charged]).await;
    ann.enters("/account/fees/export.csv").await;
    let csv = ann.person.reply.text();
    assert!(csv.contains("\"'=cmd|") && csv.contains("\"'@WMZ\""), "{csv}");
    assert!(!csv.contains("\"=") && !csv.contains("\"@"), "{csv}");
}

async fn nobody_sees_the_fees_of_others(database: Database) {
    let provider = provider(database).await;
    provider.member(ANN).await;
    let mut eve = provider.member(EVE).await;
    for number in 0..3 {
        was_charged(&provider, ANN, number, ("shop", "WMZ"), &[Kind::Charged]).await;
    }
    eve.enters("/account/fees").await;
    let sees_nothing = |person: &Person| person.sees("nothing") && !person.sees("totals") && charges(person) == 0;
    assert!(sees_nothing(&eve.person), "{}", eve.person.what_is_shown());
    // Not by naming a charge of Ann's either, nor by what is no charge.
    for before in ["ann%40example.com-002", "%27%20OR%20%271%27%3D%271", "%00", "%22%3E%3Cscript%3E"] {
        eve.person.opens(&format!("/account/fees?before={before}")).await;
        assert!(sees_nothing(&eve.person), "{before}: {}", eve.person.what_is_shown());
        assert!(!eve.person.page.html.contains("ann@example.com") && !eve.person.page.html.contains("<script"));
    }
    eve.person.opens("/account/fees/export.json").await;
    assert_eq!(eve.person.reply.json(), json!([]));
    eve.person.opens("/account/fees/export.csv").await;
    assert_eq!(eve.person.reply.text().lines().count(), 1);
    for page in ["/account/fees", "/account/fees/export.csv", "/account/fees/export.json"] {
        let mut stranger = provider.stranger();
        stranger.opens(page).await;
        assert!(stranger.sees("email") && stranger.sees("deny"), "{page}: {}", stranger.what_is_shown());
    }
}
