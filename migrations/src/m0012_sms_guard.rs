//! What the guard against pumped text messages counts: messages by window, and codes that were sent and used by prefix.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, string},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_sms_guard"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let counts = [
            string(column("key")).primary_key().to_owned(),
            integer(column("sent")),
            big_integer(column("expires_at")),
        ];
        m.create_table(table("sms_count", counts.into())).await?;
        let mut expires = Index::create();
        expires.name("sms_count_expires").table(column("sms_count")).col(column("expires_at"));
        m.create_index(expires.take()).await?;
        let prefixes = [
            string(column("prefix")).primary_key().to_owned(),
            integer(column("sent")),
            integer(column("used")),
            big_integer(column("since")),
            ColumnDef::new(column("open_until")).big_integer().null().to_owned(),
            big_integer(column("version")),
        ];
        m.create_table(table("sms_prefix", prefixes.into())).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for name in ["sms_count", "sms_prefix"] {
            m.drop_table(Table::drop().table(column(name)).to_owned()).await?;
        }
        Ok(())
    }
}
