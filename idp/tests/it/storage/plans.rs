//! No statement looks through a whole table. The statements are those that were really run: PostgreSQL notes them while
//! people register, activate, log in, refresh, pay and log out. Each is then explained on both databases.

use std::collections::BTreeSet;

use enum_idp::{
    account::deletion,
    app::App,
    clock::{DAY, MINUTE},
    store::{
        self, Db, challenge, code_pace, device, enrolment, fee, outbox, plugin_call,
        plugin_data::{self, Place},
        recovery, recovery_budget, recovery_code, sms_guard,
        sms_part::{self, Taken},
        spent, support,
    },
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};

use crate::support::{
    database::Database,
    outbox::word,
    proof::{self, Key},
    provider::{Member, Provider, person_phone, text},
    sites::{PURSE, Site},
};

/// Read whole now and then: a handful of rows, most of them kept in memory. `method_sets` is no table but
/// what a count by index has put together.
const READ_WHOLE: [&str; 6] = ["admin", "client", "plugin", "signing_key", "seaql_migrations", "method_sets"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_looks_through_a_whole_table() {
    let database = Database::postgres().await;
    let direct = database.connect().await;
    let provider = Provider::starts(database).await;
    a_busy_day(&provider).await;
    what_the_log_of_receipts_tells(&provider.app).await;
    who_administrators_are(&provider.app.db).await;
    let statements = noted(&provider.app.db).await;
    every_table_is_used(&provider.app.db, &statements).await;

    let embedded = Database::sqlite();
    drop(embedded.open().await);
    // Opened anew: to explain a statement, SQLite trusts the schema that the connection has read, and one that was
    // there while the tables were made may have read it half-way.
    let sqlite = embedded.open().await;
    let mut slow = Vec::new();
    for statement in &statements {
        let plans = [explain_postgres(&direct, statement).await, explain_sqlite(&sqlite, statement).await];
        slow.extend(plans.into_iter().flatten().map(|plan| format!("{statement}\n{plan}\n")));
    }
    assert!(slow.is_empty(), "looked through as a whole:\n{}", slow.join("\n"));
}

/// Everything that the server does with its data.
async fn a_busy_day(provider: &Provider) {
    let sites = &provider.sites;
    let mut person = provider.stranger();
    provider.registers(&mut person, "new@example.com").await;
    provider.activation_code(&person_phone("new@example.com"), 1).await;
    provider.waits(MINUTE);
    person.presses("resend").await;
    provider.applies(&mut provider.stranger(), "new@example.com").await;
    let mut ann = provider.member("ann@example.com").await;
    ann.goes(&sites.site.sends(&[])).await.answers_wrongly().await.answers().await;
    ann.allows().await;
    let tokens = ann.logs_in_at(&sites.site).await;
    let refresh = text(&tokens, "refresh_token");
    sites.site.asks_who(&text(&tokens, "access_token")).await;
    sites.site.refreshes(&refresh).await.expect(200);
    sites.site.refreshes(&refresh).await.error();
    let visit = sites.site.sends(&[]);
    let code = ann.logs_in(&visit).await;
    sites.site.redeems(&visit, &code).await.expect(200);
    sites.site.redeems(&visit, &code).await.error();
    a_family_is_bound(provider, &mut ann).await;
    a_device_is_linked(provider, &mut ann).await;
    in_the_personal_area(provider, &mut ann).await;
    ann.person.opens("/logout").await.presses("logout-yes").await;

    let confirmation = payments(provider, &mut ann).await;

    what_comes_without_a_browser(provider, &mut ann).await;
    what_a_stranger_tries(provider).await;

    // What administrators and the sweeper do.
    let (app, db) = (&provider.app, &provider.app.db);
    let account = store::account::by_email(db.read(), "ann@example.com").await.unwrap().unwrap();
    who_did_not_say_who_they_are(db, &account.id).await;
    store::log::newest(db.read(), &account.id, 10).await.unwrap();
    store::log::verify(db.read(), &app.seal, &account.id).await.unwrap();
    store::confirmation::by_id(db.read(), &confirmation).await.unwrap().unwrap();
    store::client::remove(db.read(), "nobody").await.unwrap();
    what_administrators_look_at(db).await;
    let lead = provider.enrolment_of("ann@example.com").await;
    for stop in [enrolment::Stop::Payments, enrolment::Stop::All] {
        enrolment::stop_others(db.read(), &lead, stop).await.unwrap();
    }
    what_plugins_keep(db).await;
    what_messages_lead_to(app).await;
    what_the_catalog_migrates(db).await;
    how_access_is_recovered(db).await;
    an_account_goes(provider).await;
    let later = app.clock.now() + 60 * DAY;
    db.write(move |tx| Box::pin(async move { store::expiry::sweep(tx, later).await })).await.unwrap();
}

/// Somebody approves a payment and declines another; gives the name of the confirmation.
async fn payments(provider: &Provider, ann: &mut Member) -> String {
    let shop = &provider.sites.shop;
    let visit = shop.asks_to_pay(1050, &[]).await;
    ann.goes(&visit).await;
    ann.pays(PURSE, 1050).await;
    let code = ann.person.brings_back()["code"].clone();
    let paid = shop.redeems(&visit, &code).await.expect(200);
    let confirmation = text(&paid["authorization_details"][0], "confirmation");
    what_merchants_ask(shop, &confirmation).await;
    let visit = shop.asks_to_pay(1, &[]).await;
    ann.person = provider.stranger();
    ann.goes(&visit).await;
    ann.person.presses("deny").await;
    confirmation
}

/// A merchant looks at what was confirmed for it, and gives a part of it back.
async fn what_merchants_ask(shop: &Site, confirmation: &str) {
    let given_back = [("confirmation", confirmation), ("amount", "1"), ("currency", "WMZ"), ("reference", "a return")];
    for _ in 0..2 {
        shop.posts("/payments/refunds", &given_back).await;
    }
    for fields in [&[][..], &[("cursor", "1.x")], &given_back[..1]] {
        shop.posts("/payments/confirmations", fields).await.expect(200);
    }
}

/// Somebody tries an address that has no account.
async fn what_a_stranger_tries(provider: &Provider) {
    let mut stranger = provider.stranger();
    stranger.opens(&provider.sites.own.sends(&[("login_hint", "nobody@example.com")]).link).await;
    stranger.types("answer", "12345678").presses("continue").await;
}

/// A shop asks, is answered, and is muted.
async fn what_comes_without_a_browser(provider: &Provider, ann: &mut Member) {
    let shop = &provider.sites.shop;
    let id = shop.asks_to_confirm("ann@example.com", 1050).await;
    shop.fetches(&id).await.error();
    provider.waits(MINUTE);
    ann.person = provider.stranger();
    ann.approves(PURSE, 1050).await;
    shop.fetches(&id).await.expect(200);
    shop.asks_to_sign_in("ann@example.com").await;
    ann.enters("/account/requests").await.person.presses("mute-1").await;
    ann.person.presses("decline-1").await.presses("unmute-1").await;
    store::backchannel::by_retry(provider.app.db.read(), "none").await.unwrap();
}

async fn what_administrators_look_at(db: &Db) {
    store::plugin::file(db.read(), "none").await.unwrap();
    store::plugin::settings(db.read(), "none", 1).await.unwrap();
    store::plugin::settings_versions(db.read(), "none").await.unwrap();
    store::policy::history(db.read(), 10).await.unwrap();
    store::policy::version(db.read(), 1).await.unwrap();
    db.write(|tx| Box::pin(store::plugin::remove(tx, "none"))).await.unwrap();
}

async fn a_family_is_bound(provider: &Provider, ann: &mut Member) {
    let site = &provider.sites.app;
    let unbound = text(&ann.logs_in_at(site).await, "refresh_token");
    let proof = Key::new(&provider.clock).proves_at(site, "/token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", unbound.as_str())];
    proof::posts(site, "/token", &fields, &[&proof]).await.expect(200);
}

