//! Who is told of which attempts, and that nobody can be flooded, silenced or found out by it.

use enum_idp::{
    account::{NewAccount, create_by_admin},
    clock::{DAY, HOUR, MINUTE},
    store::{self, outbox},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use tokio::task::JoinSet;

use super::{ANN, EVE, account, hidden, provider, provider_with};
use crate::{
    codes::goes,
    login::strangers::comparable,
    on_both_databases,
    support::{
        database::Database,
        outbox::Letter,
        provider::{Member, Provider, person_phone},
        sites::PURSE,
    },
};

on_both_databases! {
    nobody_is_told_of_a_sign_in_who_did_not_ask,
    a_sign_in_is_told_to_all_addresses_in_the_language_and_zone_of_the_account,
    an_approved_payment_is_told_with_payee_and_amount_once,
    a_declined_or_failed_payment_is_told_and_a_failed_sign_in_not_unless_asked_for,
    whoever_fails_on_purpose_floods_nobody_and_hides_nothing,
    refusals_at_once_are_counted_each,
    what_guards_the_account_is_told_whatever_was_chosen,
    a_choice_needs_a_fresh_proof_and_is_told_to_every_address,
    nobody_chooses_for_others_or_what_is_not_there,
    a_notice_holds_no_secrets,
    an_address_without_an_account_meets_with_the_same,
    text_messages_only_while_the_administrator_allows_them,
    the_day_and_the_guard_bound_text_messages_and_mail_steps_in,
}

const OFF: &str = "{\"mail\":\"off\",\"sms\":false}";
const MAIN: &str = "{\"mail\":\"main\",\"sms\":false}";
const ALL: &str = "{\"mail\":\"all\",\"sms\":false}";
const SMS: &str = "{\"mail\":\"off\",\"sms\":true}";

/// Sets what an account has chosen: sign-ins, failed ones, payments, failed ones.
async fn has_chosen(provider: &Provider, email: &str, [login, login_failed, payment, payment_failed]: [&str; 4]) {
    let chosen = format!(
        "{{\"login\":{login},\"login_failed\":{login_failed},\"payment\":{payment},\"payment_failed\":{payment_failed}}}"
    );
    let id = account(provider, email).await.id;
    let set =
        provider.app.db.write(move |tx| Box::pin(async move { store::account::set_notices(tx, &id, &chosen).await }));
    assert!(set.await.unwrap());
}

/// How many notices of a kind were queued; they are durable before the page that caused them.
async fn told(provider: &Provider, kind: &str) -> u64 {
    let of_kind = outbox::Column::Effect.starts_with(format!("attempt:{kind}:"));
    outbox::Entity::find().filter(of_kind).count(provider.app.db.read()).await.unwrap()
}

/// The newest of `count` notices with this subject.
async fn notice(provider: &Provider, to: &str, count: usize, subject: &str) -> Letter {
    provider.mail.wait_for(to, count, |letter| letter.subject == subject).await.pop().unwrap()
}

async fn fails(provider: &Provider, member: &mut Member, times: usize) {
    for _ in 0..times {
        member.person = provider.stranger();
        member.goes(&provider.sites.own.sends(&[])).await;
        member.answers_wrongly().await;
    }
}

async fn gets_in(provider: &Provider, member: &mut Member) {
    member.person = provider.stranger();
    member.goes(&provider.sites.own.sends(&[])).await.answers().await;
    assert!(member.person.away.is_some(), "{}", member.person.what_is_shown());
}

async fn nobody_is_told_of_a_sign_in_who_did_not_ask(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    gets_in(&provider, &mut ann).await;
    ann.enters("/account").await;
    fails(&provider, &mut ann, 1).await;
    for kind in ["login", "login_failed", "payment", "payment_failed"] {
        assert_eq!(told(&provider, kind).await, 0, "{kind}");
    }
}

async fn a_sign_in_is_told_to_all_addresses_in_the_language_and_zone_of_the_account(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.has_also(ANN, "ann@other.example").await;
    has_chosen(&provider, ANN, [MAIN, OFF, OFF, OFF]).await;
    gets_in(&provider, &mut ann).await;
    let letter = notice(&provider, ANN, 1, "Somebody signed in to your account").await;
    for part in ["The own", "127.0.0.1", "/account/log", "UTC", "2026-09-21"] {
        assert!(letter.text.contains(part), "{part}: {letter:?}");
    }
    assert_eq!(told(&provider, "login").await, 1, "to the main address alone");

    has_chosen(&provider, ANN, [ALL, OFF, OFF, OFF]).await;
    let (id, zone) = (account(&provider, ANN).await.id, "Asia/Ho_Chi_Minh".to_owned());
    let profile = store::account::Profile {
        first_name: "Анна".to_owned(),
        last_name: "Ли".to_owned(),
        locale: "ru".to_owned(),
        time_zone: zone.clone(),
    };
    store::account::set_profile(provider.app.db.read(), &id, profile).await.unwrap();
    gets_in(&provider, &mut ann).await;
    let now = jiff::Timestamp::from_millisecond(provider.clock.now()).unwrap().in_tz(&zone).unwrap();
    let time = now.strftime("%Y-%m-%d %H:%M").to_string();
    for to in [ANN, "ann@other.example"] {
        let letter = notice(&provider, to, 1, "В вашу учётную запись вошли").await;
        assert!(letter.text.contains("Здравствуйте, Анна") && letter.text.contains(&time), "{letter:?}");
    }
}

async fn an_approved_payment_is_told_with_payee_and_amount_once(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    has_chosen(&provider, ANN, [OFF, OFF, MAIN, OFF]).await;
    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    ann.goes(&visit).await;
    let answer = ann.pad.pay(&ann.person.challenge(), PURSE, 1050);
    // Many right answers at once: one is accepted, and that one is told.
    let mut tabs = JoinSet::new();
    for _ in 0..6 {
        let (mut tab, answer) = (ann.person.clone(), answer.clone());
        tabs.spawn(async move {
            tab.types("answer", &answer).presses("continue").await;
            tab.away.is_some_and(|away| away.query().unwrap_or_default().contains("code="))
        });
    }
    assert_eq!(tabs.join_all().await.into_iter().filter(|through| *through).count(), 1);
    assert_eq!(told(&provider, "payment").await, 1);
    let letter = notice(&provider, ANN, 1, "You approved a payment").await;
    for part in ["10.50 WMZ", "The shop", PURSE, "127.0.0.1"] {
        assert!(letter.text.contains(part), "{part}: {letter:?}");
    }
}

async fn a_declined_or_failed_payment_is_told_and_a_failed_sign_in_not_unless_asked_for(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let subject = "A payment from your account was not approved";
    ann.goes(&provider.sites.shop.asks_to_pay(1050, &[]).await).await;
    ann.person.presses("deny").await;
    let letter = notice(&provider, ANN, 1, subject).await;
    assert!(letter.text.contains("declined by you") && letter.text.contains("10.50 WMZ"), "{letter:?}");
    ann.person = provider.stranger();
    ann.goes(&provider.sites.shop.asks_to_pay(7, &[]).await).await.answers_wrongly().await;
    let letters = provider.mail.wait_for(ANN, 2, |letter| letter.subject == subject).await;
    assert!(letters.iter().any(|letter| letter.text.contains("wrong answer") && letter.text.contains("0.07 WMZ")));
    fails(&provider, &mut ann, 1).await;
    ann.goes(&provider.sites.own.sends(&[])).await.person.presses("deny").await;
    assert_eq!((told(&provider, "payment_failed").await, told(&provider, "login_failed").await), (2, 0));
    has_chosen(&provider, ANN, [OFF, MAIN, OFF, OFF]).await;
    fails(&provider, &mut ann, 1).await;
    let letter = notice(&provider, ANN, 1, "A sign-in to your account failed").await;
    assert!(letter.text.contains("wrong answer") && letter.text.contains("nobody has got in"), "{letter:?}");
}

async fn whoever_fails_on_purpose_floods_nobody_and_hides_nothing(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    has_chosen(&provider, ANN, [MAIN, MAIN, MAIN, MAIN]).await;
    for round in 0..3 {
        fails(&provider, &mut ann, 8).await;
        provider.waits(15 * MINUTE);
        assert_eq!(told(&provider, "login_failed").await, 5, "after round {round}");
    }
    let subject = "A sign-in to your account failed";
    let letters = provider.mail.wait_for(ANN, 5, |letter| letter.subject == subject).await;
    let last: Vec<&Letter> = letters.iter().filter(|letter| letter.text.contains("last notice of this kind")).collect();
    assert_eq!(last.len(), 1, "{letters:?}");
    assert!(last[0].text.contains("2026-09-22"), "when more is told: {last:?}");
    // A sign-in after all that noise is told.
    gets_in(&provider, &mut ann).await;
    assert_eq!(told(&provider, "login").await, 1);
    provider.waits(DAY - HOUR);
    fails(&provider, &mut ann, 1).await;
    assert_eq!(told(&provider, "login_failed").await, 5);
    provider.waits(HOUR);
    fails(&provider, &mut ann, 1).await;
    assert_eq!(told(&provider, "login_failed").await, 6, "a day later the count begins anew");
}

async fn refusals_at_once_are_counted_each(database: Database) {
    let provider = provider(database).await;
    let ann = provider.member(ANN).await;
    let mut tabs = JoinSet::new();
    for _ in 0..12 {
        let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
        let mut tab = ann.clone();
        tab.goes(&visit).await;
        tabs.spawn(async move {
            tab.person.presses("deny").await;
            assert_eq!(tab.person.brings_back()["error"], "access_denied");
        });
    }
    tabs.join_all().await;
    assert_eq!(told(&provider, "payment_failed").await, 5);
    let log = provider.log_of(ANN).await;
    assert_eq!(log.iter().filter(|line| *line == "payment declined").count(), 12, "{log:?}");
}

async fn what_guards_the_account_is_told_whatever_was_chosen(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.has_also(ANN, "ann@other.example").await;
    has_chosen(&provider, ANN, [OFF; 4]).await;
    fails(&provider, &mut ann, 5).await;
    for to in [ANN, "ann@other.example"] {
        provider.mail.wait_for(to, 1, |letter| letter.subject == "Wrong answers for your account").await;
    }
    assert_eq!(told(&provider, "login_failed").await, 0);
}

/// What the form sends.
fn fields<'a>(token: &'a str, values: [&'a str; 4]) -> Vec<(&'a str, &'a str)> {
    let names = ["login_mail", "login_failed_mail", "payment_mail", "payment_failed_mail"];
    [("token", token)].into_iter().chain(names.into_iter().zip(values)).collect()
}

async fn a_choice_needs_a_fresh_proof_and_is_told_to_every_address(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    provider.has_also(ANN, "ann@other.example").await;
    ann.enters("/account/notices").await;
    let token = hidden(&ann.person, "login-mail", "token");
    // Somebody comes upon the browser a while later.
    provider.waits(6 * MINUTE);
    ann.person.opens("/account/notices").await;
    assert!(ann.person.sees("prove") && !ann.person.sees("save"), "{}", ann.person.what_is_shown());
    ann.person.posts("/account/notices", &fields(&token, ["off"; 4])).await;
    assert!(account(&provider, ANN).await.notices.is_empty(), "without a fresh proof");
    ann.enters("/account/notices").await.confirms().await;
    assert!(ann.person.sees("always") && !ann.person.sees("login-sms"), "{}", ann.person.what_is_shown());
    ann.person.types("login-mail", "all").types("payment_failed-mail", "off").presses("save").await;
    assert!(ann.person.sees("notice"), "{}", ann.person.what_is_shown());
    for to in [ANN, "ann@other.example"] {
        let told = provider.mail.wait_for(to, 1, |letter| letter.text.contains("which sign-ins and payments")).await;
        assert!(told[0].text.contains("127.0.0.1"), "{told:?}");
    }
    let chosen = |id: &str| ann.person.page.control(id).unwrap().1.value.clone();
    assert_eq!(
        [chosen("login-mail"), chosen("login_failed-mail"), chosen("payment_failed-mail")],
        ["all", "off", "off"]
    );
    assert!(provider.log_of(ANN).await.contains(&"notices_changed ok".to_owned()));
    gets_in(&provider, &mut ann).await;
    assert_eq!(told(&provider, "login").await, 2);
}

async fn nobody_chooses_for_others_or_what_is_not_there(database: Database) {
    let provider = provider(database).await;
    let (mut ann, mut eve) = (provider.member(ANN).await, provider.member(EVE).await);
    ann.enters("/account/notices").await;
    let anns = hidden(&ann.person, "login-mail", "token");
    eve.enters("/account/notices").await.confirms().await;
    let eves = hidden(&eve.person, "login-mail", "token");
    // A form made elsewhere, and one that names somebody else.
    eve.person.posts("/account/notices", &fields(&anns, ["off"; 4])).await;
    assert_eq!(eve.person.reply.status, 403, "{}", eve.person.what_is_shown());
    let id = account(&provider, ANN).await.id;
    let named: Vec<_> =
        fields(&eves, ["off"; 4]).into_iter().chain([("account", id.as_str()), ("email", ANN)]).collect();
    eve.person.posts("/account/notices", &named).await;
    assert!(!account(&provider, EVE).await.notices.is_empty());
    assert!(account(&provider, ANN).await.notices.is_empty());
    let before = account(&provider, EVE).await.notices;
    for wrong in ["", "loud", "OFF", "eve@example.com"] {
        eve.person.posts("/account/notices", &fields(&eves, [wrong, "main", "main", "main"])).await;
        assert!(eve.person.complaint().is_some(), "{wrong}: {}", eve.person.what_is_shown());
    }
    eve.person.posts("/account/notices", &[("token", &eves), ("login_mail", "all")]).await;
    assert_eq!(account(&provider, EVE).await.notices, before);
    // What happens to Eve is told to Eve.
    has_chosen(&provider, EVE, [ALL, ALL, ALL, ALL]).await;
    gets_in(&provider, &mut eve).await;
    notice(&provider, EVE, 1, "Somebody signed in to your account").await;
    assert!(provider.mail.to(ANN).iter().all(|letter| letter.subject != "Somebody signed in to your account"));
}

async fn a_notice_holds_no_secrets(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    has_chosen(&provider, ANN, [MAIN; 4]).await;
    ann.person = provider.stranger();
    ann.goes(&provider.sites.own.sends(&[])).await;
    let question = ann.person.challenge();
    let answer = ann.pad.clone().answer(&question);
    ann.answers_wrongly().await.answers().await;
    let code = ann.person.brings_back()["code"].clone();
    let session = ann.person.cookies["enum_session"].clone();
    let account = account(&provider, ANN).await;
    notice(&provider, ANN, 1, "A sign-in to your account failed").await;
    notice(&provider, ANN, 1, "Somebody signed in to your account").await;
    for letter in provider.mail.to(ANN).iter().filter(|letter| letter.subject.contains("sign")) {
        for secret in [&question, &answer, &code, &session, &account.phone, &account.id] {
            assert!(!letter.text.contains(secret.as_str()), "{secret}: {letter:?}");
        }
    }
}

async fn an_address_without_an_account_meets_with_the_same(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    has_chosen(&provider, ANN, [ALL; 4]).await;
    let nobody = "bob@example.com";
    for _ in 0..3 {
        let mut known = goes(&provider, &provider.sites.own.sends(&[]), ANN).await;
        let mut unknown = goes(&provider, &provider.sites.own.sends(&[]), nobody).await;
        for person in [&mut known, &mut unknown] {
            person.types("answer", "00000000").presses("continue").await;
        }
        assert_eq!(comparable(&known, ANN), comparable(&unknown, nobody));
    }
    for (email, visit) in [(ANN, provider.sites.own.sends(&[])), (nobody, provider.sites.own.sends(&[]))] {
        let mut person = goes(&provider, &visit, email).await;
        person.presses("deny").await;
        assert_eq!(person.brings_back()["error"], "access_denied");
    }
    assert_eq!(told(&provider, "login_failed").await, 4, "of the four about Ann");
    assert!(provider.mail.to(nobody).is_empty());
    gets_in(&provider, &mut ann).await;
}

async fn text_messages_only_while_the_administrator_allows_them(database: Database) {
    let without = provider(database).await;
    let mut ann = without.member(ANN).await;
    ann.enters("/account/notices").await.confirms().await;
    let token = hidden(&ann.person, "login-mail", "token");
    let mut form = fields(&token, ["off"; 4]);
    form.push(("login_sms", "on"));
    ann.person.posts("/account/notices", &form).await;
    assert!(ann.person.sees("notice") && !ann.person.sees("login-sms"), "{}", ann.person.what_is_shown());
    assert!(!account(&without, ANN).await.notices.contains("true"), "it was not offered");

    let settings = format!("{}[notices]\nsms = true\n", crate::support::provider::GENEROUS);
    let pins = vec!["cipherpad", "email_factor", "merchant"];
    let with = crate::support::provider::Written { pins, settings, ..Default::default() };
    let provider = without.restarts_as(with).await;
    ann.enters("/account/notices").await.confirms().await;
    ann.person.chooses("login-sms").presses("save").await;
    assert!(account(&provider, ANN).await.notices.contains("true"), "{}", ann.person.what_is_shown());
    gets_in(&provider, &mut ann).await;
    let texts = provider.sms.wait_for(&person_phone(ANN), 1, |text| text.text.contains("signed in")).await;
    assert!(texts[0].text.contains("/account/log") && !texts[0].text.contains(ANN), "{texts:?}");
    assert_eq!(told(&provider, "login").await, 1, "and no mail");
    // Whoever changes the number does not take the notices over with it.
    let (id, now) = (account(&provider, ANN).await.id, provider.clock.now());
    assert!(store::account::set_phone(provider.app.db.read(), &id, None, "+447400000001", now).await.unwrap());
    gets_in(&provider, &mut ann).await;
    notice(&provider, ANN, 1, "Somebody signed in to your account").await;
    assert!(provider.sms.to("+447400000001").is_empty());
}

async fn the_day_and_the_guard_bound_text_messages_and_mail_steps_in(database: Database) {
    let settings = "[notices]\nsms = true\nsms_per_day = 2\n[sms.guard]\ncountries = ['VN', 'GB']\n";
    let provider = provider_with(database, settings).await;
    let mut ann = provider.member(ANN).await;
    has_chosen(&provider, ANN, [SMS, OFF, OFF, OFF]).await;
    for _ in 0..4 {
        gets_in(&provider, &mut ann).await;
    }
    let texts = outbox::Entity::find()
        .filter(outbox::Column::Effect.starts_with("attempt:login:"))
        .filter(outbox::Column::Channel.eq("sms"));
    assert_eq!(texts.count(provider.app.db.read()).await.unwrap(), 2);
    assert_eq!(told(&provider, "login").await, 4, "what is no text message is a mail");
    // A number that costs whoever sends: nothing goes there, however often its owner signs in.
    let new = NewAccount {
        email: EVE.to_owned(),
        phone: "+12025550143".to_owned(),
        locale: "en".to_owned(),
        factor: Some("cipherpad".to_owned()),
        activate: true,
        ..NewAccount::default()
    };
    let code = create_by_admin(&provider.app, new).await.unwrap().begun.code.unwrap();
    let pad = crate::support::pad::Pad::activate(&provider.origin, EVE, &code, &provider.clock).await;
    let mut eve = Member { person: provider.stranger(), pad, email: EVE.to_owned() };
    has_chosen(&provider, EVE, [SMS, OFF, OFF, OFF]).await;
    gets_in(&provider, &mut eve).await;
    notice(&provider, EVE, 1, "Somebody signed in to your account").await;
    assert!(provider.sms.to("+12025550143").is_empty());
}
