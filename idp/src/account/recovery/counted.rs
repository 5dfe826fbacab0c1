//! What somebody asks for without having proven anything: counted, logged and told as one, tried anew when others are counted
//! in between, and of the same weight for an address without an account.

use std::sync::Arc;

use super::{Sought, effect::queue};
use crate::{
    app::App,
    courier::Message,
    error::Internal,
    store::{
        self, Change,
        log::{self, Event},
        spent,
    },
};

/// How often it is tried anew.
const RETRIES: usize = 5;

/// What the next page says.
pub(super) enum Sent {
    /// It is on its way, if it was right.
    Done,
    /// The day's budget is used up.
    Enough,
    /// Too many at once.
    Busy,
}

/// Does `once` until nobody else is counted in between, and wakes the courier.
///
/// # Errors
/// Those of `once`.
pub(super) async fn until_counted<F>(app: &App, once: impl Fn() -> F) -> Result<Sent, Internal>
where
    F: Future<Output = Result<Sent, Internal>>,
{
    for _ in 0..RETRIES {
        match once().await {
            Err(error) if error.is_conflict() => {}
            done => {
                app.courier.wake();
                return done;
            }
        }
    }
    Ok(Sent::Busy)
}

/// Writes counts, messages and the log entry in one transaction; for nobody's log something of the same weight.
///
/// # Errors
/// When others were counted in between; when the database fails.
pub(super) async fn write(
    app: &Arc<App>,
    sought: &Sought,
    changes: Vec<Change>,
    messages: Vec<Message>,
    event: Event,
) -> Result<Sent, Internal> {
    let now = app.clock.now();
    let account = sought.account.as_ref().map(|account| account.id.clone());
    let nothing = spent::Model { purpose: "decoy".to_owned(), hash: app.entropy.id()?, expires_at: now };
    let transaction = app.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let app = transaction;
                store::apply(tx, changes).await?;
                queue(tx, &app, messages).await?;
                match account {
                    Some(account) => log::append(tx, &app.seal, &account, now, &event).await?,
                    None => spent::spending(nothing).apply(tx).await?,
                }
                Ok::<_, Internal>(Sent::Done)
            })
        })
        .await
}