async fn a_device_is_linked(provider: &Provider, ann: &mut Member) {
    let site = &provider.sites.television;
    for answer in ["continue", "deny"] {
        let begun = site.posts("/device_authorization", &[("scope", "openid email")]).await.expect(200);
        ann.person.opens("/device").await.types("user_code", &text(&begun, "user_code")).presses("continue").await;
        ann.person.presses(answer).await;
        if answer == "continue" {
            ann.person.types("email", "ann@example.com").presses("continue").await;
            ann.answers().await.allows().await;
        }
        let code = text(&begun, "device_code");
        let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code.as_str())];
        assert_eq!(site.posts("/token", &fields).await.status == 200, answer == "continue");
    }
}

async fn what_the_log_of_receipts_tells(app: &App) {
    let db = app.db.read();
    while store::receipt_log::tree(db).await.unwrap().size == 0 {
        // The server does the same every second: whoever comes first.
        drop(enum_idp::oidc::receipt_log::append_all(app).await);
    }
    store::receipt_log::hashes(db, &[store::receipt_log::Place { level: 0, index: 0 }]).await.unwrap();
    store::receipt_log::leaves(db, 0, 1).await.unwrap();
}

async fn who_administrators_are(db: &Db) {
    let admin =
        store::admin::Model { account_id: "olga".to_owned(), name: "olga".to_owned(), created_at: 1, ended_at: None };
    store::admin::add(db.read(), admin).await.unwrap();
    store::admin::by_account(db.read(), "olga").await.unwrap().unwrap();
    store::admin::all(db.read()).await.unwrap();
    store::admin::remove(db.read(), "olga", 2).await.unwrap();
    store::support::withdraw(db.read(), "olga").await.unwrap();
    store::admin::forget(db.read(), "olga").await.unwrap();
}

