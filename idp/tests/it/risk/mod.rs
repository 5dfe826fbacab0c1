//! What is unusual about a proof, and what follows: who is told, and what more is asked.

mod address_file;
mod browsers;
mod places;
mod raising;
mod strangers;
mod travels;

use enum_idp::store::{self, device, outbox};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{
    codes,
    support::{
        atlas,
        database::Database,
        person::Person,
        provider::{GENEROUS, Member, Provider, Written},
    },
};

const ANN: &str = "ann@example.com";
const EVE: &str = "eve@example.com";
const COOKIE: &str = "enum_device";

/// How many mails about something unusual were caused. They are durable when the page is shown.
pub(crate) async fn told(provider: &Provider) -> u64 {
    let told = outbox::Entity::find().filter(outbox::Column::Effect.starts_with("unusual:"));
    told.count(provider.app.db.read()).await.unwrap()
}

/// The browsers that an account knows.
async fn known(provider: &Provider, email: &str) -> Vec<device::Model> {
    let account = store::account::by_email(provider.app.db.read(), email).await.unwrap().unwrap();
    let mut rows = device::of_account(provider.app.db.read(), &account.id).await.unwrap();
    rows.retain(|row| row.is_live(provider.app.clock.now()));
    rows
}

/// With an address database, and codes by e-mail and text message behind the cipherpad.
async fn with_places(database: Database) -> Provider {
    with_places_and(database, "").await
}

/// With further limits, and sections behind them.
async fn with_places_and(database: Database, further: &str) -> Provider {
    let file = database.dir().join("places.mmdb");
    atlas::draws(&file);
    let settings = format!("{GENEROUS}{further}\n[places]\ndatabase = '{}'\n", file.display());
    let pins = vec!["cipherpad", "email_factor", "merchant"];
    Provider::starts_as(database, Written { pins, settings, ..Written::default() }).await
}

/// What was unusual about the newest entry of Ann's log, as the policy names it.
async fn signals_of_the_last(provider: &Provider) -> String {
    let row = ann(provider).await;
    let newest = store::log::newest(provider.app.db.read(), &row.id, 1).await.unwrap();
    newest[0].event().unwrap().signals.join(" ")
}

/// Ann's row.
async fn ann(provider: &Provider) -> store::account::Model {
    store::account::by_email(provider.app.db.read(), ANN).await.unwrap().unwrap()
}

/// Signs in by the pad, with a proof of its own.
async fn proves(provider: &Provider, member: &mut Member) {
    member.goes(&provider.sites.own.sends(&[("prompt", "login")])).await;
    if member.person.sees("factor-cipherpad") {
        member.person.presses("factor-cipherpad").await;
    }
    member.answers().await;
    codes::is_in(&member.person);
}

/// A fresh browser of the same person.
fn elsewhere(provider: &Provider, member: &Member) -> Member {
    Member { person: provider.stranger(), ..member.clone() }
}

/// Asks for a code by e-mail and gives it: the `count`-th that was mailed to the address.
async fn proves_by_mail(provider: &Provider, person: &mut Person, email: &str, count: usize) {
    person.opens(&provider.sites.own.sends(&[("prompt", "login")]).link).await;
    if person.sees("email") {
        person.types("email", email).presses("continue").await;
    }
    if person.sees("factor-email") {
        person.presses("factor-email").await;
    }
    codes::answers(person, &codes::code(provider, email, count).await).await;
}

/// The key that a page gives for asking more, as English words.
#[track_caller]
fn is_told_why(person: &Person, words: &str) {
    let why = person.page.text_of("raised").unwrap_or_else(|| panic!("no reason: {}", person.what_is_shown()));
    assert!(why.contains(words), "{why}");
}
