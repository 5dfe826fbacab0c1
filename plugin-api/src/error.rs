//! How a call ends, as a number on the wire and as an error in Rust.

use std::fmt;

/// What a call returns across the boundary. Any other number counts as a failure.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The reply is the message that the method promises.
    Ok = 0,
    /// The reply is a text for the log.
    Error = 1,
    /// The callee does not know the method: use the default.
    Unknown = 2,
    /// A panic, or another fault, was caught at the boundary.
    Panicked = 3,
    /// The callee knows the method and does not allow it. The reply is a text for the log.
    Denied = 4,
}

impl Status {
    /// The number on the wire.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The status behind a number, or `None` if it is out of range.
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            0 => Some(Self::Ok),
            1 => Some(Self::Error),
            2 => Some(Self::Unknown),
            3 => Some(Self::Panicked),
            4 => Some(Self::Denied),
            _ => None,
        }
    }
}

/// Why a plugin could not do what it was asked. A wrong answer is not an error: it is [`crate::message::Step::Wrong`].
///
/// The text goes to the server's log, never to the person. Never put a secret into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It failed, for this reason.
    Failed(String),
    /// This side, or the other, does not know the method.
    Unsupported,
    /// Not allowed, for this reason.
    Denied(String),
}

impl Error {
    /// It failed, for this reason.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    /// A message that is not what the contract promises.
    ///
    /// Says where and what sort of fault, and leaves out the value: it may be a key.
    pub fn malformed(what: &str, error: &serde_json::Error) -> Self {
        let sort = if error.is_data() { "does not have the expected shape" } else { "is not JSON" };
        Self::Failed(format!("{what} {sort} (line {}, column {})", error.line(), error.column()))
    }

    /// The status that carries it across the boundary.
    pub fn status(&self) -> Status {
        match self {
            Self::Failed(_) => Status::Error,
            Self::Unsupported => Status::Unknown,
            Self::Denied(_) => Status::Denied,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) | Self::Denied(reason) => f.write_str(reason),
            Self::Unsupported => f.write_str("unknown method"),
        }
    }
}

impl std::error::Error for Error {}

/// What plugin code returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
