//! Names of places beside network addresses, and what is kept of places.

use enum_idp::{
    clock::{DAY, MINUTE},
    store,
};
use sea_orm::{ConnectionTrait, Statement};

use super::{ANN, ann, elsewhere, proves, with_places, with_places_and};
use crate::{
    codes, on_both_databases, recovery,
    support::{
        atlas::{HANOI, NEW_YORK, SAIGON},
        database::Database,
        provider::{Provider, person_phone},
    },
};

on_both_databases! {
    pages_name_places_in_the_language_of_the_reader,
    both_exports_of_the_log_name_places,
    all_data_tells_where_the_account_was_used,
    notices_name_places_and_text_messages_do_not,
    no_more_is_kept_of_a_place_than_anything_hangs_on,
    places_are_forgotten_in_time,
    two_who_prove_at_once_leave_both_places,
    a_recovery_forgets_them,
}

async fn pages_name_places_in_the_language_of_the_reader(database: Database) {
    let provider = with_places(database).await;
    let mut member = provider.member(ANN).await;
    member.person.moves_to(HANOI);
    proves(&provider, &mut member).await;
    for (language, name) in [("en", "Hanoi, Vietnam"), ("ru", "Ханой, Вьетнам"), ("vi", "Hanoi, Vietnam")] {
        member.person = member.person.reads(language);
        member.enters("/account/log").await;
        let shown = format!("127.0.1.1 ({name})");
        assert!(member.person.page.html.contains(&shown), "{}", member.person.what_is_shown());
        member.person.opens("/account").await;
        assert!(member.person.page.html.contains(&shown), "{}", member.person.what_is_shown());
        member.person.opens("/account/sessions").await;
        // The session, and the browser.
        assert_eq!(member.person.page.html.matches(&shown).count(), 2, "{}", member.person.what_is_shown());
    }
}

async fn both_exports_of_the_log_name_places(database: Database) {
    let provider = with_places(database).await;
    let mut member = provider.member(ANN).await;
    member.person.moves_to(NEW_YORK);
    proves(&provider, &mut member).await;
    member.enters("/account/log").await;
    member.person.presses_link("csv").await;
    let csv = member.person.reply.text();
    assert!(csv.starts_with("\"number\",\"time\",\"event\""), "{csv}");
    assert!(csv.contains("\"127.0.3.1\",\"New York, United States\""), "{csv}");
    member.person.opens("/account/log/export.json").await;
    let rows = member.person.reply.json();
    let placed: Vec<_> = rows.as_array().unwrap().iter().filter(|row| row["place"].is_string()).collect();
    assert!(!placed.is_empty(), "{rows}");
    assert!(placed.iter().all(|row| row["address"] == NEW_YORK && row["place"] == "New York, United States"), "{rows}");
}

async fn all_data_tells_where_the_account_was_used(database: Database) {
    let provider = with_places(database).await;
    let mut member = provider.member(ANN).await;
    for place in [HANOI, SAIGON] {
        provider.waits(DAY);
        member.person.moves_to(place);
        proves(&provider, &mut member).await;
    }
    member.enters("/account/data").await.confirms().await;
    member.person.presses("export").await;
    let data = member.person.reply.json();
    let places = data["places"].as_array().unwrap();
    assert_eq!(places.len(), 2, "{data}");
    assert_eq!((&places[0]["country"], &places[1]["country"]), (&"VN".into(), &"VN".into()));
    assert_eq!((&places[0]["latitude"], &places[1]["latitude"]), (&10.8.into(), &21.0.into()), "the last one first");
    assert!(places[0]["last_proof"].is_string() && places[0]["forgotten_after"].is_string(), "{data}");
    assert_eq!(data["browsers"][0]["place"], "Ho Chi Minh City, Vietnam");
    assert!(data["sessions"].as_array().unwrap().iter().any(|session| session["place"] == "Ho Chi Minh City, Vietnam"));
}

async fn notices_name_places_and_text_messages_do_not(database: Database) {
    let told = "[notices]\nlogin = \"main\"\nsms = true\n";
    let provider = with_places_and(database, told).await;
    let mut member = provider.member(ANN).await;
    member.person.moves_to(HANOI);
    proves(&provider, &mut member).await;
    let letters = provider.mail.wait_for(ANN, 1, |letter| letter.text.contains("signed in to your account")).await;
    assert!(letters[0].text.contains("127.0.1.1 (Hanoi, Vietnam)"), "{}", letters[0].text);
    let id = ann(&provider).await.id;
    let (sms, off) = ("{\"mail\":\"off\",\"sms\":true}", "{\"mail\":\"off\",\"sms\":false}");
    let by_sms = format!("{{\"login\":{sms},\"login_failed\":{off},\"payment\":{off},\"payment_failed\":{off}}}");
    store::account::set_notices(provider.app.db.read(), &id, &by_sms).await.unwrap();
    provider.waits(MINUTE);
    proves(&provider, &mut member).await;
    let texts = provider.sms.wait_for(&person_phone(ANN), 1, |sms| sms.text.contains("signed in")).await;
    assert!(texts[0].text.contains("127.0.1.1") && !texts[0].text.contains("Hanoi"), "{}", texts[0].text);
    // What guards the account, and a browser that is new.
    let mut second = elsewhere(&provider, &member);
    second.person.moves_to(NEW_YORK);
    proves(&provider, &mut second).await;
    let letters = provider.mail.wait_for(ANN, 1, |letter| letter.subject.contains("unusual")).await;
    assert!(letters[0].text.contains("127.0.3.1 (New York, United States)"), "{}", letters[0].text);
    second.enters("/account/notices").await.confirms().await.person.presses("save").await;
    let letters = provider.mail.wait_for(ANN, 1, |letter| letter.text.contains("This was done at")).await;
    assert!(letters[0].text.contains("127.0.3.1 (New York, United States)"), "{}", letters[0].text);
}

