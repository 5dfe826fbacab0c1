//! Secrets among settings: the fields that the schema marks as `writeOnly`. They go in and never come out again.

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::plugins::services::secret::places;

/// What stands in place of a secret where settings are shown.
pub(super) const HIDDEN: &str = "***";

/// A secret that an administrator sets beside the file with the other settings.
#[derive(Clone)]
pub struct NewSecret {
    /// JSON pointer (RFC 6901) of the field.
    pub pointer: String,
    /// Its value.
    pub value: Zeroizing<String>,
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("pointer", &self.pointer).finish_non_exhaustive()
    }
}

/// Hides the secrets of settings that are to be shown.
pub(super) fn hide(schema: &Value, settings: &mut Value) {
    for pointer in places(schema, settings) {
        if let Some(value) = settings.pointer_mut(&pointer) {
            *value = HIDDEN.into();
        }
    }
}

/// Settings as they shall be, and which secrets of `old` are among them: `given`, with the secrets of `old` where it leaves
/// them out or says `***`, without those that it says are `null`, and with the ones of `new` in their places.
///
/// # Errors
/// What is wrong with `given` or `new`, without a value.
pub(super) fn merged(
    (old_schema, old): (&Value, &Value),
    schema: &Value,
    given: Value,
    new: &[NewSecret],
) -> Result<(Value, Vec<String>), String> {
    let mut merged = given;
    let mut kept = Vec::new();
    for pointer in places(old_schema, old) {
        let Some((parent, key)) = field(&mut merged, &pointer) else { continue };
        if parent.get(&key).is_none_or(|value| value == HIDDEN)
            && let Some(value) = old.pointer(&pointer)
        {
            parent.insert(key, value.clone());
            kept.push(pointer);
        }
    }
    let secret = places(schema, &merged);
    // What the build does not call a secret would be shown.
    for pointer in kept.extract_if(.., |pointer| !secret.contains(pointer)) {
        if let Some((parent, key)) = field(&mut merged, &pointer) {
            parent.remove(&key);
        }
    }
    for pointer in &secret {
        if merged.pointer(pointer) == Some(&Value::Null)
            && let Some((parent, key)) = field(&mut merged, pointer)
        {
            parent.remove(&key);
        }
    }
    for NewSecret { pointer, value } in new {
        place(schema, &mut merged, pointer, value)?;
        kept.retain(|known| known != pointer);
    }
    match places(schema, &merged).into_iter().find(|place| merged.pointer(place).is_some_and(|value| value == HIDDEN)) {
        Some(place) => Err(format!("{place} says `{HIDDEN}`, and there is no earlier value of it that could stay")),
        None => Ok((merged, kept)),
    }
}

/// Puts a secret where the schema has one.
fn place(schema: &Value, settings: &mut Value, pointer: &str, value: &str) -> Result<(), String> {
    let none = || {
        let known = places(schema, settings);
        let known = if known.is_empty() { String::new() } else { format!(" (there is: {})", known.join(", ")) };
        format!(
            "its settings have no secret at `{pointer}`{known}; name a field that its schema marks as `writeOnly`, as a \
             JSON pointer such as /gateway/password"
        )
    };
    let mut tried = settings.clone();
    let set = make(&mut tried, pointer, value);
    if set.is_none() || !places(schema, &tried).iter().any(|place| place == pointer) {
        return Err(none());
    }
    *settings = tried;
    Ok(())
}

/// Sets the field at `pointer`, with the objects on the way there.
fn make(settings: &mut Value, pointer: &str, value: &str) -> Option<()> {
    let mut here = settings;
    for token in pointer.strip_prefix('/')?.split('/') {
        let key = token.replace("~1", "/").replace("~0", "~");
        here = match here {
            Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?)?,
            Value::Object(fields) => fields.entry(key).or_insert_with(|| Value::Object(Map::new())),
            _ => return None,
        };
    }
    *here = value.into();
    Some(())
}

/// The object that `pointer` names a field of, and the field's name. `None` when there is no such object, or it is part of
/// a list: whose items may have changed places.
fn field<'v>(settings: &'v mut Value, pointer: &str) -> Option<(&'v mut Map<String, Value>, String)> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let mut here = settings;
    for token in parent.split('/').skip(1) {
        here = here.as_object_mut()?.get_mut(&token.replace("~1", "/").replace("~0", "~"))?;
    }
    Some((here.as_object_mut()?, key.replace("~1", "/").replace("~0", "~")))
}

