//! The build 1.0.1 of `errand.rs`, whose manifest asks for no permission: whatever it tries is refused.
#![forbid(unsafe_code)]

#[path = "errand/run.rs"]
mod run;

use plugin_api::prelude::*;

#[derive(Serialize, Deserialize)]
struct Kept {
    word: String,
}

impl run::Kept for Kept {
    fn new(word: String) -> Self {
        Self { word }
    }

    fn word(&self) -> &str {
        &self.word
    }
}

struct Bare;

impl run::Build for Bare {
    const VERSION: &'static str = "1.0.1";
    const DATA_VERSION: u32 = 1;
    const PERMISSIONS: &'static [&'static str] = &[];
    type Kept = Kept;
}

export_factor!(run::Errand<Bare>);
