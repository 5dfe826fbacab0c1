//! The floor's own tables, and one function per step.
//!
//! Statements are plain text through sea-orm: no entity, no mapping, so that what is left is the driver itself.

use std::path::Path;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    Statement, Value,
};

use super::writer::Writer;
use crate::Error;

/// Connections that only read; the writer has its own.
const READERS: u32 = 4;

const SCHEMA: &str = "
CREATE TABLE account (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE enrolment (account INTEGER PRIMARY KEY, number INTEGER NOT NULL, attempts INTEGER NOT NULL, state BLOB NOT NULL);
CREATE TABLE session (id BLOB PRIMARY KEY, account INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE INDEX session_account ON session (account);
CREATE TABLE code (id BLOB PRIMARY KEY, account INTEGER NOT NULL, nonce TEXT NOT NULL, at INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE TABLE refresh (id BLOB PRIMARY KEY, account INTEGER NOT NULL, at INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE INDEX refresh_account ON refresh (account);
CREATE TABLE audit (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL);
CREATE INDEX audit_account ON audit (account, id);
CREATE TABLE pushed (id BLOB PRIMARY KEY, request TEXT NOT NULL, details TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE assertion (jti TEXT PRIMARY KEY, at INTEGER NOT NULL);
";

/// Address of account `id`, as [`Store::create`] fills it in.
pub(crate) fn email_of(id: i64) -> String {
    format!("load{id}@example.test")
}

/// SQLite in WAL mode with `synchronous=FULL`: a commit has reached the disk when it returns.
pub(crate) struct Store {
    readers: DatabaseConnection,
    writer: Writer,
}

impl Store {
    /// Makes the file, its tables and `accounts` accounts.
    pub(crate) async fn create(file: &Path, accounts: u32) -> Result<Self, Error> {
        let connection = connect(file, 1).await?;
        connection.execute_unprepared(SCHEMA).await?;
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)";
        for rows in [
            "INSERT INTO account SELECT i, 'load' || i || '@example.test', 'Load ' || i FROM n",
            "INSERT INTO enrolment SELECT i, 1, 0, randomblob(120) FROM n",
        ] {
            connection.execute_raw(sql(&format!("{numbers} {rows}"), [accounts.into()])).await?;
        }
        Ok(Self { readers: connect(file, READERS).await?, writer: Writer::start(connection) })
    }

    /// The writer alone, for the bare-commit baseline.
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(crate) async fn push(&self, id: Vec<u8>, jti: String, request: String, details: String) -> Result<(), Error> {
        let now = crate::now::unix_seconds();
        self.writer
            .write(move |t| {
                Box::pin(async move {
                    one(t, "INSERT INTO assertion VALUES (?, ?)", [jti.into(), now.into()]).await?;
                    let values = [id.into(), request.into(), details.into(), now.into()];
                    one(t, "INSERT INTO pushed VALUES (?, ?, ?, ?)", values).await
                })
            })
            .await
    }

    pub(crate) async fn pushed(&self, id: Vec<u8>) -> Result<String, Error> {
        Ok(self.read("SELECT request FROM pushed WHERE id = ?", id.into()).await?.try_get_by_index(0)?)
    }

    /// Two point reads: the account's id, and its challenge number.
    pub(crate) async fn enrolment(&self, email: &str) -> Result<(i64, i64), Error> {
        let account: i64 =
            self.read("SELECT id, name FROM account WHERE email = ?", email.into()).await?.try_get_by_index(0)?;
        let enrolment =
            self.read("SELECT number, attempts, state FROM enrolment WHERE account = ?", account.into()).await?;
        Ok((account, enrolment.try_get_by_index(0)?))
    }

    /// One commit, two rows.
    pub(crate) async fn wrong_answer(&self, account: i64) -> Result<(), Error> {
        self.writer
            .write(move |t| {
                Box::pin(async move {
                    let count = "UPDATE enrolment SET attempts = attempts + 1 WHERE account = ? AND attempts < 20";
                    one(t, count, [account.into()]).await?;
                    audit(t, account, "wrong answer").await
                })
            })
            .await
    }

    /// Commit 1 of a login: counter, session, code, log.
    pub(crate) async fn right_answer(
        &self,
        account: i64,
        session: Vec<u8>,
        code: Vec<u8>,
        nonce: String,
    ) -> Result<(), Error> {
        let now = crate::now::unix_seconds();
        self.writer
            .write(move |t| {
                Box::pin(async move {
                    let count =
                        "UPDATE enrolment SET attempts = 0, number = number + 1 WHERE account = ? AND attempts < 20";
                    one(t, count, [account.into()]).await?;
                    one(t, "INSERT INTO session VALUES (?, ?, ?)", [session.into(), account.into(), now.into()])
                        .await?;
                    let values = [code.into(), account.into(), nonce.into(), now.into()];
                    one(t, "INSERT INTO code VALUES (?, ?, ?, ?, 0)", values).await?;
                    audit(t, account, "login").await
                })
            })
            .await
    }

    /// Commit 2 of a login: consumed code, refresh token, log. Returns account and nonce.
    pub(crate) async fn redeem(&self, code: Vec<u8>, refresh: Vec<u8>) -> Result<(i64, String), Error> {
        self.writer
            .write(move |t| {
                Box::pin(async move {
                    let consume = "UPDATE code SET used = 1 WHERE id = ? AND used = 0 RETURNING account, nonce";
                    let row = taken(t, consume, code).await?;
                    let account: i64 = row.try_get_by_index(0)?;
                    issue(t, account, refresh, "tokens").await?;
                    Ok((account, row.try_get_by_index(1)?))
                })
            })
            .await
    }

    /// Refresh rotation: consumed token, new token, log. Returns the account.
    pub(crate) async fn rotate(&self, old: Vec<u8>, new: Vec<u8>) -> Result<i64, Error> {
        self.writer
            .write(move |t| {
                Box::pin(async move {
                    let consume = "UPDATE refresh SET used = 1 WHERE id = ? AND used = 0 RETURNING account";
                    let account: i64 = taken(t, consume, old).await?.try_get_by_index(0)?;
                    issue(t, account, new, "refresh").await?;
                    Ok(account)
                })
            })
            .await
    }

    pub(crate) async fn email(&self, account: i64) -> Result<String, Error> {
        Ok(self.read("SELECT email FROM account WHERE id = ?", account.into()).await?.try_get_by_index(0)?)
    }

    async fn read(&self, text: &str, key: Value) -> Result<QueryResult, Error> {
        Ok(self.readers.query_one_raw(sql(text, [key])).await?.ok_or_else(|| format!("no row: {text}"))?)
    }
}

async fn connect(file: &Path, connections: u32) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options
        .max_connections(connections)
        .min_connections(connections)
        // A ping before every statement would double the trips to SQLite's thread.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|o| {
            o.pragma("journal_mode", "WAL").pragma("synchronous", "FULL").pragma("busy_timeout", "5000")
        });
    Database::connect(options).await
}

fn sql<const N: usize>(text: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, text, values)
}

