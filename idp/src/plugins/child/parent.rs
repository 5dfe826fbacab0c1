//! The server's end: starts a plugin's process, talks to it against the clock, and ends it.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugin_api::Status;
use plugin_api::abi::{Reply, Services};

use super::frame::{self, Answer, Frame, FrameError, Kind, Message};
use super::{Hello, Order, Refusal, prints};
use crate::plugins::error::{CallError, LoadError};
use crate::plugins::room::{Room, START_LIMIT};
use crate::plugins::services::{Subject, during};

/// How a talk with a process failed. It is of no more use then.
#[derive(Debug)]
pub(in crate::plugins) enum Fault {
    /// It did not answer in time.
    Late,
    /// It is gone, or never came: this is what the system says.
    Died(String),
    /// It said what the protocol does not allow.
    Broke(String),
    /// The request is longer than a frame may be.
    TooLong,
}

impl Fault {
    fn of_call(self) -> CallError {
        match self {
            Self::Late => CallError::Late,
            Self::Died(how) => CallError::Died(how),
            Self::Broke(why) => CallError::Malformed(why),
            Self::TooLong => CallError::Failed("the request is too long for it".to_owned()),
        }
    }

    /// As an error of a plugin that is being started; `step` is what was asked of it.
    pub(in crate::plugins) fn of_start(self, path: &Path, step: &'static str) -> LoadError {
        let path = path.to_owned();
        match self {
            Self::Late => LoadError::Hangs { path, step, seconds: START_LIMIT.as_secs() },
            Self::Died(how) => LoadError::Dies { path, step, how },
            Self::Broke(why) => LoadError::BadDescription { path, why },
            Self::TooLong => LoadError::Settings { path, why: "they are too long".to_owned() },
        }
    }
}

/// A process that plugin code runs in. Dropping it kills it.
#[derive(Debug)]
pub(in crate::plugins) struct Guest {
    child: Child,
    stream: UnixStream,
}

impl Guest {
    /// Starts `program` in the role `plugin-host`, with nothing of the server's but one end of a pair of sockets.
    ///
    /// The child dies with the thread that starts it, so this must be the thread that goes on to use it.
    fn start(program: &Path, name: &Path) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        let child = Command::new(program)
            .arg0("enum-idp")
            .arg("plugin-host")
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut guest = Self { child, stream };
        if let Some(stderr) = guest.child.stderr.take() {
            prints::follow(name.to_owned(), stderr)?;
        }
        Ok(guest)
    }

    /// Asks for the description.
    pub(in crate::plugins) fn describe(&mut self, until: Instant) -> Result<Reply, Fault> {
        self.exchange(until, &NoServices, |to| frame::write(to, Kind::Describe, &[]))
    }

    /// Asks for an instance. The reply has status 0 if there is one.
    pub(in crate::plugins) fn create(
        &mut self,
        settings: &[u8],
        services: &dyn Services,
        until: Instant,
    ) -> Result<Reply, Fault> {
        self.exchange(until, services, |to| frame::write(to, Kind::Create, &[settings]))
    }

    fn call(&mut self, message: Message, services: &dyn Services, until: Instant) -> Result<Reply, Fault> {
        self.exchange(until, services, |to| message.write(to, Kind::Call))
    }

    /// Sends one request, and answers what the plugin asks until its reply is there.
    fn exchange(
        &mut self,
        until: Instant,
        services: &dyn Services,
        request: impl FnOnce(&mut Clocked<'_>) -> Result<(), FrameError>,
    ) -> Result<Reply, Fault> {
        let mut to = Clocked { stream: &self.stream, until };
        if let Err(error) = request(&mut to) {
            return Err(if let FrameError::TooLong(_) = error { Fault::TooLong } else { self.fault(error) });
        }
        match self.answers(services, until) {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(why)) => Err(Fault::Broke(why.to_owned())),
            Err(error) => Err(self.fault(error)),
        }
    }

    /// The reply, or what is wrong with it.
    fn answers(&self, services: &dyn Services, until: Instant) -> Result<Result<Reply, &'static str>, FrameError> {
        let mut to = Clocked { stream: &self.stream, until };
        let mut from = BufReader::new(Clocked { stream: &self.stream, until });
        loop {
            let Frame { kind, body } = frame::read(&mut from)?;
            match kind {
                Kind::Reply if !from.buffer().is_empty() => return Ok(Err("it said more than one thing")),
                Kind::Reply => return Ok(reply(&body).ok_or("its reply cannot be read")),
                Kind::HostCall => {
                    let Some(message) = Message::parse(&body) else { return Ok(Err("its host call cannot be read")) };
                    let (status, bytes) = served(services, message);
                    let answer = Answer { status: status.code(), overflowed: false, bytes: &bytes };
                    answer.write(&mut to, Kind::HostReply)?;
                }
                _ => return Ok(Err("it sent a frame out of turn")),
            }
        }
    }

    /// What a failure to talk means. Ends the process.
    fn fault(&mut self, error: FrameError) -> Fault {
        match error {
            FrameError::Io(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Fault::Late,
            FrameError::Ended | FrameError::Cut | FrameError::Io(_) => Fault::Died(self.end()),
            error @ (FrameError::TooLong(_) | FrameError::UnknownKind(_)) => Fault::Broke(format!("it sent {error}")),
        }
    }

    /// Kills and buries it, and says how it ended.
    fn end(&mut self) -> String {
        // One that is dead already keeps the status that it died with.
        match self.child.kill().and_then(|()| self.child.wait()) {
            Ok(status) => ended(status),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::error!(%error, pid = self.child.id(), "a plugin's process cannot be ended");
        }
    }
}

