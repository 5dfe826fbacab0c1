//! What a page tells after a form was sent. It travels in the address as the key of a text: anything else shows nothing.

use serde::Deserialize;
use serde_json::Value;

/// The key, as it came.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    said: String,
}

impl Said {
    /// Puts it where the template shows it: as a notice, or as a complaint.
    pub(super) fn put_into(&self, mut context: Value) -> Value {
        let is_key = self.said.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        for (kind, place) in [("account_said_", "notice"), ("account_not_", "error")] {
            if is_key && self.said.starts_with(kind) {
                context[place] = self.said.as_str().into();
            }
        }
        context
    }
}
