//! Recovery codes: better than a question, and each good once.

use enum_idp::{
    account::recovery_codes_by_admin,
    clock::{DAY, SECOND},
};

use super::{ANSWER, EMAIL, account, activates, answers, asks, follows_the_link, mailed_link, registered, stop_link};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{Provider, is_refused_on_a_page},
    },
};

on_both_databases! {
    a_code_skips_question_and_waiting_time_and_everybody_is_told,
    a_code_works_once,
    of_two_links_of_one_code_one_goes_through,
    new_codes_void_the_earlier_ones,
    a_code_belongs_to_its_account,
    a_wrong_code_looks_like_a_right_one_and_like_a_stranger_s,
    a_code_helps_when_the_answers_are_used_up_and_when_recovery_is_locked,
    a_code_ends_a_recovery_that_waits,
    stopping_a_recovery_by_code_voids_all_codes,
    codes_are_kept_as_hashes,
}

async fn codes(provider: &Provider) -> Vec<String> {
    recovery_codes_by_admin(&provider.app, EMAIL).await.unwrap()
}

/// Gives a recovery code in the place of an answer.
async fn gives(provider: &Provider, person: &mut Person, email: &str, code: &str) {
    provider.waits(SECOND);
    asks(person, email).await;
    person.types("code", code).presses("use-code").await;
}

async fn a_code_skips_question_and_waiting_time_and_everybody_is_told(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let codes = codes(&provider).await;
    assert_eq!(codes.len(), 10);
    let mut person = provider.stranger();
    gives(&provider, &mut person, EMAIL, &codes[3].to_lowercase().replace('-', " ")).await;
    assert!(person.sees("recover-sent"), "{}", person.what_is_shown());
    person.opens(&mailed_link(&provider, EMAIL, 1).await).await;
    assert!(person.page.html.contains("takes effect at once"), "{}", person.what_is_shown());
    person.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    activates(&provider, 2).await;
    provider.mail.wait_for(EMAIL, 1, |mail| mail.subject.contains("were replaced")).await;
    stop_link(&provider, EMAIL, 1).await;
    let log = provider.log_of(EMAIL).await;
    for entry in ["recovery_codes by_admin", "recovery mailed", "recovery done"] {
        assert!(log.iter().any(|logged| logged == entry), "{entry}: {log:?}");
    }
}

async fn a_code_works_once(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let codes = codes(&provider).await;
    let mut person = provider.stranger();
    gives(&provider, &mut person, EMAIL, &codes[0]).await;
    person.opens(&mailed_link(&provider, EMAIL, 1).await).await.presses("continue").await;
    activates(&provider, 2).await;
    gives(&provider, &mut person, EMAIL, &codes[0]).await;
    assert!(person.sees("recover-sent"), "{}", person.what_is_shown());
    gives(&provider, &mut person, EMAIL, &codes[1]).await;
    mailed_link(&provider, EMAIL, 2).await;
    let links = provider.mail.to(EMAIL).iter().filter(|mail| mail.text.contains("/recover/link/")).count();
    assert_eq!(links, 2, "none for the used one");
}

async fn of_two_links_of_one_code_one_goes_through(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let codes = codes(&provider).await;
    let (mut one, mut other) = (provider.stranger(), provider.stranger());
    gives(&provider, &mut one, EMAIL, &codes[0]).await;
    one.opens(&mailed_link(&provider, EMAIL, 1).await).await;
    gives(&provider, &mut other, EMAIL, &codes[0]).await;
    other.opens(&mailed_link(&provider, EMAIL, 2).await).await;
    let presses = |mut person: Person| {
        tokio::spawn(async move {
            person.presses("continue").await;
            person.sees("resend")
        })
    };
    let (first, second) = (presses(one.clone()), presses(other.clone()));
    let through = [first.await.unwrap(), second.await.unwrap()];
    assert_eq!(through.iter().filter(|through| **through).count(), 1, "{through:?}");
    for person in [&mut one, &mut other] {
        person.presses("continue").await;
        assert!(!person.sees("resend"), "{}", person.what_is_shown());
    }
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log.iter().filter(|entry| *entry == "recovery done").count(), 1, "{log:?}");
}

