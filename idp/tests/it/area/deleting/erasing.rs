//! What is left: nothing that tells of the person, and nothing that works.

use enum_idp::{
    account::enrol_by_admin,
    clock::{DAY, HOUR, MINUTE, SECOND},
    store::{self, fee, log},
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{super::account, ANN, SECOND_MAIL, asks, is_free_to_delete, is_known, round, row};
use crate::{
    codes, on_both_databases, recovery,
    support::{
        atlas,
        database::Database,
        pad::Pad,
        provider::{GENEROUS, Member, Provider, Written, is_refused, is_refused_on_a_page, person_phone, text},
        sites::{PURSE, payload},
    },
};

on_both_databases! {
    nothing_tells_of_the_person_and_what_has_to_stay_still_holds,
    nobody_gets_in_and_no_token_works,
    the_address_is_registered_anew_as_somebody_else,
    what_was_not_sent_yet_is_not_sent_any_more,
    it_looks_like_an_address_that_never_had_an_account,
}

async fn provider(database: Database) -> Provider {
    let pins = vec!["cipherpad", "sms_factor", "merchant"];
    let file = database.dir().join("places.mmdb");
    std::fs::write(&file, atlas::file("Test-City", &[("127.0.0.1", atlas::hanoi())])).unwrap();
    let settings = format!("{GENEROUS}[places]\ndatabase = '{}'\n", file.display());
    Provider::starts_as(database, Written { pins, settings, ..Written::default() }).await
}

/// Every row of every table, as `table: values`.
async fn everything(provider: &Provider) -> Vec<(String, String)> {
    let db = provider.app.db.read();
    let run =
        async |text: &str| db.query_all_raw(Statement::from_string(db.get_database_backend(), text)).await.unwrap();
    let is_embedded = db.get_database_backend() == DbBackend::Sqlite;
    let tables = if is_embedded {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    } else {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
    };
    let mut all = Vec::new();
    for table in run(tables).await {
        let table: String = table.try_get_by_index(0).unwrap();
        let rows = if is_embedded {
            let columns = run(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
            let quoted: Vec<String> = columns
                .iter()
                .map(|column| format!("quote(\"{}\")", column.try_get_by_index::<String>(0).unwrap()))
                .collect();
            run(&format!("SELECT {} FROM \"{table}\"", quoted.join(" || ' ' || "))).await
        } else {
            run(&format!("SELECT whole::text FROM \"{table}\" AS whole")).await
        };
        all.extend(rows.iter().map(|row| (table.clone(), row.try_get_by_index(0).unwrap())));
    }
    all
}

/// Somebody who has done all that leaves something behind; with the refresh token of a website.
async fn with_a_past(provider: &Provider) -> (Member, String) {
    let mut ann = recovery::registered(provider, ANN).await;
    provider.has_also(ANN, SECOND_MAIL).await;
    let tokens = ann.logs_in_at(&provider.sites.site).await;
    ann.logs_in_at(&provider.sites.forum).await;
    pays(provider, &mut ann).await;
    provider.sites.shop.asks_to_sign_in(ANN).await;
    ann.enters("/account/requests").await.person.presses("mute-1").await;
    provider.waits(SECOND);
    codes::adds_by(provider, ANN, "sms").await;
    ann.person = provider.stranger();
    let mut paying = codes::goes(provider, &provider.sites.shop.asks_to_pay(1050, &[]).await, ANN).await;
    paying.presses("factor-sms").await.presses("accept").await;
    assert!(paying.sees("answer"), "{}", paying.what_is_shown());
    enum_idp::account::recovery_codes_by_admin(&provider.app, ANN).await.unwrap();
    recovery::answers(&mut provider.stranger(), ANN, recovery::ANSWER).await;
    let link = recovery::mailed_link(provider, ANN, 1).await;
    provider.stranger().opens(&link).await.presses("continue").await;
    enrol_by_admin(&provider.app, ANN, Some("sms")).await.unwrap();
    ann.enters("/account/emails").await.confirms().await;
    ann.person.types("new-email", "ann@example.net").presses("add").await;
    ann.person.opens("/account/phone").await.types("new-phone", "+447400999888").presses("send").await;
    provider.applies(&mut provider.stranger(), ANN).await;
    (ann, text(&tokens, "refresh_token"))
}

async fn pays(provider: &Provider, ann: &mut Member) -> serde_json::Value {
    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    ann.person = provider.stranger();
    ann.goes(&visit).await;
    ann.pays(PURSE, 1050).await;
    let code = ann.person.brings_back()["code"].clone();
    provider.sites.shop.redeems(&visit, &code).await.expect(200)
}

async fn deletes(provider: &Provider, ann: &mut Member) -> String {
    let id = account(provider, &ann.email).await.id;
    asks(ann).await;
    provider.waits(7 * DAY);
    assert_eq!(round(provider).await, 1);
    id
}

async fn nothing_tells_of_the_person_and_what_has_to_stay_still_holds(database: Database) {
    let provider = provider(database).await;
    let (mut ann, _) = with_a_past(&provider).await;
    let phone = person_phone(ANN);
    // The last one is where she was.
    let words = [ANN, SECOND_MAIL, "ann@example.net", phone.as_str(), "+447400999888", "105.9"];
    let before = everything(&provider).await;
    for word in [ANN, SECOND_MAIL, "ann@example.net", phone.as_str(), "105.9"] {
        assert!(
            before.iter().any(|(_, values)| values.contains(word)),
            "{word} is kept nowhere: the test sees nothing"
        );
    }
    let id = deletes(&provider, &mut ann).await;
    let after = everything(&provider).await;
    for (table, values) in &after {
        for word in words {
            assert!(!values.contains(word), "{word} stays in {table}: {values}");
        }
        // Whatever new table names an account has to be thought of here and in `store::erasure`.
        let may_name = ["account", "log", "fee_charge", "confirmation", "outbox", "plugin_call"];
        assert!(may_name.contains(&table.as_str()) || !values.contains(&id), "{table} names the account: {values}");
    }
    let blank = row(&provider, &id).await;
    assert_eq!((blank.name().as_str(), blank.phone.as_str(), blank.security_question.as_str()), ("", "", ""));
    let db = provider.app.db.read();
    let whole = log::verify(db, &provider.app.seal, &id).await.unwrap();
    assert!(matches!(whole, log::Verdict::Whole { entries } if entries > 10), "{whole:?}");
    let last = log::newest(db, &id, 1).await.unwrap();
    assert_eq!(last[0].event().unwrap().what, "deleted");
    let filter = fee::Filter { account_id: Some(id.clone()), since: 0, until: i64::MAX };
    let lines = fee::page(db, &filter, None).await.unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].fault(), None, "{lines:?}");
    assert_eq!(before.iter().filter(|(table, _)| table == "confirmation").count(), 1);
    assert_eq!(after.iter().filter(|(table, _)| table == "confirmation").count(), 1, "receipts stay");
}

