//! The child's end: the role `plugin-host`. Loads one library and makes one call at a time until the server is gone.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::unistd::{close, dup2_stdin};
use plugin_api::Status;
use plugin_api::abi::{Instance, Plugin, Reply, Services};
use thiserror::Error;

use super::frame::{self, Answer, Frame, FrameError, Kind, Message};
use super::{Hello, Order, Refusal, sandbox};
use crate::plugins::error::LoadError;
use crate::plugins::lane::REPLY_LIMIT;
use crate::plugins::load;
use crate::plugins::verify::Image;

/// Why a child ends before the server lets it go. The server sees that it did; the words are for who tries it by hand.
#[derive(Debug, Error)]
pub(crate) enum GuestError {
    /// Standard input is no socket, or the like.
    #[error("`plugin-host` is started by `enum-idp serve`, on a socket ({0})")]
    Io(#[from] io::Error),
    /// The server is gone, or says what the protocol does not allow.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// The server says something out of turn.
    #[error("the server broke the protocol: {0}")]
    Protocol(&'static str),
    /// No JSON where some should be.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// Serves the plugin that the server names, on standard input. Returns when the server closes it.
///
/// # Errors
/// Whatever ends the service before that.
pub(crate) fn run() -> Result<(), GuestError> {
    let stream = own_end()?;
    let Frame { kind: Kind::Load, body } = frame::read(&mut &stream)? else {
        return Err(GuestError::Protocol("the library comes first"));
    };
    let order: Order = serde_json::from_slice(&body)?;
    match loaded(&order) {
        Ok((table, hello)) => {
            frame::write(&mut &stream, Kind::Hello, &[&serde_json::to_vec(&hello)?])?;
            serve(table, stream)
        }
        Err(refusal) => Ok(frame::write(&mut &stream, Kind::Refused, &[&serde_json::to_vec(&refusal)?])?),
    }
}

/// The socket, moved to where the plugin does not find it by habit, with every other door shut.
fn own_end() -> io::Result<UnixStream> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    dup2_stdin(File::open("/dev/null")?)?;
    let stream = UnixStream::from(socket);
    stream.peer_addr()?;
    close_all_but(&stream)?;
    Ok(stream)
}

/// Whoever started the server may have left files open that were never ours to close there.
fn close_all_but(stream: &UnixStream) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        if let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) {
            open.push(number);
        }
    }
    for number in open.into_iter().filter(|&number| number > 2 && number != stream.as_raw_fd()) {
        // The folder that was just read is among them, and closed by now.
        match close(number) {
            Ok(()) | Err(nix::errno::Errno::EBADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Verifies, shuts the doors, and only then loads: a library's constructors run as soon as it is mapped.
fn loaded(order: &Order) -> Result<(&'static Plugin, Hello), Refusal> {
    let image = Image::read(&order.copy).map_err(|error| Refusal::NotALibrary(error.to_string()))?;
    if image.sha256 != order.sha256 {
        return Err(Refusal::NotALibrary("the private copy was altered".to_owned()));
    }
    drop(image);
    let walls = sandbox::build(&order.copy);
    let table = load::table(&PathBuf::new(), &order.copy).map_err(|error| match error {
        LoadError::NoSymbol { .. } => Refusal::NoSymbol,
        LoadError::Incompatible { why, .. } => Refusal::Incompatible(why),
        LoadError::NotALibrary { why, .. } => Refusal::NotALibrary(why),
        other => Refusal::NotALibrary(other.to_string()),
    })?;
    Ok((table, Hello { minor: table.minor(), walls }))
}

/// One request after the other. Returns when the server has closed its end.
fn serve(table: &'static Plugin, stream: UnixStream) -> Result<(), GuestError> {
    let mut requests = stream.try_clone()?;
    let line = Arc::new(Line(Mutex::new(Turn { stream, plugin_is_at_work: false })));
    let mut instance = None;
    loop {
        let Frame { kind, body } = match frame::read(&mut requests) {
            Err(FrameError::Ended) => return Ok(()),
            frame => frame?,
        };
        line.turn().plugin_is_at_work = true;
        let reply = match kind {
            Kind::Describe => table.describe(REPLY_LIMIT),
            Kind::Create => {
                match Instance::create(table, &body, Arc::<Line>::clone(&line), REPLY_LIMIT) {
                    Ok(created) => {
                        instance = Some(created);
                        Reply { status: Status::Ok.code(), bytes: Vec::new(), overflowed: false }
                    }
                    // Success without an instance must not look like success.
                    Err(reply) => reply,
                }
            }
            Kind::Call => {
                let message = Message::parse(&body).ok_or(GuestError::Protocol("a call cannot be read"))?;
                let instance = instance.as_ref().ok_or(GuestError::Protocol("a call before there is an instance"))?;
                Instance::call(instance, message.method, message.json, REPLY_LIMIT)
            }
            _ => return Err(GuestError::Protocol("a frame out of turn")),
        };
        // A host call that another thread of the plugin has under way ends first.
        let mut turn = line.turn();
        turn.plugin_is_at_work = false;
        let bytes = if reply.overflowed { &[] } else { reply.bytes.as_slice() };
        let answer = Answer { status: reply.status, overflowed: reply.overflowed, bytes };
        answer.write(&mut turn.stream, Kind::Reply)?;
    }
}

/// The plugin's way to the host.
struct Line(Mutex<Turn>);

struct Turn {
    stream: UnixStream,
    /// Between requests nobody listens at the other end, so the plugin's own threads have to wait for the next one.
    plugin_is_at_work: bool,
}

impl Line {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(turn: &mut Turn, message: Message) -> Result<(Status, Vec<u8>), FrameError> {
        message.write(&mut turn.stream, Kind::HostCall)?;
        let Frame { kind, body } = frame::read(&mut turn.stream)?;
        let answer = if kind == Kind::HostReply { Answer::parse(&body) } else { None };
        let status = answer.and_then(|answer| Status::from_code(answer.status)).unwrap_or(Status::Error);
        Ok((status, answer.map(|answer| answer.bytes.to_vec()).unwrap_or_default()))
    }
}

impl Services for Line {
    fn call(&self, method: &str, json: &[u8]) -> (Status, Vec<u8>) {
        let mut turn = self.turn();
        if !turn.plugin_is_at_work {
            return (Status::Denied, b"the host is reached only while it waits for the plugin".to_vec());
        }
        Self::ask(&mut turn, Message { method, json })
            .unwrap_or_else(|error| (Status::Error, error.to_string().into_bytes()))
    }
}
