//! Group commit: one task owns the connection that writes.
//!
//! It takes the closures that are waiting (at most [`GROUP`]), runs each under a savepoint inside one transaction,
//! commits, and only then releases the answers. While one commit waits for the disk the next group gathers, so the
//! price of an fsync is shared by everybody who waited for it.

use std::future::Future;
use std::pin::Pin;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};
use tokio::sync::{mpsc, oneshot};

use crate::Error;

/// Most closures in one transaction.
const GROUP: usize = 256;
/// Closures that may wait before a sender has to.
const QUEUE: usize = 4096;

/// The future of one closure; it borrows the transaction that it writes through.
pub(crate) type Writing<'t, T> = Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 't>>;
type Release = Box<dyn FnOnce(Result<(), DbErr>) + Send>;
type Unit =
    Box<dyn for<'t> FnOnce(&'t DatabaseTransaction) -> Pin<Box<dyn Future<Output = Release> + Send + 't>> + Send>;

/// Hands closures to the writing task.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Unit>);

impl Writer {
    /// Starts the task, which lives as long as any clone of the writer.
    pub(crate) fn start(connection: DatabaseConnection) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(write_groups(connection, receiver));
        Self(sender)
    }

    /// Runs `work` in the next group. Returns when its rows are on the disk, or it failed and left no trace.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> Writing<'t, T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let unit: Unit = Box::new(move |transaction| {
            Box::pin(async move {
                let outcome = under_savepoint(transaction, work).await;
                let release: Release = Box::new(move |committed| {
                    // A request that no longer waits has no use for its answer.
                    drop(sender.send(committed.and(outcome)));
                });
                release
            })
        });
        self.0.send(unit).await.map_err(|_| "the writer has stopped")?;
        Ok(receiver.await??)
    }
}

async fn under_savepoint<T, F>(transaction: &DatabaseTransaction, work: F) -> Result<T, DbErr>
where
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> Writing<'t, T>,
{
    let savepoint = transaction.begin().await?;
    match work(&savepoint).await {
        Ok(value) => savepoint.commit().await.map(|()| value),
        Err(error) => savepoint.rollback().await.and(Err(error)),
    }
}

async fn write_groups(connection: DatabaseConnection, mut waiting: mpsc::Receiver<Unit>) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let mut releases = Vec::with_capacity(group.len());
        let Ok(transaction) = connection.begin().await else {
            // Dropping a closure tells its request that the writer failed.
            group.clear();
            continue;
        };
        for unit in group.drain(..) {
            releases.push(unit(&transaction).await);
        }
        let committed = transaction.commit().await;
        for release in releases {
            release(committed.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use sea_orm::{ConnectionTrait, Database};

    use super::*;

    #[tokio::test]
    async fn a_failing_closure_loses_only_its_own_rows() {
        let connection = Database::connect("sqlite::memory:").await.unwrap();
        connection.execute_unprepared("CREATE TABLE t (n INTEGER PRIMARY KEY)").await.unwrap();
        let writer = Writer::start(connection.clone());
        let insert = |sql: &'static str| {
            writer.write(move |transaction| {
                Box::pin(async move { transaction.execute_unprepared(sql).await.map(|_| ()) })
            })
        };
        let (good, bad, other) = tokio::join!(
            insert("INSERT INTO t VALUES (1)"),
            insert("INSERT INTO t VALUES (2); INSERT INTO t VALUES (2)"),
            insert("INSERT INTO t VALUES (3)"),
        );
        assert!(good.is_ok() && bad.is_err() && other.is_ok());
        let rows = connection
            .query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, "SELECT n FROM t ORDER BY n"))
            .await
            .unwrap();
        let found: Vec<i64> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(found, [1, 3]);
    }
}
