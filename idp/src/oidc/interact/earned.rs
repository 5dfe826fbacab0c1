//! A code with all that must commit beside it, and why a step may lead to no answer.

use sea_orm::ConnectionTrait;

use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    oidc::{
        code::{self, Authenticated},
        request::AuthorizationRequest,
    },
    store,
};

/// A code before its commit, and the pushed request that it answers.
#[derive(Clone)]
pub(super) struct Earned {
    pub(super) code: String,
    row: store::code::Model,
    pushed: Option<String>,
}

impl Earned {
    pub(super) fn prepare(app: &App, request: &AuthorizationRequest, who: Authenticated) -> Result<Self, Internal> {
        let (code, row) = code::prepare(app, request, who)?;
        Ok(Self { code, row, pushed: request.pushed.clone() })
    }

    /// Stores the code. A pushed request answers once: when it was answered in the meantime, nothing is stored.
    pub(super) async fn store_in(self, tx: &impl ConnectionTrait, now: Millis) -> Result<(), Unanswered> {
        answer_pushed(tx, self.pushed.as_deref(), now).await?;
        Ok(store::code::add(tx, self.row).await?)
    }
}

/// Uses a pushed request up: an answer to it, yes or no, is given once.
pub(super) async fn answer_pushed(
    tx: &impl ConnectionTrait,
    pushed: Option<&str>,
    now: Millis,
) -> Result<(), Unanswered> {
    match pushed {
        Some(hash) if !store::pushed::use_up(tx, hash, now).await? => Err(Unanswered::RequestUsed),
        _ => Ok(()),
    }
}

/// Why a step led to no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// The pushed request has been answered before.
    #[error("the pushed request was used")]
    RequestUsed,
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
