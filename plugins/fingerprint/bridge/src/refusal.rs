//! Why a page gets no credential.

use hyper::StatusCode;

use crate::{BridgeError, keystore::KeystoreError, keystore::Locked, reader::ReaderError};

/// A refusal, as the page learns of it. Causes stay on this computer's terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body is not what this endpoint takes.
    Malformed(String),
    /// The relying party's identifier is not the page's own.
    OtherSite,
    /// None of the keys that the page would take is here.
    NoKey,
    /// Every finger has a key of this account already, or the one that was asked for has.
    AlreadyHere,
    /// Another request waits for its finger.
    Busy,
    /// The finger was not recognised.
    NotRecognised,
    /// Too many were not, for now.
    Locked(Locked),
    /// No finger came, or the page went away.
    TimedOut,
    /// No reader, or one that does not work.
    NoReader,
    /// This finger is not enrolled at the reader.
    NotEnrolled,
    /// The site's name could not be shown.
    NotShown,
    /// Something on this computer failed.
    Failed,
}

impl Refusal {
    /// HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::OtherSite | Self::NotRecognised => StatusCode::FORBIDDEN,
            Self::NoKey => StatusCode::NOT_FOUND,
            Self::AlreadyHere | Self::Busy | Self::NotEnrolled => StatusCode::CONFLICT,
            Self::Locked(Locked::Paused(_)) => StatusCode::TOO_MANY_REQUESTS,
            Self::Locked(Locked::Disabled) => StatusCode::LOCKED,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::NoReader | Self::NotShown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Its name, for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::OtherSite => "other-site",
            Self::NoKey => "no-key",
            Self::AlreadyHere => "already-here",
            Self::Busy => "busy",
            Self::NotRecognised => "not-recognised",
            Self::Locked(Locked::Paused(_)) => "paused",
            Self::Locked(Locked::Disabled) => "disabled",
            Self::TimedOut => "timed-out",
            Self::NoReader => "no-reader",
            Self::NotEnrolled => "not-enrolled",
            Self::NotShown => "not-shown",
            Self::Failed => "failed",
        }
    }

    /// For people, in English.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Malformed(why) => return format!("the request is malformed: {why}"),
            Self::OtherSite => "the request names another site than the page's own",
            Self::NoKey => "this computer's bridge has no key for this account",
            Self::AlreadyHere => "this finger has a key for this account already",
            Self::Busy => "another page waits for a finger",
            Self::NotRecognised => "the finger was not recognised",
            Self::Locked(Locked::Paused(seconds)) => {
                return format!("too many fingers were not recognised: wait {seconds} s");
            }
            Self::Locked(Locked::Disabled) => {
                "too many fingers were not recognised: on this computer, run enum-bridge unlock"
            }
            Self::TimedOut => "no finger came",
            Self::NoReader => "the fingerprint reader does not answer",
            Self::NotEnrolled => "no such finger is enrolled: on this computer, run enum-bridge enrol FINGER",
            Self::NotShown => "the site's name could not be shown on this computer",
            Self::Failed => "the bridge failed; its terminal says why",
        }
        .to_owned()
    }
}

impl From<ReaderError> for Refusal {
    fn from(error: ReaderError) -> Self {
        match error {
            ReaderError::NotEnrolled => Self::NotEnrolled,
            ReaderError::Taken => Self::Busy,
            error => {
                tell_owner(&error);
                Self::NoReader
            }
        }
    }
}

impl From<KeystoreError> for Refusal {
    fn from(error: KeystoreError) -> Self {
        tell_owner(&error);
        Self::Failed
    }
}

impl From<BridgeError> for Refusal {
    fn from(error: BridgeError) -> Self {
        tell_owner(&error);
        Self::Failed
    }
}

/// Writes a cause to the bridge's terminal.
pub(crate) fn tell_owner(error: &dyn std::error::Error) {
    // If even this cannot be written there is nobody to tell.
    let _unheard = crate::screen::say(&format!("enum-bridge: {error}"));
}
