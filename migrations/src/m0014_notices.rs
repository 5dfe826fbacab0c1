//! What an account chose to be told about attempts to prove something.

use sea_orm_migration::{prelude::*, schema::text};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_notices"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let added = text(column("notices")).default("").take();
        m.alter_table(Table::alter().table(column("account")).add_column(added).to_owned()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.alter_table(Table::alter().table(column("account")).drop_column(column("notices")).to_owned()).await
    }
}