/// What an answer leads to that names its account itself, which an administrator has unlocked.
async fn who_did_not_say_who_they_are(db: &Db, account: &str) {
    store::account::set_status(db.read(), account, "active").await.unwrap();
    let found = store::account::by_id_with_enrolments(db.read(), account).await.unwrap();
    assert!(found.0.is_some() && !found.1.is_empty());
    let spent = spent::Model { purpose: "nameless".to_owned(), hash: "none".to_owned(), expires_at: 0 };
    assert!(!spent::is_spent(db.read(), &spent).await.unwrap());
}

/// Somebody wants their account deleted, keeps it, and goes after all.
async fn an_account_goes(provider: &Provider) {
    let email = "gone@example.com";
    let mut gone = provider.member(email).await;
    for button in [Some("keep"), None] {
        gone.enters("/account/data").await.confirms().await;
        gone.person.types("delete-email", email).presses("delete").await;
        assert!(gone.person.sees("leaving"), "{}", gone.person.what_is_shown());
        if let Some(button) = button {
            gone.person.presses(button).await;
        }
        provider.waits(MINUTE);
    }
    let db = provider.app.db.read();
    outbox::waiting(db, Some(&(0, String::new())), 10).await.unwrap();
    outbox::give_up(db, "none", "withdrawn").await.unwrap();
    provider.waits(7 * DAY);
    assert_eq!(deletion::work::carry_out_due(&provider.app).await.unwrap(), 1);
}

/// Everything around codes, what they cost, and what becomes of them.
async fn what_messages_lead_to(app: &App) {
    what_is_sent_and_counted(app).await;
    what_is_charged(&app.db).await;
    what_gateways_report(&app.db).await;
    what_the_guard_counts(app).await;
}

