//! Ways back into an account: each one from its mailed link to its end, what limits them, and which one an account waits
//! for.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_recovery"
    }
}

/// Name, table, column, whether it is unique.
const INDEXES: [(&str, &str, &str, bool); 5] = [
    ("recovery_token", "recovery", "token_hash", true),
    ("recovery_account", "recovery", "account_id", false),
    ("recovery_expires", "recovery", "expires_at", false),
    ("recovery_budget_expires", "recovery_budget", "expires_at", false),
    ("account_question", "account", "security_question", false),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(recoveries()).await?;
        m.create_table(budgets()).await?;
        let waits_for = ColumnDef::new(column("recovering")).text().null().take();
        m.alter_table(Table::alter().table(column("account")).add_column(waits_for).take()).await?;
        for (name, table, of, unique) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(column(table)).col(column(of));
            if unique {
                index.unique();
            }
            m.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(Index::drop().name("account_question").table(column("account")).to_owned()).await?;
        m.alter_table(Table::alter().table(column("account")).drop_column(column("recovering")).take()).await?;
        for table in ["recovery_budget", "recovery"] {
            m.drop_table(Table::drop().table(column(table)).to_owned()).await?;
        }
        Ok(())
    }
}

/// No reference to the account: that of an address without one does not exist.
fn recoveries() -> TableCreateStatement {
    table(
        "recovery",
        vec![
            string(column("id")).primary_key().take(),
            text(column("account_id")).take(),
            text(column("kind")).take(),
            text(column("status")).take(),
            text(column("token_hash")).take(),
            text(column("factor")).take(),
            ColumnDef::new(column("reference")).text().null().take(),
            big_integer(column("created_at")).take(),
            ColumnDef::new(column("confirmed_at")).big_integer().null().take(),
            ColumnDef::new(column("effect_at")).big_integer().null().take(),
            big_integer(column("expires_at")).take(),
        ],
    )
}

fn budgets() -> TableCreateStatement {
    table(
        "recovery_budget",
        vec![
            string(column("subject")).primary_key().take(),
            text(column("answers")).take(),
            text(column("begun")).take(),
            ColumnDef::new(column("locked_until")).big_integer().null().take(),
            big_integer(column("version")).take(),
            big_integer(column("expires_at")).take(),
        ],
    )
}
