//! "Forgot the activation code": a link by mail, then a new code by SMS.

use enum_idp::{
    clock::{HOUR, SECOND},
    store::enrolment,
};

use super::{EMAIL, account, activates, made_by_hand, registered, stop_link};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        outbox::word,
        pad::Activation,
        person::Person,
        provider::{Member, Provider, is_refused_on_a_page, person_phone},
    },
};

on_both_databases! {
    a_code_that_was_never_used_is_replaced_at_once,
    a_pad_that_is_activated_behind_the_link_is_guarded,
    another_method_in_use_is_guarded,
    stopping_a_code_that_went_out_ends_the_pad_that_it_made,
    the_link_is_for_the_pad_alone,
    a_pad_in_use_works_until_the_new_code_is_used_and_that_waits,
    a_new_code_can_be_stopped_while_it_waits,
    an_unknown_address_sees_the_same_and_gets_nothing,
    new_codes_are_limited_like_recoveries,
}

async fn forgets(provider: &Provider, person: &mut Person, email: &str) {
    provider.waits(SECOND);
    person.opens("/pad").await;
    assert!(person.page.html.contains("/recover/pad"), "{}", person.what_is_shown());
    person.opens("/recover/pad").await;
    let sum = person.page.sum_asked();
    person.types("email", email).types("sum", &sum).presses("continue").await;
}

async fn follows(provider: &Provider, person: &mut Person, count: usize) -> String {
    forgets(provider, person, EMAIL).await;
    assert!(person.sees("recover-sent"), "{}", person.what_is_shown());
    let start = provider.origin.join("/recover/link/").unwrap().to_string();
    let letters = provider.mail.wait_for(EMAIL, count, |mail| mail.subject == "Your new activation code").await;
    let link = word(&letters.last().unwrap().text, &start).unwrap();
    person.opens(&link).await;
    assert!(person.sees("phone") && !person.sees("factor-cipherpad"), "{}", person.what_is_shown());
    link
}

async fn a_code_that_was_never_used_is_replaced_at_once(database: Database) {
    let provider = Provider::starts(database).await;
    provider.registers(&mut provider.stranger(), EMAIL).await;
    let old = provider.activation_code(&person_phone(EMAIL), 1).await;
    let mut person = provider.stranger();
    let link = follows(&provider, &mut person, 1).await;
    assert_eq!(provider.enrolment_of(EMAIL).await.resends, 0, "opening a link changes nothing");
    person.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    let activation = Activation::new(EMAIL, &old);
    let asked = activation.hello(&provider.origin).await.expect(200);
    let finished = activation.finish(&provider.origin, &asked, &provider.clock).await;
    assert!(finished.is_none_or(|(reply, _)| reply.status != 200), "the old code activates a pad");
    activates(&provider, 2).await;
    is_refused_on_a_page(person.opens(&link).await);
}

async fn a_pad_in_use_works_until_the_new_code_is_used_and_that_waits(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows(&provider, &mut person, 1).await;
    person.presses("continue").await;
    assert!(
        person.sees("recover-waiting"),
        "mailbox and SIM card alone open nothing at once: {}",
        person.what_is_shown()
    );
    provider.mail.wait_for(EMAIL, 1, |mail| mail.subject.contains("asked for a new activation code")).await;
    ann.logs_in_at(&provider.sites.own).await;
    provider.mail.wait_for(EMAIL, 1, |mail| mail.subject.contains("while a new activation code")).await;
    provider.sms.wait_for(&person_phone(EMAIL), 1, |sms| sms.text.contains("while a new activation code")).await;
    provider.waits(24 * HOUR);
    person.opens(&link).await.presses("continue").await;
    assert!(person.sees("resend"), "{}", person.what_is_shown());
    ann.person = provider.stranger();
    ann.logs_in_at(&provider.sites.own).await;
    let pad = activates(&provider, 2).await;
    let mut old = Member { person: provider.stranger(), ..ann.clone() };
    old.goes(&provider.sites.own.sends(&[])).await.answers().await;
    assert!(old.person.away.is_none(), "signed in: {:?}", old.person.away);
    Member { person: provider.stranger(), pad, email: EMAIL.to_owned() }.logs_in_at(&provider.sites.own).await;
}

/// Whoever opened the link before the owner activated, and presses its button after that, waits.
async fn a_pad_that_is_activated_behind_the_link_is_guarded(database: Database) {
    let provider = Provider::starts(database).await;
    provider.registers(&mut provider.stranger(), EMAIL).await;
    let mut intruder = provider.stranger();
    follows(&provider, &mut intruder, 1).await;
    assert!(intruder.page.html.contains("takes effect at once"), "{}", intruder.what_is_shown());
    activates(&provider, 1).await;
    intruder.presses("continue").await;
    assert!(intruder.sees("recover-waiting"), "{}", intruder.what_is_shown());
    assert_eq!(provider.enrolment_of(EMAIL).await.status, "active");
}

