//! The mail that tells a person of a request. It has no secret and nothing that the relying party wrote but its name: what
//! is asked, people see where they answer it.

use serde_json::json;

use super::whom::Whom;
use crate::{
    app::App,
    clock::Millis,
    courier::Message,
    error::Internal,
    letter::{self, plain},
    oidc::client::Client,
    when,
};

/// The mail to whoever is asked. One to nobody is put together as well, so that it takes as long, and not sent.
pub(super) fn letter(app: &App, client: &Client, whom: &Whom, until: Millis) -> Result<Option<Message>, Internal> {
    let effect = format!("request:{}:{}", whom.id, app.entropy.id()?);
    let (email, locale, name, until) = match &whom.account {
        Some(account) => {
            (account.email.as_str(), account.locale.as_str(), account.first_name.as_str(), when::of(account, until))
        }
        None => ("", "en", "", when::shown(until, &jiff::tz::TimeZone::UTC)),
    };
    let args = json!({
        "name": name, "site": plain(&client.client_name), "until": until,
        "link": app.config.url("/account/requests"),
    });
    let letter = letter::of_key(app, locale, "request", effect, email, &args)?;
    Ok(whom.sees.then_some(letter))
}
