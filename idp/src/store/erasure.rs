//! What is forgotten of a person whose account is deleted, over all tables.
//!
//! What stays names the account by its id and nothing else: its log, whose chain goes on to hold; fees and receipts, which
//! others rely on; and its row, so that neither its id nor a subject that is made of it is ever anybody else's.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Query, SelectStatement},
};

use super::{
    StoreError, Tx,
    account::{self, DELETED},
    address, admin, backchannel, backchannel_mute, challenge, code_pace, consent, device, device_code, enrolment,
    grant, phone_change, phone_undo, plugin_data, recovery, recovery_budget, recovery_code, registration, session,
    support,
};

/// Forgets the person behind an account that was shut. Does nothing to any other; doing it again does no harm.
///
/// # Errors
/// When the database fails.
pub async fn erase(tx: &Tx, account_id: &str) -> Result<(), StoreError> {
    let shut = account::by_id(tx, account_id).await?.is_some_and(|account| account.status == DELETED);
    if !shut {
        return Ok(());
    }
    what_signs_in(tx, account_id).await?;
    what_is_under_way(tx, account_id).await?;
    addresses(tx, account_id).await?;
    blank(tx, account_id).await
}

/// Sessions, what websites were given, and methods with all that hangs on them; in the order in which a login takes them.
async fn what_signs_in(tx: &Tx, id: &str) -> Result<(), StoreError> {
    admin::forget(tx, id).await?;
    session::Entity::delete_many().filter(session::Column::AccountId.eq(id)).exec(tx).await?;
    device::Entity::delete_many().filter(device::Column::AccountId.eq(id)).exec(tx).await?;
    let mut grants = Query::select();
    grants.column(grant::Column::Id).from(grant::Entity).and_where(grant::Column::AccountId.eq(id));
    grant::refresh::Entity::delete_many().filter(grant::refresh::Column::GrantId.in_subquery(grants)).exec(tx).await?;
    grant::Entity::delete_many().filter(grant::Column::AccountId.eq(id)).exec(tx).await?;
    consent::Entity::delete_many().filter(consent::Column::AccountId.eq(id)).exec(tx).await?;
    let factors: Vec<String> = enrolment::Entity::find()
        .filter(enrolment::Column::AccountId.eq(id))
        .select_only()
        .column(enrolment::Column::Factor)
        .distinct()
        .into_tuple()
        .all(tx)
        .await?;
    let free = factors
        .iter()
        .map(|factor| code_pace::free(factor, id))
        .chain([code_pace::deletion(id), code_pace::requests(id)]);
    code_pace::Entity::delete_many().filter(code_pace::Column::Enrolment.is_in(free)).exec(tx).await?;
    code_pace::Entity::delete_many().filter(code_pace::Column::Enrolment.in_subquery(enrolments(id))).exec(tx).await?;
    challenge::Entity::delete_many().filter(challenge::Column::Enrolment.in_subquery(enrolments(id))).exec(tx).await?;
    enrolment::Entity::delete_many().filter(enrolment::Column::AccountId.eq(id)).exec(tx).await?;
    plugin_data::remove_of_account(tx, id).await?;
    Ok(())
}

fn enrolments(account_id: &str) -> SelectStatement {
    let mut rows = Query::select();
    rows.column(enrolment::Column::Id).from(enrolment::Entity).and_where(enrolment::Column::AccountId.eq(account_id));
    rows.take()
}

/// Recoveries, changes that wait and links that undo one.
async fn what_is_under_way(tx: &Tx, id: &str) -> Result<(), StoreError> {
    backchannel::forget(tx, id).await?;
    backchannel_mute::Entity::delete_many().filter(backchannel_mute::Column::AccountId.eq(id)).exec(tx).await?;
    device_code::Entity::delete_many().filter(device_code::Column::AccountId.eq(id)).exec(tx).await?;
    recovery::Entity::delete_many().filter(recovery::Column::AccountId.eq(id)).exec(tx).await?;
    recovery_budget::Entity::delete_many().filter(recovery_budget::Column::Subject.eq(id)).exec(tx).await?;
    recovery_code::Entity::delete_many().filter(recovery_code::Column::AccountId.eq(id)).exec(tx).await?;
    support::Entity::delete_many().filter(support::Column::AccountId.eq(id)).exec(tx).await?;
    phone_change::Entity::delete_many().filter(phone_change::Column::AccountId.eq(id)).exec(tx).await?;
    phone_undo::Entity::delete_many().filter(phone_undo::Column::AccountId.eq(id)).exec(tx).await?;
    Ok(())
}

/// From now on anybody may register with them.
async fn addresses(tx: &Tx, id: &str) -> Result<(), StoreError> {
    let mut theirs = Query::select();
    theirs.column(address::Column::Email).from(address::Entity).and_where(address::Column::AccountId.eq(id));
    registration::Entity::delete_many().filter(registration::Column::Email.in_subquery(theirs)).exec(tx).await?;
    address::link::Entity::delete_many().filter(address::link::Column::AccountId.eq(id)).exec(tx).await?;
    address::Entity::delete_many().filter(address::Column::AccountId.eq(id)).exec(tx).await?;
    Ok(())
}

/// The row stays, and says nothing any more. Its id stands in the place of the address, which has to be one of a kind and
/// which nobody can type.
async fn blank(tx: &Tx, id: &str) -> Result<(), StoreError> {
    let nothing = String::new;
    let blank = account::ActiveModel {
        email: Set(id.to_owned()),
        first_name: Set(nothing()),
        last_name: Set(nothing()),
        phone: Set(nothing()),
        locale: Set("en".to_owned()),
        security_question: Set(nothing()),
        security_answer: Set(nothing()),
        recovering: Set(None),
        time_zone: Set(nothing()),
        notices: Set(nothing()),
        phone_changed_at: Set(None),
        delete_at: Set(None),
        places: Set(nothing()),
        places_until: Set(None),
        ..Default::default()
    };
    account::Entity::update_many().set(blank).filter(account::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}
