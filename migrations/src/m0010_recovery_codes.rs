//! Recovery codes.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_recovery_codes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(codes()).await?;
        let mut index = Index::create();
        index.name("recovery_code_account").table(column("recovery_code")).col(column("account_id"));
        m.create_index(index.take()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column("recovery_code")).to_owned()).await
    }
}

fn codes() -> TableCreateStatement {
    table(
        "recovery_code",
        vec![
            string(column("code_hash")).primary_key().take(),
            text(column("account_id")).take(),
            big_integer(column("created_at")).take(),
            ColumnDef::new(column("used_at")).big_integer().null().take(),
        ],
    )
}
