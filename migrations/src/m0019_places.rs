//! Places that accounts were used at.

use sea_orm_migration::{prelude::*, schema::text};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0019_places"
    }
}

const INDEX: &str = "account_places_until";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let places = text(column("places")).default("").take();
        let until = ColumnDef::new(column("places_until")).big_integer().null().take();
        for added in [places, until] {
            m.alter_table(Table::alter().table(column("account")).add_column(added).take()).await?;
        }
        m.create_index(Index::create().name(INDEX).table(column("account")).col(column("places_until")).to_owned())
            .await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(Index::drop().name(INDEX).table(column("account")).to_owned()).await?;
        for dropped in ["places_until", "places"] {
            m.alter_table(Table::alter().table(column("account")).drop_column(column(dropped)).take()).await?;
        }
        Ok(())
    }
}
