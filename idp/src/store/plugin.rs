//! The catalog of plugins: files with their signatures, what of them is enabled, and their settings by version.
//!
//! Whoever changes anything also raises the one revision in the same transaction, and only from the value that was seen:
//! of two commands at once one wins, and every node learns of the change by a read of one row.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use sea_orm::{
    ActiveValue::NotSet,
    ConnectionTrait, DbBackend, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{Change, StoreError, Tx, plugin_data};
use crate::clock::Millis;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plugin")]
pub struct Model {
    /// Id of its manifest.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub enabled: bool,
    /// The file that runs when it is enabled.
    pub sha256: String,
    /// The file that a rollback returns to.
    pub previous_sha256: Option<String>,
    /// `key` (as the publisher's key allows), `thread` or `process`.
    pub isolation: String,
    /// Permissions that the administrator granted: a JSON array of their names.
    pub granted: String,
    /// Settings in force; 0 when none were ever set.
    pub settings_version: i64,
    /// Settings that a rollback returns to, together with the file.
    pub previous_settings: Option<i64>,
    /// Data version of the build above: what the enrolments, and what the plugin has stored, are in.
    pub data_version: i32,
    pub changed_at: Millis,
    /// Threads that serve its calls; the host's choice when there is none, as for the other limits.
    pub threads: Option<i64>,
    /// Calls that may wait.
    pub queue: Option<i64>,
    /// How long a call may take, in milliseconds.
    pub deadline_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Plugin files. They live here so that every node has them.
pub mod file {
    use sea_orm::entity::prelude::*;

    use crate::clock::Millis;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plugin_file")]
    pub struct Model {
        /// In lower-case hexadecimal digits.
        #[sea_orm(primary_key, auto_increment = false)]
        pub sha256: String,
        pub bytes: Vec<u8>,
        /// Text of its `.minisig` file.
        pub signature: String,
        /// The key that signed it, as minisign names it.
        pub key_id: String,
        /// JSON.
        pub manifest: String,
        /// JSON.
        pub settings_schema: String,
        pub installed_at: Millis,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Settings of a plugin, one row a version.
pub mod settings {
    use sea_orm::entity::prelude::*;

    use crate::clock::Millis;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plugin_settings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub plugin_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub sealed: Vec<u8>,
        pub created_at: Millis,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What each node runs, as it said itself not long ago.
pub mod node {
    use sea_orm::entity::prelude::*;

    use crate::{
        clock::Millis,
        store::{StoreError, Tx},
    };

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plugin_node")]
    pub struct Model {
        /// Name that the node gave itself when it started.
        #[sea_orm(primary_key, auto_increment = false)]
        pub node: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub plugin: String,
        /// The build that runs, or that should.
        pub sha256: String,
        pub settings_version: i64,
        /// `running` or `failed`.
        pub state: String,
        /// Why it failed.
        pub why: Option<String>,
        pub seen_at: Millis,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}