fn ended(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => status.to_string(),
    }
}

fn reply(body: &[u8]) -> Option<Reply> {
    let Answer { status, overflowed, bytes } = Answer::parse(body)?;
    Some(Reply { status, bytes: bytes.to_vec(), overflowed })
}

/// Keeps a panic of a host service from the lane.
fn served(services: &dyn Services, message: Message) -> (Status, Vec<u8>) {
    catch_unwind(AssertUnwindSafe(|| services.call(message.method, message.json)))
        .unwrap_or((Status::Panicked, Vec::new()))
}

/// While it is asked what it is, a plugin has no host.
struct NoServices;

impl Services for NoServices {
    fn call(&self, _: &str, _: &[u8]) -> (Status, Vec<u8>) {
        (Status::Denied, Vec::new())
    }
}

/// A stream that gives up when the time is over, however the other end spreads its bytes over it.
struct Clocked<'a> {
    stream: &'a UnixStream,
    until: Instant,
}

impl Clocked<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Clocked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Clocked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How to start processes of one plugin.
#[derive(Clone, Debug)]
pub(in crate::plugins) struct Lodgings {
    /// The program with the role `plugin-host`.
    pub(in crate::plugins) program: PathBuf,
    /// What errors name.
    pub(in crate::plugins) name: PathBuf,
    /// The verified private copy.
    pub(in crate::plugins) copy: PathBuf,
    /// What its bytes hash to.
    pub(in crate::plugins) sha256: String,
}

impl Lodgings {
    /// A process that has loaded the library.
    pub(in crate::plugins) fn open(&self, until: Instant) -> Result<(Guest, Hello), LoadError> {
        const STEP: &str = "load";
        let mut guest = Guest::start(&self.program, &self.name)
            .map_err(|source| LoadError::NoProcess { path: self.name.clone(), source })?;
        let order = Order { copy: self.copy.clone(), sha256: self.sha256.clone() };
        let order = serde_json::to_vec(&order).map_err(|error| self.garbled(&error))?;
        let mut clocked = Clocked { stream: &guest.stream, until };
        let answer = frame::write(&mut clocked, Kind::Load, &[&order]).and_then(|()| frame::read(&mut clocked));
        let Frame { kind, body } = answer.map_err(|error| guest.fault(error).of_start(&self.name, STEP))?;
        match kind {
            Kind::Hello => {
                serde_json::from_slice(&body).map(|hello| (guest, hello)).map_err(|error| self.garbled(&error))
            }
            Kind::Refused => Err(match serde_json::from_slice(&body).map_err(|error| self.garbled(&error))? {
                Refusal::NotALibrary(why) => LoadError::NotALibrary { path: self.name.clone(), why },
                Refusal::NoSymbol => LoadError::NoSymbol { path: self.name.clone() },
                Refusal::Incompatible(why) => LoadError::Incompatible { path: self.name.clone(), why },
            }),
            _ => Err(Fault::Broke("it sent a frame out of turn".to_owned()).of_start(&self.name, STEP)),
        }
    }

    fn garbled(&self, error: &serde_json::Error) -> LoadError {
        Fault::Broke(format!("its process does not speak our protocol ({error})")).of_start(&self.name, "load")
    }
}

/// One lane's process, replaced when it fails.
pub(in crate::plugins) struct ChildRoom {
    lodgings: Arc<Lodgings>,
    settings: Arc<[u8]>,
    services: Arc<dyn Services>,
    guest: Option<Guest>,
}

impl ChildRoom {
    pub(in crate::plugins) fn new(lodgings: Arc<Lodgings>, settings: Arc<[u8]>, services: Arc<dyn Services>) -> Self {
        Self { lodgings, settings, services, guest: None }
    }

    fn guest(&mut self, until: Instant) -> Result<&mut Guest, CallError> {
        let guest = match self.guest.take() {
            Some(guest) => guest,
            None => self.new_guest(until)?,
        };
        Ok(self.guest.insert(guest))
    }

    fn new_guest(&self, until: Instant) -> Result<Guest, CallError> {
        let (mut guest, _) = self.lodgings.open(until).map_err(|error| CallError::Died(error.to_string()))?;
        // Whatever call it is started for: it is started for nobody.
        let left = until.saturating_duration_since(Instant::now());
        let created = during(&Subject::Nobody, left, || guest.create(&self.settings, &*self.services, until));
        let reply = created.map_err(Fault::of_call)?;
        match reply.status {
            0 => Ok(guest),
            status => Err(CallError::Died(format!("it refused with the status {status} to start again"))),
        }
    }
}

impl Room for ChildRoom {
    fn call(&mut self, method: &str, json: &[u8], deadline: Duration) -> Result<Reply, CallError> {
        let until = Instant::now() + deadline;
        let services = Arc::clone(&self.services);
        let reply = self.guest(until)?.call(Message { method, json }, &*services, until);
        // One that was cut off may sit on any amount of memory.
        if reply.as_ref().map_or(true, |reply| reply.overflowed) {
            self.guest = None;
        }
        reply.map_err(Fault::of_call)
    }

    fn prepare(&mut self) {
        if let Err(error) = self.guest(Instant::now() + START_LIMIT) {
            tracing::warn!(plugin = %self.lodgings.name.display(), %error, "a process of the plugin cannot be started");
        }
    }
}
