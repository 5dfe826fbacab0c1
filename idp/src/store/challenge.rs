//! Challenges that were sent to somebody and are waited for: at most one for an enrolment and an interaction.
//!
//! `sends` rises with every sending and so names the challenge: who judges one and who sends another meet in it, and one
//! of them is told of a conflict. The enrolment of an address without an account is one that does not exist.
#![expect(missing_docs, reason = "columns are named as in the migration")]

use plugin_api::message::Fee;
use sea_orm::{
    ConnectionTrait, QueryFilter,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, StoreError};
use crate::{
    clock::Millis,
    seal::{Seal, SealError},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "challenge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub enrolment: String,
    /// Keyed hash of the interaction's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub interaction_hash: String,
    /// A [`Step`]; empty once used.
    pub sealed: Vec<u8>,
    /// The enrolment's challenge number: when that has risen, this one is void.
    pub number: i64,
    /// How often something was sent in this interaction.
    pub sends: i32,
    pub created_at: Millis,
    pub sent_at: Millis,
    pub expires_at: Millis,
    pub used_at: Option<Millis>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What a conflict over a challenge is called, and what its rows are sealed as.
pub const RECORD: &str = "challenge";

/// The plugin's step that waits for its answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    /// Beginning of the SHA-256 of the build that asked.
    pub build: String,
    /// Its data version.
    pub data_version: u32,
    /// Name of the plugin's page.
    pub page: String,
    /// What the page is given.
    pub data: Value,
    /// The plugin's state.
    pub state: Value,
    /// What the person has accepted to pay for being sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Agreed>,
}

/// A fee that was accepted, and the charge that it became; one that is never made for an address without an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    pub charge: String,
    pub fee: Fee,
}

impl Model {
    /// Whether an answer to it may be looked at, for an enrolment that is at this challenge number.
    pub fn is_live(&self, number: i64, now: Millis) -> bool {
        self.used_at.is_none() && self.number == number && now < self.expires_at
    }

    /// The step that waits.
    ///
    /// # Errors
    /// When it was altered, sealed for another row, or used.
    pub fn step(&self, seal: &Seal) -> Result<Step, StoreError> {
        let id = record(&self.enrolment, &self.interaction_hash);
        seal.open_record_json(RECORD, &id, &self.sealed).map_err(|error| StoreError::Unreadable {
            table: RECORD,
            id,
            reason: error.to_string(),
        })
    }
}

/// Seals a step for its row.
///
/// # Errors
/// When sealing fails.
pub fn seal(seal: &Seal, enrolment: &str, interaction_hash: &str, step: &Step) -> Result<Vec<u8>, SealError> {
    seal.record_json(RECORD, &record(enrolment, interaction_hash), step)
}

/// Both parts are base64url: no other row has this text.
fn record(enrolment: &str, interaction_hash: &str) -> String {
    format!("{enrolment}/{interaction_hash}")
}

/// The challenge of an enrolment in an interaction, live or not.
///
/// # Errors
/// When the database fails.
pub async fn find(
    db: &impl ConnectionTrait,
    enrolment: &str,
    interaction_hash: &str,
) -> Result<Option<Model>, StoreError> {
    let key = (enrolment.to_owned(), interaction_hash.to_owned());
    Ok(super::only(Entity::find_by_id(key), db).await?)
}

/// Adds the first one of an interaction. Touches nothing when there is one already.
pub fn adding(row: Model) -> Change {
    let once = OnConflict::columns([Column::Enrolment, Column::InteractionHash]).do_nothing().to_owned();
    Change::insert(RECORD, Entity::insert(ActiveModel::from(row).reset_all()).on_conflict(once))
}

/// Puts `row` in the place of the one that was sent before it. Touches nothing when that is not the newest any more.
pub fn replacing(row: Model) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::Sealed, Expr::value(row.sealed))
        .col_expr(Column::Number, Expr::value(row.number))
        .col_expr(Column::Sends, Expr::value(row.sends))
        .col_expr(Column::SentAt, Expr::value(row.sent_at))
        .col_expr(Column::ExpiresAt, Expr::value(row.expires_at))
        .col_expr(Column::UsedAt, Expr::value(None::<Millis>))
        .filter(Column::Enrolment.eq(row.enrolment))
        .filter(Column::InteractionHash.eq(row.interaction_hash))
        .filter(Column::Sends.eq(row.sends - 1));
    Change::update(RECORD, update)
}

/// Uses up the challenge that was judged. Touches nothing when it was used already, or another one was sent since.
pub fn using_up(judged: &Model, now: Millis) -> Change {
    let update = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .col_expr(Column::Sealed, Expr::value(Vec::<u8>::new()))
        .filter(Column::Enrolment.eq(&judged.enrolment))
        .filter(Column::InteractionHash.eq(&judged.interaction_hash))
        .filter(Column::Sends.eq(judged.sends))
        .filter(Column::UsedAt.is_null());
    Change::update(RECORD, update)
}
