//! What data version an enrolment was written in, limits per plugin, and what each node runs.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, string, text},
};

use crate::table::column;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_plugin_data_version"
    }
}

/// Limits of a plugin; the host's own where there is none.
const LIMITS: [&str; 3] = ["threads", "queue", "deadline_ms"];
/// Rows of one plugin by their data version, in the order in which they are migrated.
const BY_VERSION: &str = "enrolment_data_version";
const SEEN: &str = "plugin_node_seen";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        add(m, "enrolment", integer(column("data_version")).default(0).take()).await?;
        m.execute(versions_so_far()).await?;
        let mut index = Index::create();
        index.name(BY_VERSION).table(column("enrolment"));
        m.create_index(index.col(column("factor")).col(column("data_version")).col(column("id")).take()).await?;
        for limit in LIMITS {
            add(m, "plugin", ColumnDef::new(column(limit)).big_integer().null().take()).await?;
        }
        m.create_table(nodes()).await?;
        let mut seen = Index::create();
        m.create_index(seen.name(SEEN).table(column("plugin_node")).col(column("seen_at")).take()).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table(column("plugin_node")).take()).await?;
        for limit in LIMITS {
            m.alter_table(Table::alter().table(column("plugin")).drop_column(column(limit)).take()).await?;
        }
        m.drop_index(Index::drop().name(BY_VERSION).table(column("enrolment")).to_owned()).await?;
        m.alter_table(Table::alter().table(column("enrolment")).drop_column(column("data_version")).take()).await
    }
}

async fn add(m: &SchemaManager<'_>, table: &'static str, new: ColumnDef) -> Result<(), DbErr> {
    m.alter_table(Table::alter().table(column(table)).add_column(new).take()).await
}

/// Rows of plugins in the catalog were written by the builds that ran there, whose data version it knows.
fn versions_so_far() -> UpdateStatement {
    let known = || (column("plugin"), column("id"));
    let of = |name| (column("enrolment"), column(name));
    let version = Query::select()
        .column((column("plugin"), column("data_version")))
        .from(column("plugin"))
        .and_where(Expr::col(known()).equals(of("factor")))
        .take();
    let ids = Query::select().column(known()).from(column("plugin")).take();
    Query::update()
        .table(column("enrolment"))
        .value(column("data_version"), Expr::SubQuery(None, Box::new(version.into())))
        .and_where(Expr::col(of("factor")).in_subquery(ids))
        .take()
}

fn nodes() -> TableCreateStatement {
    Table::create()
        .table(column("plugin_node"))
        .col(string(column("node")))
        .col(string(column("plugin")))
        .col(text(column("sha256")))
        .col(big_integer(column("settings_version")))
        .col(text(column("state")))
        .col(ColumnDef::new(column("why")).text().null())
        .col(big_integer(column("seen_at")))
        .primary_key(Index::create().col(column("node")).col(column("plugin")))
        .take()
}
