//! The personal area: what it shows of a session, further addresses of an account, and the links that confirm them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_personal_area"
    }
}

/// Texts that existing rows do not have: with which browser and from where a session was opened; the time zone of a person.
const TEXTS: [(&str, &str); 3] = [("session", "agent"), ("session", "address"), ("account", "time_zone")];
const INDEXES: [(&str, &str, &str); 3] = [
    ("address_account", "address", "account_id"),
    ("address_link_account", "address_link", "account_id"),
    ("address_link_expires", "address_link", "expires_at"),
];
const TABLES: [&str; 2] = ["address", "address_link"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for (of, name) in TEXTS {
            let added = text(column(name)).default("").take();
            m.alter_table(Table::alter().table(column(of)).add_column(added).to_owned()).await?;
        }
        m.create_table(addresses()).await?;
        m.create_table(links()).await?;
        for (name, of, by) in INDEXES {
            m.create_index(Index::create().name(name).table(column(of)).col(column(by)).to_owned()).await?;
        }
        let known = "INSERT INTO address (email, account_id, confirmed_at) SELECT email, id, created_at FROM account";
        m.get_connection().execute_unprepared(known).await?;
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            m.drop_table(Table::drop().table(column(name)).to_owned()).await?;
        }
        for (of, name) in TEXTS {
            m.alter_table(Table::alter().table(column(of)).drop_column(column(name)).to_owned()).await?;
        }
        Ok(())
    }
}

/// Every address that signs in to an account, the main one included: an address belongs to one account.
fn addresses() -> TableCreateStatement {
    table(
        "address",
        vec![
            string(column("email")).primary_key().take(),
            text(column("account_id")).take(),
            big_integer(column("confirmed_at")).take(),
        ],
    )
}

fn links() -> TableCreateStatement {
    table(
        "address_link",
        vec![
            string(column("token_hash")).primary_key().take(),
            text(column("account_id")).take(),
            text(column("purpose")).take(),
            text(column("email")).take(),
            big_integer(column("created_at")).take(),
            big_integer(column("expires_at")).take(),
            ColumnDef::new(column("used_at")).big_integer().null().take(),
        ],
    )
}
