//! Small facts about the database itself.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, entity::prelude::*, sea_query::OnConflict};

use super::StoreError;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "meta")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub value: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Writes `value` under `name` if nothing stands there, and returns what stands there now.
///
/// # Errors
/// When the database fails.
pub async fn get_or_set(db: &impl ConnectionTrait, name: &str, value: &str) -> Result<String, StoreError> {
    let row = ActiveModel::from(Model { name: name.to_owned(), value: value.to_owned() }).reset_all();
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    let found = super::only(Entity::find_by_id(name), db).await?;
    found.map(|row| row.value).ok_or(StoreError::Conflict("meta"))
}
