//! Tables as migrations write them down.

use sea_orm_migration::prelude::*;

pub(crate) fn column(name: &'static str) -> Alias {
    Alias::new(name)
}

pub(crate) fn table(name: &'static str, columns: Vec<ColumnDef>) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(Alias::new(name));
    for column in columns {
        table.col(column);
    }
    table.take()
}
