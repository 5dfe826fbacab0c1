//! Devices without a browser, or without a keyboard (RFC 8628). The device asks [`post`] for two codes and shows one; its person
//! types that at `/device` ([`page`]) on whatever has a browser, and signs in there; the device learns of it by the other
//! ([`super::grants`]).
//!
//! A request is durable before the device is told of it. Its row goes from pending to approved or denied by the verdict's own
//! transaction, and from approved to used by the token's.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    checks::{self, Asked, Source},
    client_auth::{self, Caller},
    code::{Authenticated, Authorized},
    cors, dpop,
    error::{ErrorCode, OAuthError, Refusal},
    params::Params,
    request::AuthorizationRequest,
};
use crate::{
    app::{App, Peer},
    clock::{MINUTE, SECOND},
    error::Internal,
    limits,
    store::{self, Change, StoreError},
};

pub mod page;
mod user_code;

/// `grant_type` of device codes (§3.4).
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The endpoint's path.
pub(super) const PATH: &str = "/device_authorization";
/// How often another user code is tried when one is taken.
const TRIES: usize = 5;

/// `POST /device_authorization` (§3.1).
pub async fn post(State(app): State<Arc<App>>, ConnectInfo(peer): Peer, headers: HeaderMap, body: Bytes) -> Response {
    let response = match begin(&app, &limits::block(peer.ip()), &headers, &body).await {
        Ok(told) => ([(header::CACHE_CONTROL, "no-store")], Json(told)).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    cors::allow(dpop::offer(&app, &headers, response))
}

async fn begin(app: &App, block: &str, headers: &HeaderMap, body: &Bytes) -> Result<Value, Refusal> {
    let params = Params::form(headers, body)?;
    let caller = client_auth::authenticate(app, headers, &params).await?.with_proof(app, headers, PATH)?;
    if !caller.client.device {
        let text = "the client is not registered for the device grant";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, text).into());
    }
    if !app.limits.allow("device", block, MINUTE, app.config.device.requests_per_minute, app.clock.now()) {
        return Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, "too many requests from here").into());
    }
    let asked =
        Asked { config: &app.config, keys: &app.keys, client: &caller.client, params: &params, source: Source::Pushed };
    let mut request = checks::examine_device(&asked)?;
    request.dpop_jkt = dpop::binding::pushed(request.dpop_jkt, caller.proof.as_ref())?;
    store(app, &caller, &request).await
}

/// Stores the request and says what the device is told (§3.2).
async fn store(app: &App, caller: &Caller, request: &AuthorizationRequest) -> Result<Value, Refusal> {
    let device_code = app.entropy.token()?;
    let hash = app.seal.hash("device_code", &device_code);
    let settings = &app.config.device;
    for _ in 0..TRIES {
        let user_code = user_code::fresh(app)?;
        let row = store::device_code::Model {
            hash: hash.clone(),
            user_hash: user_hash(app, &user_code),
            client_id: request.client_id.clone(),
            grant_id: app.entropy.id()?,
            account_id: None,
            status: store::device_code::PENDING.to_owned(),
            sealed: app.seal.record_json("device_request", &hash, request)?,
            expires_at: app.clock.now() + settings.code_seconds * SECOND,
            used_at: None,
        };
        let changes = caller.spending().into_iter().chain([store::device_code::adding(row)]);
        match app.db.write(move |tx| Box::pin(store::apply(tx, changes))).await {
            Err(StoreError::Conflict(store::device_code::RECORD)) => {}
            Err(StoreError::Conflict(record)) if client_auth::replay(record).is_some() => {
                return Err(client_auth::replay(record).unwrap_or_else(dpop::replayed).into());
            }
            Err(error) => return Err(error.into()),
            Ok(()) => {
                let shown = user_code::shown(&user_code);
                let page = app.config.url("/device");
                return Ok(json!({
                    "device_code": device_code, "user_code": shown, "verification_uri": page,
                    "verification_uri_complete": format!("{page}?user_code={shown}"),
                    "expires_in": settings.code_seconds, "interval": settings.interval_seconds,
                }));
            }
        }
    }
    Err(Internal::Other("no user code was free".to_owned()).into())
}

fn user_hash(app: &App, user_code: &str) -> String {
    app.seal.hash("user_code", user_code)
}

/// What the person's verdict does to the row of the request that it answers.
///
/// # Errors
/// When sealing fails.
pub(super) fn approving(
    app: &App,
    hash: &str,
    request: &AuthorizationRequest,
    who: Authenticated,
) -> Result<Change, Internal> {
    let account = who.account_id.clone();
    let sealed = app.seal.record_json("device_code", hash, &Authorized::of(request, who))?;
    Ok(store::device_code::approving(hash, &account, sealed, app.clock.now()))
}