/// Runs a statement that must touch exactly one row.
pub(crate) async fn one<const N: usize>(t: &DatabaseTransaction, text: &str, values: [Value; N]) -> Result<(), DbErr> {
    match t.execute_raw(sql(text, values)).await?.rows_affected() {
        1 => Ok(()),
        rows => Err(DbErr::Custom(format!("{rows} rows: {text}"))),
    }
}

async fn taken(t: &DatabaseTransaction, text: &str, id: Vec<u8>) -> Result<QueryResult, DbErr> {
    t.query_one_raw(sql(text, [id.into()])).await?.ok_or_else(|| DbErr::Custom(format!("used or unknown: {text}")))
}

async fn issue(t: &DatabaseTransaction, account: i64, refresh: Vec<u8>, event: &str) -> Result<(), DbErr> {
    let values = [refresh.into(), account.into(), crate::now::unix_seconds().into()];
    one(t, "INSERT INTO refresh VALUES (?, ?, ?, 0)", values).await?;
    audit(t, account, event).await
}

/// Writes one line of the log.
pub(crate) async fn audit(t: &DatabaseTransaction, account: i64, event: &str) -> Result<(), DbErr> {
    let values = [account.into(), crate::now::unix_seconds().into(), event.into()];
    one(t, "INSERT INTO audit (account, at, event) VALUES (?, ?, ?)", values).await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    async fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("floor.sqlite"), 10).await.unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn the_file_is_durable() {
        let (_dir, store) = store().await;
        for (pragma, expected) in [("PRAGMA synchronous", "2"), ("PRAGMA journal_mode", "wal")] {
            let row = store.readers.query_one_raw(sql(pragma, [])).await.unwrap().unwrap();
            let found =
                row.try_get_by_index::<String>(0).or_else(|_| row.try_get_by_index::<i64>(0).map(|n| n.to_string()));
            assert_eq!(found.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_code_and_a_refresh_token_work_once() {
        let (_dir, store) = store().await;
        let id = |byte: u8| vec![byte; 32];
        assert_eq!(store.enrolment("load3@example.test").await.unwrap(), (3, 1));
        store.right_answer(3, id(1), id(2), "n".to_owned()).await.unwrap();
        assert_eq!(store.enrolment("load3@example.test").await.unwrap(), (3, 2));
        assert_eq!(store.redeem(id(2), id(3)).await.unwrap(), (3, "n".to_owned()));
        assert!(store.redeem(id(2), id(4)).await.is_err());
        assert_eq!(store.rotate(id(3), id(5)).await.unwrap(), 3);
        assert!(store.rotate(id(3), id(6)).await.is_err());
    }
}
