//! Requests of devices without a browser (RFC 8628), which somebody approves on another.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

const TABLE: &str = "device_code";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0025_device_codes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(table(
            TABLE,
            vec![
                string(column("hash")).primary_key().take(),
                string(column("user_hash")).unique_key().take(),
                text(column("client_id")).take(),
                string(column("grant_id")).take(),
                ColumnDef::new(column("account_id")).string().null().take(),
                text(column("status")).take(),
                binary(column("sealed")).take(),
                big_integer(column("expires_at")).take(),
                ColumnDef::new(column("used_at")).big_integer().null().take(),
            ],
        ))
        .await?;
        for name in ["account_id", "expires_at"] {
            let index =
                Index::create().name(format!("device_code_{name}")).table(column(TABLE)).col(column(name)).to_owned();
            m.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column(TABLE)).to_owned()).await
    }
}
