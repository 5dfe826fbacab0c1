//! Data: one file per aggregate, each sea-orm entity beside its queries, all plain functions over a connection.
//!
//! This room knows no HTTP and no protocol. Reads go to [`Db::read`]; every write is a unit of work given to
//! [`Db::write`], durable when it returns. Single use is always one conditional `UPDATE` that must touch one row.

use std::{path::Path, sync::Arc, time::Duration};

use ::log::LevelFilter;
use enum_migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, EntityTrait, FromQueryResult,
    IdenStatic, QueryTrait, RuntimeErr, Select, SelectA, SelectB, SelectTwo,
    sqlx::{ConnectOptions as _, Connection, PgConnection, sqlite::SqliteConnectOptions},
};
use sea_orm_migration::MigratorTrait;

pub mod account;
pub mod address;
pub mod admin;
pub mod backchannel;
pub mod backchannel_mute;
pub mod challenge;
mod changes;
pub mod client;
pub mod code;
pub mod code_pace;
pub mod confirmation;
pub mod consent;
pub mod device;
pub mod device_code;
pub mod enrolment;
pub mod erasure;
pub mod expiry;
pub mod fee;
mod file;
mod fresh;
pub mod grant;
pub mod key;
pub mod log;
mod mailed_link;
pub mod meta;
pub mod outbox;
pub mod phone_change;
pub mod phone_undo;
pub mod plugin;
pub mod plugin_call;
pub mod plugin_data;
pub mod policy;
pub mod pushed;
mod reader;
pub mod receipt_log;
pub mod recovery;
pub mod recovery_budget;
pub mod recovery_code;
pub mod refund;
pub mod registration;
pub mod session;
pub mod sms_guard;
pub mod sms_part;
pub mod spent;
pub mod support;
mod tx;
mod writer;

pub use changes::{Change, apply};
use file::File;
use fresh::Fresh;
pub use reader::Reader;
pub use tx::Tx;
use writer::GroupWriter;
pub use writer::Work;

/// A connection that rested for so long is asked whether it is still there before it is used.
const PING_AFTER: Duration = Duration::from_secs(30);
/// A statement that takes so long is logged, without its values. The others are logged at the level `debug` of
/// `sqlx::query`, with the time that each took.
const SLOW: Duration = Duration::from_secs(1);
/// Connections to an embedded database that read.
const READERS: usize = 4;
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
    read: Reader,
    writer: Writer,
    codes: Arc<Fresh<code::Model>>,
    pushed: Arc<Fresh<pushed::Model>>,
}

#[derive(Clone)]
enum Writer {
    Group(GroupWriter),
    Alone(DatabaseConnection),
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
        if url.starts_with("sqlite:") {
            return Self::open_embedded(url).await;
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
            .sqlx_logging(true)
            .sqlx_logging_level(LevelFilter::Debug)
            .sqlx_slow_statements_logging_settings(LevelFilter::Warn, SLOW);
        let pool = Database::connect(options).await?;
        Migrator::up(&pool, None).await?;
        Ok(Self::of(Reader::pool(pool.clone()), Writer::Alone(pool)))
    }

    async fn open_embedded(url: &str) -> Result<Self, StoreError> {
        let mut options = ConnectOptions::new(url);
        options.map_sqlx_sqlite_opts(embedded);
        let schema = Database::connect(options).await?;
        Migrator::up(&schema, None).await?;
        schema.close().await?;

        let options = url.parse().map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))?;
        let options = embedded(options);
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            readers.push(File::open(&options).await?);
        }
        let writer = GroupWriter::start(File::open(&options).await?);
        Ok(Self::of(Reader::files(readers), Writer::Group(writer)))
    }

    fn of(read: Reader, writer: Writer) -> Self {
        Self { read, writer, codes: Arc::default(), pushed: Arc::default() }
    }

    /// For reads. On SQLite a reader sees the last committed state and never waits for the writer.
    pub fn read(&self) -> &Reader {
        &self.read
    }

    /// Whether this is the embedded database.
    pub fn is_embedded(&self) -> bool {
        self.read.get_database_backend() == DbBackend::Sqlite
    }

    /// Runs `work` as one transaction. When this returns `Ok`, all of it is durable; otherwise none of it happened. It may
    /// be run more than once, and has no effect but on the database.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError`] when the commit fails.
    pub async fn write<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c Tx) -> Work<'c, Result<T, E>> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.writer {
            Writer::Group(writer) => writer.write(work).await,
            Writer::Alone(pool) => writer::write_alone(pool, work).await,
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
    let row = db.query_one_raw(found.build(db.get_database_backend())).await?;
    row.map(|row| E::Model::from_query_result(&row, "")).transpose()
}

/// As [`only`], with the row of another table that it was joined to.
async fn only_two<E: EntityTrait, F: EntityTrait>(
    found: SelectTwo<E, F>,
    db: &impl ConnectionTrait,
) -> Result<Option<(E::Model, F::Model)>, DbErr> {
    let Some(row) = db.query_one_raw(found.build(db.get_database_backend())).await? else { return Ok(None) };
    let first = E::Model::from_query_result(&row, SelectA.as_str())?;
    let second = F::Model::from_query_result(&row, SelectB.as_str())?;
    Ok(Some((first, second)))
}

fn embedded(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .pragma("journal_mode", "WAL")
        .pragma("synchronous", "FULL")
        .pragma("foreign_keys", "ON")
        // 16 MiB of log before it is copied into the file (SQLite's own choice is a quarter): fewer pages are copied twice.
        .pragma("wal_autocheckpoint", "4000")
        // Another process may be migrating what a plugin has written: writers wait for it, as long as a request may take.
        .busy_timeout(Duration::from_secs(25))
        .statement_cache_capacity(256)
        .log_statements(LevelFilter::Debug)
        .log_slow_statements(LevelFilter::Warn, SLOW)
}