/// What somebody sees and changes of their own account.
async fn in_the_personal_area(provider: &Provider, ann: &mut Member) {
    let mut elsewhere = ann.clone();
    elsewhere.person.cookies.clear();
    elsewhere.enters("/account").await;
    ann.pad = elsewhere.pad.clone();
    let mut another = ann.clone();
    another.person.cookies.clear();
    another.enters("/account").await;
    ann.pad = another.pad.clone();
    ann.enters("/account/log").await;
    ann.enters("/account/sessions").await.person.presses("end-2").await;
    ann.person.presses("end-others").await;
    ann.person.presses("forget-1").await;
    provider.waits(2 * DAY);
    ann.enters("/account/codes").await.confirms().await.person.presses("make").await;
    assert!(ann.person.sees("codes"), "{}", ann.person.what_is_shown());
    ann.enters("/account/methods").await.confirms().await;
    let token = ann.person.page.forms[0].controls[0].value.clone();
    let id = ann.person.page.forms[0].controls[1].value.clone();
    ann.person.posts("/account/methods/off", &[("token", &token), ("id", &id)]).await;
    assert!(ann.person.complaint().is_some(), "{}", ann.person.what_is_shown());
    ann.person.posts("/account/access/end", &[("token", &token), ("site", "site")]).await;
    let profile = [("first_name", "Ann"), ("last_name", "Lee"), ("language", "en"), ("zone", "UTC"), ("token", &token)];
    ann.person.posts("/account/profile", &profile).await;
    let chosen = ["login_mail", "login_failed_mail", "payment_mail", "payment_failed_mail"].map(|name| (name, "all"));
    ann.person.posts("/account/notices", &[&chosen[..], &[("token", &token)]].concat()).await;
    assert!(ann.person.sees("notice"), "{}", ann.person.what_is_shown());
    ann.person.posts("/account/data/export", &[("token", &token)]).await;
    assert!(ann.person.reply.json()["log"].is_array());
    the_addresses_of(provider, ann, &token).await;
}

/// Adds an address, makes it the main one, takes that back and removes it.
async fn the_addresses_of(provider: &Provider, ann: &mut Member, token: &str) {
    let second = [("token", token), ("email", "ann@example.org")];
    ann.person.posts("/account/emails/add", &second).await;
    let link_of = async |to: &str, path: &str| {
        let start = provider.origin.join(path).unwrap();
        let letters = provider.mail.wait_for(to, 1, |letter| letter.text.contains(start.as_str())).await;
        word(&letters[0].text, start.as_str()).unwrap()
    };
    let link = link_of("ann@example.org", "/account/emails/confirm/").await;
    ann.person.opens(&link).await.presses("confirm").await;
    ann.person.posts("/account/emails/main", &second).await;
    ann.person.posts("/account/emails/main", &[("token", token), ("email", "ann@example.com")]).await;
    ann.person.posts("/account/emails/remove", &second).await;
    assert!(ann.person.sees("notice"), "{}", ann.person.what_is_shown());
    let restore = link_of("ann@example.com", "/account/restore/").await;
    provider.stranger().opens(&restore).await.presses("restore").await;
    ann.enters("/account").await;
    the_number_of(provider, ann).await;
}

/// Changes the number, and takes that back.
async fn the_number_of(provider: &Provider, ann: &mut Member) {
    const NEW: &str = "+447400999888";
    ann.enters("/account/phone").await.confirms().await;
    ann.person.types("new-phone", NEW).presses("send").await;
    ann.person.presses("cancel").await;
    provider.waits(MINUTE);
    ann.person.types("new-phone", NEW).presses("send").await;
    ann.person.types("code", "12345").presses("confirm").await;
    let letters = provider.sms.wait_for(NEW, 2, |_| true).await;
    let codes = letters.iter().map(|letter| letter.text.rsplit_once('#').unwrap().1.to_owned());
    for code in codes {
        if ann.person.sees("code") {
            ann.person.types("code", &code).presses("confirm").await;
        }
    }
    assert!(ann.person.sees("settles"), "{}", ann.person.what_is_shown());
    let start = provider.origin.join("/account/phone/restore/").unwrap();
    let letters = provider.mail.wait_for(&ann.email, 1, |letter| letter.text.contains(start.as_str())).await;
    let link = word(&letters[0].text, start.as_str()).unwrap();
    provider.stranger().opens(&link).await.presses("restore").await;
    ann.enters("/account").await;
}

