//! Data that another build has written.

use serde_json::{Value, json};

use super::{Checked, broken, greased, hold, nonsense, works};
use crate::error::{Error, Status};
use crate::message::{Description, Migrate, Migrated, Migrating, Purpose, method};
use crate::testing::{Loaded, context};

const COUNT: &str = "as many values come back from data.migrate as were sent";

/// What is no request is an error; a plugin whose data version never changed may also not know the method.
pub(super) fn makes_sense(loaded: &Loaded) -> Checked {
    for json in nonsense() {
        let status = loaded.raw(method::MIGRATE, &json).status;
        hold(
            "data.migrate is unknown, or refuses what makes no sense",
            [Status::Error, Status::Unknown].map(Status::code).contains(&status),
            || format!("status {status}"),
        )?;
    }
    Ok(())
}

pub(super) fn there_and_back(
    loaded: &Loaded,
    description: &Description,
    enrolment: &Value,
    older: Vec<(u32, Migrating)>,
) -> Checked {
    let own = description.manifest.data_version;
    for (from, to) in [(own, own.saturating_sub(1)), (own, own.saturating_add(1)), (u32::MAX, own)] {
        counts(loaded, from, to, enrolment)?;
    }
    for (from, value) in older {
        migrates(loaded, description, from, &value)?;
    }
    Ok(())
}

/// Whether it can go that way is the plugin's business; if it says so, nothing may be lost.
fn counts(loaded: &Loaded, from: u32, to: u32, enrolment: &Value) -> Checked {
    for count in [0, 1, 3] {
        let values = vec![Migrating::Enrolment { value: enrolment.clone() }; count];
        match loaded.migrate(from, to, values) {
            Ok(values) => hold(COUNT, values.len() == count, || format!("{} instead of {count}", values.len()))?,
            Err(Error::Unsupported | Error::Failed(_)) => {}
            Err(denied @ Error::Denied(_)) => return broken(COUNT, denied.to_string()),
        }
    }
    Ok(())
}

fn migrates(loaded: &Loaded, description: &Description, from: u32, old: &Migrating) -> Checked {
    const RULE: &str = "what an older build has written is migrated, and back";
    let own = description.manifest.data_version;
    hold(RULE, from < own, || format!("{from} is no older data version than {own}"))?;
    let moved = |from: u32, to: u32, one: &Migrating| {
        let request = Migrate { from, to, values: vec![one.clone(); 3] };
        let Migrated { values } = works(RULE, loaded.call(method::MIGRATE, &greased(json!(request))))?;
        let [first, second, third] =
            <[Value; 3]>::try_from(values).or_else(|values| broken(COUNT, format!("{} instead of 3", values.len())))?;
        hold("migrating is always the same", first == second && second == third, || "it differs".to_owned())?;
        Ok(first)
    };
    let new = moved(from, own, old)?;
    if matches!(old, Migrating::Enrolment { .. }) {
        let purpose = description.manifest.purposes.first().copied().unwrap_or(Purpose::Authorize);
        works("an enrolment can be used after its migration", loaded.begin(&context(purpose), &new))?;
    }
    let back = moved(own, from, &with(old, new.clone()))?;
    hold(RULE, moved(from, own, &with(old, back))? == new, || {
        format!("back to {from} and again to {own} it is another value")
    })
}

/// The same thing with another value.
fn with(like: &Migrating, value: Value) -> Migrating {
    match like {
        Migrating::Enrolment { .. } => Migrating::Enrolment { value },
        Migrating::Enrolling { .. } => Migrating::Enrolling { value },
        Migrating::Stored { scope, key, .. } => Migrating::Stored { scope: *scope, key: key.clone(), value },
    }
}
