//! The contract as checks that every plugin passes.
//!
//! ```ignore
//! #[test]
//! fn conforms() {
//!     plugin_api::testing::conformance::factor(my_plugin::enum_plugin_v1(), &mut Ann::default()).unwrap();
//! }
//! ```

mod factor;
mod service;

use std::fmt;

use serde_json::{Value, json};

pub use self::factor::{Asked, Person, factor};
pub use self::service::{ServiceSamples, service};
use super::Loaded;
use crate::abi::Plugin;
use crate::error::{Error, Status};
use crate::message::{Description, method};

/// A rule that the plugin broke.
pub struct Broken {
    rule: &'static str,
    how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.how)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {}

type Checked<T = ()> = Result<T, Broken>;

fn broken<T>(rule: &'static str, how: impl Into<String>) -> Checked<T> {
    Err(Broken { rule, how: how.into() })
}

fn hold(rule: &'static str, holds: bool, how: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { broken(rule, how()) }
}

/// An error where there should be none.
fn works<T>(rule: &'static str, result: Result<T, Error>) -> Checked<T> {
    result.map_err(|error| Broken { rule, how: error.to_string() })
}

/// What holds for both kinds. Returns the instance to go on with, and the description.
fn plugin(table: &'static Plugin, settings: &Value, methods: &[&str]) -> Checked<(Loaded, Description)> {
    hold("a panic must be contained", table.unwinds(), || "it was built with panic = abort".to_owned())?;
    let loaded = works("the sample settings are accepted", Loaded::new(table, settings))?;
    let description = described(&loaded)?;
    settings_are_strict(table, &loaded, settings)?;
    unknown_methods(&loaded)?;
    garbage(&loaded, methods)?;
    Ok((loaded, description))
}

fn described(loaded: &Loaded) -> Checked<Description> {
    const RULE: &str = "the description is valid and always the same";
    let description = works(RULE, loaded.describe())?;
    if let Err(why) = description.check() {
        return broken(RULE, why);
    }
    hold(RULE, works(RULE, loaded.describe())? == description, || "two replies differ".to_owned())?;
    Ok(description)
}

fn settings_are_strict(table: &'static Plugin, loaded: &Loaded, settings: &Value) -> Checked {
    const RULE: &str = "settings refuse what they do not know";
    works("settings.check accepts the sample settings", loaded.call::<_, Value>(method::CHECK_SETTINGS, settings))?;
    let mut mistyped = settings.clone();
    let Some(fields) = mistyped.as_object_mut() else {
        return broken("settings are an object", settings.to_string());
    };
    fields.insert("x_mistyped".to_owned(), json!(1));
    let checked = loaded.raw(method::CHECK_SETTINGS, mistyped.to_string().as_bytes());
    hold(RULE, checked.status == Status::Error.code(), || {
        format!("settings.check returned status {} for the unknown field `x_mistyped`", checked.status)
    })?;
    match Loaded::new(table, &mistyped) {
        Err(Error::Failed(_)) => Ok(()),
        Err(other) => broken(RULE, format!("create refused the unknown field with `{other}`")),
        Ok(_) => broken(RULE, "create took the unknown field `x_mistyped`"),
    }
}

fn unknown_methods(loaded: &Loaded) -> Checked {
    for name in ["", "grease.7c1e", "factor.begin ", "FACTOR.BEGIN", "\u{1F9C0}"] {
        let reply = loaded.raw(name, b"{}");
        hold("an unknown method is answered with status 2", reply.status == Status::Unknown.code(), || {
            format!("`{name}` was answered with status {}", reply.status)
        })?;
    }
    Ok(())
}

fn garbage(loaded: &Loaded, methods: &[&str]) -> Checked {
    let deep = "[".repeat(100_000);
    let bad: [&[u8]; 9] =
        [b"", b"{", b"null", b"[]", b"{}", b"\"text\"", b"\xff\xfe", b"{\"cx\":null}", deep.as_bytes()];
    for &name in methods {
        for json in bad {
            let reply = loaded.raw(name, json);
            hold("a message that makes no sense is an error", reply.status == Status::Error.code(), || {
                let start = String::from_utf8_lossy(json.get(..20).unwrap_or(json));
                format!("{name} answered `{start}` with status {}", reply.status)
            })?;
            hold("an error has a text", !reply.bytes.is_empty() && std::str::from_utf8(&reply.bytes).is_ok(), || {
                format!("{name} gave none, or one that is not UTF-8")
            })?;
        }
    }
    Ok(())
}

/// Puts a field that nobody knows into every object of a message, except into what belongs to the plugin itself and into
/// maps whose keys are data.
fn greased(mut message: Value) -> Value {
    fn into(value: &mut Value) {
        if let Some(object) = value.as_object_mut() {
            for (name, inner) in object.iter_mut() {
                if !matches!(name.as_str(), "enrolment" | "replaces" | "state" | "input" | "details") {
                    into(inner);
                }
            }
            object.insert("x_grease".to_owned(), json!({ "a": [1, null] }));
        }
    }
    into(&mut message);
    message
}
