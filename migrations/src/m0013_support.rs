//! Requests to support, of people who have lost both mail and phone.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_support"
    }
}

const INDEXES: [(&str, &[&str]); 3] = [
    ("support_request_status", &["status", "created_at"]),
    ("support_request_account", &["account_id"]),
    ("support_request_expires", &["expires_at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(requests()).await?;
        for (name, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(column("support_request"));
            for of in columns {
                index.col(column(of));
            }
            m.create_index(index.take()).await?;
        }
        // An older node, which knows nothing of it, goes on adding rows.
        let asked = ColumnDef::new(column("requests")).text().not_null().default("[]").take();
        m.alter_table(Table::alter().table(column("recovery_budget")).add_column(asked).take()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.alter_table(Table::alter().table(column("recovery_budget")).drop_column(column("requests")).take()).await?;
        m.drop_table(Table::drop().table(column("support_request")).to_owned()).await
    }
}

/// No reference to the account: that of an address without one does not exist.
fn requests() -> TableCreateStatement {
    let maybe = |name| ColumnDef::new(column(name)).text().null().take();
    table(
        "support_request",
        vec![
            string(column("id")).primary_key().take(),
            text(column("account_id")).take(),
            text(column("status")).take(),
            binary(column("sealed")).take(),
            maybe("first_admin"),
            maybe("second_admin"),
            big_integer(column("created_at")).take(),
            ColumnDef::new(column("decided_at")).big_integer().null().take(),
            big_integer(column("expires_at")).take(),
        ],
    )
}
