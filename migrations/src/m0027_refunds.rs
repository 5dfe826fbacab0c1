//! A merchant's look at its confirmations, and what it has given back of them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0027_refunds"
    }
}

const OF_CLIENT: &str = "confirmation_of_client";
const REFERENCE: &str = "refund_reference";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // An older node adds confirmations of which nothing was given back yet, which is what the default says.
        let refunded = big_integer(column("refunded")).default(0).take();
        m.alter_table(Table::alter().table(column("confirmation")).add_column(refunded).take()).await?;
        let mut newest = Index::create();
        newest.name(OF_CLIENT).table(column("confirmation"));
        for name in ["client_id", "created_at", "id"] {
            newest.col(column(name));
        }
        m.create_index(newest).await?;
        m.create_table(refunds()).await?;
        let mut once = Index::create();
        once.name(REFERENCE).table(column("refund")).col(column("confirmation_id")).col(column("reference_hash"));
        m.create_index(once.unique().take()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column("refund")).to_owned()).await?;
        m.drop_index(Index::drop().name(OF_CLIENT).table(column("confirmation")).to_owned()).await?;
        m.alter_table(Table::alter().table(column("confirmation")).drop_column(column("refunded")).take()).await
    }
}

fn refunds() -> TableCreateStatement {
    table(
        "refund",
        vec![
            string(column("id")).primary_key().take(),
            string(column("confirmation_id")).take(),
            string(column("reference_hash")).take(),
            big_integer(column("amount_minor")).take(),
            text(column("receipt")).take(),
            big_integer(column("created_at")).take(),
        ],
    )
}
