//! Notices about a right answer that came in an unusual way.

use axum::http::HeaderMap;
use serde_json::json;

use super::Signal;
use crate::{app::App, clock, courier::Message, error::Internal, letter, login::agent, notice, store::account};

/// Mails to every address of `account`, with what was unusual.
///
/// # Errors
/// When the generator or the database fails, or the HTML cannot be rendered.
pub(super) async fn mails(
    app: &App,
    account: &account::Model,
    signals: &[Signal],
    (headers, address): (&HeaderMap, &str),
) -> Result<Vec<Message>, Internal> {
    let locale = &account.locale;
    let text = |key: &str| app.pages.text(locale, key, &json!({}));
    let reasons: Vec<String> = signals.iter().map(|signal| text(&format!("risk_told_{}", signal.name()))).collect();
    let agent = Some(agent::of(headers)).filter(|agent| !agent.is_empty());
    let args = json!({
        "name": account.first_name, "reasons": reasons.join(" "), "address": app.places.told(address, locale),
        "agent": agent.unwrap_or_else(|| text("account_session_unknown")),
        "time": clock::text(app.clock.now()), "link": app.config.url("/account/sessions"),
    });
    let id = app.entropy.id()?;
    let mail = |(number, to): (usize, String)| {
        letter::of_key(app, locale, "unusual", format!("unusual:{id}:mail:{number}"), &to, &args)
    };
    notice::addresses(app, account).await?.into_iter().enumerate().map(mail).collect()
}