async fn nobody_gets_in_and_no_token_works(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let (site, own) = (&provider.sites.site, &provider.sites.own);
    is_free_to_delete(&mut ann).await;
    let in_the_area = ann.person.clone();
    asks(&mut ann).await;
    provider.waits(7 * DAY);
    // As late as can be: all of it is fresh when the account goes.
    ann.person = provider.stranger();
    let tokens = ann.logs_in_at(site).await;
    let (refresh, access) = (text(&tokens, "refresh_token"), text(&tokens, "access_token"));
    site.asks_who(&access).await.expect(200);
    let visit = own.sends(&[]);
    let code = ann.logs_in(&visit).await;
    let mut asked = Member { person: provider.stranger(), ..ann.clone() };
    asked.goes(&own.sends(&[])).await;
    ann.person.opens("/account").await;
    assert!(ann.person.sees("account-email"), "{}", ann.person.what_is_shown());
    assert_eq!(round(&provider).await, 1);

    assert_eq!(site.asks_who(&access).await.status, 401);
    is_refused(&site.refreshes(&refresh).await, "invalid_grant");
    is_refused(&own.redeems(&visit, &code).await, "invalid_grant");
    asked.answers().await;
    assert!(asked.person.away.is_none() && asked.person.complaint().is_some(), "{}", asked.person.what_is_shown());
    for mut browser in [ann.person.clone(), in_the_area] {
        browser.opens("/account").await;
        assert!(!browser.sees("account-email"), "{}", browser.what_is_shown());
        let silent = own.sends(&[("prompt", "none")]);
        browser.opens(&silent.link).await;
        assert_eq!(browser.brings_back()["error"], "login_required");
    }
    let mut again = Member { person: provider.stranger(), ..ann.clone() };
    again.goes(&own.sends(&[])).await;
    again.answers().await;
    assert!(again.person.away.is_none() && again.person.complaint().is_some(), "{}", again.person.what_is_shown());
}

