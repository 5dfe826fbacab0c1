//! Where a plugin's code runs: in threads of the server, or in processes of its own. All above this file sees no
//! difference.

use std::path::{self, Path};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use plugin_api::abi::{Instance, Plugin, Reply, Services};
use serde_json::Value;

use super::Isolation;
use super::child::{ChildRoom, Guest, Hello, Lodgings};
use super::error::{CallError, LoadError};
use super::lane::REPLY_LIMIT;
use super::load;
use super::services::{HostServices, Subject, during};
use super::verify::Image;

/// How long a plugin may take to load, again to describe itself, and again to start.
pub(super) const START_LIMIT: Duration = Duration::from_secs(10);

const DESCRIBE: &str = "describe";
const CREATE: &str = "create";

/// What one thread of a lane makes its calls in.
pub(super) trait Room {
    /// Makes one call. Blocks.
    ///
    /// # Errors
    /// When no reply came back: a process of its own can be late or die. A thread that is late is for the lane to see.
    fn call(&mut self, method: &str, json: &[u8], deadline: Duration) -> Result<Reply, CallError>;

    /// Does beforehand what the next call would have to wait for.
    fn prepare(&mut self) {}
}

/// Makes the room of one more thread, on that thread.
pub(super) type Rooms = Box<dyn Fn() -> Box<dyn Room> + Send + Sync>;

/// A library that is loaded and has no instance yet.
pub(super) enum House {
    /// In the server.
    Here(&'static Plugin),
    /// In a process.
    Apart(Apart),
}

impl House {
    /// Loads verified bytes. `name` is what errors name; `program` has the role `plugin-host`.
    pub(super) fn open(
        name: &Path,
        image: &Image,
        isolation: Isolation,
        program: &Path,
        private_dir: &Path,
    ) -> Result<Self, LoadError> {
        match isolation {
            Isolation::Thread => load::once(name, image, private_dir).map(Self::Here),
            Isolation::Process => Apart::open(name, image, program, private_dir).map(Self::Apart),
        }
    }

    /// Asks the plugin what it is.
    pub(super) fn describe(&mut self, name: &Path) -> Result<Reply, LoadError> {
        match self {
            Self::Here(table) => {
                let table = *table;
                within(name, DESCRIBE, move || table.describe(REPLY_LIMIT))
            }
            Self::Apart(apart) => apart.describe(),
        }
    }

    /// Starts the plugin, which has these services: rooms, or the reply with which it refused the settings.
    pub(super) fn create(
        self,
        name: &Path,
        services: Arc<HostServices>,
        settings: &Value,
    ) -> Result<Result<Rooms, Reply>, LoadError> {
        let settings = settings.to_string();
        match self {
            Self::Here(table) => {
                let create = move || {
                    during(&Subject::Nobody, START_LIMIT, || {
                        Instance::create(table, settings.as_bytes(), services, REPLY_LIMIT)
                    })
                };
                Ok(within(name, CREATE, create)?.map(|instance| {
                    let instance = Arc::new(instance);
                    Box::new(move || Box::new(Here(Arc::clone(&instance))) as Box<dyn Room>) as Rooms
                }))
            }
            Self::Apart(apart) => apart.create(settings.into_bytes(), services),
        }
    }
}

/// A process that a plugin is asked in, before others like it serve.
pub(super) struct Apart {
    lodgings: Lodgings,
    guest: Guest,
    pub(super) hello: Hello,
}

impl Apart {
    /// As [`House::open`].
    pub(super) fn open(name: &Path, image: &Image, program: &Path, private_dir: &Path) -> Result<Self, LoadError> {
        let copy = image.private_copy(name, private_dir)?;
        let (program, name) = (program.to_owned(), name.to_owned());
        // The process works in another folder.
        let copy = match path::absolute(&copy) {
            Ok(copy) => copy,
            Err(source) => return Err(LoadError::NoCopy { path: name, copy, source }),
        };
        let lodgings = Lodgings { program, name, copy, sha256: image.sha256.clone() };
        let (guest, hello) = lodgings.open(start_limit())?;
        Ok(Self { lodgings, guest, hello })
    }

    /// As [`House::describe`].
    pub(super) fn describe(&mut self) -> Result<Reply, LoadError> {
        self.guest.describe(start_limit()).map_err(|fault| fault.of_start(&self.lodgings.name, DESCRIBE))
    }

    /// This process only shows that the plugin starts: a lane's process has to be the child of the lane's thread.
    fn create(mut self, settings: Vec<u8>, services: Arc<HostServices>) -> Result<Result<Rooms, Reply>, LoadError> {
        let created = during(&Subject::Nobody, START_LIMIT, || self.guest.create(&settings, &*services, start_limit()));
        let reply = created.map_err(|fault| fault.of_start(&self.lodgings.name, CREATE))?;
        if reply.status != 0 {
            return Ok(Err(reply));
        }
        report(services.plugin(), &self.hello);
        let (lodgings, settings) = (Arc::new(self.lodgings), Arc::<[u8]>::from(settings));
        let services: Arc<dyn Services> = services;
        Ok(Ok(Box::new(move || {
            Box::new(ChildRoom::new(Arc::clone(&lodgings), Arc::clone(&settings), Arc::clone(&services)))
        })))
    }
}

fn start_limit() -> Instant {
    Instant::now() + START_LIMIT
}

/// Says what holds the plugin's processes in, and what does not.
fn report(plugin: &str, hello: &Hello) {
    let walls = &hello.walls;
    let (limits, seccomp, landlock) = (&walls.limits, &walls.seccomp, &walls.landlock);
    if walls.stand() {
        tracing::info!(plugin, ?limits, ?seccomp, ?landlock, "the plugin runs in processes of its own");
    } else {
        tracing::warn!(
            plugin,
            ?limits,
            ?seccomp,
            ?landlock,
            "the plugin's processes are held in by less than they should"
        );
    }
}

/// Threads of the server share one instance.
struct Here(Arc<Instance>);

impl Room for Here {
    fn call(&mut self, method: &str, json: &[u8], _: Duration) -> Result<Reply, CallError> {
        Ok(self.0.call(method, json, REPLY_LIMIT))
    }
}

/// Runs something of a plugin on a thread of its own, so that a plugin that hangs does not hang the server.
fn within<T: Send + 'static>(
    path: &Path,
    step: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LoadError> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name(format!("plugin:{step}"))
        // Nobody may be waiting any more.
        .spawn(move || drop(sender.send(work())))
        .map_err(|source| LoadError::NoThreads { path: path.to_owned(), source })?;
    receiver.recv_timeout(START_LIMIT).map_err(|_| LoadError::Hangs {
        path: path.to_owned(),
        step,
        seconds: START_LIMIT.as_secs(),
    })
}
