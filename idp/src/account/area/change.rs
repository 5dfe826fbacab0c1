//! Changes: what is changed, its log entry and the mails that tell of it are one transaction.

use serde_json::{Value, json};

use super::{Account, Area, when};
use crate::{
    app::App,
    courier::Message,
    error::Internal,
    letter, notice,
    store::{
        StoreError, Tx, Work,
        log::{self, Event},
    },
};

/// A change of what guards the account.
pub(super) struct Change {
    /// `what` of its log entry; `mail_change_<what>` is the sentence that the mail has for it.
    pub(super) what: &'static str,
    /// Method that it was about.
    pub(super) factor: Option<String>,
    /// Id of what was changed.
    pub(super) reference: Option<String>,
    /// What the sentence is filled with.
    pub(super) args: Value,
    /// An address that is told besides those that the account has.
    pub(super) also: Option<String>,
}

impl Area {
    /// Makes a change, logs it and tells every address of the account: all of it or nothing. `Ok(false)` when `work` found
    /// nothing to change.
    ///
    /// # Errors
    /// Those of `work`; when the database fails.
    pub(super) async fn changes<F, E>(&self, change: Change, work: F) -> Result<bool, E>
    where
        F: for<'c> FnOnce(&'c Tx) -> Work<'c, Result<bool, E>> + Clone + Send + 'static,
        E: From<Internal> + From<StoreError> + Send + 'static,
    {
        let letters = self.letters(&change).await?;
        let event = self.event(&change);
        let (app, account, now) = (self.app.clone(), self.account.id.clone(), self.now());
        let done = self.app.db.write(move |tx| {
            Box::pin(async move {
                if !work(tx).await? {
                    return Ok(false);
                }
                log::append(tx, &app.seal, &account, now, &event).await?;
                for letter in letters {
                    app.courier.queue_in(tx, &app.seal, letter).await?;
                }
                Ok::<_, E>(true)
            })
        });
        let done = done.await?;
        self.app.courier.wake();
        Ok(done)
    }

    /// The log entry of a change.
    pub(super) fn event(&self, change: &Change) -> Event {
        Event {
            factor: change.factor.clone(),
            reference: change.reference.clone(),
            address: Some(self.caller.address.clone()),
            ..Event::new(change.what, "ok")
        }
    }

    /// One mail to each address of the account.
    async fn letters(&self, change: &Change) -> Result<Vec<Message>, Internal> {
        let (app, account) = (&self.app, &self.account);
        let to: Vec<String> = notice::addresses(app, account).await?.into_iter().chain(change.also.clone()).collect();
        let sentence = app.pages.text(&account.locale, &format!("mail_change_{}", change.what), &change.args);
        letters(app, account, &to, &sentence, &self.caller.address)
    }
}

/// The mails that tell of a change, in the words of `sentence`, to each of `to`.
///
/// # Errors
/// When the generator fails or the HTML cannot be rendered.
pub(in crate::account) fn letters(
    app: &App,
    account: &Account,
    to: &[String],
    sentence: &str,
    from: &str,
) -> Result<Vec<Message>, Internal> {
    let id = app.entropy.id()?;
    let args = json!({
        "name": account.first_name, "change": sentence, "address": app.places.told(from, &account.locale),
        "time": when::of(account, app.clock.now()), "link": app.config.url("/account"),
    });
    let mail = |(number, to): (usize, &String)| {
        letter::of_key(app, &account.locale, "changed", format!("account:{id}:{number}"), to, &args)
    };
    to.iter().enumerate().map(mail).collect()
}