async fn the_address_is_registered_anew_as_somebody_else(database: Database) {
    let provider = provider(database).await;
    let mut old = recovery::registered(&provider, ANN).await;
    let of = |tokens: &serde_json::Value| payload(&text(tokens, "id_token"))["sub"].clone();
    let sites = [&provider.sites.site, &provider.sites.forum];
    let before = [of(&old.logs_in_at(sites[0]).await), of(&old.logs_in_at(sites[1]).await)];
    enum_idp::account::recovery_codes_by_admin(&provider.app, ANN).await.unwrap();
    let id = deletes(&provider, &mut old).await;

    provider.waits(MINUTE);
    let mut person = provider.stranger();
    provider.applies(&mut person, ANN).await;
    let link = provider.mailed_link(ANN, 2).await;
    person.opens(&link).await;
    person.chooses("factor-cipherpad").presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    let code = provider.activation_code(&person_phone(ANN), 2).await;
    let pad = Pad::activate(&provider.origin, ANN, &code, &provider.clock).await;
    let mut new = Member { person: provider.stranger(), pad, email: ANN.to_owned() };
    new.person.opens(&sites[0].sends(&[]).link).await;
    new.goes(&sites[0].sends(&[])).await;
    new.answers().await;
    assert!(new.person.sees("allow"), "what the other one allowed is not theirs: {}", new.person.what_is_shown());
    new.person = provider.stranger();
    let after = [of(&new.logs_in_at(sites[0]).await), of(&new.logs_in_at(sites[1]).await)];
    assert!(before.iter().all(|sub| !after.contains(sub)), "{before:?} {after:?}");
    let theirs = account(&provider, ANN).await;
    assert_ne!(theirs.id, id);
    assert_eq!(provider.log_of(ANN).await[0], "registered ok");
    assert_eq!(store::recovery_code::left(provider.app.db.read(), &theirs.id).await.unwrap(), 0);
    // The other one's pad opens nothing of theirs.
    old.person = provider.stranger();
    old.goes(&provider.sites.own.sends(&[])).await;
    old.answers().await;
    assert!(old.person.away.is_none(), "{:?}", old.person.away);
    assert_eq!(row(&provider, &id).await.status, "deleted");
}

async fn what_was_not_sent_yet_is_not_sent_any_more(database: Database) {
    let provider = provider(database).await;
    let mut ann = recovery::registered(&provider, ANN).await;
    asks(&mut ann).await;
    provider.waits(6 * DAY + 12 * HOUR);
    recovery::answers(&mut provider.stranger(), ANN, recovery::ANSWER).await;
    let link = recovery::mailed_link(&provider, ANN, 1).await;
    let mut waits = provider.stranger();
    waits.opens(&link).await.presses("continue").await;
    assert!(waits.sees("recover-waiting"), "{}", waits.what_is_shown());
    // The mail that brings them back is for half a day after the account is gone.
    let reminders = async || {
        let rows = store::outbox::waiting(provider.app.db.read(), None, 100).await.unwrap();
        rows.into_iter().filter(|row| row.effect.ends_with(":ready")).count()
    };
    provider.waits(12 * HOUR);
    assert_eq!(reminders().await, 1);
    assert_eq!(round(&provider).await, 1);
    assert_eq!(reminders().await, 0);
    waits.opens(&link).await;
    is_refused_on_a_page(&waits);
    provider.waits(DAY);
    provider.app.courier.wake();
    provider.mail.wait_for(ANN, 1, |letter| letter.subject == "Your account is deleted").await;
    assert!(provider.mail.to(ANN).iter().all(|letter| letter.subject != "You can go on"));
}

async fn it_looks_like_an_address_that_never_had_an_account(database: Database) {
    let provider = provider(database).await;
    // Somebody else, so that there is a set of methods to draw.
    provider.member("eve@example.com").await;
    let mut ann = provider.member(ANN).await;
    deletes(&provider, &mut ann).await;
    assert!(!is_known(&provider, ANN).await);
    let mut pages = Vec::new();
    for email in [ANN, "bob@example.com"] {
        let mut person = provider.stranger();
        person.opens(&provider.sites.own.sends(&[]).link).await.types("email", email).presses("continue").await;
        assert!(person.sees("challenge"), "{}", person.what_is_shown());
        person.types("answer", "12345678").presses("continue").await;
        let complaint = person.complaint();
        recovery::answers(&mut person, email, recovery::ANSWER).await;
        pages.push((complaint, person.reply.status, person.page.html.replace(email, "…")));
    }
    assert_eq!(pages[0], pages[1]);
}
