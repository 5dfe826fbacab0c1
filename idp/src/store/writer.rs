//! Group commit on SQLite, one transaction a unit of work on PostgreSQL.
//!
//! SQLite lets one connection write at a time and pays an fsync a commit. One task therefore owns the write connection:
//! it takes the units of work that wait, runs them inside one transaction, commits, and only then releases the answers.
//! That none fails is the rule, so they first run in the hope of it, with nothing between them. When one does fail, the
//! transaction is rolled back and all run again, each under a SAVEPOINT of its own, so that the failed one rolls back
//! alone. When the COMMIT fails, every unit in it fails; when the disk fails, the process ends, because after a failed
//! fsync nobody knows what is durable and a retry would lie.

use std::{future::Future, pin::Pin};

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, Tx, file::File};

/// How many units of work share a commit at most.
const GROUP: usize = 256;

/// A boxed future that borrows the transaction it runs in.
pub type Work<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// One unit of work, its result kept until the group has committed. It can be run again.
trait Unit: Send {
    fn run<'c>(&'c mut self, tx: &'c Tx) -> Work<'c, Outcome>;
    fn release(self: Box<Self>, commit: Result<(), StoreError>);
}

#[derive(PartialEq)]
enum Outcome {
    Keep,
    RollBack,
}

struct Pending<F, T, E> {
    work: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Unit for Pending<F, T, E>
where
    F: for<'c> FnOnce(&'c Tx) -> Work<'c, Result<T, E>> + Clone + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run<'c>(&'c mut self, tx: &'c Tx) -> Work<'c, Outcome> {
        let work = self.work.clone();
        Box::pin(async move {
            let result = work(tx).await;
            let outcome = if result.is_ok() { Outcome::Keep } else { Outcome::RollBack };
            self.result = Some(result);
            outcome
        })
    }

    fn release(self: Box<Self>, commit: Result<(), StoreError>) {
        let answer = match (commit, self.result) {
            // A unit's own failure is the more specific one; it wrote nothing either way.
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Stopped.into()),
        };
        // Whoever asked may have gone away; the work stays done.
        drop(self.reply.send(answer));
    }
}

/// Hands units of work to the task that commits them.
#[derive(Clone)]
pub(super) struct GroupWriter(mpsc::Sender<Box<dyn Unit>>);

impl GroupWriter {
    /// Starts the task that owns `file`, the only one that writes.
    pub(super) fn start(file: File) -> Self {
        let (sender, receiver) = mpsc::channel(4 * GROUP);
        tokio::spawn(commit_groups(file, receiver));
        Self(sender)
    }

    pub(super) async fn write<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c Tx) -> Work<'c, Result<T, E>> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let unit = Pending { work, result: None, reply };
        self.0.send(Box::new(unit)).await.map_err(|_| E::from(StoreError::Stopped))?;
        answer.await.map_err(|_| E::from(StoreError::Stopped))?
    }
}

async fn commit_groups(file: File, mut waiting: mpsc::Receiver<Box<dyn Unit>>) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        gather(&mut waiting, &mut group).await;
        let committed = commit_group(&file, &mut group).await;
        if let Err(error) = &committed {
            end_process_if_disk_failed(error);
            tracing::error!(%error, units = group.len(), "a group of writes was not committed");
        }
        for unit in group.drain(..) {
            unit.release(committed.as_ref().map_err(|error| StoreError::Database(error.clone())).copied());
        }
    }
}

/// Lets whoever is ready to run go first, as long as that brings more units: a busy server commits seldom and much, an
/// idle one at once.
async fn gather(waiting: &mut mpsc::Receiver<Box<dyn Unit>>, group: &mut Vec<Box<dyn Unit>>) {
    let mut before = 0;
    while before < group.len() && group.len() < GROUP {
        before = group.len();
        tokio::task::yield_now().await;
        while group.len() < GROUP
            && let Ok(unit) = waiting.try_recv()
        {
            group.push(unit);
        }
    }
}

async fn commit_group(file: &File, group: &mut [Box<dyn Unit>]) -> Result<(), DbErr> {
    if commit_in_hope(file, group).await? { Ok(()) } else { commit_with_care(file, group).await }
}

/// `Ok(false)` when a unit failed: then nothing of the group was done.
async fn commit_in_hope(file: &File, group: &mut [Box<dyn Unit>]) -> Result<bool, DbErr> {
    let tx = Tx::group(file).await?;
    for unit in group.iter_mut() {
        if unit.run(&tx).await == Outcome::RollBack || tx.has_given_up() {
            // Some failures have ended the transaction themselves.
            drop(tx.rollback().await);
            return Ok(false);
        }
    }
    commit(file, tx).await?;
    Ok(true)
}

async fn commit_with_care(file: &File, group: &mut [Box<dyn Unit>]) -> Result<(), DbErr> {
    let tx = Tx::group(file).await?;
    for unit in group.iter_mut() {
        let savepoint = Tx::savepoint(file).await?;
        match unit.run(&savepoint).await {
            Outcome::Keep => savepoint.commit().await?,
            Outcome::RollBack => savepoint.rollback().await?,
        }
    }
    commit(file, tx).await
}

async fn commit(file: &File, tx: Tx) -> Result<(), DbErr> {
    let committed = tx.commit().await;
    if committed.is_err() {
        // Some failures leave the transaction open and some end it: that this one may find none is no news.
        drop(file.run("ROLLBACK").await);
    }
    committed
}

/// Ends the process on an I/O error of SQLite (primary code 10: fsync, write, read, truncate …; 13: disk full is not one
/// of them, since SQLite rolls that back cleanly).
fn end_process_if_disk_failed(error: &DbErr) {
    const SQLITE_IOERR: u32 = 10;
    if sqlite_code(error).is_some_and(|code| code & 0xff == SQLITE_IOERR) {
        tracing::error!(%error, "the disk failed during a commit: what is durable is unknown, so this process ends");
        std::process::exit(74); // EX_IOERR
    }
}

fn sqlite_code(error: &DbErr) -> Option<u32> {
    let (DbErr::Conn(RuntimeErr::SqlxError(inner))
    | DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    inner.as_database_error()?.code()?.parse().ok()
}

/// One unit of work in a transaction of its own.
pub(super) async fn write_alone<F, T, E>(connection: &DatabaseConnection, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c Tx) -> Work<'c, Result<T, E>> + Clone + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let tx = Tx::pooled(connection).await.map_err(StoreError::Database)?;
    match work(&tx).await {
        Ok(value) => {
            tx.commit().await.map_err(StoreError::Database)?;
            Ok(value)
        }
        Err(error) => {
            tx.rollback().await.map_err(StoreError::Database)?;
            Err(error)
        }
    }
}
