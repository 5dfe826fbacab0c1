//! What plugins keep, and what they asked of the server.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, integer, string, text},
    sea_orm::DbBackend,
};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_plugin_services"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(data(m.get_database_backend())).await?;
        m.create_table(calls()).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(Alias::new(*table));
            for column in *columns {
                index.col(Alias::new(*column));
            }
            m.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ["plugin_call", "plugin_data"] {
            m.drop_table(Table::drop().table(Alias::new(table)).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[(&str, &str, &[&str])] = &[
    ("plugin_data_account", "plugin_data", &["account"]),
    ("plugin_data_expires", "plugin_data", &["expires_at"]),
    ("plugin_call_plugin", "plugin_call", &["plugin", "id"]),
    ("plugin_call_at", "plugin_call", &["at"]),
];

/// No reference to the account: a plugin may put something while the enrolment is being prepared that is committed
/// together with a new account.
fn data(backend: DbBackend) -> TableCreateStatement {
    let mut key = string(column("key"));
    if backend == DbBackend::Postgres {
        // Listings are in the order of bytes, whatever the locale of the database; SQLite compares so by itself.
        key.extra("COLLATE \"C\"");
    }
    Table::create()
        .table(column("plugin_data"))
        .col(string(column("plugin")))
        .col(string(column("account")))
        .col(key)
        .col(integer(column("data_version")).default(0))
        .col(binary(column("sealed")))
        .col(big_integer(column("version")))
        .col(ColumnDef::new(column("expires_at")).big_integer().null())
        .col(big_integer(column("updated_at")))
        .primary_key(Index::create().col(column("plugin")).col(column("account")).col(column("key")))
        .take()
}

fn calls() -> TableCreateStatement {
    Table::create()
        .table(column("plugin_call"))
        .col(string(column("id")).primary_key())
        .col(text(column("plugin")))
        .col(text(column("version")))
        .col(text(column("sha256")))
        .col(text(column("service")))
        .col(text(column("subject")))
        .col(ColumnDef::new(column("account")).text().null())
        .col(text(column("outcome")))
        .col(big_integer(column("at")))
        .take()
}
