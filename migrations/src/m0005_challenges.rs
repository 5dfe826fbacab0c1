//! Challenges that were sent and are waited for, how often something was sent, and an index by which the sets of methods
//! that people have are counted.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, integer, string, text},
};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_challenges"
    }
}

const TABLES: [&str; 2] = ["challenge", "code_pace"];
/// In the order in which accounts are put together, with all that the count looks at.
const SETS: &str = "enrolment_sets";
const SETS_OF: [&str; 4] = ["status", "account_id", "factor", "payments_blocked"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(challenges()).await?;
        m.create_table(paces()).await?;
        for table in TABLES {
            let mut index = Index::create();
            index.name(format!("{table}_expires")).table(column(table)).col(column("expires_at"));
            m.create_index(index.take()).await?;
        }
        let mut sets = Index::create();
        sets.name(SETS).table(column("enrolment"));
        for name in SETS_OF {
            sets.col(column(name));
        }
        m.create_index(sets.take()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(Index::drop().name(SETS).table(column("enrolment")).to_owned()).await?;
        for table in TABLES {
            m.drop_table(Table::drop().table(column(table)).to_owned()).await?;
        }
        Ok(())
    }
}

/// No reference to the enrolment: that of an address without an account does not exist.
fn challenges() -> TableCreateStatement {
    Table::create()
        .table(column("challenge"))
        .col(string(column("enrolment")))
        .col(string(column("interaction_hash")))
        .col(binary(column("sealed")))
        .col(big_integer(column("number")))
        .col(integer(column("sends")))
        .col(big_integer(column("created_at")))
        .col(big_integer(column("sent_at")))
        .col(big_integer(column("expires_at")))
        .col(ColumnDef::new(column("used_at")).big_integer().null())
        .primary_key(Index::create().col(column("enrolment")).col(column("interaction_hash")))
        .take()
}

fn paces() -> TableCreateStatement {
    Table::create()
        .table(column("code_pace"))
        .col(string(column("enrolment")).primary_key())
        .col(text(column("sent")))
        .col(big_integer(column("version")))
        .col(big_integer(column("expires_at")))
        .take()
}
