//! Secrets of the settings. A plugin is given a reference in place of each, and the host uses the value for it.

use std::collections::BTreeMap;
use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use plugin_api::message::{HmacReply, Revealed, SecretHmac, SecretRef, permission};
use serde_json::{Value, json};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Refusal;
use super::call::Call;
use super::words::one_line;

/// How deep settings are looked through.
const DEPTH: usize = 32;

/// Secrets by their references, which are JSON pointers into the settings.
#[derive(Clone, Default)]
pub(in crate::plugins) struct Secrets(BTreeMap<String, Zeroizing<String>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// # Errors
    /// When the settings have no such secret.
    pub(super) fn get(&self, reference: &str) -> Result<&str, Refusal> {
        let found = self.0.get(reference).map(|value| value.as_str());
        found.ok_or_else(|| Refusal::failed(format!("there is no secret `{}` in the settings", one_line(reference))))
    }
}

pub(super) fn hmac(call: &mut Call<'_>, SecretHmac { secret, data }: SecretHmac) -> Result<HmacReply, Refusal> {
    call.is_about(&secret);
    call.needs(permission::SECRET)?;
    let key = call.held.secrets.get(&secret)?;
    let data = BASE64_URL_SAFE_NO_PAD.decode(data).map_err(|_| Refusal::failed("data: this is not base64url"))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|error| Refusal::failed(error.to_string()))?;
    mac.update(&data);
    Ok(HmacReply { mac: BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()) })
}

pub(super) fn reveal(call: &mut Call<'_>, SecretRef { secret }: SecretRef) -> Result<Revealed, Refusal> {
    call.is_about(&secret);
    call.needs(permission::SECRET_REVEAL)?;
    Ok(Revealed { value: call.held.secrets.get(&secret)?.to_owned() })
}

/// JSON pointers of all values in `settings` that the schema marks as `writeOnly`, whichever way the plugin wants them.
pub(in crate::plugins) fn places(schema: &Value, settings: &Value) -> Vec<String> {
    found(schema, settings).into_iter().map(|place| place.pointer).collect()
}

/// Settings as the plugin is to have them, and the secrets that it has references for. A secret that the plugin's schema
/// wants as a string stays what it is.
pub(in crate::plugins) fn split(schema: &Value, settings: &Value) -> (Value, Secrets) {
    let (mut given, mut secrets) = (settings.clone(), Secrets::default());
    for Found { pointer, by_reference } in found(schema, settings) {
        let Some(Value::String(secret)) = given.pointer_mut(&pointer).filter(|_| by_reference).map(Value::take) else {
            // What is not a string is no secret; it goes back to where the schema will find it.
            if let (Some(place), Some(value)) = (given.pointer_mut(&pointer), settings.pointer(&pointer)) {
                *place = value.clone();
            }
            continue;
        };
        if let Some(place) = given.pointer_mut(&pointer) {
            *place = json!({ "secret": &pointer });
        }
        secrets.0.insert(pointer, Zeroizing::new(secret));
    }
    (given, secrets)
}

struct Found {
    pointer: String,
    /// Whether the plugin wants a reference in its place.
    by_reference: bool,
}

fn found(schema: &Value, settings: &Value) -> Vec<Found> {
    let mut found = Vec::new();
    Search { root: schema, found: &mut found }.look(&[schema], settings, "", 0);
    found
}

struct Search<'s, 'f> {
    root: &'s Value,
    found: &'f mut Vec<Found>,
}

