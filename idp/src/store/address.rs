//! Addresses that sign in to an account, the main one among them, and the mailed links that add or restore one.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, entity::prelude::*, sea_query::OnConflict};

use super::StoreError;
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "address")]
pub struct Model {
    /// Canonical.
    #[sea_orm(primary_key, auto_increment = false)]
    pub email: String,
    pub account_id: String,
    pub confirmed_at: Millis,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Adds an address. `Ok(false)` when it belongs to an account already.
///
/// # Errors
/// When the database fails.
pub async fn add(db: &impl ConnectionTrait, address: Model) -> Result<bool, StoreError> {
    let added = Entity::insert(ActiveModel::from(address).reset_all())
        .on_conflict(OnConflict::column(Column::Email).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(added == 1)
}

/// The address, if it belongs to an account.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &impl ConnectionTrait, email: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(email), db).await?)
}

/// All addresses of an account, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_account(db: &impl ConnectionTrait, account_id: &str) -> Result<Vec<Model>, StoreError> {
    let all = Entity::find().filter(Column::AccountId.eq(account_id));
    Ok(all.order_by_asc(Column::ConfirmedAt).order_by_asc(Column::Email).all(db).await?)
}

/// Removes an address of an account, unless it is the main one. `Ok(false)` when that account has none such.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &impl ConnectionTrait, account_id: &str, email: &str) -> Result<bool, StoreError> {
    let removed = Entity::delete_many().filter(Column::Email.eq(email)).filter(Column::AccountId.eq(account_id));
    Ok(removed.exec(db).await?.rows_affected == 1)
}

/// Removes all addresses of an account but one.
///
/// # Errors
/// When the database fails.
pub async fn keep_only(db: &impl ConnectionTrait, account_id: &str, email: &str) -> Result<(), StoreError> {
    let others = Entity::delete_many().filter(Column::AccountId.eq(account_id)).filter(Column::Email.ne(email));
    others.exec(db).await?;
    Ok(())
}

/// Mailed links about addresses.
pub mod link {
    use sea_orm::{ConnectionTrait, QueryFilter, entity::prelude::*};

    use super::super::{
        StoreError,
        mailed_link::{self, Columns},
    };
    use crate::clock::Millis;

    const LINK: Columns<Column> = Columns {
        token_hash: Column::TokenHash,
        account_id: Column::AccountId,
        created_at: Column::CreatedAt,
        expires_at: Column::ExpiresAt,
        used_at: Column::UsedAt,
    };

    /// Confirms a further address.
    pub const ADD: &str = "add";
    /// Makes an earlier main address the main one again.
    pub const RESTORE: &str = "restore";

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "address_link")]
    pub struct Model {
        /// Keyed hash of the token in the link.
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: String,
        pub account_id: String,
        /// [`ADD`] or [`RESTORE`].
        pub purpose: String,
        pub email: String,
        pub created_at: Millis,
        pub expires_at: Millis,
        pub used_at: Option<Millis>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}

    /// # Errors
    /// When the database fails.
    pub async fn add(db: &impl ConnectionTrait, link: Model) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(link).reset_all()).exec_without_returning(db).await?;
        Ok(())
    }

    /// A link that is neither used nor expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live(
        db: &impl ConnectionTrait,
        token_hash: &str,
        purpose: &str,
        now: Millis,
    ) -> Result<Option<Model>, StoreError> {
        let found = super::super::only(Entity::find_by_id(token_hash), db).await?;
        Ok(found.filter(|link| link.purpose == purpose && link.used_at.is_none() && now < link.expires_at))
    }

    /// How many links of a purpose an account was sent since `since`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn made_since(
        db: &impl ConnectionTrait,
        account_id: &str,
        purpose: &str,
        since: Millis,
    ) -> Result<u64, StoreError> {
        let made = Entity::find()
            .filter(Column::AccountId.eq(account_id))
            .filter(Column::Purpose.eq(purpose))
            .filter(Column::CreatedAt.gte(since));
        Ok(made.count(db).await?)
    }

    /// Uses a link up. `Ok(false)` when it was used or has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_up(db: &impl ConnectionTrait, token_hash: &str, now: Millis) -> Result<bool, StoreError> {
        mailed_link::use_up::<Entity>(db, LINK, token_hash, now).await
    }

    /// Uses up all links of an account that were made at `since` or later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn void_since(
        db: &impl ConnectionTrait,
        account_id: &str,
        since: Millis,
        now: Millis,
    ) -> Result<(), StoreError> {
        mailed_link::void_since::<Entity>(db, LINK, account_id, since, now).await
    }
}
