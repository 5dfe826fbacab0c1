//! A code with all that must commit beside it, and why a step may lead to no answer.

use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    oidc::{
        code::{self, Authenticated},
        request::AuthorizationRequest,
    },
    store::{self, Change, StoreError, Tx},
};

/// A code before its commit, and the pushed request that it answers.
#[derive(Clone)]
pub(super) struct Earned {
    pub(super) code: String,
    pub(super) row: store::code::Model,
    pushed: Option<String>,
}

impl Earned {
    pub(super) fn prepare(app: &App, request: &AuthorizationRequest, who: Authenticated) -> Result<Self, Internal> {
        let (code, row) = code::prepare(app, request, who)?;
        Ok(Self { code, row, pushed: request.pushed.clone() })
    }

    /// Stores the code. A pushed request answers once: when it was answered in the meantime, nothing is stored.
    pub(super) fn changes(self, now: Millis) -> impl Iterator<Item = Change> + Clone + Send {
        let answered = self.pushed.map(|hash| store::pushed::using_up(&hash, now));
        answered.into_iter().chain([store::code::adding(self.row)])
    }
}

/// Makes `changes`; says of a pushed request that it was answered before.
pub(super) async fn apply(tx: &Tx, changes: impl Iterator<Item = Change>) -> Result<(), Unanswered> {
    match store::apply(tx, changes).await {
        Err(StoreError::Conflict(store::pushed::RECORD)) => Err(Unanswered::RequestUsed),
        done => Ok(done?),
    }
}

/// Why a step led to no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// The pushed request has been answered before.
    #[error("the pushed request was used")]
    RequestUsed,
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
