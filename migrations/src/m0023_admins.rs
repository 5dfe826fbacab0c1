//! Accounts whose owners are administrators.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0023_admins"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(table(
            "admin",
            vec![
                string(column("account_id")).primary_key().take(),
                text(column("name")).unique_key().take(),
                big_integer(column("created_at")).take(),
                ColumnDef::new(column("ended_at")).big_integer().null().take(),
            ],
        ))
        .await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column("admin")).to_owned()).await
    }
}
