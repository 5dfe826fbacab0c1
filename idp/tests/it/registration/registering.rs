//! The form, the mailed link, the confirmation.

use enum_idp::{
    clock::{DAY, HOUR, SECOND},
    store,
};

use crate::{
    on_both_databases,
    support::{
        database::Database,
        pad::Pad,
        person::Person,
        provider::{Member, Provider, is_refused_on_a_page, person_phone},
    },
};

on_both_databases! {
    somebody_registers_activates_and_logs_in,
    a_link_works_once,
    a_link_ends_after_a_day,
    opening_a_link_changes_nothing,
    of_two_links_for_one_address_one_makes_the_account,
    a_known_address_sees_the_same_page_and_gets_another_mail,
    a_sum_is_used_once_and_must_be_right,
    mistakes_are_shown_beside_their_fields,
    one_address_block_registers_only_so_often,
    one_address_gets_only_so_many_mails,
    the_security_answer_is_stored_as_a_hash_only,
    mails_and_pages_speak_the_language_of_the_person,
    a_robot_that_fills_in_the_hidden_field_is_not_heard,
    links_come_from_the_configured_address,
}

const EMAIL: &str = "ann@example.com";

async fn somebody_registers_activates_and_logs_in(database: Database) {
    let provider = Provider::starts(database).await;
    let mut person = provider.stranger();
    provider.registers(&mut person, EMAIL).await;
    let code = provider.activation_code(&person_phone(EMAIL), 1).await;
    provider.mail.wait_for(EMAIL, 2, |_| true).await;
    let pad = Pad::activate(&provider.origin, EMAIL, &code, &provider.clock).await;
    let page = person.at.to_string();
    person.opens(&page).await;
    assert!(person.sees("activated"), "{}", person.what_is_shown());
    let mut ann = Member { person, pad, email: EMAIL.to_owned() };
    let tokens = ann.logs_in_at(&provider.sites.site).await;
    assert!(tokens["id_token"].is_string());
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log, ["registered ok", "activation_sent ok", "activated ok", "login ok", "consent ok"]);
    let account = store::account::by_email(provider.app.db.read(), EMAIL).await.unwrap().unwrap();
    assert_eq!((account.first_name.as_str(), account.phone), ("Ann", person_phone(EMAIL)));
}

/// Applied, with the link in hand.
async fn applied(provider: &Provider) -> (Person, String) {
    let mut person = provider.stranger();
    provider.applies(&mut person, EMAIL).await;
    let link = provider.mailed_link(EMAIL, 1).await;
    (person, link)
}

async fn has_account(provider: &Provider) -> bool {
    store::account::by_email(provider.app.db.read(), EMAIL).await.unwrap().is_some()
}

async fn a_link_works_once(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut person, link) = applied(&provider).await;
    person.opens(&link).await;
    let mut again = person.clone();
    person.chooses("factor-cipherpad").presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    is_refused_on_a_page(again.chooses("factor-cipherpad").presses("continue").await);
    is_refused_on_a_page(again.opens(&link).await);
    assert_eq!(provider.log_of(EMAIL).await.len(), 2);
}

async fn a_link_ends_after_a_day(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut person, link) = applied(&provider).await;
    provider.waits(DAY - 1);
    person.opens(&link).await;
    assert!(person.sees("factor-cipherpad"), "{}", person.what_is_shown());
    provider.waits(1);
    is_refused_on_a_page(person.chooses("factor-cipherpad").presses("continue").await);
    is_refused_on_a_page(person.opens(&link).await);
    assert!(!has_account(&provider).await);
}

async fn opening_a_link_changes_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    let (_, link) = applied(&provider).await;
    // What a mail filter does, with no cookie of ours, before the person does.
    for _ in 0..3 {
        provider.stranger().opens(&link).await;
    }
    assert!(!has_account(&provider).await);
    assert!(provider.sms.to(&person_phone(EMAIL)).is_empty());
    let mut person = provider.stranger();
    person.opens(&link).await.chooses("factor-cipherpad").presses("continue").await;
    assert!(has_account(&provider).await, "{}", person.what_is_shown());
}

