//! A program that was not seen before has opened something that a service keeps for the account.

use serde_json::json;

use crate::{app::App, courier::Message, error::Internal, letter, store::account};

/// The mails that tell every address of `account` that a program with a key of its own, called `program`, came from the network
/// address `from`.
///
/// # Errors
/// When the database or the generator fails, or the HTML cannot be rendered.
pub async fn letters(app: &App, account: &account::Model, program: &str, from: &str) -> Result<Vec<Message>, Internal> {
    let id = app.entropy.id()?;
    let args = json!({
        "name": account.first_name, "program": letter::plain(program), "address": app.places.told(from, &account.locale),
        "time": crate::clock::text(app.clock.now()), "link": app.config.url("/account/access"),
    });
    let to = super::addresses(app, account).await?;
    let mail = |(number, to): (usize, &String)| {
        letter::of_key(app, &account.locale, "program", format!("program:{id}:{number}"), to, &args)
    };
    to.iter().enumerate().map(mail).collect()
}
