//! The ledger of fees: what people have accepted to pay for being sent a message, and what became of it. Rows are only ever
//! added.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, string},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_fees"
    }
}

/// Indexes of the charges: name, columns, whether unique.
const INDEXES: [(&str, &[&str], bool); 4] = [
    ("fee_charge_effect", &["effect"], true),
    // One fee for one visit.
    ("fee_charge_visit", &["enrolment", "interaction_hash"], true),
    ("fee_charge_time", &["created_at", "id"], false),
    ("fee_charge_account", &["account_id", "created_at", "id"], false),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(charges()).await?;
        m.create_table(entries()).await?;
        for (name, columns, unique) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(column("fee_charge"));
            for name in columns {
                index.col(column(name));
            }
            if unique {
                index.unique();
            }
            m.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for name in ["fee_entry", "fee_charge"] {
            m.drop_table(Table::drop().table(column(name)).to_owned()).await?;
        }
        Ok(())
    }
}

fn charges() -> TableCreateStatement {
    let columns = [
        string(column("id")).primary_key().to_owned(),
        string(column("account_id")),
        string(column("factor")),
        string(column("client_id")),
        string(column("enrolment")),
        string(column("interaction_hash")),
        string(column("effect")),
        big_integer(column("amount_minor")),
        integer(column("minor_digits")),
        string(column("currency")),
        big_integer(column("created_at")),
    ];
    table("fee_charge", columns.into())
}

fn entries() -> TableCreateStatement {
    let columns = [
        string(column("charge_id")),
        integer(column("step")),
        string(column("kind")),
        big_integer(column("amount_minor")),
        big_integer(column("at")),
    ];
    table("fee_entry", columns.into()).primary_key(Index::create().col(column("charge_id")).col(column("step"))).take()
}
