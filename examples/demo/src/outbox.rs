//! Reads the mail and the SMS that the provider has sent.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::Failure;

const ARRIVES_WITHIN: Duration = Duration::from_secs(20);

/// Text of the message to `recipient` that contains `mark`, as soon as it has arrived.
pub(crate) fn message(outbox: &Path, recipient: &str, mark: &str) -> Result<String, Failure> {
    let until = Instant::now() + ARRIVES_WITHIN;
    while Instant::now() < until {
        for entry in fs::read_dir(outbox)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let message: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
            let text = message["text"].as_str().unwrap_or_default();
            if message["to"].as_str() == Some(recipient) && text.contains(mark) {
                return Ok(text.to_owned());
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("no message to {recipient} with {mark:?} arrived").into())
}
