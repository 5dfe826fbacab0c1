//! The public log of receipts: a tree that only grows, and each receipt's number in it.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, small_integer},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0022_receipt_log"
    }
}

const INDEX: &str = "confirmation_log_index";

/// Hash of the empty tree: SHA-256 of nothing (RFC 6962 §2.1).
const EMPTY: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // An older node, which knows nothing of it, goes on adding rows: they have no number yet, as any new one.
        let number = ColumnDef::new(column("log_index")).big_integer().null().take();
        m.alter_table(Table::alter().table(column("confirmation")).add_column(number).take()).await?;
        m.create_index(waiting()).await?;
        m.create_table(nodes()).await?;
        m.create_table(tree()).await?;
        let mut none_yet = Query::insert();
        none_yet.into_table(column("receipt_tree")).columns(["id", "size", "root"].map(column)).values_panic([
            1.into(),
            0_i64.into(),
            EMPTY.to_vec().into(),
        ]);
        m.execute(none_yet).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column("receipt_tree")).to_owned()).await?;
        m.drop_table(Table::drop().table(column("receipt_node")).to_owned()).await?;
        m.drop_index(Index::drop().name(INDEX).table(column("confirmation")).to_owned()).await?;
        m.alter_table(Table::alter().table(column("confirmation")).drop_column(column("log_index")).take()).await
    }
}

/// Those without a number, in the order in which they get one. There are few, so it is small.
fn waiting() -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(INDEX).table(column("confirmation")).col(column("created_at")).col(column("id"));
    index.and_where(Expr::col(column("log_index")).is_null()).take()
}

/// Complete subtrees: of 2^level leaves, number `idx` from the left.
fn nodes() -> TableCreateStatement {
    let mut nodes = table(
        "receipt_node",
        vec![small_integer(column("level")).take(), big_integer(column("idx")).take(), binary(column("hash")).take()],
    );
    nodes.primary_key(Index::create().col(column("level")).col(column("idx"))).take()
}

/// One row.
fn tree() -> TableCreateStatement {
    table(
        "receipt_tree",
        vec![
            small_integer(column("id")).primary_key().take(),
            big_integer(column("size")).take(),
            binary(column("root")).take(),
        ],
    )
}
