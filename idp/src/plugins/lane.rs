//! A plugin's own threads.
//!
//! Plugins block, so each gets a few threads behind a bounded queue: one that hangs or dawdles takes up nothing but its
//! own. Each thread makes its calls in a room ([`Room`]). A process of its own is ended at the deadline by its room. A
//! call in a thread of the server cannot be stopped: the thread is written off and replaced, up to a cap. One that does
//! come back fills a gap, or ends.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use plugin_api::abi::Reply;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::error::CallError;
use super::room::Rooms;
use super::services::{Subject, during};

/// Longest reply of a plugin, in bytes.
pub(super) const REPLY_LIMIT: usize = 1 << 20;

/// What a lane may take up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Threads; as many again may be written off and replaced.
    pub(super) threads: usize,
    /// Calls that may wait.
    pub(super) queue: usize,
    /// How long a call may run; it may wait for a thread as long again.
    pub(super) deadline: Duration,
    /// After the deadline, how long the room has to end the call by itself before its thread is written off.
    pub(super) grace: Duration,
}

pub(super) struct Lane {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    rooms: Rooms,
    queue: Queue,
    limits: Limits,
    census: Mutex<Census>,
}

/// Jobs that wait. Not a channel of the standard library: of those only one thread could wait at a time, so that each
/// job would wake two.
#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    room: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), CallError> {
        let mut waiting = self.lock();
        if waiting.jobs.len() >= self.room {
            return Err(CallError::Busy);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for a job. `None` when the lane is gone.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets the threads go, and whoever still waits for an answer.
    fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.jobs.clear();
        drop(waiting);
        self.changed.notify_all();
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

#[derive(Debug, Default)]
struct Census {
    /// Threads that serve.
    alive: usize,
    /// Threads that were written off and have not come back.
    lost: usize,
    /// Threads ever started: numbers their names.
    started: usize,
}

#[derive(Debug)]
struct Job {
    method: &'static str,
    subject: Subject,
    json: Vec<u8>,
    progress: Arc<Progress>,
    reply: oneshot::Sender<Result<Reply, CallError>>,
}

/// Where a job is. Every change of phase is one compare-and-set, so that caller and thread never both act on it.
#[derive(Debug, Default)]
struct Progress {
    phase: AtomicU8,
    started: OnceLock<Instant>,
}

impl Progress {
    const WAITING: u8 = 0;
    const RUNNING: u8 = 1;
    const DONE: u8 = 2;
    const ABANDONED: u8 = 3;

    fn goes(&self, from: u8, to: u8) -> bool {
        self.phase.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Lane {
    /// Starts the threads. `name` is the plugin's id.
    pub(super) fn start(name: &str, rooms: Rooms, limits: Limits) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            rooms,
            queue: Queue { waiting: Mutex::default(), changed: Condvar::new(), room: limits.queue },
            limits,
            census: Mutex::default(),
        });
        for _ in 0..limits.threads {
            shared.hire(&mut shared.census())?;
        }
        Ok(Self { shared })
    }

    /// Makes one call about `subject`. The future must be driven to its end, for it also watches the deadline.
    pub(super) async fn call(&self, method: &'static str, subject: Subject, json: Vec<u8>) -> Result<Reply, CallError> {
        if self.shared.census().alive == 0 {
            return Err(CallError::Quarantined);
        }
        let asked = Instant::now();
        let progress = Arc::<Progress>::default();
        let (reply, mut replies) = oneshot::channel();
        self.shared.queue.push(Job { method, subject, json, progress: Arc::clone(&progress), reply })?;
        let Limits { deadline, grace, .. } = self.shared.limits;
        let mut latest = asked + deadline;
        loop {
            if let Ok(reply) = timeout_at(latest, &mut replies).await {
                return reply.map_err(|_| CallError::Quarantined)?;
            }
            if progress.goes(Progress::WAITING, Progress::ABANDONED) {
                return Err(CallError::Busy);
            }
            let runs_until = progress.started.get().copied().unwrap_or(latest) + deadline + grace;
            if latest < runs_until {
                latest = runs_until;
            } else if self.shared.writes_off(&progress) {
                return Err(CallError::Late);
            } else {
                // It came back at the last moment: the reply is on its way.
                return replies.await.map_err(|_| CallError::Quarantined)?;
            }
        }
    }
}

impl Shared {
    fn census(&self) -> MutexGuard<'_, Census> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hire(self: &Arc<Self>, census: &mut Census) -> io::Result<()> {
        let shared = Arc::clone(self);
        let name = format!("plugin:{}/{}", self.name, census.started);
        thread::Builder::new().name(name).spawn(move || shared.serve())?;
        census.started += 1;
        census.alive += 1;
        Ok(())
    }

    /// Takes the thread of a call that overran for lost, unless it has just come back. At most as many as the lane has are
    /// replaced.
    fn writes_off(self: &Arc<Self>, progress: &Progress) -> bool {
        // Before the job is given up: its thread must find itself counted when it comes back.
        let mut census = self.census();
        if !progress.goes(Progress::RUNNING, Progress::ABANDONED) {
            return false;
        }
        census.alive -= 1;
        census.lost += 1;
        let replaced = census.lost <= self.limits.threads
            && match self.hire(&mut census) {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(plugin = self.name, %error, "no thread to replace one that hangs");
                    false
                }
            };
        tracing::warn!(plugin = self.name, lost = census.lost, replaced, "a thread of the plugin hangs");
        true
    }

    fn serve(&self) {
        let mut room = (self.rooms)();
        room.prepare();
        while let Some(job) = self.queue.next() {
            // Said before the phase changes: whoever sees that the job runs also sees since when.
            let _ = job.progress.started.set(Instant::now());
            if !job.progress.goes(Progress::WAITING, Progress::RUNNING) {
                continue;
            }
            let deadline = self.limits.deadline;
            let reply = during(&job.subject, deadline, || room.call(job.method, &job.json, deadline));
            let in_time = job.progress.goes(Progress::RUNNING, Progress::DONE);
            // A caller that is gone needs no message.
            let _ = job.reply.send(reply);
            if !in_time && !self.comes_back() {
                return;
            }
            room.prepare();
        }
    }

    /// Whether a written-off thread is needed again.
    fn comes_back(&self) -> bool {
        let mut census = self.census();
        census.lost -= 1;
        let needed = census.alive < self.limits.threads;
        if needed {
            census.alive += 1;
        }
        needed
    }
}
