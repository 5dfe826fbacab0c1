//! Settings: what a plugin takes, and what it says of the rest.

use serde_json::{Value, json};

use super::{Checked, broken, hold, nonsense, works};
use crate::abi::Plugin;
use crate::error::{Error, Status};
use crate::message::{Description, method};
use crate::testing::loaded::PANICKED;
use crate::testing::{FakeHost, Loaded};

pub(super) fn are_sound(
    table: &'static Plugin,
    loaded: &Loaded,
    description: &Description,
    sample: &Value,
    prepare: &dyn Fn(&FakeHost),
) -> Checked {
    works("settings.check accepts the sample settings", loaded.check_settings(sample))?;
    let Some(fields) = sample.as_object() else { return broken("settings are an object", sample.to_string()) };
    let with = |name: &str, value: Value| {
        let mut fields = fields.clone();
        fields.insert(name.to_owned(), value);
        Value::from(fields)
    };
    for json in nonsense().into_iter().filter(|json| json != b"{}" && json != b"[]") {
        let status = loaded.raw(method::CHECK_SETTINGS, &json).status;
        hold("settings that make no sense are an error", status == Status::Error.code(), || {
            let start = String::from_utf8_lossy(json.get(..20).unwrap_or(&json)).into_owned();
            format!("settings.check answered `{start}` with status {status}")
        })?;
    }
    refuse_the_unknown(table, loaded, &with("x_mistyped", json!(1)), prepare)?;
    let declared = description.settings_schema.get("properties").and_then(Value::as_object);
    for name in fields.keys().chain(declared.into_iter().flat_map(|fields| fields.keys())) {
        for odd in [Value::Null, json!([[]]), json!({ "x_mistyped": 1 }), json!(""), json!(-1)] {
            are_checked_as_created(table, loaded, name, &with(name, odd), prepare)?;
        }
    }
    works("settings.check answers alike every time", loaded.check_settings(sample))
}

fn refuse_the_unknown(
    table: &'static Plugin,
    loaded: &Loaded,
    mistyped: &Value,
    prepare: &dyn Fn(&FakeHost),
) -> Checked {
    const RULE: &str = "settings refuse what they do not know";
    let checked = loaded.raw(method::CHECK_SETTINGS, mistyped.to_string().as_bytes());
    hold(RULE, checked.status == Status::Error.code(), || {
        format!("settings.check returned status {} for the unknown field `x_mistyped`", checked.status)
    })?;
    match Loaded::with(table, mistyped, prepare) {
        Err(Error::Failed(_)) => Ok(()),
        Err(other) => broken(RULE, format!("create refused the unknown field with `{other}`")),
        Ok(_) => broken(RULE, "create took the unknown field `x_mistyped`"),
    }
}

/// What `create` refuses, `settings.check` has refused before; it may refuse more, since it looks further.
fn are_checked_as_created(
    table: &'static Plugin,
    loaded: &Loaded,
    name: &str,
    settings: &Value,
    prepare: &dyn Fn(&FakeHost),
) -> Checked {
    const RULE: &str = "settings.check finds what create would refuse";
    let (checked, created) = (loaded.check_settings(settings), Loaded::with(table, settings, prepare));
    let how = || format!("with `{name}` as {}", settings[name]);
    for error in [checked.as_ref().err(), created.as_ref().err()].into_iter().flatten() {
        hold(RULE, *error != Error::failed(PANICKED) && *error != Error::Unsupported, || {
            format!("{}: {error}", how())
        })?;
        hold("an error has a text", !error.to_string().is_empty(), how)?;
    }
    hold(RULE, created.is_ok() || checked.is_err(), how)
}
