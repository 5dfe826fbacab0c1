//! Pushed authorization requests (RFC 9126).
//!
//! A pushed request is checked in full when it is pushed, and stored before it is acknowledged: the client was told 201,
//! and what the person will see must be what was pushed.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    checks::{self, Asked, Source},
    client::Client,
    client_auth::{self, Caller},
    dpop,
    error::{ErrorCode, OAuthError, Refusal},
    params::Params,
    payment,
    request::AuthorizationRequest,
};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    store::{self, StoreError},
};

/// What every `request_uri` of ours begins with (RFC 9126 §2.2).
pub(super) const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";
/// How long a pushed request waits for its browser.
const LIFE: Millis = 90 * SECOND;

/// `POST /par`.
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let response = match push(&app, &headers, &body).await {
        Ok(request_uri) => {
            let body = json!({ "request_uri": request_uri, "expires_in": LIFE / SECOND });
            (StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        Err(refusal) => refusal.into_response(),
    };
    dpop::offer(&app, &headers, response)
}

async fn push(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<String, Refusal> {
    let params = Params::form(headers, body)?;
    let caller = client_auth::authenticate(app, headers, &params).await?.with_proof(app, headers, "/par")?;
    let mut request = examine(app, &caller.client, &params).await?;
    request.dpop_jkt = dpop::binding::pushed(request.dpop_jkt, caller.proof.as_ref())?;
    store(app, caller, &request).await
}

async fn examine(app: &App, client: &Client, params: &Params) -> Result<AuthorizationRequest, Refusal> {
    // RFC 9126 §2.1: "The request_uri authorization request parameter … MUST NOT be provided".
    if params.get("request_uri").is_some() {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "request_uri cannot be pushed").into());
    }
    let redirect_uri = params.require("redirect_uri")?;
    if !client.accepts_redirect(redirect_uri) {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "redirect_uri is not registered for this client").into());
    }
    let asked = Asked { config: &app.config, keys: &app.keys, client, params, source: Source::Pushed };
    let mut request = checks::examine(&asked, redirect_uri)?;
    if let Some(details) = params.get("authorization_details") {
        request.payment = Some(payment::read(app, client, redirect_uri, details).await?);
    }
    Ok(request)
}

async fn store(app: &App, caller: Caller, request: &AuthorizationRequest) -> Result<String, Refusal> {
    let request_uri = format!("{REQUEST_URI}{}", app.entropy.token()?);
    let hash = app.seal.hash("request_uri", &request_uri);
    let row = store::pushed::Model {
        client_id: caller.client.client_id.clone(),
        sealed: app.seal.record_json("pushed", &hash, request)?,
        expires_at: app.clock.now() + LIFE,
        used_at: None,
        hash,
    };
    let changes = caller.spending().into_iter().chain([store::pushed::adding(row.clone())]);
    let done = app.db.write(move |tx| Box::pin(store::apply(tx, changes))).await;
    if let Err(StoreError::Conflict(record)) = done
        && let Some(replay) = client_auth::replay(record)
    {
        return Err(replay.into());
    }
    done.map_err(Internal::from)?;
    store::pushed::expect(&app.db, row);
    Ok(request_uri)
}

/// The live request behind a `request_uri` of this client (RFC 9126 §2.2: bound to the client that pushed it).
///
/// # Errors
/// When the store fails.
pub(super) async fn find(
    app: &App,
    client: &Client,
    request_uri: &str,
) -> Result<Option<AuthorizationRequest>, Internal> {
    let hash = app.seal.hash("request_uri", request_uri);
    let Some(row) = store::pushed::live(&app.db, &hash, app.clock.now()).await? else { return Ok(None) };
    if row.client_id != client.client_id {
        return Ok(None);
    }
    let mut request: AuthorizationRequest = app.seal.open_record_json("pushed", &hash, &row.sealed)?;
    request.pushed = Some(hash);
    Ok(Some(request))
}
