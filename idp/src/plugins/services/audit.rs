//! The audit trail: what plugins asked, on its way to the database.
//!
//! What changed something is written together with the change. The rest waits here, and is written about once a second; a
//! plugin that asks faster than that can be written waits as well.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::store::{Db, StoreError, plugin_call};

/// How long an entry waits at most, while the database works.
const FLUSH: Duration = Duration::from_secs(1);
/// Entries that are written at once.
const GROUP: usize = 256;
/// Entries that may wait besides.
const QUEUE: usize = 1024;

/// Something to write down.
#[derive(Debug)]
pub(super) enum Note {
    /// A call.
    Call(Box<plugin_call::Model>),
    /// What came of a call after all: its id and the outcome.
    Ended(String, &'static str),
    /// Somebody waits until all before this is durable.
    Settle(oneshot::Sender<()>),
}

/// Where entries go.
#[derive(Debug)]
pub(super) struct Trail {
    notes: mpsc::Sender<Note>,
    clock: Clock,
    node: String,
    made: AtomicU64,
}

impl Trail {
    /// Starts the task that writes; it ends when this is dropped.
    pub(super) fn start(db: Db, clock: Clock, entropy: &Entropy) -> Result<Self, EntropyError> {
        let (notes, waiting) = mpsc::channel(QUEUE);
        let node = hex::encode(entropy.bytes::<8>()?);
        tokio::spawn(keep(db, waiting));
        Ok(Self { notes, clock, node, made: AtomicU64::new(0) })
    }

    /// The id of a next entry, behind all that this node made before, and its time.
    pub(super) fn next(&self) -> (String, i64) {
        let at = self.clock.now();
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        (format!("{at:012x}{number:08x}{}", self.node), at)
    }

    /// Puts a note into the queue.
    ///
    /// # Errors
    /// When there is no room, or the task has ended.
    pub(super) fn try_note(&self, note: Note) -> Result<(), TrySendError<Note>> {
        self.notes.try_send(note)
    }

    /// Puts a note into the queue, as soon as there is room.
    ///
    /// # Errors
    /// When the task has ended.
    pub(super) async fn note(&self, note: Note) -> Result<(), StoreError> {
        self.notes.send(note).await.map_err(|_| StoreError::Stopped)
    }

    /// Waits until all that was noted is durable.
    pub(super) async fn settle(&self) {
        let (done, settled) = oneshot::channel();
        // Without the task there is nothing to wait for.
        if self.note(Note::Settle(done)).await.is_ok() {
            drop(settled.await);
        }
    }
}

#[derive(Debug, Default)]
struct Batch {
    calls: Vec<plugin_call::Model>,
    ended: Vec<(String, &'static str)>,
    settling: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.calls.len() + self.ended.len() >= GROUP
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Call(call) => self.calls.push(*call),
            Note::Ended(id, outcome) => self.ended.push((id, outcome)),
            Note::Settle(done) => self.settling.push(done),
        }
    }

    /// Writes what waits, or keeps it for the next time.
    async fn flush(&mut self, db: &Db) {
        if !self.calls.is_empty() || !self.ended.is_empty() {
            let (calls, ended) = (self.calls.clone(), self.ended.clone());
            let written = db.write(move |tx| {
                Box::pin(async move {
                    plugin_call::add_all(tx, calls).await?;
                    for (id, outcome) in ended {
                        plugin_call::ending(&id, outcome).touches(tx).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            });
            if let Err(error) = written.await {
                tracing::error!(%error, "what plugins asked could not be written down; it is tried again");
                return;
            }
        }
        self.calls.clear();
        self.ended.clear();
        for done in self.settling.drain(..) {
            // Who no longer waits need not be told.
            let _ = done.send(());
        }
    }
}

async fn keep(db: Db, mut waiting: mpsc::Receiver<Note>) {
    let mut batch = Batch::default();
    let mut tick = interval(FLUSH);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            note = waiting.recv(), if !batch.is_full() => match note {
                Some(note) => {
                    batch.take(note);
                    if batch.is_full() || !batch.settling.is_empty() {
                        batch.flush(&db).await;
                    }
                }
                None => return batch.flush(&db).await,
            },
            _ = tick.tick() => batch.flush(&db).await,
        }
    }
}
