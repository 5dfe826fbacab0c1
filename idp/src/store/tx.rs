//! The transaction that a unit of work runs in.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    TransactionTrait,
};

use super::file::File;

/// A transaction.
#[derive(Debug)]
pub struct Tx {
    kind: Kind,
    given_up: AtomicBool,
}

#[derive(Debug)]
enum Kind {
    Group(File),
    Savepoint(File),
    Pooled(DatabaseTransaction),
}

impl Tx {
    /// For units of work that are expected to succeed, of the embedded database: changes travel together, and nothing marks
    /// where one unit began. When one fails, all of them have to be begun again, each under a savepoint.
    pub(super) async fn group(file: &File) -> Result<Self, DbErr> {
        // Immediate: a deferred transaction that reads first cannot always be upgraded (SQLITE_BUSY_SNAPSHOT).
        file.run("BEGIN IMMEDIATE").await?;
        Ok(Self::of(Kind::Group(file.clone())))
    }

    /// For one unit of work inside a transaction of `file`: it can be rolled back alone, and learns which of its changes
    /// failed.
    pub(super) async fn savepoint(file: &File) -> Result<Self, DbErr> {
        file.run("SAVEPOINT unit").await?;
        Ok(Self::of(Kind::Savepoint(file.clone())))
    }

    /// For one unit of work on PostgreSQL.
    pub(super) async fn pooled(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        Ok(Self::of(Kind::Pooled(pool.begin().await?)))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, given_up: AtomicBool::new(false) }
    }

    pub(super) async fn commit(self) -> Result<(), DbErr> {
        match self.kind {
            Kind::Group(file) => file.run("COMMIT").await,
            Kind::Savepoint(file) => file.run("RELEASE unit").await,
            Kind::Pooled(transaction) => transaction.commit().await,
        }
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        match self.kind {
            Kind::Group(file) => file.run("ROLLBACK").await,
            Kind::Savepoint(file) => file.run("ROLLBACK TO unit; RELEASE unit").await,
            Kind::Pooled(transaction) => transaction.rollback().await,
        }
    }

    pub(super) fn is_hopeful(&self) -> bool {
        matches!(self.kind, Kind::Group(_))
    }

    /// Marks a transaction as one that must not commit, whatever its unit of work makes of the error.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        match &self.kind {
            Kind::Group(file) | Kind::Savepoint(file) => file.get_database_backend(),
            Kind::Pooled(transaction) => transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.kind {
            Kind::Group(file) | Kind::Savepoint(file) => file.execute_raw(statement).await,
            Kind::Pooled(transaction) => transaction.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.kind {
            Kind::Group(file) | Kind::Savepoint(file) => file.execute_unprepared(sql).await,
            Kind::Pooled(transaction) => transaction.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.kind {
            Kind::Group(file) | Kind::Savepoint(file) => file.query_one_raw(statement).await,
            Kind::Pooled(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.kind {
            Kind::Group(file) | Kind::Savepoint(file) => file.query_all_raw(statement).await,
            Kind::Pooled(transaction) => transaction.query_all_raw(statement).await,
        }
    }
}