async fn new_codes_void_the_earlier_ones(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let old = codes(&provider).await;
    let mut person = provider.stranger();
    gives(&provider, &mut person, EMAIL, &old[0]).await;
    person.opens(&mailed_link(&provider, EMAIL, 1).await).await;
    let new = codes(&provider).await;
    person.presses("continue").await;
    assert!(!person.sees("resend"), "by a code that is void: {}", person.what_is_shown());
    for code in &old[1..3] {
        gives(&provider, &mut person, EMAIL, code).await;
    }
    gives(&provider, &mut person, EMAIL, &new[0]).await;
    mailed_link(&provider, EMAIL, 2).await;
    let links = provider.mail.to(EMAIL).iter().filter(|mail| mail.text.contains("/recover/link/")).count();
    assert_eq!(links, 2, "none for the void ones");
    provider.mail.wait_for(EMAIL, 2, |mail| mail.subject.contains("recovery codes")).await;
}

async fn a_code_belongs_to_its_account(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    registered(&provider, "bob@example.com").await;
    let codes = codes(&provider).await;
    let mut person = provider.stranger();
    gives(&provider, &mut person, "bob@example.com", &codes[0]).await;
    assert!(person.sees("recover-sent"), "{}", person.what_is_shown());
    gives(&provider, &mut person, EMAIL, &codes[0]).await;
    mailed_link(&provider, EMAIL, 1).await;
    let bobs = provider.mail.to("bob@example.com");
    assert!(!bobs.iter().any(|mail| mail.text.contains("/recover/link/")), "{bobs:?}");
}

async fn a_wrong_code_looks_like_a_right_one_and_like_a_stranger_s(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let codes = codes(&provider).await;
    let mut pages = Vec::new();
    for (email, code) in [
        (EMAIL, codes[0].as_str()),
        (EMAIL, "0000-0000-0000-0000"),
        ("bob@example.com", "0000-0000-0000-0000"),
        (EMAIL, "not a code"),
    ] {
        let mut person = provider.stranger();
        gives(&provider, &mut person, email, code).await;
        pages.push(super::guessing::seen(&person, email));
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:?}");
}

async fn a_code_helps_when_the_answers_are_used_up_and_when_recovery_is_locked(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let codes = codes(&provider).await;
    let mut intruder = provider.stranger();
    follows_the_link(&provider, &mut intruder, 1).await;
    intruder.presses("continue").await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, EMAIL, 1).await).await.presses("stop").await;
    for _ in 0..4 {
        answers(&mut intruder, EMAIL, ANSWER).await;
    }
    asks(&mut intruder, EMAIL).await;
    assert!(!intruder.sees("security_answer"), "{}", intruder.what_is_shown());
    gives(&provider, &mut owner, EMAIL, &codes[0]).await;
    owner.opens(&mailed_link(&provider, EMAIL, 2).await).await.presses("continue").await;
    assert!(owner.sees("resend"), "{}", owner.what_is_shown());
}

async fn a_code_ends_a_recovery_that_waits(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let codes = codes(&provider).await;
    let mut intruder = provider.stranger();
    let link = follows_the_link(&provider, &mut intruder, 1).await;
    intruder.presses("continue").await;
    let mut owner = provider.stranger();
    gives(&provider, &mut owner, EMAIL, &codes[0]).await;
    owner.opens(&mailed_link(&provider, EMAIL, 2).await).await.presses("continue").await;
    activates(&provider, 2).await;
    provider.waits(DAY);
    is_refused_on_a_page(intruder.opens(&link).await);
    is_refused_on_a_page(intruder.posts(&link, &[]).await);
    assert_eq!(account(&provider, EMAIL).await.recovering, None);
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "active");
}

async fn stopping_a_recovery_by_code_voids_all_codes(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let codes = codes(&provider).await;
    let mut thief = provider.stranger();
    gives(&provider, &mut thief, EMAIL, &codes[0]).await;
    thief.opens(&mailed_link(&provider, EMAIL, 1).await).await.presses("continue").await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, EMAIL, 1).await).await.presses("stop").await;
    assert!(owner.sees("recover-stopped"), "{}", owner.what_is_shown());
    for code in &codes[1..3] {
        gives(&provider, &mut thief, EMAIL, code).await;
    }
    provider.mail.wait_for(EMAIL, 1, |mail| mail.subject == "The recovery was stopped").await;
    let mails = provider.mail.to(EMAIL);
    assert_eq!(mails.iter().filter(|mail| mail.text.contains("/recover/link/")).count(), 1, "{mails:?}");
}

async fn codes_are_kept_as_hashes(database: Database) {
    use enum_idp::store::recovery_code;
    use sea_orm::EntityTrait;
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    let codes = codes(&provider).await;
    let rows = recovery_code::Entity::find().all(provider.app.db.read()).await.unwrap();
    assert_eq!(rows.len(), 10);
    for code in codes {
        let bare = code.replace('-', "");
        assert!(!rows.iter().any(|row| format!("{row:?}").contains(&bare) || format!("{row:?}").contains(&code)));
    }
}
