//! A code, or the answer to whoever has asked without this browser, with all that must commit beside it; and why a step may lead to no answer.

use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    oidc::{
        backchannel::{self, Answer},
        code::{self, Authenticated, Authorized},
        device,
        request::AuthorizationRequest,
    },
    store::{self, Change, StoreError, Tx},
};

/// What a visit earns, before its commit.
#[derive(Clone)]
pub(super) enum Earned {
    /// A code, and the pushed request that it answers.
    Code {
        /// As the browser brings it.
        code: String,
        /// Its row.
        row: Box<store::code::Model>,
        /// Keyed hash of the `request_uri`.
        pushed: Option<String>,
    },
    /// The answer to a device, or to a request that came without a browser: who has asked will fetch it.
    Answer(Vec<Change>),
}

impl Earned {
    pub(super) async fn prepare(
        app: &App,
        request: &AuthorizationRequest,
        who: Authenticated,
    ) -> Result<Self, Internal> {
        let who = if request.device.is_some() || request.backchannel.is_some() {
            // What is fetched from elsewhere does not hang on the session of the browser in which somebody has answered.
            Authenticated { sid: app.entropy.id()?, ..who }
        } else {
            who
        };
        if let Some(hash) = &request.device {
            return Ok(Self::Answer(vec![device::approving(app, hash, request, who)?]));
        }
        let Some(backchannel) = &request.backchannel else {
            let (code, row) = code::prepare(app, request, who)?;
            return Ok(Self::Code { code, row: Box::new(row), pushed: request.pushed.clone() });
        };
        // The row says whom it waits for: nobody else's proof answers it.
        let account_id = who.account_id.clone();
        let answer = Answer::Approved(Box::new(Authorized::of(request, who)));
        Ok(Self::Answer(backchannel::answering(app, (&backchannel.id, &account_id), &answer).await?))
    }

    /// Stores it. A request is answered once: when that was done in the meantime, nothing is stored.
    pub(super) fn changes(self, now: Millis) -> impl Iterator<Item = Change> + Clone + Send {
        let changes = match self {
            Self::Answer(changes) => changes,
            Self::Code { row, pushed, .. } => {
                let answered = pushed.map(|hash| store::pushed::using_up(&hash, now));
                answered.into_iter().chain([store::code::adding(*row)]).collect()
            }
        };
        changes.into_iter()
    }
}

/// Makes `changes`; says of a request that it was answered before.
pub(super) async fn apply(tx: &Tx, changes: impl Iterator<Item = Change>) -> Result<(), Unanswered> {
    match store::apply(tx, changes).await {
        Err(StoreError::Conflict(store::pushed::RECORD | store::backchannel::RECORD)) => Err(Unanswered::RequestUsed),
        Err(StoreError::Conflict(store::device_code::RECORD)) => Err(Unanswered::DeviceGone),
        done => Ok(done?),
    }
}

/// Why a step led to no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// The request has been answered before.
    #[error("the request was used")]
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
