//! A plugin's own threads.
//!
//! Plugins block, so each gets a few threads behind a bounded queue: one that hangs or dawdles takes up nothing but its
//! own. A call whose deadline passes while it runs cannot be stopped; its thread is written off and replaced, up to a
//! cap. A written-off thread that does come back fills a gap, or ends.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use plugin_api::abi::{Instance, Reply};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::error::CallError;

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
}

#[derive(Debug)]
pub(super) struct Lane {
    shared: Arc<Shared>,
    jobs: SyncSender<Job>,
    deadline: Duration,
}

#[derive(Debug)]
struct Shared {
    name: String,
    instance: Instance,
    jobs: Mutex<Receiver<Job>>,
    threads: usize,
    census: Mutex<Census>,
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
    json: Vec<u8>,
    phase: Arc<Phase>,
    started: oneshot::Sender<()>,
    reply: oneshot::Sender<Reply>,
}

/// Where a job is. Every change is one compare-and-set, so that caller and thread never both act on it.
#[derive(Debug)]
struct Phase(AtomicU8);

impl Phase {
    const WAITING: u8 = 0;
    const RUNNING: u8 = 1;
    const DONE: u8 = 2;
    const ABANDONED: u8 = 3;

    fn goes(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Lane {
    /// Starts the threads. `name` is the plugin's id.
    pub(super) fn start(name: &str, instance: Instance, limits: Limits) -> io::Result<Self> {
        let (jobs, receiver) = sync_channel(limits.queue);
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            instance,
            jobs: Mutex::new(receiver),
            threads: limits.threads,
            census: Mutex::default(),
        });
        for _ in 0..limits.threads {
            shared.hire(&mut shared.census())?;
        }
        Ok(Self { shared, jobs, deadline: limits.deadline })
    }

    /// Makes one call. The future must be driven to its end, for it also watches the deadline.
    pub(super) async fn call(&self, method: &'static str, json: Vec<u8>) -> Result<Reply, CallError> {
        if self.shared.census().alive == 0 {
            return Err(CallError::Quarantined);
        }
        let phase = Arc::new(Phase(AtomicU8::new(Phase::WAITING)));
        let (started, starts) = oneshot::channel();
        let (reply, mut replies) = oneshot::channel();
        let job = Job { method, json, phase: Arc::clone(&phase), started, reply };
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => CallError::Busy,
            TrySendError::Disconnected(_) => CallError::Quarantined,
        })?;
        if timeout(self.deadline, starts).await.is_err() && phase.goes(Phase::WAITING, Phase::ABANDONED) {
            return Err(CallError::Busy);
        }
        match timeout(self.deadline, &mut replies).await {
            Ok(reply) => reply.map_err(|_| CallError::Quarantined),
            Err(_) if phase.goes(Phase::RUNNING, Phase::ABANDONED) => {
                self.shared.write_off();
                Err(CallError::Late)
            }
            // It came back at the last moment: the reply is on its way.
            Err(_) => replies.await.map_err(|_| CallError::Quarantined),
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

    /// The thread of a call that overran is taken for lost. At most as many as the lane has are replaced.
    fn write_off(self: &Arc<Self>) {
        let mut census = self.census();
        census.alive -= 1;
        census.lost += 1;
        let replaced = census.lost <= self.threads
            && match self.hire(&mut census) {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(plugin = self.name, %error, "no thread to replace one that hangs");
                    false
                }
            };
        tracing::warn!(plugin = self.name, lost = census.lost, replaced, "a thread of the plugin hangs");
    }

    fn serve(&self) {
        while let Some(job) = self.next_job() {
            if !job.phase.goes(Phase::WAITING, Phase::RUNNING) {
                continue;
            }
            // A caller that is gone needs neither message.
            let _ = job.started.send(());
            let reply = self.instance.call(job.method, &job.json, REPLY_LIMIT);
            let in_time = job.phase.goes(Phase::RUNNING, Phase::DONE);
            let _ = job.reply.send(reply);
            if !in_time && !self.comes_back() {
                return;
            }
        }
    }

    /// `None` when the lane is gone.
    fn next_job(&self) -> Option<Job> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }

    /// Whether a written-off thread is needed again.
    fn comes_back(&self) -> bool {
        let mut census = self.census();
        census.lost -= 1;
        let needed = census.alive < self.threads;
        if needed {
            census.alive += 1;
        }
        needed
    }
}