/// A pad that was begun and never activated is no way past the other methods.
async fn another_method_in_use_is_guarded(database: Database) {
    let provider = Provider::starts(database).await;
    provider.registers(&mut provider.stranger(), EMAIL).await;
    let other = enrolment::Model {
        id: "other".to_owned(),
        factor: "email".to_owned(),
        status: "active".to_owned(),
        ..provider.enrolment_of(EMAIL).await
    };
    provider.app.db.write(|tx| Box::pin(async move { enrolment::add(tx, other).await })).await.unwrap();
    let mut intruder = provider.stranger();
    follows(&provider, &mut intruder, 1).await;
    intruder.presses("continue").await;
    assert!(intruder.sees("recover-waiting"), "{}", intruder.what_is_shown());
}

async fn stopping_a_code_that_went_out_ends_the_pad_that_it_made(database: Database) {
    let provider = Provider::starts(database).await;
    provider.registers(&mut provider.stranger(), EMAIL).await;
    let mut intruder = provider.stranger();
    follows(&provider, &mut intruder, 1).await;
    intruder.presses("continue").await;
    activates(&provider, 2).await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, EMAIL, 1).await).await.presses("stop").await;
    assert!(owner.sees("recover-stopped"), "{}", owner.what_is_shown());
    let id = account(&provider, EMAIL).await.id;
    assert_eq!(enrolment::of_account(provider.app.db.read(), &id).await.unwrap(), []);
    let log = provider.log_of(EMAIL).await;
    for entry in ["new_code mailed", "new_code done", "new_code stopped"] {
        assert!(log.iter().any(|logged| logged == entry), "{entry}: {log:?}");
    }
}

async fn the_link_is_for_the_pad_alone(database: Database) {
    let provider = Provider::starts(database).await;
    provider.registers(&mut provider.stranger(), EMAIL).await;
    let mut person = provider.stranger();
    let link = follows(&provider, &mut person, 1).await;
    person.posts(&link, &[("factor", "email")]).await;
    let row = provider.enrolment_of(EMAIL).await;
    assert_eq!((row.factor.as_str(), row.status.as_str()), ("cipherpad", "pending"));
}

async fn a_new_code_can_be_stopped_while_it_waits(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = registered(&provider, EMAIL).await;
    let mut person = provider.stranger();
    let link = follows(&provider, &mut person, 1).await;
    person.presses("continue").await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, EMAIL, 1).await).await.presses("stop").await;
    assert!(owner.sees("recover-stopped"), "{}", owner.what_is_shown());
    is_refused_on_a_page(person.opens(&link).await);
    forgets(&provider, &mut person, EMAIL).await;
    provider.mail.wait_for(EMAIL, 1, |mail| mail.text.contains("nothing can be recovered before")).await;
    ann.logs_in_at(&provider.sites.own).await;
}

async fn an_unknown_address_sees_the_same_and_gets_nothing(database: Database) {
    let provider = Provider::starts(database).await;
    registered(&provider, EMAIL).await;
    made_by_hand(&provider, "hand@example.com").await;
    let mut pages = Vec::new();
    for email in ["bob@example.com", "hand@example.com", EMAIL] {
        let mut person = provider.stranger();
        for _ in 0..6 {
            forgets(&provider, &mut person, email).await;
            pages.push((email, super::guessing::seen(&person, email)));
        }
    }
    for (tries, (_, page)) in pages.iter().enumerate() {
        assert_eq!(*page, pages[tries % 6].1, "{tries}");
    }
    provider.mail.wait_for(EMAIL, 5, |mail| mail.subject == "Your new activation code").await;
    for email in ["bob@example.com", "hand@example.com"] {
        assert!(provider.mail.to(email).is_empty(), "{email}");
    }
}

async fn new_codes_are_limited_like_recoveries(database: Database) {
    let provider = Provider::starts(database).await;
    provider.registers(&mut provider.stranger(), EMAIL).await;
    for done in 0..3 {
        let mut person = provider.stranger();
        follows(&provider, &mut person, done + 1).await;
        person.presses("continue").await;
        assert!(person.sees("resend"), "{}", person.what_is_shown());
        provider.activation_code(&person_phone(EMAIL), done + 2).await;
    }
    forgets(&provider, &mut provider.stranger(), EMAIL).await;
    provider.mail.wait_for(EMAIL, 1, |mail| mail.text.contains("are used up")).await;
}
