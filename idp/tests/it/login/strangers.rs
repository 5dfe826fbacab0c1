//! Nobody learns from a page whether an address belongs to an account.

use enum_idp::clock::MINUTE;

use crate::{
    on_both_databases,
    support::{database::Database, pad::wrong, person::Person, provider::Provider},
};

on_both_databases! {
    an_unknown_address_sees_the_same_pages_through_six_wrong_answers,
    an_account_without_a_method_sees_the_same_pages_too,
    an_unknown_address_is_asked_the_same_question_again,
    an_unknown_address_never_gets_in,
    an_unknown_address_pays_as_a_known_one_does,
}

/// A page without what differs from visit to visit: the address, the question, what is sealed, the picture of the code.
pub(crate) fn comparable(person: &Person, email: &str) -> String {
    let html = person.reply.text();
    let mut text = html.replace(email, "EMAIL");
    if let Some(digits) = &person.page.challenge {
        let (first, second) = digits.split_at(digits.len().div_ceil(2));
        text = text.replace(digits, "DIGITS").replace(&format!("{first} {second}"), "DIGITS");
    }
    for form in &person.page.forms {
        text = text.replace(&form.action, &format!("ACTION of {} characters", form.action.len()));
    }
    while let Some(start) = text.find("<path") {
        let end = start + text[start..].find('>').unwrap();
        text.replace_range(start..=end, "PATH");
    }
    let mut headers: Vec<_> = person.reply.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    // A sealed address is as long as the e-mail in it; both have one length here.
    format!("{} {headers:?}\n{text}", person.reply.status)
}

async fn both_see_the_same(provider: &Provider, known: &str, unknown: &str) {
    assert_eq!(known.len(), unknown.len());
    let (mut ann, mut bob) = (provider.stranger(), provider.stranger());
    for (person, email) in [(&mut ann, known), (&mut bob, unknown)] {
        person.opens(&provider.sites.site.sends(&[]).link).await;
        person.types("email", email).presses("continue").await;
    }
    for tries in 0..=6 {
        assert_eq!(comparable(&ann, known), comparable(&bob, unknown), "after {tries} wrong answers");
        for person in [&mut ann, &mut bob] {
            let mistyped = wrong("12345678");
            person.types("answer", &mistyped).presses("continue").await;
            assert!(person.away.is_none());
        }
    }
    provider.waits(16 * MINUTE);
    for person in [&mut ann, &mut bob] {
        person.types("answer", "00000000").presses("continue").await;
    }
    assert_eq!(comparable(&ann, known), comparable(&bob, unknown), "after the pause");
}

async fn an_unknown_address_sees_the_same_pages_through_six_wrong_answers(database: Database) {
    let provider = Provider::starts(database).await;
    let ann = provider.member("ann@example.com").await;
    both_see_the_same(&provider, &ann.email, "bob@example.com").await;
}

async fn an_account_without_a_method_sees_the_same_pages_too(database: Database) {
    let provider = Provider::starts(database).await;
    let ann = provider.member("ann@example.com").await;
    provider.registers(&mut provider.stranger(), "new@example.com").await;
    both_see_the_same(&provider, &ann.email, "new@example.com").await;
}

async fn an_unknown_address_is_asked_the_same_question_again(database: Database) {
    let provider = Provider::starts(database).await;
    let mut bob = provider.stranger();
    bob.opens(&provider.sites.site.sends(&[("login_hint", "bob@example.com")]).link).await;
    let (address, question) = (bob.at.to_string(), bob.challenge());
    assert_eq!(bob.opens(&address).await.challenge(), question);
    assert_eq!(bob.opens(&address).await.challenge(), question);
}

async fn an_unknown_address_never_gets_in(database: Database) {
    let provider = Provider::starts(database).await;
    let mut ann = provider.member("ann@example.com").await;
    let mut bob = provider.stranger();
    bob.opens(&provider.sites.own.sends(&[]).link).await;
    bob.types("email", "bob@example.com").presses("continue").await;
    let answer = ann.pad.answer(&bob.challenge());
    bob.types("answer", &answer).presses("continue").await;
    assert!(bob.away.is_none());
    bob.types("answer", "").presses("continue").await;
    assert!(bob.away.is_none());
}

async fn an_unknown_address_pays_as_a_known_one_does(database: Database) {
    let provider = Provider::starts(database).await;
    let ann = provider.member("ann@example.com").await;
    let (mut known, mut unknown) = (provider.stranger(), provider.stranger());
    for (person, email) in [(&mut known, "ann@example.com"), (&mut unknown, "bob@example.com")] {
        person.opens(&provider.sites.shop.asks_to_pay(1050, &[]).await.link).await;
        person.types("email", email).presses("continue").await;
    }
    assert_eq!(comparable(&known, &ann.email), comparable(&unknown, "bob@example.com"));
}
