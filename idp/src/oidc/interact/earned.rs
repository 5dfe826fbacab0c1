//! A code, or the answer to a device, with all that must commit beside it; and why a step may lead to no answer.

use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    oidc::{
        code::{self, Authenticated},
        device,
        request::AuthorizationRequest,
    },
    store::{self, Change, StoreError, Tx},
};

/// What was earned, before its commit, and the pushed request that it answers.
#[derive(Clone)]
pub(super) struct Earned {
    pub(super) answers_to: AnswersTo,
    pushed: Option<String>,
}

/// To whom an answer goes, and as what.
#[derive(Clone)]
pub(super) enum AnswersTo {
    /// To the website, through the browser.
    Redirect { code: String, row: store::code::Model },
    /// To a device, which asks for it: the row of its request is approved.
    Device(Change),
}

impl Earned {
    pub(super) fn prepare(app: &App, request: &AuthorizationRequest, who: Authenticated) -> Result<Self, Internal> {
        let answers_to = if let Some(hash) = &request.device {
            AnswersTo::Device(device::approving(app, hash, request, who)?)
        } else {
            let (code, row) = code::prepare(app, request, who)?;
            AnswersTo::Redirect { code, row }
        };
        Ok(Self { answers_to, pushed: request.pushed.clone() })
    }

    /// Stores it. A pushed request, and a device's, is answered once: when it was answered in the meantime, nothing is stored.
    pub(super) fn changes(self, now: Millis) -> impl Iterator<Item = Change> + Clone + Send {
        let answered = self.pushed.map(|hash| store::pushed::using_up(&hash, now));
        let earned = match self.answers_to {
            AnswersTo::Redirect { row, .. } => store::code::adding(row),
            AnswersTo::Device(approval) => approval,
        };
        answered.into_iter().chain([earned])
    }
}

/// Makes `changes`; says of a pushed request, or a device's, that it was answered before.
pub(super) async fn apply(tx: &Tx, changes: impl Iterator<Item = Change>) -> Result<(), Unanswered> {
    match store::apply(tx, changes).await {
        Err(StoreError::Conflict(store::pushed::RECORD)) => Err(Unanswered::RequestUsed),
        Err(StoreError::Conflict(store::device_code::RECORD)) => Err(Unanswered::DeviceGone),
        done => Ok(done?),
    }
}

/// Why a step led to no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// The pushed request has been answered before.
    #[error("the pushed request was used")]
    RequestUsed,
    /// The device's request has been answered before, or has expired.
    #[error("the device waits no longer")]
    DeviceGone,
    /// The service that owns what is to be paid for is switched off.
    #[error("the service is switched off")]
    NoService,
    /// Too many challenges for one address or one client.
    #[error("too many challenges")]
    TooMany,
    /// Ours.
    #[error(transparent)]
    Internal(Internal),
}

impl<E: Into<Internal>> From<E> for Unanswered {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}
