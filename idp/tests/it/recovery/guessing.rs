//! Who guesses, and who asks for addresses that may be nobody's.

use std::collections::BTreeSet;

use enum_idp::{
    clock::{DAY, MINUTE},
    store::{recovery, recovery_budget},
};
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};

use super::{ANSWER, EMAIL, answers, asks, made_by_hand, mailed_link, registered, without_waiting};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{Provider, is_refused_on_a_page},
    },
};

on_both_databases! {
    answers_are_counted_whatever_the_browser,
    a_right_answer_looks_like_a_wrong_one,
    an_unknown_address_sees_the_same_pages_and_writes_as_much,
    an_unknown_address_keeps_its_question,
    unknown_addresses_have_questions_as_people_have,
    a_question_of_one_s_own_is_not_shown,
    an_account_without_a_question_is_like_none,
    spellings_of_the_answer_are_one,
    parallel_guesses_are_all_counted,
    the_question_belongs_to_its_browser,
    a_sum_has_to_be_right,
}

/// Page and headers, without the address.
pub(super) fn seen(person: &Person, email: &str) -> String {
    let mut headers: Vec<_> = person.reply.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    format!(
        "{} {headers:?} {}\n{}",
        person.reply.status,
        person.at.path().len(),
        person.reply.text().replace(email, "EMAIL")
    )
}

/// No answer is looked at any more.
#[track_caller]
fn is_not_asked(person: &Person) {
    assert!(person.complaint().is_some() && !person.sees("security_answer"), "{}", person.what_is_shown());
}

async fn answers_are_counted_whatever_the_browser(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    for guess in ["Kim", "Dracula", "Emil", "Momo", "Heidi"] {
        let mut guesser = provider.stranger();
        answers(&mut guesser, EMAIL, guess).await;
        assert!(guesser.sees("recover-sent"), "{}", guesser.what_is_shown());
        provider.waits(MINUTE);
    }
    let mut person = provider.stranger();
    asks(&mut person, EMAIL).await;
    is_not_asked(&person);
    provider.waits(DAY - 5 * MINUTE);
    asks(&mut person, EMAIL).await;
    assert!(person.sees("security_answer"), "the first of them is a day old: {}", person.what_is_shown());
    person.types("security_answer", ANSWER).presses("continue").await;
    mailed_link(&provider, EMAIL, 1).await;
    asks(&mut person, EMAIL).await;
    is_not_asked(&person);
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log.iter().filter(|entry| *entry == "recovery wrong").count(), 5, "{log:?}");
}

/// Otherwise the count would tell which answer was right.
async fn a_right_answer_looks_like_a_wrong_one(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    registered(&provider, "bob@example.com").await;
    let (mut right, mut wrong) = (provider.stranger(), provider.stranger());
    for _ in 0..6 {
        asks(&mut right, EMAIL).await;
        asks(&mut wrong, "bob@example.com").await;
        assert_eq!(seen(&right, EMAIL), seen(&wrong, "bob@example.com"));
        if right.sees("security_answer") {
            right.types("security_answer", ANSWER).presses("continue").await;
            wrong.types("security_answer", "Heidi").presses("continue").await;
            assert_eq!(seen(&right, EMAIL), seen(&wrong, "bob@example.com"));
        }
    }
    is_not_asked(&right);
}

async fn rows(provider: &Provider) -> (u64, u64) {
    let db = provider.app.db.read();
    (recovery::Entity::find().count(db).await.unwrap(), recovery_budget::Entity::find().count(db).await.unwrap())
}

async fn an_unknown_address_sees_the_same_pages_and_writes_as_much(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let (mut ann, mut bob) = (provider.stranger(), provider.stranger());
    for tries in 0..7 {
        for (person, email) in [(&mut ann, EMAIL), (&mut bob, "bob@example.com")] {
            let before = rows(&provider).await;
            asks(person, email).await;
            assert_eq!(rows(&provider).await, before, "a question writes nothing");
        }
        assert_eq!(seen(&ann, EMAIL), seen(&bob, "bob@example.com"), "after {tries} answers");
        if !ann.sees("security_answer") {
            continue;
        }
        let mut written = Vec::new();
        for person in [&mut ann, &mut bob] {
            let before = rows(&provider).await;
            person.types("security_answer", "Heidi").presses("continue").await;
            let after = rows(&provider).await;
            written.push((after.0 - before.0, after.1 - before.1));
        }
        assert_eq!(written[0], written[1], "after {tries} answers");
        assert_eq!(seen(&ann, EMAIL), seen(&bob, "bob@example.com"), "after {tries} answers");
    }
    is_not_asked(&bob);
    assert!(provider.mail.to("bob@example.com").is_empty());
}

fn question(person: &Person) -> String {
    let (_, rest) = person.page.html.split_once("<label for=\"security_answer\">").unwrap();
    rest.split_once("</label>").unwrap().0.to_owned()
}

