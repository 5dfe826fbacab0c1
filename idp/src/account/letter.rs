//! Mails and text messages, put together.

use serde_json::{Value, json};

use crate::{
    app::App,
    courier::{Channel, Message},
    error::Internal,
};

/// A mail of ours, from the texts `mail_<key>_subject` and `mail_<key>_text`. `effect` must name it uniquely.
///
/// # Errors
/// When the HTML cannot be rendered.
pub(super) fn of_key(
    app: &App,
    locale: &str,
    key: &str,
    effect: String,
    to: &str,
    args: &Value,
) -> Result<Message, Internal> {
    let subject = app.pages.text(locale, &format!("mail_{key}_subject"), args);
    let text = app.pages.text(locale, &format!("mail_{key}_text"), args);
    mail(app, locale, effect, to, subject, text)
}

/// A mail as plain text, and the same as simple HTML: paragraphs, and links where a paragraph is an address.
///
/// # Errors
/// When the HTML cannot be rendered.
pub(super) fn mail(
    app: &App,
    locale: &str,
    effect: String,
    to: &str,
    subject: String,
    text: String,
) -> Result<Message, Internal> {
    let paragraphs: Vec<Value> = text.split("\n\n").map(paragraph).collect();
    let html = app.pages.html("mail.html", locale, &json!({ "subject": subject, "paragraphs": paragraphs }))?;
    Ok(Message { effect, channel: Channel::Mail, to: to.to_owned(), subject, text, html: Some(html) })
}

fn paragraph(text: &str) -> Value {
    let is_address =
        (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(char::is_whitespace);
    if is_address { json!({ "link": text }) } else { json!({ "text": text }) }
}

/// A text message.
pub(super) fn sms(effect: String, to: &str, text: String) -> Message {
    Message { effect, channel: Channel::Sms, to: to.to_owned(), subject: String::new(), text, html: None }
}