    /// Puts `rows` in the place of all that the node said before, and forgets what any node said before `old`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn say(tx: &Tx, node: &str, rows: Vec<Model>, old: Millis) -> Result<(), StoreError> {
        Entity::delete_many().filter(Column::Node.eq(node)).exec(tx).await?;
        Entity::delete_many().filter(Column::SeenAt.lt(old)).exec(tx).await?;
        if !rows.is_empty() {
            let rows = rows.into_iter().map(|row| ActiveModel::from(row).reset_all());
            Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    /// What nodes have said at `since` or later, in the order of their names.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn said_since(db: &impl ConnectionTrait, since: Millis) -> Result<Vec<Model>, StoreError> {
        let mut said = Entity::find().filter(Column::SeenAt.gte(since)).all(db).await?;
        said.sort_by(|a, b| (&a.node, &a.plugin).cmp(&(&b.node, &b.plugin)));
        Ok(said)
    }
}

/// The one counter.
pub mod revision {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plugin_revision")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What a conflict over the catalog is called.
pub const RECORD: &str = "plugin catalog";
const COUNTER: &str = "catalog";

/// How often the catalog has been changed.
///
/// # Errors
/// When the database fails.
pub async fn revision(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let row = super::only(revision::Entity::find_by_id(COUNTER), db).await?;
    row.map(|row| row.revision).ok_or(StoreError::Conflict(RECORD))
}

/// Raises the revision. Touches nothing when somebody else has changed the catalog since it was read.
pub fn raising(seen: i64) -> Change {
    let update = revision::Entity::update_many()
        .col_expr(revision::Column::Revision, Expr::col(revision::Column::Revision).add(1))
        .filter(revision::Column::Name.eq(COUNTER))
        .filter(revision::Column::Revision.eq(seen));
    Change::update(RECORD, update)
}

/// Every installed plugin, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::Id).all(db).await?)
}

/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Model>, StoreError> {
    Ok(super::only(Entity::find_by_id(id), db).await?)
}

/// Data version that an enabled plugin of the catalog has now; `None` for any other.
///
/// # Errors
/// When the database fails.
pub async fn data_version(db: &impl ConnectionTrait, id: &str) -> Result<Option<i32>, StoreError> {
    let row = super::only(Entity::find_by_id(id), db).await?;
    Ok(row.filter(|row| row.enabled).map(|row| row.data_version))
}

/// As [`data_version`], which then stays as it is until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn data_version_held(tx: &Tx, id: &str) -> Result<Option<i32>, StoreError> {
    let row = super::only(Entity::find_by_id(id).lock_shared(), tx).await?;
    Ok(row.filter(|row| row.enabled).map(|row| row.data_version))
}

/// Data versions of what a plugin keeps in its store.
///
/// # Errors
/// When the database fails.
pub async fn stored_versions(db: &impl ConnectionTrait, id: &str) -> Result<Vec<i32>, StoreError> {
    Ok(plugin_data::Entity::find()
        .filter(plugin_data::Column::Plugin.eq(id))
        .select_only()
        .column(plugin_data::Column::DataVersion)
        .distinct()
        .into_tuple()
        .all(db)
        .await?)
}

/// Lets nobody else write what plugins have written until the transaction ends; they wait. SQLite has one writer anyway.
///
/// # Errors
/// When the database fails.
pub async fn hold_writers(tx: &Tx) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("LOCK TABLE enrolment, plugin_data IN SHARE ROW EXCLUSIVE MODE").await?;
    }
    Ok(())
}

pub fn adding(plugin: Model) -> Change {
    Change::insert(RECORD, Entity::insert(ActiveModel::from(plugin).reset_all()))
}

/// Replaces the row. Whoever calls raises the revision as well.
pub fn saving(plugin: Model) -> Change {
    let id = plugin.id.clone();
    let mut row = ActiveModel::from(plugin).reset_all();
    row.id = NotSet;
    Change::update(RECORD, Entity::update_many().set(row).filter(Column::Id.eq(id)))
}

/// Removes a plugin with all versions of its settings. Its files go by [`remove_file`].
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    settings::Entity::delete_many().filter(settings::Column::PluginId.eq(id)).exec(db).await?;
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Keeps a file. One that is there already gets this signature.
///
/// # Errors
/// When the database fails.
pub async fn add_file(db: &impl ConnectionTrait, file: file::Model) -> Result<(), StoreError> {
    let again = OnConflict::column(file::Column::Sha256)
        .update_columns([file::Column::Bytes, file::Column::Signature, file::Column::KeyId])
        .to_owned();
    file::Entity::insert(file::ActiveModel::from(file).reset_all())
        .on_conflict(again)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// # Errors
/// When the database fails.
pub async fn file(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<file::Model>, StoreError> {
    Ok(super::only(file::Entity::find_by_id(sha256), db).await?)
}

/// # Errors
/// When the database fails.
pub async fn remove_file(db: &impl ConnectionTrait, sha256: &str) -> Result<(), StoreError> {
    file::Entity::delete_by_id(sha256).exec(db).await?;
    Ok(())
}

/// What is known of a file without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct FileHead {
    pub sha256: String,
    pub key_id: String,
    /// JSON.
    pub manifest: String,
    /// JSON.
    pub settings_schema: String,
}

/// # Errors
/// When the database fails.
pub async fn file_head(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<FileHead>, StoreError> {
    Ok(file::Entity::find_by_id(sha256)
        .select_only()
        .columns([file::Column::Sha256, file::Column::KeyId, file::Column::Manifest, file::Column::SettingsSchema])
        .into_model::<FileHead>()
        .one(db)
        .await?)
}

pub fn adding_settings(settings: settings::Model) -> Change {
    Change::insert(RECORD, settings::Entity::insert(settings::ActiveModel::from(settings).reset_all()))
}

/// One version of a plugin's settings.
///
/// # Errors
/// When the database fails.
pub async fn settings(
    db: &impl ConnectionTrait,
    id: &str,
    version: i64,
) -> Result<Option<settings::Model>, StoreError> {
    Ok(super::only(settings::Entity::find_by_id((id.to_owned(), version)), db).await?)
}

/// Versions of a plugin's settings and when each was made, newest first.
///
/// # Errors
/// When the database fails.
pub async fn settings_versions(db: &impl ConnectionTrait, id: &str) -> Result<Vec<(i64, Millis)>, StoreError> {
    Ok(settings::Entity::find()
        .filter(settings::Column::PluginId.eq(id))
        .order_by_desc(settings::Column::Version)
        .select_only()
        .columns([settings::Column::Version, settings::Column::CreatedAt])
        .into_tuple()
        .all(db)
        .await?)
}
