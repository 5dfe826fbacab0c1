//! Parts of messages that SMS gateways have taken, by the names that they gave them, and what they reported of them.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr};

use super::StoreError;
use crate::clock::{DAY, Millis};

/// How long a part is remembered. Gateways report within the validity of a message, which is three days at most with those
/// that we know.
pub const KEPT: Millis = 7 * DAY;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sms_part")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub outbox: String,
    /// From 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub part: i32,
    pub gateway: String,
    /// Empty when the gateway gave it none.
    pub name: String,
    pub taken_at: Millis,
    pub delivered_at: Option<Millis>,
    pub undelivered_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Who took a message, and what they call its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub gateway: String,
    /// Empty where nothing will be reported.
    pub names: Vec<String>,
}

/// Writes down the parts of a message that was taken.
///
/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, outbox: &str, taken: &Taken, at: Millis) -> Result<(), StoreError> {
    if taken.names.is_empty() {
        return Ok(());
    }
    let row = |(part, name): (i32, &String)| {
        let row = Model {
            outbox: outbox.to_owned(),
            part,
            gateway: taken.gateway.clone(),
            name: name.clone(),
            taken_at: at,
            delivered_at: None,
            undelivered_at: None,
        };
        ActiveModel::from(row).reset_all()
    };
    Entity::insert_many((0..).zip(&taken.names).map(row)).exec_without_returning(db).await?;
    Ok(())
}

/// The newest part that this gateway calls so; gateways begin again with old names after a while.
///
/// # Errors
/// When the database fails.
pub async fn by_name(db: &impl ConnectionTrait, gateway: &str, name: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::Gateway.eq(gateway))
        .filter(Column::Name.eq(name))
        .order_by_desc(Column::TakenAt)
        .limit(1)
        .one(db)
        .await?)
}

/// The first part of a message.
///
/// # Errors
/// When the database fails.
pub async fn first(db: &impl ConnectionTrait, outbox: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id((outbox.to_owned(), 0)), db).await?)
}

/// Writes down that a part arrived, or never will. `Ok(false)` when one of both was known before.
///
/// # Errors
/// When the database fails.
pub async fn report(db: &impl ConnectionTrait, part: &Model, delivered: bool, at: Millis) -> Result<bool, StoreError> {
    let column = if delivered { Column::DeliveredAt } else { Column::UndeliveredAt };
    let done = Entity::update_many()
        .col_expr(column, Expr::value(at))
        .filter(Column::Outbox.eq(&part.outbox))
        .filter(Column::Part.eq(part.part))
        .filter(Column::DeliveredAt.is_null())
        .filter(Column::UndeliveredAt.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}
