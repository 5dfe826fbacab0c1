//! The fingerprint reader, through fprintd on the system bus.

mod bus;

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::StreamExt as _;
use thiserror::Error;

use self::bus::{DeviceProxy, EnrollStatusStream, ManagerProxy, VerifyStatusStream};
use crate::finger::Finger;

/// Whose prints: for fprintd the empty name is whoever asks.
const SELF: &str = "";

/// Why the reader did not do what it should.
#[derive(Debug, Error)]
pub(crate) enum ReaderError {
    #[error("there is no fingerprint reader, or fprintd is not installed")]
    Missing,
    #[error("the fingerprint reader was unplugged or broke off")]
    Gone,
    #[error("another program is using the fingerprint reader")]
    Taken,
    #[error("this finger is not enrolled at the reader: enum-bridge enrol FINGER")]
    NotEnrolled,
    #[error("the system does not let you do that with the reader (its rules are in polkit)")]
    Forbidden,
    #[error("the reader did not accept it: {0}")]
    Refused(String),
    #[error("fprintd could not be asked: {0}")]
    Bus(#[source] zbus::Error),
}

/// Whether the finger was the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    Match,
    NoMatch,
}

/// What a person should do better, or what was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    Again,
    TooShort,
    NotCentred,
    Lift,
    /// An enrolment came a stage further.
    Stage,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Again => "That did not work: try again.",
            Self::TooShort => "That was too short: try again.",
            Self::NotCentred => "The finger was not in the middle: try again.",
            Self::Lift => "Lift the finger and try again.",
            Self::Stage => "Good. Once more.",
        })
    }
}

/// The machine's reader.
pub(crate) struct Reader {
    device: DeviceProxy<'static>,
}

impl Reader {
    /// The default reader, over a connection of its own: when that is dropped, fprintd lets go of the device by itself.
    pub(crate) async fn find() -> Result<Self, ReaderError> {
        let bus = zbus::Connection::system().await?;
        let path = ManagerProxy::new(&bus).await?.get_default_device().await?;
        let device =
            DeviceProxy::builder(&bus).path(path).cache_properties(zbus::proxy::CacheProperties::No).build().await?;
        Ok(Self { device })
    }

    /// Fingers of the person who runs this.
    pub(crate) async fn enrolled(&self) -> Result<Vec<Finger>, ReaderError> {
        match self.device.list_enrolled_fingers(SELF).await.map_err(ReaderError::from) {
            Ok(names) => Ok(names.iter().filter_map(|name| Finger::of_name(name)).collect()),
            Err(ReaderError::NotEnrolled) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Takes the reader, which nobody else has then.
    pub(crate) async fn claim(&self) -> Result<Claimed<'_>, ReaderError> {
        self.device.claim(SELF).await?;
        Ok(Claimed { device: &self.device, verifying: AtomicBool::new(false) })
    }
}

/// The reader while it is ours. To be given back by [`Claimed::end`].
pub(crate) struct Claimed<'a> {
    device: &'a DeviceProxy<'static>,
    /// A verification was begun and not stopped.
    verifying: AtomicBool,
}

impl Claimed<'_> {
    /// One decision about this finger. May be dropped; [`Claimed::end`] stops what runs.
    pub(crate) async fn verify(&self, finger: Finger, tell: impl FnMut(Hint)) -> Result<Touch, ReaderError> {
        // Listening first, for a fast finger is judged before the reply to the start is here. Only what fprintd itself
        // sends gets through: anybody on the bus can send a signal of this name.
        let statuses = self.device.receive_verify_status().await?;
        self.verifying.store(true, Ordering::Relaxed);
        self.device.verify_start(finger.name()).await?;
        let judged = judgement(statuses, tell).await?;
        self.stop().await?;
        Ok(judged)
    }

    async fn stop(&self) -> Result<(), ReaderError> {
        if self.verifying.swap(false, Ordering::Relaxed) {
            self.device.verify_stop().await?;
        }
        Ok(())
    }

    /// Teaches the reader a finger.
    pub(crate) async fn enrol(&self, finger: Finger, tell: impl FnMut(Hint)) -> Result<(), ReaderError> {
        let statuses = self.device.receive_enroll_status().await?;
        self.device.enroll_start(finger.name()).await?;
        let enrolled = enrolment(statuses, tell).await;
        self.device.enroll_stop().await?;
        enrolled
    }

    /// Makes the reader forget a finger.
    pub(crate) async fn forget(&self, finger: Finger) -> Result<(), ReaderError> {
        Ok(self.device.delete_enrolled_finger(finger.name()).await?)
    }

    /// Stops what is under way and gives the reader back.
    pub(crate) async fn end(self) -> Result<(), ReaderError> {
        // Given back in any case, which stops it as well.
        let stopped = self.stop().await;
        self.device.release().await?;
        stopped
    }
}

async fn judgement(mut statuses: VerifyStatusStream, mut tell: impl FnMut(Hint)) -> Result<Touch, ReaderError> {
    while let Some(status) = statuses.next().await {
        let status = status.args()?;
        match status.result.as_str() {
            "verify-match" if status.done => return Ok(Touch::Match),
            "verify-no-match" if status.done => return Ok(Touch::NoMatch),
            other if status.done => return Err(ended(other)),
            other => tell(hint(other)),
        }
    }
    Err(ReaderError::Gone)
}

async fn enrolment(mut statuses: EnrollStatusStream, mut tell: impl FnMut(Hint)) -> Result<(), ReaderError> {
    while let Some(status) = statuses.next().await {
        let status = status.args()?;
        match status.result.as_str() {
            "enroll-completed" if status.done => return Ok(()),
            other if status.done => return Err(ended(other)),
            other => tell(hint(other)),
        }
    }
    Err(ReaderError::Gone)
}

fn hint(result: &str) -> Hint {
    match result.split_once('-').map_or(result, |(_, rest)| rest) {
        "swipe-too-short" => Hint::TooShort,
        "finger-not-centered" => Hint::NotCentred,
        "remove-and-retry" => Hint::Lift,
        "stage-passed" => Hint::Stage,
        _ => Hint::Again,
    }
}

fn ended(result: &str) -> ReaderError {
    match result {
        "enroll-data-full" => ReaderError::Refused("it has no room for another finger".into()),
        "enroll-duplicate" => ReaderError::Refused("it knows this finger already".into()),
        "verify-disconnected" | "enroll-disconnected" => ReaderError::Gone,
        other => ReaderError::Refused(other.to_owned()),
    }
}

impl From<zbus::Error> for ReaderError {
    fn from(error: zbus::Error) -> Self {
        let zbus::Error::MethodError(name, text, _) = &error else { return Self::Bus(error) };
        let name = name.as_str();
        match name.rsplit('.').next().unwrap_or(name) {
            "NoSuchDevice" | "ServiceUnknown" | "Spawn.ServiceNotFound" => Self::Missing,
            "UnknownObject" | "UnknownMethod" => Self::Gone,
            "AlreadyInUse" => Self::Taken,
            "NoEnrolledPrints" => Self::NotEnrolled,
            "PermissionDenied" | "AccessDenied" => Self::Forbidden,
            _ => Self::Refused(text.clone().unwrap_or_else(|| name.to_owned())),
        }
    }
}
