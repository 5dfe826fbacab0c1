//! The person says no.

use axum::response::Response;

use super::{
    Visit, Visitor,
    earned::{self, Unanswered},
};
use crate::{
    login::{Stage, ceremony},
    notice::attempts::{self, Owner},
    oidc::error::ErrorCode,
    store::{self, account, log::Event},
};

/// How often it is tried again when the owner of the account is told of something else in between: more often than they are
/// told of anything in a day.
const RETRIES: usize = 64;

impl Visitor<'_> {
    /// The pushed request, or the device's, is answered by that, the log tells of it, and the owner of the account is told if they want to know.
    pub(super) async fn deny(&self, visit: &Visit, address: String) -> Result<Response, Unanswered> {
        let event = ceremony::declined(&visit.interaction.demand, address);
        let account = self.asked(visit, &event).await?;
        let mut left = RETRIES;
        while let Err(error) = self.write_down(visit, account.as_ref(), &event).await {
            let is_conflict = matches!(&error, Unanswered::Internal(error) if error.is_conflict());
            if !is_conflict || left == 0 {
                return Err(error);
            }
            left -= 1;
        }
        self.count(visit, "declined");
        Ok(self.refuse(visit, ErrorCode::AccessDenied, "the person declined"))
    }

    /// Whose account it was about, as far as they had said so.
    async fn asked(&self, visit: &Visit, event: &Event) -> Result<Option<account::Model>, Unanswered> {
        let db = self.app.db.read();
        match &visit.interaction.stage {
            Stage::Answer { email, .. } | Stage::Choose { email } | Stage::Fee { email, .. } => {
                let account = account::by_email(db, email).await?;
                if account.is_none() {
                    ceremony::tell_nobody(self.app, email, &visit.interaction, event).await?;
                }
                Ok(account)
            }
            Stage::Consent { account_id, .. } => Ok(account::by_id(db, account_id).await?),
            Stage::Identify => Ok(None),
        }
    }

    async fn write_down(
        &self,
        visit: &Visit,
        account: Option<&account::Model>,
        event: &Event,
    ) -> Result<(), Unanswered> {
        let (app, now) = (self.app, self.app.clock.now());
        let told = match account {
            Some(account) => attempts::telling(app, Owner::from(account), event, now).await?,
            None => Vec::new(),
        };
        let tells = !told.is_empty();
        let (pushed, device, seal) = (visit.request.pushed.clone(), visit.request.device.clone(), app.seal.clone());
        let (account, event) = (account.map(|account| account.id.clone()), event.clone());
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    let answered = pushed.map(|hash| store::pushed::using_up(&hash, now));
                    let answered =
                        answered.into_iter().chain(device.map(|hash| store::device_code::denying(&hash, now)));
                    earned::apply(tx, answered).await?;
                    if let Some(account) = account {
                        store::log::append(tx, &seal, &account, now, &event).await?;
                    }
                    earned::apply(tx, told.into_iter()).await
                })
            })
            .await?;
        if tells {
            app.courier.wake();
        }
        Ok(())
    }
}
