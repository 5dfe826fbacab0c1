//! Settings in the environment: every key of the file as `ENUM_SECTION__KEY`.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::ConfigError;

/// Lays the settings among these variables over what the file says.
///
/// # Errors
/// When a value is of another type than its key's, or a section is none.
pub(super) fn lay_over(table: &mut Table, environment: BTreeMap<String, String>) -> Result<(), ConfigError> {
    for (name, value) in environment {
        if let Some(keys) = setting_of(&name) {
            put(table, &keys, value_of(&keys, &value)?)?;
        }
    }
    Ok(())
}

/// `ENUM_MAIL__URL` → `["mail", "url"]`. Names that belong to other parts of the program are not settings.
fn setting_of(name: &str) -> Option<Vec<String>> {
    const OTHERS: [&str; 3] = ["ENUM_MASTER_KEY", "ENUM_LOG", "ENUM_CONFIG"];
    let rest = name.strip_prefix("ENUM_")?;
    let others = OTHERS.contains(&name) || rest.starts_with("PAD_") || rest.starts_with("TEST_");
    (!others).then(|| rest.to_lowercase().split("__").map(str::to_owned).collect())
}

fn value_of(keys: &[String], text: &str) -> Result<Value, ConfigError> {
    let name = keys.join(".");
    let lists = [
        "plugins.enabled",
        "plugins.trusted_keys",
        "proxy.trusted",
        "sms.gateways",
        "sms.guard.countries",
        "sms.guard.types",
    ];
    if lists.contains(&name.as_str()) {
        return Ok(Value::Array(
            text.split(',').filter(|part| !part.is_empty()).map(|part| Value::String(part.trim().to_owned())).collect(),
        ));
    }
    if ["sms.next_when_refused", "notices.sms"].contains(&name.as_str()) {
        let on = text.parse().map_err(|_| ConfigError::Key(format!("{name} must be true or false, not {text:?}")))?;
        return Ok(Value::Boolean(on));
    }
    let sections = ["limits.", "account.", "sms.guard."];
    let is_number = sections.iter().any(|section| name.starts_with(section)) && name != "sms.guard.alert_to";
    if is_number || (name.starts_with("notices.") && name.ends_with("_per_day")) {
        let number =
            text.parse().map_err(|_| ConfigError::Key(format!("{name} must be a whole number, not {text:?}")))?;
        return Ok(Value::Integer(number));
    }
    Ok(Value::String(text.to_owned()))
}

fn put(table: &mut Table, keys: &[String], value: Value) -> Result<(), ConfigError> {
    match keys {
        [] => Ok(()),
        [last] => {
            table.insert(last.clone(), value);
            Ok(())
        }
        [first, rest @ ..] => match table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(inner) => put(inner, rest, value),
            _ => Err(ConfigError::Key(format!("{first} is not a section"))),
        },
    }
}
