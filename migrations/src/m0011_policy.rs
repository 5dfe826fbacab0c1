//! Versions of the policy.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_policy"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let columns = vec![
            big_integer(column("version")).primary_key().take(),
            text(column("document")),
            ColumnDef::new(column("note")).text().null().take(),
            big_integer(column("created_at")),
        ];
        m.create_table(table("policy", columns)).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column("policy")).to_owned()).await
    }
}