impl<'s> Search<'s, '_> {
    fn look(&mut self, schemas: &[&'s Value], value: &Value, pointer: &str, depth: usize) {
        if depth > DEPTH {
            return;
        }
        let mut views = Vec::new();
        for schema in schemas {
            self.views(schema, &mut views, 0);
        }
        if views.iter().any(|view| view["writeOnly"] == true) {
            let by_reference = views.iter().any(|view| view["properties"]["secret"].is_object());
            self.found.push(Found { pointer: pointer.to_owned(), by_reference });
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let below: Vec<_> = views.iter().filter_map(|view| field(view, name)).collect();
                    let name = name.replace('~', "~0").replace('/', "~1");
                    self.look(&below, value, &format!("{pointer}/{name}"), depth + 1);
                }
            }
            Value::Array(items) => {
                let below: Vec<_> = views.iter().filter_map(|view| view.get("items")).collect();
                for (number, value) in items.iter().enumerate() {
                    self.look(&below, value, &format!("{pointer}/{number}"), depth + 1);
                }
            }
            _ => {}
        }
    }

    /// All schemas that speak about the same value as `schema` does.
    fn views(&self, schema: &'s Value, views: &mut Vec<&'s Value>, depth: usize) {
        if depth > DEPTH || views.iter().any(|view| std::ptr::eq(*view, schema)) {
            return;
        }
        views.push(schema);
        let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|there| there.strip_prefix('#'));
        if let Some(there) = pointer.and_then(|pointer| self.root.pointer(pointer)) {
            self.views(there, views, depth + 1);
        }
        for word in ["allOf", "anyOf", "oneOf"] {
            for part in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
                self.views(part, views, depth + 1);
            }
        }
    }
}

fn field<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    schema.get("properties").and_then(|known| known.get(name)).or_else(|| schema.get("additionalProperties"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({
            "properties": {
                "url": { "type": "string" },
                "token": { "$ref": "#/$defs/Secret" },
                "spare": { "anyOf": [{ "$ref": "#/$defs/Secret" }, { "type": "null" }] },
                "word": { "type": "string", "writeOnly": true },
                "gateway": { "type": "object", "properties": { "pass/word": { "$ref": "#/$defs/Secret" } } },
                "list": { "type": "array", "items": { "$ref": "#/$defs/Endless" } },
                "map": { "additionalProperties": { "$ref": "#/$defs/Secret" } },
            },
            "$defs": {
                "Secret": {
                    "type": "object",
                    "writeOnly": true,
                    "properties": { "secret": { "type": "string" } },
                },
                "Endless": { "$ref": "#/$defs/Endless", "properties": { "key": { "$ref": "#/$defs/Secret" } } },
            },
        })
    }

    fn settings() -> Value {
        json!({
            "url": "u", "token": "t", "spare": null, "word": "w", "gateway": { "pass/word": "g" },
            "list": [{ "key": "k0" }, { "key": "k1", "other": "o" }], "map": { "a": "m" },
        })
    }

    #[test]
    fn secrets_are_found_wherever_the_schema_has_them() {
        let mut found = places(&schema(), &settings());
        found.sort();
        assert_eq!(found, ["/gateway/pass~1word", "/list/0/key", "/list/1/key", "/map/a", "/spare", "/token", "/word"]);
    }

    #[test]
    fn a_plugin_gets_references_and_the_host_keeps_the_values() {
        let (given, secrets) = split(&schema(), &settings());
        let reference = |pointer: &str| json!({ "secret": pointer });
        assert_eq!(
            given,
            json!({
                "url": "u", "token": reference("/token"), "spare": null, "word": "w",
                "gateway": { "pass/word": reference("/gateway/pass~1word") },
                "list": [{ "key": reference("/list/0/key") }, { "key": reference("/list/1/key"), "other": "o" }],
                "map": { "a": reference("/map/a") },
            })
        );
        assert_eq!(secrets.get("/gateway/pass~1word"), Ok("g"));
        assert!(secrets.get("/word").is_err() && secrets.get("/url").is_err() && secrets.get("/spare").is_err());
        let shown = format!("{secrets:?}");
        assert!(shown.contains("/token") && !shown.contains("\"t\"") && !shown.contains("k1"), "{shown}");
    }

    #[test]
    fn what_is_no_string_is_left_for_the_schema_to_refuse() {
        let odd = json!({ "token": 7, "gateway": [1], "word": { "a": 1 } });
        let (given, secrets) = split(&schema(), &odd);
        assert_eq!((given, secrets.0.len()), (odd, 0));
    }
}
