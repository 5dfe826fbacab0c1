//! The person says no.

use axum::response::Response;

use super::{
    Visit, Visitor,
    earned::{self, Unanswered},
};
use crate::{
    app::App,
    error::Internal,
    login::{Stage, ceremony},
    notice::attempts::{self, Owner},
    oidc::{
        backchannel::{self, Answer},
        error::ErrorCode,
        request::BackchannelRequest,
    },
    store::{self, Change, account, log::Event},
};

/// How often it is tried again when the owner of the account is told of something else in between: more often than they are
/// told of anything in a day.
const RETRIES: usize = 64;

impl Visitor<'_> {
    /// The request is answered by that, the log tells of it, and the owner of the account is told if they want to know.
    pub(super) async fn deny(&self, visit: &Visit, address: String) -> Result<Response, Unanswered> {
        let event = ceremony::declined(&visit.interaction.demand, address);
        let account = self.asked(visit, &event).await?;
        let answered = self.answered_by_no(visit).await?;
        if !write_down(self.app, account.as_ref(), &event, answered).await? {
            let waited = visit.request.device.is_some();
            return Err(if waited { Unanswered::DeviceGone } else { Unanswered::RequestUsed });
        }
        self.count(visit, "declined");
        if visit.request.backchannel.is_some() {
            return Ok(self.has_declined(visit));
        }
        Ok(self.refuse(visit, ErrorCode::AccessDenied, "the person declined"))
    }

    /// It cannot be allowed, though nobody has said no. A device is told so, as the person is: its request does not wait on
    /// behind a page that says that nothing was allowed.
    pub(super) async fn gives_up(
        &self,
        visit: &Visit,
        code: ErrorCode,
        description: &'static str,
    ) -> Result<Response, Unanswered> {
        if let Some(hash) = &visit.request.device {
            let denying = store::device_code::denying(hash, self.app.clock.now());
            self.app.db.write(move |tx| Box::pin(earned::apply(tx, [denying.clone()].into_iter()))).await?;
        }
        Ok(self.refuse(visit, code, description))
    }

    /// Whose account it was about, as far as they had said so.
    async fn asked(&self, visit: &Visit, event: &Event) -> Result<Option<account::Model>, Unanswered> {
        let db = self.app.db.read();
        if let Some(backchannel) = &visit.request.backchannel {
            return Ok(account::by_id(db, &backchannel.account_id).await?);
        }
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

    /// What is answered, where that is kept here.
    async fn answered_by_no(&self, visit: &Visit) -> Result<Vec<Change>, Internal> {
        let (app, request) = (self.app, &visit.request);
        if let Some(BackchannelRequest { id, account_id, .. }) = &request.backchannel {
            return backchannel::answering(app, (id, account_id), &Answer::Denied { reason: None }).await;
        }
        let now = app.clock.now();
        let pushed = request.pushed.iter().map(|hash| store::pushed::using_up(hash, now));
        Ok(pushed.chain(request.device.iter().map(|hash| store::device_code::denying(hash, now))).collect())
    }
}

/// Writes a refusal down, with `answered`, the changes that answer the request. `Ok(false)` when it was answered before.
///
/// # Errors
/// When the database fails.
pub(in crate::oidc) async fn write_down(
    app: &App,
    account: Option<&account::Model>,
    event: &Event,
    answered: Vec<Change>,
) -> Result<bool, Internal> {
    let mut left = RETRIES;
    loop {
        match try_write_down(app, account, event, answered.clone()).await {
            Err(Unanswered::RequestUsed | Unanswered::DeviceGone) => return Ok(false),
            Err(Unanswered::Internal(error)) if error.is_conflict() && left > 0 => left -= 1,
            Err(Unanswered::Internal(error)) => return Err(error),
            Err(other) => return Err(Internal::Other(other.to_string())),
            Ok(()) => return Ok(true),
        }
    }
}

async fn try_write_down(
    app: &App,
    account: Option<&account::Model>,
    event: &Event,
    answered: Vec<Change>,
) -> Result<(), Unanswered> {
    let now = app.clock.now();
    let told = match account {
        Some(account) => attempts::telling(app, Owner::from(account), event, now).await?,
        None => Vec::new(),
    };
    let tells = !told.is_empty();
    let seal = app.seal.clone();
    let (account, event) = (account.map(|account| account.id.clone()), event.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                earned::apply(tx, answered.into_iter()).await?;
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
