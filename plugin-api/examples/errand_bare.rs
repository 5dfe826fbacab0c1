//! The build 1.0.1 of `errand.rs`, whose manifest asks for no permission: whatever it tries is refused.
#![forbid(unsafe_code)]

#[path = "errand/run.rs"]
mod run;
#[path = "errand/word.rs"]
mod word;

use plugin_api::prelude::*;

struct Bare;

impl run::Build for Bare {
    const VERSION: &'static str = "1.0.1";
    const DATA_VERSION: u32 = 1;
    const PERMISSIONS: &'static [&'static str] = &[];
    type Kept = word::Word;
}

export_factor!(run::Errand<Bare>);
