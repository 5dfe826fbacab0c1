//! Deletions whose time has come. Each is two transactions: the first shuts the account, after which nobody signs in, no
//! token works and nothing can be stopped; the second forgets the person. When the program ends in between, the next round
//! goes on with the second.

use std::sync::Arc;

use serde_json::json;

use super::{By, outgoing};
use crate::{
    app::App,
    courier::Message,
    error::Internal,
    letter, notice,
    store::{
        Work,
        account::{self, Model as Account},
        erasure, log,
    },
};

/// Accounts that one look takes at most.
const BATCH: u64 = 50;

/// Deletes the accounts whose time has come; says how many. One that fails is logged, tried again in the next round, and
/// leaves the others alone.
///
/// # Errors
/// When the database cannot be read.
pub async fn carry_out_due(app: &Arc<App>) -> Result<usize, Internal> {
    let due = account::to_be_deleted(app.db.read(), app.clock.now(), BATCH).await?;
    let mut done = 0;
    for account in due {
        match carry_out(app, &account, &By::Time).await {
            Ok(true) => done += 1,
            Ok(false) => {}
            Err(error) => tracing::error!(account = account.id, %error, "an account could not be deleted"),
        }
    }
    Ok(done)
}

/// Deletes one account now. `Ok(false)` when its deletion was stopped, or asked for, since `account` was read.
///
/// # Errors
/// When the database fails.
pub async fn carry_out(app: &Arc<App>, account: &Account, by: &By) -> Result<bool, Internal> {
    if account.status != account::DELETED && !shut(app, account, by).await? {
        return Ok(false);
    }
    let farewell = farewell(app, account).await?;
    let unsent = outgoing::of(app, account).await?;
    let id = account.id.clone();
    let transaction = app.clone();
    app.db
        .write(move |tx| -> Work<'_, Result<(), Internal>> {
            Box::pin(async move {
                let app = transaction;
                erasure::erase(tx, &id).await?;
                app.courier.withdraw_in(tx, unsent).await?;
                for letter in farewell {
                    app.courier.queue_in(tx, &app.seal, letter).await?;
                }
                Ok(())
            })
        })
        .await?;
    app.courier.wake();
    tracing::info!(account = account.id, "an account was deleted");
    Ok(true)
}

/// The last entry of the log, and nobody gets in any more. An answer that is being judged appends to the log as well, and
/// finds that it has changed.
async fn shut(app: &Arc<App>, account: &Account, by: &By) -> Result<bool, Internal> {
    let (seal, now) = (app.seal.clone(), app.clock.now());
    let (event, shutting) = (by.event("deleted"), account::shutting(&account.id, account.delete_at, now));
    let id = account.id.clone();
    let done = app.db.write(move |tx| -> Work<'_, Result<(), Internal>> {
        Box::pin(async move {
            log::append(tx, &seal, &id, now, &event).await?;
            Ok(shutting.apply(tx).await?)
        })
    });
    match done.await {
        Err(error) if error.is_conflict() => Ok(false),
        done => done.map(|()| true),
    }
}

/// The last mail to every address.
async fn farewell(app: &App, account: &Account) -> Result<Vec<Message>, Internal> {
    let args = json!({ "name": account.first_name, "link": app.config.url("/register") });
    let mail = |(number, to): (usize, String)| {
        let effect = format!("deleted:{}:{number}", account.id);
        letter::of_key(app, &account.locale, "deleted", effect, &to, &args)
    };
    notice::addresses(app, account).await?.into_iter().enumerate().map(mail).collect()
}