async fn no_more_is_kept_of_a_place_than_anything_hangs_on(database: Database) {
    let provider = with_places(database).await;
    let mut member = provider.member(ANN).await;
    member.person.moves_to(HANOI);
    proves(&provider, &mut member).await;
    let now = provider.app.clock.now();
    let expected = serde_json::json!([
        { "country": "VN", "spot": { "latitude": 21.0, "longitude": 105.9, "radius": 28 }, "at": now },
    ]);
    let row = ann(&provider).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&row.places).unwrap(), expected);
}

async fn places_are_forgotten_in_time(database: Database) {
    let provider = with_places(database).await;
    let mut member = provider.member(ANN).await;
    member.person.moves_to(HANOI);
    proves(&provider, &mut member).await;
    for (days, is_kept) in [(179, true), (2, false)] {
        provider.waits(days * DAY);
        sweeps(&provider).await;
        let row = ann(&provider).await;
        assert_eq!((!row.places.is_empty(), row.places_until.is_some()), (is_kept, is_kept), "{days}");
    }
}

async fn sweeps(provider: &Provider) {
    let now = provider.app.clock.now();
    let swept = provider.app.db.write(move |tx| Box::pin(async move { store::expiry::sweep(tx, now).await }));
    swept.await.unwrap();
}

async fn two_who_prove_at_once_leave_both_places(database: Database) {
    let provider = with_places(database).await;
    let mut member = provider.member(ANN).await;
    provider.waits(1000);
    codes::adds(&provider, ANN).await;
    let mut by_mail = provider.stranger();
    by_mail.moves_to(NEW_YORK);
    by_mail.opens(&provider.sites.own.sends(&[]).link).await.types("email", ANN).presses("continue").await;
    by_mail.presses("factor-email").await;
    let code = codes::code(&provider, ANN, 1).await;
    member.person.moves_to(HANOI);
    member.goes(&provider.sites.own.sends(&[])).await.person.presses("factor-cipherpad").await;
    tokio::join!(
        async {
            member.answers().await;
        },
        codes::answers(&mut by_mail, &code)
    );
    codes::is_in(&member.person);
    codes::is_in(&by_mail);
    let places = ann(&provider).await.places;
    assert!(places.contains("VN") && places.contains("US"), "one was lost: {places}");
}

async fn a_recovery_forgets_them(database: Database) {
    let provider = with_places_and(database, "recovery_wait_hours = 0").await;
    let mut member = recovery::registered(&provider, ANN).await;
    member.person.moves_to(HANOI);
    proves(&provider, &mut member).await;
    assert!(ann(&provider).await.places.contains("VN"));
    let mut person = provider.stranger();
    recovery::answers(&mut person, ANN, recovery::ANSWER).await;
    let link = recovery::mailed_link(&provider, ANN, 1).await;
    person.opens(&link).await.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    let row = ann(&provider).await;
    assert_eq!((row.places.as_str(), row.places_until), ("", None));
}

/// How often statements about accounts, their browsers and their logs were run; those of the sweeper are not among them.
async fn calls(provider: &Provider) -> i64 {
    let db = provider.app.db.read();
    let query = "SELECT sum(calls)::bigint FROM pg_stat_statements \
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 AND (query LIKE '%\"account\"%' OR query LIKE '%\"device\"%' OR query LIKE '%\"log\"%') \
                 AND query NOT LIKE '%\"delete_at\" <=%' AND query NOT LIKE '% LIMIT %'";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), query)).await.unwrap().unwrap();
    row.try_get_by_index::<Option<i64>>(0).unwrap().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_costs_a_login_no_statement() {
    let mut told = Vec::new();
    for is_on in [false, true] {
        let database = Database::postgres().await;
        let provider = if is_on { with_places(database).await } else { codes::provider_of_both(database).await };
        provider.app.db.read().execute_unprepared("CREATE EXTENSION pg_stat_statements").await.unwrap();
        let mut member = provider.member(ANN).await;
        member.person.moves_to(HANOI);
        proves(&provider, &mut member).await;
        let before = calls(&provider).await;
        proves(&provider, &mut member).await;
        told.push(calls(&provider).await - before);
        assert_eq!(ann(&provider).await.places.is_empty(), !is_on);
    }
    assert!(told[0] >= 4, "{told:?}");
    assert_eq!(told[0], told[1]);
}
