//! The person looks at a request that came without a browser, and what they see after their answer.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::json;

use super::{Visit, Visitor, earned::Unanswered};
use crate::{
    app::App,
    error::Internal,
    login::session,
    oidc::{backchannel, error::ErrorCode, request::BackchannelRequest, response},
    pages,
    store::device_code,
};

/// Where people find what waits for them.
const REQUESTS: &str = "/account/requests";

/// `GET /login/request/{id}`: the ordinary visit, for a request that waits for whoever is signed in here. That they are
/// signed in lets them look at it; to approve it they prove who they are.
pub async fn request(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    match find(&app, &id, &headers).await {
        Ok(Some(asked)) => super::open(&app, asked.request, &headers).await,
        // Whoever is not signed in is asked to prove who they are there.
        Ok(None) => back(&app, pages::locale_of(&headers, &[]), Some("account_not_request_over")),
        Err(error) => {
            tracing::error!(%error, "a backchannel request cannot be shown");
            let locale = pages::locale_of(&headers, &[]);
            app.pages.problem(StatusCode::INTERNAL_SERVER_ERROR, locale, "internal", &json!({}))
        }
    }
}

async fn find(app: &App, id: &str, headers: &HeaderMap) -> Result<Option<backchannel::Asked>, Internal> {
    let Some(session) = session::current(app, headers).await? else { return Ok(None) };
    backchannel::waiting_for(app, id, &session.account_id).await
}

/// Back to what waits, with the key of a text to show there.
fn back(app: &App, locale: &str, said: Option<&str>) -> Response {
    let query = said.map(|said| format!("?said={said}")).unwrap_or_default();
    response::private(response::redirect(&format!("{REQUESTS}{query}")).unwrap_or_else(|error| {
        tracing::error!(%error, "the way back to the requests");
        app.pages.problem(StatusCode::INTERNAL_SERVER_ERROR, locale, "internal", &json!({}))
    }))
}

impl Visitor<'_> {
    /// The request was approved.
    pub(super) fn has_approved(&self, visit: &Visit) -> Response {
        self.app.courier.wake();
        back(self.app, &visit.interaction.locale, Some("account_said_request_approved"))
    }

    /// The request was declined.
    pub(super) fn has_declined(&self, visit: &Visit) -> Response {
        self.app.courier.wake();
        back(self.app, &visit.interaction.locale, Some("account_said_request_declined"))
    }

    /// It was not answered, and waits on until its time is over.
    pub(super) fn has_not_answered(&self, visit: &Visit, code: ErrorCode) -> Response {
        let said = match code {
            ErrorCode::TemporarilyUnavailable => "account_not_request_service",
            ErrorCode::LoginRequired => "account_not_request_theirs",
            _ => "account_not_request_unmet",
        };
        back(self.app, &visit.interaction.locale, Some(said))
    }

    /// What there is to say of a request without this browser that waits no more, so that nothing is asked for it, or charged.
    pub(super) async fn over(&self, visit: &Visit) -> Option<Response> {
        let locale = &visit.interaction.locale;
        match self.waits(visit).await {
            Ok(true) => None,
            Ok(false) if visit.request.backchannel.is_some() => Some(self.is_over(locale)),
            Ok(false) => Some(super::answer_or_problem(self.app, locale, Err(Unanswered::DeviceGone))),
            Err(error) => Some(super::answer_or_problem(self.app, locale, Err(error.into()))),
        }
    }

    /// Whether the request waits for its answer; one that is answered by a redirect always does.
    async fn waits(&self, visit: &Visit) -> Result<bool, Internal> {
        let app = self.app;
        if let Some(BackchannelRequest { id, account_id, .. }) = &visit.request.backchannel {
            return Ok(backchannel::waiting_for(app, id, account_id).await?.is_some());
        }
        let Some(hash) = &visit.request.device else { return Ok(true) };
        let row = device_code::find(app.db.read(), hash).await?;
        Ok(row.is_some_and(|row| row.status == device_code::PENDING && app.clock.now() < row.expires_at))
    }

    /// It was answered, or ended, before this.
    pub(super) fn is_over(&self, locale: &str) -> Response {
        back(self.app, locale, Some("account_not_request_over"))
    }
}
