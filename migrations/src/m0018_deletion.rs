//! When an account is to be deleted.

use sea_orm_migration::prelude::*;

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0018_deletion"
    }
}

const INDEX: &str = "account_delete_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let delete_at = ColumnDef::new(column("delete_at")).big_integer().null().take();
        m.alter_table(Table::alter().table(column("account")).add_column(delete_at).take()).await?;
        m.create_index(Index::create().name(INDEX).table(column("account")).col(column("delete_at")).to_owned()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(Index::drop().name(INDEX).table(column("account")).to_owned()).await?;
        m.alter_table(Table::alter().table(column("account")).drop_column(column("delete_at")).take()).await
    }
}
