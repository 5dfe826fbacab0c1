//! Who is an administrator: giving the rights and taking them back.

use super::recovery::approval;
use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    store::{
        self,
        account::Model as Account,
        admin,
        log::{self, Event},
    },
};

/// Makes the owner of an account an administrator, whose decisions are signed with their present main address. `Ok(false)`
/// when they are one, or somebody else's decisions were signed like that.
///
/// # Errors
/// When the database fails.
pub async fn give(app: &App, account: &Account) -> Result<bool, Internal> {
    let now = app.clock.now();
    let admin =
        admin::Model { account_id: account.id.clone(), name: account.email.clone(), created_at: now, ended_at: None };
    let seal = app.seal.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let id = admin.account_id.clone();
                let done = admin::add(tx, admin).await?;
                if done {
                    log::append(tx, &seal, &id, now, &Event::new("administrator", "given")).await?;
                }
                Ok(done)
            })
        })
        .await
}

/// Takes the rights back, at once. `Ok(false)` when there were none.
///
/// # Errors
/// When the database fails.
pub async fn take(app: &App, account: &Account) -> Result<bool, Internal> {
    let (id, now, seal) = (account.id.clone(), app.clock.now(), app.seal.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let done = end(tx, &id, now).await?;
                if done {
                    log::append(tx, &seal, &id, now, &Event::new("administrator", "taken")).await?;
                }
                Ok(done)
            })
        })
        .await
}

/// Ends the rights, and with them the approvals that still wait for a second one.
async fn end(tx: &store::Tx, id: &str, now: Millis) -> Result<bool, Internal> {
    let Some(admin) = admin::by_account(tx, id).await? else { return Ok(false) };
    store::support::withdraw(tx, &approval::spelt(&admin.name)).await?;
    Ok(admin::remove(tx, id, now).await?)
}
