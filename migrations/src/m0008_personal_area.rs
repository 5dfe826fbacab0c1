//! What the personal area shows of a session: with which browser and from where it was opened.

use sea_orm_migration::{prelude::*, schema::text};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_personal_area"
    }
}

const SESSION: [&str; 2] = ["agent", "address"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for name in SESSION {
            let added = text(column(name)).default("").take();
            m.alter_table(Table::alter().table(column("session")).add_column(added).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for name in SESSION {
            m.alter_table(Table::alter().table(column("session")).drop_column(column(name)).to_owned()).await?;
        }
        Ok(())
    }
}
