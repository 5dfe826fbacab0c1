//! What builds of data version 1 keep.

use serde::{Deserialize, Serialize};

use crate::run::Kept;

/// The word as an enrolment and an enrolling step hold it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Word {
    word: String,
}

impl Kept for Word {
    fn new(word: String) -> Self {
        Self { word }
    }

    fn word(&self) -> &str {
        &self.word
    }
}