/// What is kept of a challenge that was sent, and of how often that was.
async fn what_gateways_report(db: &Db) {
    let db = db.read();
    let taken = Taken { gateway: "g".to_owned(), names: vec!["n".to_owned()] };
    sms_part::add(db, "m", &taken, 1).await.unwrap();
    let part = sms_part::by_name(db, "g", "n").await.unwrap().unwrap();
    assert_eq!(sms_part::first(db, "m").await.unwrap().as_ref(), Some(&part));
    assert!(sms_part::report(db, &part, true, 2).await.unwrap());
    assert!(!sms_part::report(db, &part, false, 3).await.unwrap());
    assert!(!outbox::part_arrived(db, "m", 2).await.unwrap());
    assert!(!outbox::never_arrives(db, "m", 2).await.unwrap());
    assert_eq!(outbox::effect(db, "m").await.unwrap(), None);
}

async fn what_is_sent_and_counted(app: &App) {
    let db = app.db.read();
    let row = challenge::Model {
        enrolment: "e".to_owned(),
        interaction_hash: "i".to_owned(),
        sealed: Vec::new(),
        number: 0,
        sends: 1,
        created_at: 0,
        sent_at: 0,
        expires_at: 1,
        used_at: None,
    };
    challenge::adding(row.clone()).apply(db).await.unwrap();
    assert!(!challenge::adding(row.clone()).touches(db).await.unwrap());
    let row = challenge::Model { sends: 2, ..row };
    challenge::replacing(row.clone()).apply(db).await.unwrap();
    challenge::using_up(&row, 1).apply(db).await.unwrap();
    assert!(!challenge::using_up(&row, 1).touches(db).await.unwrap());
    assert!(challenge::find(db, "e", "i").await.unwrap().unwrap().used_at.is_some());
    code_pace::saving("e", None, &[1], 1).apply(db).await.unwrap();
    let seen = code_pace::find(db, "e").await.unwrap().unwrap();
    code_pace::saving("e", Some(&seen), &[1, 2], 1).apply(db).await.unwrap();
    assert!(!code_pace::saving("e", Some(&seen), &[1, 3], 1).touches(db).await.unwrap());
    assert_eq!(code_pace::find(db, "e").await.unwrap().unwrap().times().unwrap(), [1, 2]);
}

/// What a fee becomes, and how the ledger is read.
async fn what_is_charged(db: &Db) {
    let charge = fee::Model {
        id: "c".to_owned(),
        account_id: "a".to_owned(),
        factor: "sms".to_owned(),
        client_id: "shop".to_owned(),
        enrolment: "e".to_owned(),
        interaction_hash: "i".to_owned(),
        effect: "challenge:e:i:1:0".to_owned(),
        amount_minor: 5,
        minor_digits: 2,
        currency: "WMZ".to_owned(),
        created_at: 1,
    };
    fee::charging(charge.clone()).apply(db.read()).await.unwrap();
    assert!(!fee::charging(fee::Model { id: "d".to_owned(), ..charge }).touches(db.read()).await.unwrap());
    for kind in [fee::Kind::Charged, fee::Kind::Reversed, fee::Kind::Void] {
        let settled = db.write(move |tx| Box::pin(async move { fee::settle(tx, "challenge:e:i:1:0", kind, 2).await }));
        settled.await.unwrap();
    }
    let line = fee::by_id(db.read(), "c").await.unwrap().unwrap();
    assert_eq!((line.status(), line.owed_minor()), ("reversed", 0));
    let totals = fee::totals(db.read(), "a").await.unwrap();
    assert_eq!((totals[0].charged_minor, totals[0].owed_minor()), (5, 0));
    for account_id in [None, Some("a".to_owned())] {
        let filter = fee::Filter { account_id, since: 0, until: 9 };
        for (after, count) in [(None, 1), (Some(&line), 0)] {
            assert_eq!(fee::page(db.read(), &filter, after).await.unwrap().len(), count);
            assert_eq!(fee::newest(db.read(), "a", after, 9).await.unwrap().len(), count);
        }
    }
}

