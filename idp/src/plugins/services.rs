//! What plugins may ask of this server.

use plugin_api::Status;
use plugin_api::abi::Services;
use plugin_api::message::{LogLine, host_method};

/// Names that a manifest's `permissions` may list.
pub(super) const OFFERED: [&str; 1] = [host_method::LOG];

/// Longest line that a plugin can put into the log, in bytes.
const LINE_LIMIT: usize = 1000;

/// The services as one plugin sees them.
pub(super) struct HostServices {
    pub(super) plugin: String,
}

impl Services for HostServices {
    fn call(&self, method: &str, json: &[u8]) -> (Status, Vec<u8>) {
        match method {
            host_method::LOG => self.log(json),
            _ => (Status::Unknown, Vec::new()),
        }
    }
}

impl HostServices {
    fn log(&self, json: &[u8]) -> (Status, Vec<u8>) {
        let Ok(LogLine { level, message }) = serde_json::from_slice(json) else {
            return (Status::Error, b"this is not a log line".to_vec());
        };
        let (plugin, message) = (self.plugin.as_str(), one_line(&message));
        match level.as_str() {
            "error" => tracing::error!(plugin, "{message}"),
            "warn" => tracing::warn!(plugin, "{message}"),
            "info" => tracing::info!(plugin, "{message}"),
            "debug" => tracing::debug!(plugin, "{message}"),
            _ => return (Status::Error, b"level: error, warn, info or debug".to_vec()),
        }
        (Status::Ok, b"null".to_vec())
    }
}

/// A plugin must not be able to forge lines, or to fill the disk with one.
pub(super) fn one_line(message: &str) -> String {
    let end = message.floor_char_boundary(LINE_LIMIT);
    message[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_one_line_of_bounded_length() {
        assert_eq!(one_line("a\r\nb\x1b[31m"), "a  b [31m");
        assert_eq!(one_line(&"ж".repeat(600)).len(), LINE_LIMIT);
    }

    #[test]
    fn only_what_is_offered_is_served() {
        let services = HostServices { plugin: "x".to_owned() };
        assert_eq!(services.call("store.get", b"{}").0, Status::Unknown);
        assert_eq!(services.call("log", b"{}").0, Status::Error);
        assert_eq!(services.call("log", br#"{"level": "fatal", "message": "m"}"#).0, Status::Error);
        assert_eq!(services.call("log", br#"{"level": "info", "message": "m"}"#).0, Status::Ok);
    }
}
