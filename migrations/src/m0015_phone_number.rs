//! Changes of an account's number: when it was changed last, a change that waits for its code, and links that undo one.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, integer, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0015_phone_number"
    }
}

const CHANGED_AT: &str = "phone_changed_at";
const INDEXES: [(&str, &str, &str); 3] = [
    ("phone_change_expires", "phone_change", "expires_at"),
    ("phone_undo_account", "phone_undo", "account_id"),
    ("phone_undo_expires", "phone_undo", "expires_at"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(changes()).await?;
        m.create_table(undoing()).await?;
        for (name, of, by) in INDEXES {
            m.create_index(Index::create().name(name).table(column(of)).col(column(by)).to_owned()).await?;
        }
        let changed_at = ColumnDef::new(column(CHANGED_AT)).big_integer().null().take();
        m.alter_table(Table::alter().table(column("account")).add_column(changed_at).take()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.alter_table(Table::alter().table(column("account")).drop_column(column(CHANGED_AT)).take()).await?;
        for name in ["phone_undo", "phone_change"] {
            m.drop_table(Table::drop().table(column(name)).to_owned()).await?;
        }
        Ok(())
    }
}

fn changes() -> TableCreateStatement {
    table(
        "phone_change",
        vec![
            string(column("account_id")).primary_key().take(),
            binary(column("sealed")).take(),
            text(column("sent")).take(),
            text(column("wrong")).take(),
            integer(column("wrong_here")).take(),
            big_integer(column("code_until")).take(),
            big_integer(column("version")).take(),
            big_integer(column("expires_at")).take(),
        ],
    )
}

fn undoing() -> TableCreateStatement {
    table(
        "phone_undo",
        vec![
            string(column("token_hash")).primary_key().take(),
            text(column("account_id")).take(),
            binary(column("sealed")).take(),
            big_integer(column("created_at")).take(),
            big_integer(column("expires_at")).take(),
            ColumnDef::new(column("used_at")).big_integer().null().take(),
        ],
    )
}
