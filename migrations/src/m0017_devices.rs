//! Browsers that accounts were used in.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string},
};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0017_devices"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let devices = Table::create()
            .table(column("device"))
            .col(string(column("account_id")))
            .col(string(column("hash")))
            .col(string(column("agent")))
            .col(string(column("address")))
            .col(big_integer(column("created_at")))
            .col(big_integer(column("seen_at")))
            .col(big_integer(column("expires_at")))
            .col(ColumnDef::new(column("ended_at")).big_integer().null())
            .primary_key(Index::create().col(column("account_id")).col(column("hash")))
            .take();
        m.create_table(devices).await?;
        let mut expires = Index::create();
        expires.name("device_expires").table(column("device")).col(column("expires_at"));
        m.create_index(expires.take()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column("device")).to_owned()).await
    }
}
