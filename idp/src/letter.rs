//! Mails and text messages, put together.

use std::collections::BTreeMap;

use plugin_api::message::Effect;
use serde_json::{Value, json};

use crate::{
    app::App,
    courier::{Channel, Message},
    error::Internal,
    pages::texts,
    plugins::FactorHandle,
    store::account,
};

/// Characters of a name that somebody else chose.
const LONGEST_NAME: usize = 80;

/// Whom something is sent to, and in which language.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// Main e-mail address.
    pub email: &'a str,
    /// Number in E.164.
    pub phone: &'a str,
    /// Language.
    pub locale: &'a str,
}

impl<'a> From<&'a account::Model> for Recipient<'a> {
    fn from(account: &'a account::Model) -> Self {
        Self { email: &account.email, phone: &account.phone, locale: &account.locale }
    }
}

/// What a factor asks to have sent: its own texts, with the arguments filled in. `name` must name it uniquely.
///
/// # Errors
/// When the factor brought no such text, or the HTML cannot be rendered.
pub fn of_effect(
    app: &App,
    factor: &FactorHandle,
    to: Recipient<'_>,
    name: String,
    effect: Effect,
) -> Result<Message, Internal> {
    let text = |key: &str, args: &BTreeMap<String, String>| {
        let missing = || Internal::Other(format!("factor {} has no text {key}", factor.id()));
        factor.text(to.locale, key).map(|text| texts::fill(text, |name| args.get(name).cloned())).ok_or_else(missing)
    };
    match effect {
        Effect::Sms { text: key, args } => Ok(sms(name, to.phone, text(&key, &args)?)),
        Effect::Mail { subject, text: key, args } => {
            let (subject, text) = (text(&subject, &args)?, text(&key, &args)?);
            mail(app, to.locale, name, to.email, subject, text)
        }
    }
}

/// A mail of ours, from the texts `mail_<key>_subject` and `mail_<key>_text`. `effect` must name it uniquely.
///
/// # Errors
/// When the HTML cannot be rendered.
pub fn of_key(app: &App, locale: &str, key: &str, effect: String, to: &str, args: &Value) -> Result<Message, Internal> {
    let subject = app.pages.text(locale, &format!("mail_{key}_subject"), args);
    let text = app.pages.text(locale, &format!("mail_{key}_text"), args);
    mail(app, locale, effect, to, subject, text)
}

/// A mail as plain text, and the same as simple HTML: paragraphs, and links where a paragraph is an address.
///
/// # Errors
/// When the HTML cannot be rendered.
pub fn mail(
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
pub fn sms(effect: String, to: &str, text: String) -> Message {
    Message { effect, channel: Channel::Sms, to: to.to_owned(), subject: String::new(), text, html: None }
}

/// A name that somebody else chose, as a part of a sentence: on one line, bounded, without what turns the direction of
/// writing, and without links that mail programs would make clickable.
pub fn plain(name: &str) -> String {
    let spaced = |c: char| if c.is_control() || c.is_whitespace() { ' ' } else { c };
    let name: String = name.chars().filter(|c| !texts::turns(*c)).map(spaced).take(LONGEST_NAME).collect();
    name.trim().replace("://", ": //")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_sentence() {
        for (name, shown) in [
            ("Corner Shop", "Corner Shop"),
            (" Shop\n\nhttps://evil.example\r\n", "Shop  https: //evil.example"),
            ("a\u{202e}b\u{2066}c\0d", "abc d"),
            ("Лавка", "Лавка"),
        ] {
            assert_eq!(plain(name), shown);
        }
        assert_eq!(plain(&"x".repeat(1000)).len(), LONGEST_NAME);
    }
}
