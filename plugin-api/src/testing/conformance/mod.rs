//! The contract as checks that every plugin passes.
//!
//! ```ignore
//! #[test]
//! fn conforms() {
//!     plugin_api::testing::conformance::factor(my_plugin::enum_plugin_v1(), &mut Ann::default()).unwrap();
//! }
//! ```

mod factor;
mod migration;
mod nameless;
mod resources;
mod service;
mod settings;
mod surroundings;

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use serde_json::{Value, json};

pub use self::factor::{Asked, Person, factor};
pub use self::resources::resources;
pub use self::service::{ServiceSamples, service, service_with};
use super::{FakeHost, Loaded};
use crate::abi::Plugin;
use crate::error::{Error, Status};
use crate::message::Description;

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
fn plugin(
    table: &'static Plugin,
    sample: &Value,
    methods: &[&str],
    prepare: &dyn Fn(&FakeHost),
) -> Checked<(Loaded, Description)> {
    hold("a panic must be contained", table.unwinds(), || "it was built with panic = abort".to_owned())?;
    let loaded = works("the sample settings are accepted", Loaded::with(table, sample, prepare))?;
    let description = described(&loaded)?;
    settings::are_sound(table, &loaded, &description, sample, prepare)?;
    unknown_methods(&loaded)?;
    garbage(&loaded, methods)?;
    migration::makes_sense(&loaded)?;
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

fn unknown_methods(loaded: &Loaded) -> Checked {
    let [grease, of_a_factor] = [format!("grease.{}", random()), format!("factor.{}", random())];
    for name in ["", &grease, &of_a_factor, "factor.begin ", "FACTOR.BEGIN", "\u{1F9C0}"] {
        let reply = loaded.raw(name, b"{}");
        hold("an unknown method is answered with status 2", reply.status == Status::Unknown.code(), || {
            format!("`{name}` was answered with status {}", reply.status)
        })?;
    }
    Ok(())
}

fn garbage(loaded: &Loaded, methods: &[&str]) -> Checked {
    for &name in methods {
        for json in nonsense() {
            let reply = loaded.raw(name, &json);
            hold("a message that makes no sense is an error", reply.status == Status::Error.code(), || {
                let start = String::from_utf8_lossy(json.get(..20).unwrap_or(&json));
                format!("{name} answered `{start}` with status {}", reply.status)
            })?;
            hold("an error has a text", !reply.bytes.is_empty() && std::str::from_utf8(&reply.bytes).is_ok(), || {
                format!("{name} gave none, or one that is not UTF-8")
            })?;
        }
    }
    Ok(())
}

/// What no method of the contract but `describe` can make sense of.
fn nonsense() -> Vec<Vec<u8>> {
    let deep = "[".repeat(100_000);
    let bad: [&[u8]; 9] =
        [b"", b"{", b"null", b"[]", b"{}", b"\"text\"", b"\xff\xfe", b"{\"cx\":null}", deep.as_bytes()];
    bad.map(<[u8]>::to_vec).into()
}

/// Another name in every run, so that nobody gets used to one.
fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// Puts a field that nobody knows, under another name in every run, into every object of a message, except into what
/// belongs to the plugin itself and into maps whose keys are data.
fn greased(mut message: Value) -> Value {
    fn into(value: &mut Value, name: &str) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| into(item, name)),
            Value::Object(fields) => {
                for (field, inner) in fields.iter_mut() {
                    if !matches!(
                        field.as_str(),
                        "enrolment"
                            | "replaces"
                            | "state"
                            | "input"
                            | "details"
                            | "value"
                            | "fields"
                            | "segments"
                            | "query"
                    ) {
                        into(inner, name);
                    }
                }
                fields.insert(name.to_owned(), json!({ "a": [1, null] }));
            }
            _ => {}
        }
    }
    into(&mut message, &format!("x_grease_{}", random()));
    message
}
