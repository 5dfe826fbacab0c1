//! Reads: from whichever connection is free.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::file::File;

/// Where reads go. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Reader(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Pool(DatabaseConnection),
    Files(Arc<Files>),
}

#[derive(Debug)]
struct Files {
    idle: Mutex<Vec<File>>,
    /// As many permits as there are connections.
    free: Semaphore,
}

/// A connection that goes back when it is dropped, be it because whoever read has gone away: the driver then lets go of
/// the statement by itself.
struct Lent<'f> {
    file: File,
    files: &'f Files,
    /// Given back after `drop` has put the connection back.
    _permit: SemaphorePermit<'f>,
}

impl Reader {
    pub(super) fn pool(pool: DatabaseConnection) -> Self {
        Self(Kind::Pool(pool))
    }

    pub(super) fn files(files: Vec<File>) -> Self {
        let free = Semaphore::new(files.len());
        Self(Kind::Files(Arc::new(Files { idle: Mutex::new(files), free })))
    }
}

impl Files {
    fn idle(&self) -> MutexGuard<'_, Vec<File>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lend(&self) -> Result<Lent<'_>, DbErr> {
        let closed = |reason: &str| DbErr::Conn(RuntimeErr::Internal(reason.to_owned()));
        let permit = self.free.acquire().await.map_err(|error| closed(&error.to_string()))?;
        let file = self.idle().pop().ok_or_else(|| closed("no connection is left"))?;
        Ok(Lent { file, files: self, _permit: permit })
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.files.idle().push(self.file.clone());
    }
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Kind::Pool(pool) => pool.get_database_backend(),
            Kind::Files(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Pool(pool) => pool.execute_raw(statement).await,
            Kind::Files(files) => files.lend().await?.file.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Pool(pool) => pool.execute_unprepared(sql).await,
            Kind::Files(files) => files.lend().await?.file.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Pool(pool) => pool.query_one_raw(statement).await,
            Kind::Files(files) => files.lend().await?.file.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Pool(pool) => pool.query_all_raw(statement).await,
            Kind::Files(files) => files.lend().await?.file.query_all_raw(statement).await,
        }
    }
}