async fn of_two_links_for_one_address_one_makes_the_account(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut first, one) = applied(&provider).await;
    provider.waits(SECOND);
    let mut second = provider.stranger();
    provider.applies(&mut second, EMAIL).await;
    let letters = provider.mail.wait_for(EMAIL, 2, |letter| letter.text.contains("/register/confirm/")).await;
    assert_ne!(letters[0].text, letters[1].text);
    let other = provider.mailed_link(EMAIL, 2).await;
    first.opens(&one).await;
    second.opens(&other).await;
    first.chooses("factor-cipherpad").presses("continue").await;
    assert!(first.sees("resend"), "{}", first.what_is_shown());
    is_refused_on_a_page(second.chooses("factor-cipherpad").presses("continue").await);
    is_refused_on_a_page(second.opens(&other).await);
    assert_eq!(provider.log_of(EMAIL).await, ["registered ok", "activation_sent ok"]);
}

async fn a_known_address_sees_the_same_page_and_gets_another_mail(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(EMAIL).await;
    let (mut known, mut unknown) = (provider.stranger(), provider.stranger());
    provider.applies(&mut known, "Ann@Example.com").await;
    provider.applies(&mut unknown, "bob@example.com").await;
    let page = |person: &Person, email: &str| {
        format!("{} {}", person.reply.status, person.reply.text().replace(email, "EMAIL"))
    };
    assert_eq!(page(&known, EMAIL), page(&unknown, "bob@example.com"));
    let told = provider.mail.wait_for(EMAIL, 1, |letter| letter.subject.contains("account already")).await;
    assert!(!told[0].text.contains("/register/confirm/"), "{told:?}");
    provider.mailed_link("bob@example.com", 1).await;
}

async fn a_sum_is_used_once_and_must_be_right(database: Database) {
    let provider = Provider::starts(database).await;
    let mut person = provider.stranger();
    person.opens("/register").await;
    let sum = person.page.sum_asked();
    fill_in(&mut person, EMAIL, "1000");
    person.presses("continue").await;
    assert!(person.sees("sum-error"), "{}", person.what_is_shown());
    // The sum that was judged is spent, also for its right answer.
    let mut robot = provider.stranger();
    robot.opens("/register").await;
    let (mut first, mut second) = (robot.clone(), robot.clone());
    let right = robot.page.sum_asked();
    fill_in(&mut first, "one@example.com", &right);
    first.presses("continue").await;
    assert!(!first.sees("sum-error"), "{}", first.what_is_shown());
    fill_in(&mut second, "two@example.com", &right);
    second.presses("continue").await;
    assert!(second.sees("sum-error"), "one sum, two registrations: {}", second.what_is_shown());
    drop(sum);
    provider.mailed_link("one@example.com", 1).await;
    assert!(provider.mail.to("two@example.com").is_empty() && provider.mail.to(EMAIL).is_empty());
}

fn fill_in(person: &mut Person, email: &str, sum: &str) {
    person
        .types("first_name", "Ann")
        .types("last_name", "Lee")
        .types("email", email)
        .types("phone", &person_phone(email))
        .types("security_answer", "The Jungle Book")
        .types("sum", sum);
}

async fn mistakes_are_shown_beside_their_fields(database: Database) {
    let provider = Provider::starts(database).await;
    for (field, text) in [
        ("first_name", ""),
        ("last_name", ""),
        ("email", "ann"),
        ("email", "ann@"),
        ("email", "ann@example.com, bob@example.com"),
        ("email", "ann@example.com\r\nBcc: bob@example.com"),
        ("phone", "123"),
        ("phone", "020 7946 0000"),
        ("security_answer", "x"),
    ] {
        let mut person = provider.stranger();
        person.opens("/register").await;
        let sum = person.page.sum_asked();
        fill_in(&mut person, EMAIL, &sum);
        person.types(field, text).presses("continue").await;
        assert!(person.sees(&format!("{field}-error")), "{field} {text:?}: {}", person.what_is_shown());
        assert_eq!(person.reply.status, 422);
    }
    let mut person = provider.stranger();
    person.opens("/register").await;
    let sum = person.page.sum_asked();
    fill_in(&mut person, EMAIL, &sum);
    person.types("first_name", "<script>alert(1)</script>").types("phone", "1").presses("continue").await;
    assert!(!person.page.html.contains("<script>alert"), "{}", person.what_is_shown());
    assert!(provider.mail.to(EMAIL).is_empty());
}

