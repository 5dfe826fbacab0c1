//! The registration form: what was filled in, and what is wrong with it.

use std::collections::BTreeMap;

use lettre::Address;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{answer, phone};
use crate::{app::App, store::account::canonical_email};

/// Questions to choose from; each has a text `question_<id>`.
pub(super) const QUESTIONS: [&str; 5] = ["pet", "teacher", "street", "book", "trip"];
/// The choice of those who write their own.
const OWN: &str = "own";

/// The fields as they come from the browser, and as they go back to it when something is wrong.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Form {
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) question: String,
    pub(super) own_question: String,
    pub(super) security_answer: String,
    /// The sealed bot check.
    #[serde(skip_serializing)]
    pub(super) bot: String,
    /// Its answer.
    #[serde(skip_serializing)]
    pub(super) sum: String,
    /// A field that no person sees; whoever fills it in is a robot.
    #[serde(skip_serializing)]
    pub(super) website: String,
}

/// A form without mistakes.
pub(super) struct Filled {
    pub(super) first_name: String,
    pub(super) last_name: String,
    /// Canonical.
    pub(super) email: String,
    /// E.164.
    pub(super) phone: String,
    /// The question in the person's language, or their own.
    pub(super) question: String,
    pub(super) answer: String,
}

/// By field, the key of the text that says what is wrong.
pub(super) type Mistakes = BTreeMap<&'static str, &'static str>;

/// The questions that the page offers.
pub(super) fn questions(app: &App, locale: &str) -> serde_json::Value {
    let text = |id: &str| app.pages.text(locale, &format!("question_{id}"), &json!({}));
    QUESTIONS.iter().map(|id| json!({ "id": id, "text": text(id) })).collect()
}

impl Form {
    /// Parses every field, and finds every mistake at once.
    pub(super) fn fill(&self, app: &App, locale: &str) -> Result<Filled, Mistakes> {
        let mut mistakes = Mistakes::new();
        let mut field = |name: &'static str, parsed: Result<String, &'static str>| {
            parsed.map_err(|mistake| mistakes.insert(name, mistake)).unwrap_or_default()
        };
        let first_name = field("first_name", name(&self.first_name).ok_or("invalid_first_name"));
        let last_name = field("last_name", name(&self.last_name).ok_or("invalid_last_name"));
        let email = field("email", email(&self.email).ok_or("invalid_email"));
        let phone = field("phone", phone::parse(&self.phone).map(|number| phone::e164(&number)));
        let question = match self.question.as_str() {
            OWN => field("own_question", own_question(&self.own_question).ok_or("invalid_own_question")),
            id if QUESTIONS.contains(&id) => app.pages.text(locale, &format!("question_{id}"), &json!({})),
            _ => field("question", Err("invalid_question")),
        };
        let answer = field("security_answer", security_answer(&self.security_answer, &question));
        if mistakes.is_empty() {
            Ok(Filled { first_name, last_name, email, phone, question, answer })
        } else {
            Err(mistakes)
        }
    }
}

/// 1 to 80 characters on one line, one of them a letter.
pub(super) fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let fits =
        text.chars().count() <= 80 && !text.chars().any(char::is_control) && text.chars().any(char::is_alphabetic);
    fits.then(|| text.to_owned())
}

/// An address that mail can be sent to, canonical.
pub(super) fn email(text: &str) -> Option<String> {
    let address = canonical_email(text);
    let fits = address.len() <= 254 && address.is_ascii();
    (fits && address.parse::<Address>().is_ok()).then_some(address)
}

fn own_question(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (5..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn security_answer(text: &str, question: &str) -> Result<String, &'static str> {
    let normal = answer::normalise(text);
    if normal.chars().count() < answer::SHORTEST || text.chars().count() > 200 {
        return Err("invalid_answer");
    }
    if normal == answer::normalise(question) {
        return Err("invalid_answer_same");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_canonical_or_refused() {
        assert_eq!(email(" Anna@Example.COM ").as_deref(), Some("anna@example.com"));
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "anna",
            "anna@",
            "@example.com",
            "a b@example.com",
            "a@b.example\r\nBcc: c@d.example",
            &long,
            "аnna@example.com",
        ] {
            assert_eq!(email(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_have_letters_of_any_script_and_one_line() {
        assert_eq!(name(" Анна ").as_deref(), Some("Анна"));
        assert_eq!(name("Nguyễn Thị").as_deref(), Some("Nguyễn Thị"));
        for bad in ["", "  ", "123", "a\nb", &"a".repeat(81)] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_answer_is_long_enough_and_not_the_question() {
        assert!(security_answer("Rex", "Pet?").is_ok());
        assert_eq!(security_answer("r.", "Pet?"), Err("invalid_answer"));
        assert_eq!(security_answer("PET", "pet?"), Err("invalid_answer_same"));
        assert_eq!(security_answer(&"a".repeat(201), "?"), Err("invalid_answer"));
    }
}