/// What the guard before text messages counts, and how a prefix is closed.
async fn what_the_guard_counts(app: &App) {
    let db = app.db.read();
    assert!(sms_guard::counting("k", 1, 2, 1).touches(db).await.unwrap());
    assert!(sms_guard::counting("k", 1, 2, 1).touches(db).await.unwrap());
    assert!(!sms_guard::counting("k", 1, 2, 1).touches(db).await.unwrap(), "the limit is in the statement");
    assert_eq!(sms_guard::counts(db, &["k".to_owned(), "l".to_owned()]).await.unwrap()["k"], 2);
    sms_guard::sending("+0000000", 1, 0, 1).apply(db).await.unwrap();
    sms_guard::using("+0000000", 1).apply(db).await.unwrap();
    let seen = sms_guard::prefix(db, "+0000000").await.unwrap().unwrap();
    assert_eq!((seen.sent, seen.used, seen.version), (1, 1, 0));
    sms_guard::changing(seen.clone()).apply(db).await.unwrap();
    assert!(!sms_guard::changing(seen).touches(db).await.unwrap());
    assert!(!sms_guard::sending("+0000000", 1, 0, 1).touches(db).await.unwrap(), "its state has changed");
}

/// What the services of plugins do with their data.
async fn what_plugins_keep(db: &Db) {
    let place = Place { plugin: "p".to_owned(), account: "a".to_owned(), key: "k".to_owned() };
    let row = plugin_data::Model {
        plugin: "p".to_owned(),
        account: "a".to_owned(),
        key: "k".to_owned(),
        data_version: 0,
        sealed: Vec::new(),
        version: 1,
        expires_at: None,
        updated_at: 0,
    };
    plugin_data::putting(row.clone(), 1).apply(db.read()).await.unwrap();
    assert!(!plugin_data::adding(row.clone(), 1).touches(db.read()).await.unwrap());
    plugin_data::replacing(row.clone(), 1, 1).apply(db.read()).await.unwrap();
    plugin_data::saving(plugin_data::Model { version: 2, ..row }).apply(db.read()).await.unwrap();
    assert!(plugin_data::find(db.read(), &place, 1).await.unwrap().is_some());
    for after in [false, true] {
        plugin_data::keys(db.read(), &place, after, 1, 9).await.unwrap();
    }
    plugin_data::page(db.read(), "p", None, 9).await.unwrap();
    plugin_data::page(db.read(), "p", Some(("a", "j")), 9).await.unwrap();
    assert_eq!(plugin_data::count_of(db.read(), "p", "a", 1).await.unwrap(), 1);
    assert_eq!(plugin_data::count(db.read(), "p").await.unwrap(), 1);
    assert!(!plugin_data::forget(db.read(), &place, 0, Some(1), 1).await.unwrap());
    assert!(plugin_data::forget(db.read(), &place, 0, None, 1).await.is_ok_and(|forgotten| forgotten));
    plugin_data::remove_all(db.read(), "p").await.unwrap();
    plugin_data::remove_of_account(db.read(), "a").await.unwrap();
    for only_denied in [false, true] {
        plugin_call::last(db.read(), "p", only_denied, 9).await.unwrap();
    }
    plugin_call::ending("0", "failed").touches(db.read()).await.unwrap();
}