async fn one_address_block_registers_only_so_often(database: Database) {
    let provider = Provider::starts_with(database, "[limits]\nregistrations_per_hour = 3\n").await;
    for number in 0..3 {
        let mut person = provider.stranger();
        provider.applies(&mut person, &format!("a{number}@example.com")).await;
        assert_eq!(person.reply.status, 200, "{}", person.what_is_shown());
    }
    let mut person = provider.stranger();
    provider.applies(&mut person, "a3@example.com").await;
    assert_eq!(person.reply.status, 429);
    provider.waits(HOUR);
    provider.applies(&mut person, "a3@example.com").await;
    assert_eq!(person.reply.status, 200);
}

async fn one_address_gets_only_so_many_mails(database: Database) {
    let provider = Provider::starts(database).await;
    for _ in 0..6 {
        let mut person = provider.stranger();
        provider.applies(&mut person, EMAIL).await;
        assert_eq!(person.reply.status, 200, "the page stays the same");
        provider.waits(SECOND);
    }
    provider.mail.wait_for(EMAIL, 3, |_| true).await;
    // A mail to somebody else, sent later, has come: the held back ones would have come before.
    provider.applies(&mut provider.stranger(), "bob@example.com").await;
    provider.mailed_link("bob@example.com", 1).await;
    assert_eq!(provider.mail.to(EMAIL).len(), 3);
}

async fn the_security_answer_is_stored_as_a_hash_only(database: Database) {
    let provider = Provider::starts(database).await;
    provider.registers(&mut provider.stranger(), EMAIL).await;
    let account = store::account::by_email(provider.app.db.read(), EMAIL).await.unwrap().unwrap();
    assert!(account.security_answer.starts_with("$argon2id$"), "{}", account.security_answer);
}

async fn mails_and_pages_speak_the_language_of_the_person(database: Database) {
    let provider = Provider::starts(database).await;
    for (language, phrase) in [("ru", "Регистрация"), ("vi", "Đăng ký")] {
        let mut person = provider.stranger().reads(language);
        person.opens("/register").await;
        assert!(person.page.html.contains(&format!("<html lang=\"{language}\"")), "{}", person.what_is_shown());
        assert!(person.page.html.contains(phrase), "{language}: {}", person.what_is_shown());
    }
}

async fn a_robot_that_fills_in_the_hidden_field_is_not_heard(database: Database) {
    let provider = Provider::starts(database).await;
    let mut person = provider.stranger();
    person.opens("/register").await;
    let sum = person.page.sum_asked();
    fill_in(&mut person, EMAIL, &sum);
    person.types("website", "https://spam.example").presses("continue").await;
    assert_eq!(person.reply.status, 200);
    provider.applies(&mut provider.stranger(), "bob@example.com").await;
    provider.mailed_link("bob@example.com", 1).await;
    assert!(provider.mail.to(EMAIL).is_empty());
}

async fn links_come_from_the_configured_address(database: Database) {
    use hyper::{Method, header};

    let provider = Provider::starts(database).await;
    let mut person = provider.stranger();
    person.opens("/register").await;
    let sum = person.page.sum_asked();
    let bot = person
        .page
        .forms
        .iter()
        .flat_map(|form| &form.controls)
        .find(|control| control.name == "bot")
        .unwrap()
        .value
        .clone();
    let phone = person_phone(EMAIL);
    let fields = [
        ("first_name", "Ann"),
        ("last_name", "Lee"),
        ("email", EMAIL),
        ("phone", phone.as_str()),
        ("question", "pet"),
        ("security_answer", "The Jungle Book"),
        ("sum", sum.as_str()),
        ("bot", bot.as_str()),
    ];
    let headers = [
        (header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
        (header::HeaderName::from_static("x-forwarded-host"), "evil.example"),
        (header::FORWARDED, "host=evil.example"),
        (header::ORIGIN, "https://evil.example"),
    ];
    let url = provider.origin.join("/register").unwrap();
    let body = crate::support::http::encoded(&fields);
    crate::support::http::send(Method::POST, &url, &headers, body).await;
    provider.mailed_link(EMAIL, 1).await;
    assert!(provider.mail.to(EMAIL).iter().all(|letter| !letter.text.contains("evil")));
}
