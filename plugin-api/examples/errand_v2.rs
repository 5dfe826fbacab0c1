//! The build 2.0.0 of `errand.rs`, with data version 2: what was the member `word` of an enrolment, of the state while
//! enrolling, and of an object in the store is now called `phrase`. It migrates from 1 to 2 and back, other than a word
//! that is `stuck`, which fails with the text `stuck`.
#![forbid(unsafe_code)]

#[path = "errand/run.rs"]
mod run;

use plugin_api::prelude::*;

#[derive(Serialize, Deserialize)]
struct Kept {
    phrase: String,
}

impl run::Kept for Kept {
    fn new(phrase: String) -> Self {
        Self { phrase }
    }

    fn word(&self) -> &str {
        &self.phrase
    }
}

struct Second;

impl run::Build for Second {
    const VERSION: &'static str = "2.0.0";
    const DATA_VERSION: u32 = 2;
    const PERMISSIONS: &'static [&'static str] = &["store", "secret", "secret.reveal", "http"];
    type Kept = Kept;

    fn migrate(from: u32, to: u32, value: Migrating) -> Result<Value> {
        let (old, new) = match (from, to) {
            (1, 2) => ("word", "phrase"),
            (2, 1) => ("phrase", "word"),
            _ => return Err(Error::failed(format!("there is no way from data version {from} to {to}"))),
        };
        match value {
            Migrating::Enrolment { value } | Migrating::Enrolling { value } if value.get(old).is_none() => {
                Err(Error::failed(format!("`{old}` is missing")))
            }
            Migrating::Enrolment { value } | Migrating::Enrolling { value } | Migrating::Stored { value, .. } => {
                renamed(value, old, new)
            }
        }
    }
}

fn renamed(mut value: Value, old: &str, new: &str) -> Result<Value> {
    if let Some(members) = value.as_object_mut()
        && let Some(word) = members.remove(old)
    {
        if word == "stuck" {
            return Err(Error::failed("stuck"));
        }
        members.insert(new.to_owned(), word);
    }
    Ok(value)
}

export_factor!(run::Errand<Second>);
