//! The personal area: what its owner does there over HTTP, and what others try.

mod codes;
mod deleting;
mod emails;
mod fees;
mod logbook;
mod methods;
mod notices;
mod opening;
mod own;
mod phone;
mod sessions;

use enum_idp::{
    account::{Begun, enrol_by_admin},
    clock::SECOND,
    store,
};

use sea_orm::ActiveModelTrait;

use crate::support::{
    database::Database,
    outbox::Letter,
    person::Person,
    provider::{GENEROUS, Member, Provider, Written},
};

const ANN: &str = "ann@example.com";
const EVE: &str = "eve@example.com";

impl Member {
    /// Opens a page of the area, and proves who they are when asked to.
    pub(crate) async fn enters(&mut self, page: &str) -> &mut Self {
        self.person.opens(page).await;
        self.proves().await
    }

    /// Answers whatever a proof asks for, with the pad.
    pub(crate) async fn proves(&mut self) -> &mut Self {
        if self.person.sees("email") && self.person.sees("deny") {
            self.person.types("email", &self.email).presses("continue").await;
        }
        if self.person.sees("factor-cipherpad") {
            self.person.presses("factor-cipherpad").await;
        }
        if self.person.sees("answer") {
            self.answers().await;
        }
        self
    }

    /// Confirms on a page that it is them, so that they may change things there.
    pub(crate) async fn confirms(&mut self) -> &mut Self {
        if self.person.sees("prove") {
            self.person.presses_link("prove").await;
            self.proves().await;
        }
        assert!(!self.person.sees("prove"), "{}", self.person.what_is_shown());
        self
    }
}

/// With codes by e-mail behind the cipherpad.
async fn provider(database: Database) -> Provider {
    provider_with(database, "").await
}

async fn provider_with(database: Database, settings: &str) -> Provider {
    let pins = vec!["cipherpad", "email_factor", "merchant"];
    let settings = format!("{GENEROUS}{settings}");
    Provider::starts_as(database, Written { pins, settings, ..Written::default() }).await
}

/// Adds codes by e-mail to what a member has.
async fn adds_mail_codes(provider: &Provider, email: &str) {
    // People see their methods in the order in which they came to them.
    provider.waits(SECOND);
    let Begun { link, code, .. } = enrol_by_admin(&provider.app, email, Some("email")).await.unwrap();
    let mut person = provider.stranger();
    person.opens(&link.unwrap()).await;
    person.types("answer", &code.unwrap()).presses("continue").await;
    assert!(person.sees("activated"), "{}", person.what_is_shown());
}

/// Adds codes by text message to what a member has.
async fn adds_texts(provider: &Provider, email: &str) {
    provider.waits(SECOND);
    crate::codes::adds_by(provider, email, "sms").await;
    provider.waits(SECOND);
}

/// Proves who they are by the newest of `count` codes that were mailed.
async fn proves_by_mail(provider: &Provider, person: &mut Person, email: &str, count: usize) {
    if person.sees("email") && person.sees("deny") {
        person.types("email", email).presses("continue").await;
    }
    if person.sees("factor-email") {
        person.presses("factor-email").await;
    }
    let letters = provider.mail.wait_for(email, count, |letter| code_in(letter).is_some()).await;
    person.types("answer", &code_in(letters.last().unwrap()).unwrap()).presses("continue").await;
}

fn code_in(letter: &Letter) -> Option<String> {
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    letter.text.split_whitespace().find(is_code).map(str::to_owned)
}

/// The value of a hidden field of the form that a button belongs to.
#[track_caller]
fn hidden(person: &Person, button: &str, name: &str) -> String {
    let (form, _) = person.page.control(button).unwrap_or_else(|| panic!("no {button}: {}", person.what_is_shown()));
    form.controls.iter().find(|control| control.name == name).unwrap().value.clone()
}

/// Gives an account a place that it was used at.
async fn was_somewhere(provider: &Provider, email: &str) {
    let row = store::account::Model {
        places: "[{\"country\":\"VN\",\"at\":1790000000000}]".to_owned(),
        places_until: Some(i64::MAX),
        ..account(provider, email).await
    };
    store::account::ActiveModel::from(row).reset_all().update(provider.app.db.read()).await.unwrap();
}

async fn account(provider: &Provider, email: &str) -> store::account::Model {
    store::account::by_email(provider.app.db.read(), email).await.unwrap().unwrap()
}

async fn enrolments(provider: &Provider, email: &str) -> Vec<store::enrolment::Model> {
    let account = account(provider, email).await;
    store::enrolment::of_account(provider.app.db.read(), &account.id).await.unwrap()
}
