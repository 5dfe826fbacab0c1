//! The catalog of plugins: files with their signatures, what is enabled, settings by version, and the counter that tells
//! every node that something has changed.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, boolean, integer, string, text},
};

use crate::table::{column, table};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_plugins"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            m.create_table(table).await?;
        }
        let counter = Query::insert()
            .into_table(Alias::new("plugin_revision"))
            .columns([Alias::new("name"), Alias::new("revision")])
            .values_panic(["catalog".into(), 0_i64.into()])
            .to_owned();
        m.execute(counter).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            if let Some(name) = table.get_table_name() {
                m.drop_table(Table::drop().table(name.clone()).to_owned()).await?;
            }
        }
        Ok(())
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        table(
            "plugin_file",
            vec![
                string(column("sha256")).primary_key().take(),
                binary(column("bytes")).take(),
                text(column("signature")).take(),
                text(column("key_id")).take(),
                text(column("manifest")).take(),
                text(column("settings_schema")).take(),
                big_integer(column("installed_at")).take(),
            ],
        ),
        table(
            "plugin",
            vec![
                string(column("id")).primary_key().take(),
                boolean(column("enabled")).default(false).take(),
                text(column("sha256")).take(),
                ColumnDef::new(column("previous_sha256")).text().null().take(),
                text(column("isolation")).take(),
                text(column("granted")).take(),
                big_integer(column("settings_version")).default(0).take(),
                ColumnDef::new(column("previous_settings")).big_integer().null().take(),
                integer(column("data_version")).default(0).take(),
                big_integer(column("changed_at")).take(),
            ],
        ),
        table(
            "plugin_settings",
            vec![
                string(column("plugin_id")).take(),
                big_integer(column("version")).take(),
                binary(column("sealed")).take(),
                big_integer(column("created_at")).take(),
            ],
        )
        .primary_key(Index::create().col(column("plugin_id")).col(column("version")))
        .take(),
        table(
            "plugin_revision",
            vec![string(column("name")).primary_key().take(), big_integer(column("revision")).default(0).take()],
        ),
    ]
}