/// What a recovery does, from its link to its end.
async fn how_access_is_recovered(db: &Db) {
    device::end_all(db.read(), "none", 1).await.unwrap();
    let row = recovery::Model {
        id: "r".to_owned(),
        account_id: "a".to_owned(),
        kind: "question".to_owned(),
        status: recovery::MAILED.to_owned(),
        token_hash: "t".to_owned(),
        factor: String::new(),
        reference: None,
        created_at: 0,
        confirmed_at: None,
        effect_at: None,
        expires_at: 2,
    };
    recovery::adding(row.clone()).apply(db.read()).await.unwrap();
    assert_eq!(recovery::by_token(db.read(), "t").await.unwrap(), Some(row.clone()));
    let row = recovery::Model { status: recovery::WAITING.to_owned(), effect_at: Some(1), ..row };
    recovery::confirming(&row, 1).apply(db.read()).await.unwrap();
    assert!(!recovery::confirming(&row, 1).touches(db.read()).await.unwrap());
    assert_eq!(recovery::by_id(db.read(), "r").await.unwrap(), Some(row.clone()));
    assert!(!recovery::completing("r", 0).touches(db.read()).await.unwrap(), "it is not due");
    recovery::stopping(&row).apply(db.read()).await.unwrap();
    assert!(!recovery::completing("r", 1).touches(db.read()).await.unwrap(), "it was stopped");

    let seen = recovery_budget::of(db.read(), "a").await.unwrap();
    recovery_budget::saving(seen.clone()).apply(db.read()).await.unwrap();
    assert!(!recovery_budget::saving(seen).touches(db.read()).await.unwrap(), "somebody was first");
    let seen = recovery_budget::of(db.read(), "a").await.unwrap();
    recovery_budget::saving(seen.clone()).apply(db.read()).await.unwrap();
    assert!(!recovery_budget::saving(seen).touches(db.read()).await.unwrap(), "somebody was first");

    assert_eq!(store::account::questions(db.read(), &["none".to_owned()]).await.unwrap(), (Vec::new(), 1));
    for (seen, now) in [(None, Some("r")), (Some("r"), None)] {
        assert!(!store::account::marking_recovery("a", seen, now).touches(db.read()).await.unwrap());
    }
    how_support_is_asked(db).await;
    db.write(|tx| Box::pin(async move { recovery_code::replace(tx, "a", vec!["h".to_owned()], 1).await }))
        .await
        .unwrap();
    assert!(recovery_code::unused(db.read(), "h").await.unwrap().is_some());
    recovery_code::using_up("h", 1).apply(db.read()).await.unwrap();
    assert!(!recovery_code::using_up("h", 1).touches(db.read()).await.unwrap(), "it was used");
    enrolment::replace_all(db.read(), "a").await.unwrap();
    store::session::end_all(db.read(), "a", 1).await.unwrap();
    store::grant::revoke_all(db.read(), "a", 1).await.unwrap();
    store::outbox::withdraw(db.read(), "none").await.unwrap();
}

/// Requests to support, and what they come to.
async fn how_support_is_asked(db: &Db) {
    let request = support::Model {
        id: "s".to_owned(),
        account_id: "a".to_owned(),
        status: support::OPEN.to_owned(),
        sealed: Vec::new(),
        first_admin: None,
        second_admin: None,
        created_at: 1,
        decided_at: None,
        expires_at: 2,
    };
    support::adding(request).apply(db.read()).await.unwrap();
    assert_eq!(support::open(db.read(), 1, 9).await.unwrap().len(), 1);
    assert!(!support::approving_second("s", "olga", 1, 3).touches(db.read()).await.unwrap(), "nobody was first");
    assert!(!support::approving_first("s", "olga", 2).touches(db.read()).await.unwrap(), "it is too old");
    support::approving_first("s", "olga", 1).apply(db.read()).await.unwrap();
    assert!(!support::approving_first("s", "pavel", 1).touches(db.read()).await.unwrap(), "somebody was first");
    assert!(!support::approving_second("s", "olga", 1, 3).touches(db.read()).await.unwrap(), "the same one");
    assert!(!support::rejecting("s", 2).touches(db.read()).await.unwrap(), "it is too old");
    support::approving_second("s", "pavel", 1, 3).apply(db.read()).await.unwrap();
    assert!(!support::rejecting("s", 1).touches(db.read()).await.unwrap(), "it is decided");
    assert_eq!(support::by_id(db.read(), "s").await.unwrap().unwrap().expires_at, 3);
    store::address::keep_only(db.read(), "none", "none@example.com").await.unwrap();
    recovery::void_mailed(db.read(), "none").await.unwrap();
}

/// What an upgrade does with the data of a plugin, and what nodes say of it.
async fn what_the_catalog_migrates(db: &Db) {
    let [(version, _)] = enrolment::data_versions(db.read(), "cipherpad").await.unwrap()[..] else { panic!() };
    // That they are then written by their keys cannot be explained like this: a list of values has no types of its own.
    assert_eq!(enrolment::of_version(db.read(), "cipherpad", version, "", 1).await.unwrap().len(), 1);
    store::plugin::stored_versions(db.read(), "p").await.unwrap();
    store::plugin::data_version(db.read(), "p").await.unwrap();
    let node = store::plugin::node::Model {
        node: "n".to_owned(),
        plugin: "p".to_owned(),
        sha256: String::new(),
        settings_version: 0,
        state: "running".to_owned(),
        why: None,
        seen_at: 1,
    };
    db.write(move |tx| Box::pin(async move { store::plugin::node::say(tx, "n", vec![node], 0).await })).await.unwrap();
    assert_eq!(store::plugin::node::said_since(db.read(), 1).await.unwrap().len(), 1);
}

