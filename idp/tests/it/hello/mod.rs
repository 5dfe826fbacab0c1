//! The example plugins at work: factors that a person sets up on the plugin's own pages.

mod changing;
mod enrolling;
mod in_c;
mod signing_in;
mod template;

use enum_idp::account::{Begun, NewAccount, create_by_admin};

use crate::support::{
    database::Database,
    person::Person,
    plugins::pinned,
    provider::{Provider, person_phone},
    sites::Visit,
};

const EMAIL: &str = "ann@example.com";
const SECRET: &str = "kettle orbit walnut jazz";
const OTHER: &str = "harbour lemon quiet drum";

async fn provider(database: Database) -> Provider {
    Provider::starts_with_further(database, vec![pinned("plugin_hello_rust")]).await
}

/// Registers with a factor, and is then on its page.
async fn registers(provider: &Provider, person: &mut Person, factor: &str) {
    provider.applies(person, EMAIL).await;
    let link = provider.mailed_link(EMAIL, 1).await;
    person.opens(&link).await;
    person.chooses(&format!("factor-{factor}")).presses("continue").await;
    assert!(person.sees("answer") && person.sees("again"), "{}", person.what_is_shown());
}

/// Sets a secret on the page that is shown.
async fn sets(person: &mut Person, secret: &str) {
    person.types("answer", secret).types("again", secret).presses("continue").await;
}

/// Somebody with an account who may set `factor` up at the link.
async fn begun(provider: &Provider, factor: &str) -> Begun {
    let new = NewAccount {
        email: EMAIL.to_owned(),
        phone: person_phone(EMAIL),
        factor: Some(factor.to_owned()),
        activate: true,
        ..NewAccount::default()
    };
    create_by_admin(&provider.app, new).await.unwrap().begun
}

/// Somebody who has set `secret`.
async fn member(provider: &Provider, factor: &str, secret: &str) {
    let link = begun(provider, factor).await.link.unwrap();
    let mut person = provider.stranger();
    sets(person.opens(&link).await, secret).await;
    assert!(person.sees("activated"), "{}", person.what_is_shown());
}

/// A fresh browser at the question for the secret.
async fn at_the_question(provider: &Provider, visit: &Visit) -> Person {
    let mut person = provider.stranger();
    person.opens(&visit.link).await.types("email", EMAIL).presses("continue").await;
    // After failures, also a person has to show that they are one.
    if person.sees("sum") {
        let sum = person.page.sum_asked();
        person.types("sum", &sum).presses("continue").await;
    }
    person
}

/// Whether `secret` signs in now.
async fn gets_in(provider: &Provider, secret: &str) -> bool {
    let mut person = at_the_question(provider, &provider.sites.own.sends(&[])).await;
    assert!(person.sees("answer"), "{}", person.what_is_shown());
    person.types("answer", secret).presses("continue").await;
    person.away.is_some_and(|url| url.query_pairs().any(|(name, _)| name == "code"))
}
