//! Texts with places for what a message brings: `{to}`, `{text}` and the like; `{{` and `}}` stand for braces.
//!
//! What is put in is escaped for where it goes, and is never looked through for places itself: a text that holds
//! `{password}` is sent as it is.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// A place in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The number, in E.164 with its plus sign.
    To,
    /// The number without the plus sign.
    Digits,
    /// The sender.
    From,
    /// What is said.
    Text,
    /// The same for each attempt at one message, of 32 hexadecimal digits.
    Id,
    /// Where the gateway may report what became of the message.
    DeliveryUrl,
    /// The name that we are known to the gateway by.
    User,
    /// The secret for it.
    Password,
}

const PLACES: [(&str, Place); 8] = [
    ("to", Place::To),
    ("to_digits", Place::Digits),
    ("from", Place::From),
    ("text", Place::Text),
    ("id", Place::Id),
    ("delivery_url", Place::DeliveryUrl),
    ("user", Place::User),
    ("password", Place::Password),
];

/// What is put into the places.
#[derive(Clone, Copy)]
pub(super) struct Values<'v> {
    pub(super) to: &'v str,
    pub(super) from: &'v str,
    pub(super) text: &'v str,
    pub(super) id: &'v str,
    pub(super) delivery_url: &'v str,
    pub(super) user: &'v str,
    pub(super) password: &'v str,
}

impl<'v> Values<'v> {
    fn at(&self, place: Place) -> &'v str {
        match place {
            Place::To => self.to,
            Place::Digits => self.to.trim_start_matches('+'),
            Place::From => self.from,
            Place::Text => self.text,
            Place::Id => self.id,
            Place::DeliveryUrl => self.delivery_url,
            Place::User => self.user,
            Place::Password => self.password,
        }
    }
}

/// A text with places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Place(Place),
}

impl Template {
    /// # Errors
    /// When a place is not known or a brace stands alone: says which.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let (name, after) = rest
                .split_once('}')
                .filter(|_| brace == "{")
                .ok_or_else(|| format!("a `{brace}` stands alone; write `{brace}{brace}` for the brace itself"))?;
            let (_, place) = PLACES.iter().find(|(known, _)| *known == name).ok_or_else(|| unknown(name))?;
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            pieces.push(Piece::Place(*place));
            rest = after;
        }
        plain.push_str(rest);
        pieces.push(Piece::Plain(plain));
        pieces.retain(|piece| *piece != Piece::Plain(String::new()));
        Ok(Self(pieces))
    }

    /// Whether what is said, or to whom, has a place here.
    pub(super) fn holds_the_message(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Place(Place::To | Place::Digits | Place::Text)))
    }

    /// With the values as they are.
    pub(super) fn fill(&self, values: &Values<'_>) -> String {
        self.fill_with(values, |value, into| into.push_str(value))
    }

    /// With the values percent-encoded (RFC 3986 §2.1): all but letters and digits of ASCII.
    pub(super) fn fill_url(&self, values: &Values<'_>) -> String {
        self.fill_with(values, |value, into| into.extend(utf8_percent_encode(value, NON_ALPHANUMERIC)))
    }

    fn fill_with(&self, values: &Values<'_>, escape: impl Fn(&str, &mut String)) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => filled.push_str(text),
                Piece::Place(place) => escape(values.at(*place), &mut filled),
            }
        }
        filled
    }
}

fn unknown(name: &str) -> String {
    let known: Vec<String> = PLACES.iter().map(|(known, _)| format!("{{{known}}}")).collect();
    format!("`{{{name}}}` is not known; there are {}", known.join(", "))
}

/// A JSON value whose texts are templates. It is filled as a value and written as JSON afterwards, so that nothing that is
/// put in can end the text that it stands in.
#[derive(Clone, Debug)]
pub(super) enum JsonTemplate {
    Text(Template),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    Other(Value),
}

impl JsonTemplate {
    /// # Errors
    /// As [`Template::parse`].
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => Self::Text(Template::parse(text)?),
            Value::Array(values) => Self::List(values.iter().map(Self::parse).collect::<Result<_, _>>()?),
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| Ok((name.clone(), Self::parse(value)?));
                Self::Object(members.iter().map(member).collect::<Result<_, String>>()?)
            }
            other => Self::Other(other.clone()),
        })
    }

    pub(super) fn fill(&self, values: &Values<'_>) -> Value {
        match self {
            Self::Text(template) => Value::String(template.fill(values)),
            Self::List(list) => list.iter().map(|item| item.fill(values)).collect(),
            Self::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), value.fill(values))).collect::<Value>()
            }
            Self::Other(value) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const EVIL: &str = "\"}, \"admin\": true, {password} &to=1#%00\r\nX-Evil: 1\\";

    fn values(text: &str) -> Values<'_> {
        Values {
            to: "+84912345678",
            from: "E-num",
            text,
            id: "00ff",
            delivery_url: "https://id.example/sms/delivery/x",
            user: "u",
            password: "hunter2",
        }
    }

    #[test]
    fn places_are_filled() {
        let template = Template::parse("{{{to_digits}}} {text}/{from}").unwrap();
        assert_eq!(template.fill(&values("hi")), "{84912345678} hi/E-num");
        assert!(template.holds_the_message());
        assert!(!Template::parse("Bearer {password}").unwrap().holds_the_message());
    }

    #[test]
    fn what_is_misspelt_is_named() {
        assert!(Template::parse("{tex}").unwrap_err().contains("`{tex}` is not known; there are {to}"));
        for alone in ["{", "a } b", "{to", "}{to}"] {
            assert!(Template::parse(alone).unwrap_err().contains("stands alone"), "{alone}");
        }
    }

    #[test]
    fn a_text_is_never_a_template_and_stays_inside_its_string() {
        let body = JsonTemplate::parse(&json!({ "to": "{to}", "body": ["{text}", 1, null] })).unwrap();
        let sent = serde_json::to_string(&body.fill(&values(EVIL))).unwrap();
        let read: Value = serde_json::from_str(&sent).unwrap();
        assert_eq!(read, json!({ "to": "+84912345678", "body": [EVIL, 1, null] }));
        assert!(!sent.contains("hunter2"));
    }

    #[test]
    fn a_text_cannot_change_a_url() {
        let url = Template::parse("https://sms.example/send/{to}?text={text}&key={password}").unwrap();
        let filled = url::Url::parse(&url.fill_url(&values(EVIL))).unwrap();
        assert_eq!((filled.path(), filled.fragment()), ("/send/%2B84912345678", None));
        let pairs: Vec<(String, String)> = filled.query_pairs().into_owned().collect();
        assert_eq!(pairs, [("text".to_owned(), EVIL.to_owned()), ("key".to_owned(), "hunter2".to_owned())]);
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_json_and_url(text in "\\PC*") {
            let body = JsonTemplate::parse(&json!({ "x": "a{text}b" })).unwrap();
            let read: Value = serde_json::from_str(&body.fill(&values(&text)).to_string()).unwrap();
            prop_assert_eq!(&read["x"], &json!(format!("a{text}b")));
            let url = Template::parse("http://h/?q={text}").unwrap().fill_url(&values(&text));
            let parsed = url::Url::parse(&url).unwrap();
            prop_assert_eq!(parsed.query_pairs().next().map(|(_, value)| value.into_owned()), Some(text));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            drop(Template::parse(&text));
        }
    }
}
