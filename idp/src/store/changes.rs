//! Changes that reach the database together.
//!
//! On SQLite a trip to the driver costs two switches between threads, whatever it carries, and that is more than most
//! statements cost. A unit of work therefore says its changes first and sends them as one text of several statements.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, Insert, QueryTrait, Statement, UpdateMany, Value,
    Values,
    sea_query::{InsertStatement, UpdateStatement},
};

use super::{StoreError, Tx};

/// One statement that is meant to touch exactly one row.
#[derive(Clone, Debug)]
pub struct Change {
    record: &'static str,
    statement: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Insert(Box<InsertStatement>),
    Update(Box<UpdateStatement>),
}

impl Change {
    pub(super) fn insert<A: ActiveModelTrait>(record: &'static str, insert: Insert<A>) -> Self {
        Self::inserting(record, insert.into_query())
    }

    pub(super) fn inserting(record: &'static str, insert: InsertStatement) -> Self {
        Self { record, statement: Kind::Insert(Box::new(insert)) }
    }

    pub(super) fn update<E: EntityTrait>(record: &'static str, update: UpdateMany<E>) -> Self {
        Self { record, statement: Kind::Update(Box::new(update.into_query())) }
    }

    fn build(&self, backend: DbBackend) -> Statement {
        match &self.statement {
            Kind::Insert(insert) => backend.build(insert.as_ref()),
            Kind::Update(update) => backend.build(update.as_ref()),
        }
    }

    /// Makes this change alone. `Ok(false)` when it found no row to touch.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touches(self, db: &impl ConnectionTrait) -> Result<bool, StoreError> {
        let done = db.execute_raw(self.build(db.get_database_backend())).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes this change alone.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] naming the record when it found no row to touch; otherwise when the database fails.
    pub async fn apply(self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        let record = self.record;
        if self.touches(db).await? { Ok(()) } else { Err(StoreError::Conflict(record)) }
    }
}

/// Makes `changes` in their order and stops at the first that finds no row to touch: those before it stand, should the
/// unit of work go on from there.
///
/// # Errors
/// [`StoreError::Conflict`] naming the first record that had no row to touch; otherwise when the database fails.
pub async fn apply(tx: &Tx, changes: impl IntoIterator<Item = Change>) -> Result<(), StoreError> {
    if !tx.is_hopeful() {
        for change in changes {
            change.apply(tx).await?;
        }
        return Ok(());
    }
    let (mut text, mut values, mut count) = (String::new(), Vec::<Value>::new(), 0);
    for change in changes {
        let statement = change.build(DbBackend::Sqlite);
        if !text.is_empty() {
            text.push(';');
        }
        text.push_str(&statement.sql);
        values.extend(statement.values.unwrap_or(Values(Vec::new())));
        count += 1;
    }
    match tx.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, text, values)).await {
        Ok(done) if done.rows_affected() == count => Ok(()),
        // Which one it was only one by one can tell, and that is how the writer now begins again.
        failed => {
            tx.give_up();
            failed?;
            Err(StoreError::Conflict("one of several"))
        }
    }
}
