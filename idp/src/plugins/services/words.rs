//! Lines of a plugin for the log, and its texts for people.

use std::collections::BTreeMap;

use plugin_api::message::{LogLine, TextQuery, TextReply};

use super::{HostServices, Refusal};
use crate::pages::texts;

/// Longest line that a plugin can put into the log, in bytes.
const LINE_LIMIT: usize = 1000;

impl HostServices {
    pub(super) fn log(&self, json: &[u8]) -> Result<Vec<u8>, Refusal> {
        let Ok(LogLine { level, message }) = serde_json::from_slice(json) else {
            return Err(Refusal::failed("this is not a log line"));
        };
        let (plugin, message) = (self.plugin(), one_line(&message));
        match level.as_str() {
            "error" => tracing::error!(plugin, "{message}"),
            "warn" => tracing::warn!(plugin, "{message}"),
            "info" => tracing::info!(plugin, "{message}"),
            "debug" => tracing::debug!(plugin, "{message}"),
            _ => return Err(Refusal::failed("level: error, warn, info or debug")),
        }
        Ok(b"null".to_vec())
    }

    pub(super) fn text(&self, json: &[u8]) -> Result<Vec<u8>, Refusal> {
        let TextQuery { locale, key, args } = serde_json::from_slice(json)
            .map_err(|error| Refusal::failed(format!("this is not a query for a text: {error}")))?;
        let text = text(&self.texts, &locale, &key)
            .ok_or_else(|| Refusal::failed(format!("there is no text `{}`", one_line(&key))))?;
        let text = texts::fill(text, |name| args.get(name).cloned());
        serde_json::to_vec(&TextReply { text }).map_err(|error| Refusal::failed(error.to_string()))
    }
}

/// One of a plugin's texts in the language of the locale, or in English.
pub(in crate::plugins) fn text<'a>(
    texts: &'a BTreeMap<String, BTreeMap<String, String>>,
    locale: &str,
    key: &str,
) -> Option<&'a str> {
    let language = locale.split(['-', '_']).next().unwrap_or_default();
    let found = |locale: &str| texts.get(locale)?.get(key).map(String::as_str);
    found(locale).or_else(|| found(language)).or_else(|| found("en"))
}

/// A plugin must not be able to forge lines, or to fill the disk with one.
pub(in crate::plugins) fn one_line(message: &str) -> String {
    let end = message.floor_char_boundary(LINE_LIMIT);
    message[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use plugin_api::Status;
    use plugin_api::abi::Services;
    use serde_json::json;

    use super::super::tests::services;
    use super::*;

    #[test]
    fn a_message_stays_one_line_of_bounded_length() {
        assert_eq!(one_line("a\r\nb\x1b[31m"), "a  b [31m");
        assert_eq!(one_line(&"ж".repeat(600)).len(), LINE_LIMIT);
    }

    #[test]
    fn a_text_is_found_by_language_and_filled_in() {
        let services =
            services(&json!({ "en": { "hi": "Hello {name}", "bye": "Bye" }, "vi": { "hi": "Chào {name}" } }));
        let asks = |locale: &str, key: &str| {
            let query = json!({ "locale": locale, "key": key, "args": { "name": "{bye}" } });
            let (status, reply) = services.call("text", query.to_string().as_bytes());
            (status, String::from_utf8_lossy(&reply).into_owned())
        };
        assert_eq!(asks("vi-VN", "hi"), (Status::Ok, r#"{"text":"Chào {bye}"}"#.to_owned()));
        assert_eq!(asks("vi", "bye"), (Status::Ok, r#"{"text":"Bye"}"#.to_owned()));
        assert_eq!(asks("en", "none"), (Status::Error, "there is no text `none`".to_owned()));
        assert_eq!(services.call("text", b"{}").0, Status::Error);
    }
}
