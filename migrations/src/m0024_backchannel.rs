//! Requests that relying parties send behind the browser's back, and whom people do not want to hear from.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, string},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0024_backchannel"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(requests()).await?;
        for (name, columns) in [
            ("backchannel_account", &["account_id", "status", "created_at"][..]),
            ("backchannel_expires", &["expires_at"][..]),
        ] {
            let mut index = Index::create();
            index.name(name).table(column("backchannel"));
            for name in columns {
                index.col(column(name));
            }
            m.create_index(index.take()).await?;
        }
        m.create_table(mutes()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column("backchannel_mute")).to_owned()).await?;
        m.drop_table(Table::drop().table(column("backchannel")).to_owned()).await
    }
}

fn requests() -> TableCreateStatement {
    table(
        "backchannel",
        vec![
            string(column("id")).primary_key().take(),
            string(column("hash")).unique_key().take(),
            ColumnDef::new(column("retry_hash")).string().null().unique_key().take(),
            string(column("client_id")).take(),
            string(column("account_id")).take(),
            string(column("grant_id")).take(),
            string(column("status")).take(),
            binary(column("sealed")).take(),
            ColumnDef::new(column("answer")).binary().null().take(),
            big_integer(column("created_at")).take(),
            big_integer(column("expires_at")).take(),
            big_integer(column("poll_interval")).take(),
            ColumnDef::new(column("polled_at")).big_integer().null().take(),
        ],
    )
}

fn mutes() -> TableCreateStatement {
    let mut mutes = table(
        "backchannel_mute",
        vec![
            string(column("account_id")).take(),
            string(column("client_id")).take(),
            big_integer(column("since")).take(),
        ],
    );
    mutes.primary_key(Index::create().col(column("account_id")).col(column("client_id"))).take()
}
