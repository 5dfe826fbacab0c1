//! Data: one file per aggregate, each sea-orm entity beside its queries, all plain functions over a connection.
//!
//! This room knows no HTTP and no protocol. Reads go to [`Db::read`]; every write is a unit of work given to
//! [`Db::write`], durable when it returns. Single use is always one conditional `UPDATE` that must touch one row.

use std::{path::Path, time::Duration};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    Select,
    sqlx::{Connection, PgConnection},
};
use sea_orm_migration::MigratorTrait;

pub mod account;
pub mod client;
pub mod code;
pub mod confirmation;
pub mod consent;
pub mod enrolment;
pub mod expiry;
pub mod grant;
pub mod key;
pub mod log;
pub mod meta;
pub mod outbox;
pub mod pushed;
pub mod registration;
pub mod session;
pub mod spent;
mod writer;

use writer::GroupWriter;
pub use writer::Work;

/// A connection that rested for so long is asked whether it is still there before it is used.
const PING_AFTER: Duration = Duration::from_secs(30);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What went wrong below.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no, or said nothing.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// There is no database at the address.
    #[error("{0}")]
    Unreachable(String),
    /// The writer has ended; the process is going down.
    #[error("the store is shutting down")]
    Stopped,
    /// A stored record does not open or does not parse: altered, or sealed under another master key.
    #[error("record {table}/{id} cannot be read: {reason}")]
    Unreadable {
        /// Table of the record.
        table: &'static str,
        /// Its key (never a secret).
        id: String,
        /// Why.
        reason: String,
    },
    /// Somebody else changed the record first.
    #[error("record {0} was changed by another request")]
    Conflict(&'static str),
}

/// The database. Clones share it.
#[derive(Clone)]
pub struct Db {
    read: DatabaseConnection,
    writer: Writer,
}

#[derive(Clone)]
enum Writer {
    Group(GroupWriter),
    Alone,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({:?})", self.read.get_database_backend())
    }
}

/// The URL of the embedded database of `data_dir`.
pub fn embedded_url(data_dir: &Path) -> String {
    format!("sqlite://{}?mode=rwc", data_dir.join("enum.sqlite").display())
}

impl Db {
    /// Connects to `url` (`sqlite://…` or `postgres://…`) and brings the schema up to date.
    ///
    /// # Errors
    /// When the database cannot be reached or a migration fails.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let db = Self::connect(url).await?;
        db.migrate().await?;
        Ok(db)
    }

    async fn connect(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            let write = Database::connect(sqlite(url, 1)).await?;
            let read = Database::connect(sqlite(url, 4)).await?;
            return Ok(Self { read, writer: Writer::Group(GroupWriter::start(write)) });
        }
        if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(StoreError::Unreachable("the address must begin with sqlite:// or postgres://".to_owned()));
        }
        reach_postgres(url).await?;
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(16)
            .test_before_acquire_if_idle_for(PING_AFTER)
            .connect_timeout(CONNECT_WITHIN)
            .acquire_timeout(CONNECT_WITHIN)
            .sqlx_logging(false);
        Ok(Self { read: Database::connect(options).await?, writer: Writer::Alone })
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        Ok(enum_migrations::Migrator::up(&self.read, None).await?)
    }

    /// For reads. On SQLite a reader sees the last committed state and never waits for the writer.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Whether this is the embedded database.
    pub fn is_embedded(&self) -> bool {
        self.read.get_database_backend() == DbBackend::Sqlite
    }

    /// Runs `work` as one transaction. When this returns `Ok`, all of it is durable; otherwise none of it happened.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError`] when the commit fails.
    pub async fn write<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c DatabaseTransaction) -> Work<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.writer {
            Writer::Group(writer) => writer.write(work).await,
            Writer::Alone => writer::write_alone(&self.read, work).await,
        }
    }
}

/// Connects once, outside the pool, which would keep the reason to itself until it has waited for long enough.
async fn reach_postgres(url: &str) -> Result<(), StoreError> {
    let unreachable = |reason: String| StoreError::Unreachable(format!("{reason}; is PostgreSQL running there?"));
    let connection = tokio::time::timeout(CONNECT_WITHIN, PgConnection::connect(url))
        .await
        .map_err(|_| unreachable(format!("no answer within {} s", CONNECT_WITHIN.as_secs())))?
        .map_err(|error| unreachable(error.to_string()))?;
    connection.close().await.map_err(|error| unreachable(error.to_string()))
}

/// The row of a unique key. Not `one()`, which binds a LIMIT: SQLite plans a statement anew for every value of that.
async fn only<E: EntityTrait>(found: Select<E>, db: &impl ConnectionTrait) -> Result<Option<E::Model>, DbErr> {
    Ok(found.all(db).await?.pop())
}

fn sqlite(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    // A file does not go away: no ping before each statement, which would cost as much as a short read.
    options.max_connections(connections).min_connections(connections).test_before_acquire(false);
    options.sqlx_logging(false).map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .pragma("foreign_keys", "ON")
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(256)
    });
    options
}