async fn an_unknown_address_keeps_its_question(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    registered(&provider, "carl@example.com").await;
    asks_for(&provider, "carl@example.com", "In which street did you live as a child?").await;
    for number in 0..8 {
        let email = format!("nobody{number}@example.com");
        let mut one = provider.stranger();
        asks(&mut one, &email).await;
        let first = question(&one);
        provider.waits(2 * MINUTE);
        let mut other = provider.stranger();
        asks(&mut other, &email.to_uppercase()).await;
        assert_eq!(question(&other), first);
    }
    let mut reader = provider.stranger().reads("ru");
    reader.opens("/recover?lang=en").await;
    asks(&mut reader, EMAIL).await;
    assert_eq!(question(&reader), "What was the name of your first pet?");
    let page = reader.at.to_string();
    reader.opens(&format!("{page}?lang=ru")).await;
    assert_eq!(question(&reader), "Как звали вашего первого питомца?");
}

/// Gives an account another question.
async fn asks_for(provider: &Provider, email: &str, question: &str) {
    let sql = format!("UPDATE account SET security_question = '{question}' WHERE email = '{email}'");
    provider.app.db.read().execute_unprepared(&sql).await.unwrap();
}

async fn unknown_addresses_have_questions_as_people_have(database: Database) {
    let provider = without_waiting(database).await;
    let shown = async |addresses: u32| {
        let mut shown = Vec::new();
        for number in 0..addresses {
            let mut person = provider.stranger();
            asks(&mut person, &format!("nobody{number}@example.com")).await;
            shown.push(question(&person));
        }
        shown
    };
    made_by_hand(&provider, "hand@example.com").await;
    registered(&provider, EMAIL).await;
    let all: BTreeSet<String> = shown(12).await.into_iter().collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), ["What was the name of your first pet?"]);

    registered(&provider, "bob@example.com").await;
    asks_for(&provider, "bob@example.com", "Where do I keep the key?").await;
    provider.waits(2 * MINUTE);
    let mixed = shown(24).await;
    let own = mixed.iter().filter(|question| question.contains("that you wrote yourself")).count();
    assert!((4..=20).contains(&own), "{own} of 24, when it is half of the people's");
}

async fn a_question_of_one_s_own_is_not_shown(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    asks_for(&provider, EMAIL, "Where do I keep the key?").await;
    let mut person = provider.stranger();
    asks(&mut person, EMAIL).await;
    assert!(!person.page.html.contains("keep the key"), "{}", person.what_is_shown());
    assert!(question(&person).contains("that you wrote yourself"));
    person.types("security_answer", ANSWER).presses("continue").await;
    mailed_link(&provider, EMAIL, 1).await;
}

async fn an_account_without_a_question_is_like_none(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    made_by_hand(&provider, "hand@example.com").await;
    let mut person = provider.stranger();
    for answer in ["", " ", "anything"] {
        asks(&mut person, "hand@example.com").await;
        assert_eq!(question(&person), "What was the name of your first pet?");
        person.types("security_answer", answer).presses("continue").await;
        assert!(person.sees("recover-sent"), "{}", person.what_is_shown());
    }
    answers(&mut person, EMAIL, ANSWER).await;
    mailed_link(&provider, EMAIL, 1).await;
    assert!(provider.mail.to("hand@example.com").is_empty());
}

async fn spellings_of_the_answer_are_one(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    answers(&mut person, " Ann@Example.com ", "  THE Jungle-Book!").await;
    mailed_link(&provider, EMAIL, 1).await;
}

async fn parallel_guesses_are_all_counted(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    asks(&mut person, EMAIL).await;
    let tries: Vec<_> = (0..9)
        .map(|number| {
            let mut tab = person.clone();
            tokio::spawn(async move {
                tab.types("security_answer", &format!("guess {number}")).presses("continue").await;
                tab.sees("recover-sent")
            })
        })
        .collect();
    let mut taken = 0;
    for guess in tries {
        taken += usize::from(guess.await.unwrap());
    }
    assert_eq!(taken, 5);
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log.iter().filter(|entry| *entry == "recovery wrong").count(), 5, "{log:?}");
}

async fn the_question_belongs_to_its_browser(database: Database) {
    let provider = without_waiting(database).await;
    registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    asks(&mut person, EMAIL).await;
    let page = person.at.to_string();
    is_refused_on_a_page(provider.stranger().opens(&page).await);
    is_refused_on_a_page(provider.stranger().posts(&page, &[("security_answer", ANSWER)]).await);
    provider.waits(30 * MINUTE);
    is_refused_on_a_page(person.opens(&page).await);
}

async fn a_sum_has_to_be_right(database: Database) {
    let provider = without_waiting(database).await;
    let mut person = provider.stranger();
    person.opens("/recover").await;
    person.types("email", EMAIL).types("sum", "1").presses("continue").await;
    assert!(person.sees("sum-error"), "{}", person.what_is_shown());
    let sum = person.page.sum_asked();
    person.types("email", "ann").types("sum", &sum).presses("continue").await;
    assert!(person.sees("email-error"), "{}", person.what_is_shown());
    person.types("email", EMAIL).types("sum", &sum).presses("continue").await;
    assert!(person.sees("security_answer"), "{}", person.what_is_shown());
}
