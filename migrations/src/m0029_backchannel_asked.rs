//! Under what a client's requests to one person are counted, whatever became of that person.

use sea_orm_migration::{prelude::*, schema::string};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0029_backchannel_asked"
    }
}

const INDEX: &str = "backchannel_asked";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // An older node adds requests that are counted as nobody's; they end within the hour.
        let asked = string(column("asked_hash")).default("").take();
        m.alter_table(Table::alter().table(column("backchannel")).add_column(asked).take()).await?;
        let mut index = Index::create();
        index.name(INDEX).table(column("backchannel")).col(column("asked_hash")).col(column("status"));
        m.create_index(index).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(Index::drop().name(INDEX).table(column("backchannel")).to_owned()).await?;
        m.alter_table(Table::alter().table(column("backchannel")).drop_column(column("asked_hash")).take()).await
    }
}
