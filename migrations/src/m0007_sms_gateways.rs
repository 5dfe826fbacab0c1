//! Which gateway took a message, how it names the parts, and what it reported of them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, string},
};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_sms_gateways"
    }
}

const PARTS: &str = "sms_part";
const INDEXES: [(&str, &[&str]); 2] =
    [("sms_part_name", &["gateway", "name", "taken_at"]), ("sms_part_taken", &["taken_at"])];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // One by one: SQLite adds no two columns in one statement.
        for added in [
            ColumnDef::new(column("gateway")).string().null().take(),
            ColumnDef::new(column("parts_left")).integer().not_null().default(0).take(),
            ColumnDef::new(column("reported_at")).big_integer().null().take(),
        ] {
            m.alter_table(Table::alter().table(column("outbox")).add_column(added).take()).await?;
        }
        m.create_table(parts()).await?;
        for (name, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(column(PARTS));
            for named in columns {
                index.col(column(named));
            }
            m.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column(PARTS)).to_owned()).await?;
        for dropped in ["reported_at", "parts_left", "gateway"] {
            m.alter_table(Table::alter().table(column("outbox")).drop_column(column(dropped)).take()).await?;
        }
        Ok(())
    }
}

fn parts() -> TableCreateStatement {
    Table::create()
        .table(column(PARTS))
        .col(string(column("outbox")))
        .col(integer(column("part")))
        .col(string(column("gateway")))
        .col(string(column("name")))
        .col(big_integer(column("taken_at")))
        .col(ColumnDef::new(column("delivered_at")).big_integer().null())
        .col(ColumnDef::new(column("undelivered_at")).big_integer().null())
        .primary_key(Index::create().col(column("outbox")).col(column("part")))
        .take()
}
