//! The messages that the provider has sent, as its `file:` transports write them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

/// Longest time that a delivery may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// One message.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// A directory of messages.
#[derive(Clone, Debug)]
pub(crate) struct Outbox(PathBuf);

impl Outbox {
    pub(crate) fn at(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// All messages to `to`, oldest first.
    pub(crate) fn to(&self, to: &str) -> Vec<Letter> {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        let letters = files.into_iter().map(|path| std::fs::read(path).unwrap());
        letters.map(|json| serde_json::from_slice::<Letter>(&json).unwrap()).filter(|letter| letter.to == to).collect()
    }

    /// Waits until `count` messages for `to` satisfy `wanted`, and returns them.
    pub(crate) async fn wait_for(&self, to: &str, count: usize, wanted: impl Fn(&Letter) -> bool) -> Vec<Letter> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found: Vec<Letter> = self.to(to).into_iter().filter(|letter| wanted(letter)).collect();
            if found.len() >= count {
                return found;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "expected {count} messages to {to}, have {:?}",
                self.to(to)
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The first word of a text that begins with `start`.
pub(crate) fn word(text: &str, start: &str) -> Option<String> {
    text.split_whitespace().find(|word| word.starts_with(start)).map(str::to_owned)
}
