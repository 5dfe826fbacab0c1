//! Signing keys, sealed.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, entity::prelude::*, sea_query::Expr};

use super::StoreError;
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kid: String,
    /// `ES256` or `RS256`.
    pub alg: String,
    /// `active` (signs) or `retired` (published for verification only).
    pub state: String,
    /// Public JWK as JSON.
    pub public: String,
    /// PKCS#8.
    pub sealed: Vec<u8>,
    pub created_at: Millis,
    pub retired_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// All keys, newest first.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_desc(Column::CreatedAt).order_by_asc(Column::Kid).all(db).await?)
}

/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, key: Model) -> Result<(), StoreError> {
    Entity::insert(ActiveModel::from(key).reset_all()).exec_without_returning(db).await?;
    Ok(())
}

/// Retires the active keys of one algorithm: they verify, and sign no more.
///
/// # Errors
/// When the database fails.
pub async fn retire(db: &impl ConnectionTrait, alg: &str, now: Millis) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value("retired"))
        .col_expr(Column::RetiredAt, Expr::value(now))
        .filter(Column::Alg.eq(alg))
        .filter(Column::State.eq("active"))
        .exec(db)
        .await?;
    Ok(())
}
