//! A connection to the embedded database.
//!
//! Not from a pool: that would ping a connection whenever it comes back, and to a file a ping takes two switches between
//! threads, as much as a read.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, SqliteConnection,
        query::Query,
        sqlite::{Sqlite, SqliteConnectOptions},
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::Mutex;

/// One connection. Clones share it, one statement at a time.
#[derive(Clone, Debug)]
pub(super) struct File(Arc<Mutex<SqliteConnection>>);

impl File {
    pub(super) async fn open(options: &SqliteConnectOptions) -> Result<Self, DbErr> {
        let connection =
            options.connect().await.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs a statement that has no values, such as `BEGIN`.
    pub(super) async fn run(&self, statement: &str) -> Result<(), DbErr> {
        self.execute_raw(Statement::from_string(DbBackend::Sqlite, statement)).await.map(drop)
    }
}

fn query(statement: Statement) -> Query<'static, Sqlite, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

#[async_trait]
impl ConnectionTrait for File {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let done = query(statement).execute(&mut *self.0.lock().await).await;
        done.map(ExecResult::from).map_err(exec_error)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let text = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = text.execute(&mut *self.0.lock().await).await;
        done.map(ExecResult::from).map_err(exec_error)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let row = query(statement).fetch_optional(&mut *self.0.lock().await).await;
        Ok(row.map_err(query_error)?.map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let rows = query(statement).fetch_all(&mut *self.0.lock().await).await;
        Ok(rows.map_err(query_error)?.into_iter().map(QueryResult::from).collect())
    }
}
