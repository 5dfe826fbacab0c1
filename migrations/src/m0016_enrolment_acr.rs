//! What level an enrolment is worth, where its factor says that of each.

use sea_orm_migration::prelude::*;

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0016_enrolment_acr"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let acr = ColumnDef::new(column("acr")).text().null().take();
        m.alter_table(Table::alter().table(column("enrolment")).add_column(acr).take()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.alter_table(Table::alter().table(column("enrolment")).drop_column(column("acr")).take()).await
    }
}