/// Texts of the statements that this database has run.
async fn noted(db: &Db) -> BTreeSet<String> {
    let connection = db.read();
    connection
        .execute_unprepared("CREATE EXTENSION pg_stat_statements")
        .await
        .expect("a PostgreSQL that notes statements: run the tests through .ci/with-postgres");
    let query = "SELECT query FROM pg_stat_statements \
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows =
        connection.query_all_raw(Statement::from_string(connection.get_database_backend(), query)).await.unwrap();
    rows.into_iter()
        .map(|row| row.try_get_by_index::<String>(0).unwrap())
        .filter(|text| ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb)))
        .filter(|text| text.contains(" \"") && !text.contains("pg_") && !text.contains("information_schema"))
        .collect()
}

/// Otherwise this test would show nothing.
async fn every_table_is_used(db: &Db, statements: &BTreeSet<String>) {
    let query = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let rows = db.read().query_all_raw(Statement::from_string(db.read().get_database_backend(), query)).await.unwrap();
    let tables: Vec<String> = rows.into_iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert!(tables.len() >= 15 && statements.len() >= 40, "{} tables, {} statements", tables.len(), statements.len());
    for table in tables {
        let quoted = format!("\"{table}\"");
        assert!(statements.iter().any(|text| text.contains(&quoted)), "no statement about {table} was run");
    }
}

/// The plan of PostgreSQL, if it would read a table from one end to the other although it was told to avoid that.
async fn explain_postgres(db: &DatabaseConnection, statement: &str) -> Option<String> {
    let tx = db.begin().await.unwrap();
    let parameters = (1..100).take_while(|number| statement.contains(&format!("${number}"))).count();
    let nulls = if parameters == 0 { String::new() } else { format!("({})", vec!["NULL"; parameters].join(", ")) };
    for set_up in [
        "SET LOCAL enable_seqscan = off".to_owned(),
        "SET LOCAL plan_cache_mode = force_generic_plan".to_owned(),
        format!("PREPARE explained AS {statement}"),
    ] {
        tx.execute_unprepared(&set_up).await.unwrap_or_else(|error| panic!("{set_up}: {error}"));
    }
    let explain = Statement::from_string(tx.get_database_backend(), format!("EXPLAIN EXECUTE explained{nulls}"));
    let rows = tx.query_all_raw(explain).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    let plan: Vec<String> = rows.into_iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    tx.execute_unprepared("DEALLOCATE explained").await.unwrap();
    tx.rollback().await.unwrap();
    whole_table(&plan, "Seq Scan on ")
}

/// The same of SQLite.
async fn explain_sqlite(db: &Db, statement: &str) -> Option<String> {
    // SQLite locks whole databases, not rows.
    let statement = statement.replace(" FOR UPDATE", "").replace(" FOR SHARE", "");
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let explain = Statement::from_string(db.read().get_database_backend(), explain);
    let rows = db.read().query_all_raw(explain).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    let plan: Vec<String> = rows.into_iter().map(|row| row.try_get("", "detail").unwrap()).collect();
    assert!(!plan.is_empty(), "{statement}");
    whole_table(&plan, "SCAN ")
}

/// The plan, if a line of it reads a whole table that is not small by nature; `mark` stands before the table's name.
fn whole_table(plan: &[String], mark: &str) -> Option<String> {
    let table = |text: &str| text.split([' ', '"']).find(|word| !word.is_empty()).unwrap_or_default().to_owned();
    let mut read_whole = plan.iter().filter_map(|line| line.split(mark).nth(1)).map(table);
    read_whole.any(|table| !READ_WHOLE.contains(&table.as_str())).then(|| plan.join("\n"))
}
