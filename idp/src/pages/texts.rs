//! Texts of pages, mails and messages: one flat file a language, with `{name}` for what is filled in.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use tera::{Kwargs, State};

use super::LOCALES;
use crate::error::Internal;

/// Whether a character changes the direction of what follows (Unicode TR36 §2.5): out of place in what others have written.
pub fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const FILES: [&str; 3] = [
    include_str!("../../locales/en.json"),
    include_str!("../../locales/ru.json"),
    include_str!("../../locales/vi.json"),
];

type Keyed = BTreeMap<String, String>;

/// The texts of every language.
pub(super) struct Texts {
    by_locale: BTreeMap<&'static str, (Arc<Keyed>, tera::Value)>,
}

impl Texts {
    pub(super) fn built_in() -> Result<Self, Internal> {
        let mut by_locale = BTreeMap::new();
        for (locale, file) in LOCALES.into_iter().zip(FILES) {
            let texts: Keyed = serde_json::from_str(file)
                .map_err(|error| Internal::Page(format!("locales/{locale}.json: {error}")))?;
            let value = as_value(&texts);
            by_locale.insert(locale, (Arc::new(texts), value));
        }
        Ok(Self { by_locale })
    }

    /// All texts of a language, for templates. Cheap: shared, not copied.
    pub(super) fn all(&self, locale: &str) -> tera::Value {
        self.by_locale.get(locale).map_or_else(tera::Value::none, |(_, value)| value.clone())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.by_locale.values().all(|(texts, _)| texts.contains_key(key))
    }

    pub(super) fn fill(&self, locale: &str, key: &str, args: &Value) -> String {
        let text = self.by_locale.get(locale).and_then(|(texts, _)| texts.get(key));
        let Some(text) = text else {
            tracing::error!(locale, key, "there is no such text");
            return key.to_owned();
        };
        fill(text, |name| match args.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }
}

/// Replaces each `{name}` that `value` knows. What is filled in is not looked at again, so that a name with braces in it
/// cannot pull in another argument.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some((filled, after)) = after.split_once('}').and_then(|(name, after)| Some((value(name)?, after))) {
            out.push_str(&filled);
            rest = after;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// `{{ t.key | fill(name=value) }}` in templates. The result is escaped like any other text.
#[expect(clippy::needless_pass_by_value, reason = "the engine's signature")]
pub(super) fn fill_filter(text: &str, args: Kwargs, _: &State<'_>) -> String {
    fill(text, |name| args.get::<&tera::Value>(name).ok().flatten().map(ToString::to_string))
}

pub(super) fn as_value(texts: &Keyed) -> tera::Value {
    tera::Value::from_serializable(texts)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<String> {
        let names = std::cell::RefCell::new(BTreeSet::new());
        fill(text, |name| {
            names.borrow_mut().insert(name.to_owned());
            Some(String::new())
        });
        names.into_inner()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        let texts = Texts::built_in().unwrap();
        let (english, _) = &texts.by_locale["en"];
        assert!(english.len() > 100);
        for locale in LOCALES {
            let (these, _) = &texts.by_locale[locale];
            let (keys, expected): (Vec<_>, Vec<_>) = (these.keys().collect(), english.keys().collect());
            assert_eq!(keys, expected, "{locale}");
            for (key, text) in these.iter() {
                assert!(!text.trim().is_empty(), "{locale} {key}");
                assert_eq!(placeholders(text), placeholders(&english[key]), "{locale} {key}");
            }
        }
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let value = |name: &str| match name {
            "a" => Some("{b}".to_owned()),
            "b" => Some("secret".to_owned()),
            _ => None,
        };
        assert_eq!(fill("{a} {b} {c} {", value), "{b} secret {c} {");
    }
}