/// The secrets among `settings`, whose schema is JSON text.
pub(in crate::plugins) fn values(schema: &str, settings: &Value) -> Vec<Zeroizing<String>> {
    let schema = serde_json::from_str(schema).unwrap_or(Value::Null);
    let secrets = places(&schema, settings);
    secrets
        .iter()
        .filter_map(|pointer| settings.pointer(pointer)?.as_str())
        .map(|text| text.to_owned().into())
        .collect()
}

/// A text of the plugin's without the secrets that it was given.
pub(in crate::plugins) fn censored(text: String, secrets: &[Zeroizing<String>]) -> String {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    secrets.fold(text, |text, secret| text.replace(secret.as_str(), HIDDEN))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({ "type": "object", "properties": {
            "url": { "type": "string" },
            "password": { "type": "string", "writeOnly": true },
            "inner": { "type": "object", "properties": { "token": { "type": "string", "writeOnly": true } } },
            "list": { "type": "array", "items": {
                "type": "object", "properties": { "key": { "type": "string", "writeOnly": true } }
            } },
        } })
    }

    /// Why a merge is refused.
    fn refusal(old: &Value, given: Value, new: &[(&str, &str)]) -> String {
        merge(old, given, new).err().unwrap_or_default()
    }

    fn merge(old: &Value, given: Value, new: &[(&str, &str)]) -> Result<Value, String> {
        let new: Vec<NewSecret> = new
            .iter()
            .map(|(pointer, value)| NewSecret { pointer: (*pointer).to_owned(), value: (*value).to_owned().into() })
            .collect();
        merged((&schema(), old), &schema(), given, &new).map(|(merged, _)| merged)
    }

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        let mut settings =
            json!({ "url": "u", "password": "p", "inner": { "token": "t", "other": 1 }, "list": [{ "key": "k" }] });
        hide(&schema(), &mut settings);
        let inner = json!({ "token": "***", "other": 1 });
        let hidden = json!({ "url": "u", "password": "***", "inner": inner, "list": [{ "key": "***" }] });
        assert_eq!(settings, hidden);
    }

    #[test]
    fn secrets_stay_where_nothing_is_said_of_them() {
        let old = json!({ "url": "u", "password": "p", "inner": { "token": "t" } });
        let merged = merge(&old, json!({ "url": "v", "inner": { "token": "***" } }), &[]);
        assert_eq!(merged, Ok(json!({ "url": "v", "password": "p", "inner": { "token": "t" } })));
        let merged = merge(&old, json!({ "password": null }), &[]);
        assert_eq!(merged, Ok(json!({})), "`null` removes it; the other one went with what it was part of");
        assert_eq!(merge(&old, json!({ "password": "q" }), &[]), Ok(json!({ "password": "q" })));
    }

    #[test]
    fn three_stars_are_no_secret() {
        let refused = refusal(&json!({}), json!({ "password": "***" }), &[]);
        assert!(refused.contains("/password"), "{refused}");
        let old = json!({ "list": [{ "key": "a" }, { "key": "b" }] });
        let refused = refusal(&old, json!({ "list": [{ "key": "***" }] }), &[]);
        assert!(refused.contains("/list/0/key"), "nobody knows which one is meant: {refused}");
        assert_eq!(merge(&json!({}), json!({ "url": "***" }), &[]), Ok(json!({ "url": "***" })), "no secret");
    }

    #[test]
    fn a_secret_goes_only_where_there_is_one() {
        let merged = merge(&json!({}), json!({}), &[("/inner/token", "t"), ("/password", "p")]);
        assert_eq!(merged, Ok(json!({ "inner": { "token": "t" }, "password": "p" })));
        for wrong in ["/url", "password", "", "/", "/inner", "/list/0/key", "/none/at/all"] {
            let refused = refusal(&json!({}), json!({}), &[(wrong, "s3cret")]);
            assert!(refused.contains("writeOnly") && !refused.contains("s3cret"), "{wrong}: {refused}");
        }
    }

    #[test]
    fn what_is_no_secret_any_more_does_not_stay() {
        let open = json!({ "type": "object", "properties": { "password": { "type": "string" } } });
        let merged = merged((&schema(), &json!({ "password": "p" })), &open, json!({}), &[]);
        assert_eq!(merged, Ok((json!({}), Vec::new())));
    }

    #[test]
    fn what_a_plugin_says_is_censored() {
        let secrets =
            values(&schema().to_string(), &json!({ "password": "s3cret", "url": "u", "inner": { "token": "" } }));
        assert_eq!(censored("unknown variant `s3cret` at u".to_owned(), &secrets), "unknown variant `***` at u");
    }
}
