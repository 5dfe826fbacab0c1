//! The token endpoint (RFC 6749 §3.2). Who calls, whether they may, and how refusals look is decided here, once for all
//! grants; a grant only says what its own credential is worth.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use super::{
    client_auth, cors, device, dpop,
    error::{ErrorCode, OAuthError, Refusal},
    grants::{authorization_code, ciba, device_code, refresh_token},
    metadata::backchannel,
    params::Params,
    tokens::{self, TokenResponse},
};
use crate::app::App;

/// `POST /token`.
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let response = match exchange(&app, &headers, &body).await {
        Ok(tokens) => tokens.into_response(),
        Err(refusal) => refusal.into_response(),
    };
    cors::allow(dpop::offer(&app, &headers, response))
}

async fn exchange(app: &Arc<App>, headers: &HeaderMap, body: &Bytes) -> Result<TokenResponse, Refusal> {
    let params = Params::form(headers, body)?;
    let caller = client_auth::authenticate(app, headers, &params).await?.with_proof(app, headers, "/token")?;
    let client = caller.client.clone();
    dpop::binding::demanded(&client, caller.proof.as_ref())?;
    let issue = match params.require("grant_type")? {
        "authorization_code" if client.codes => authorization_code::redeem(app, caller, &params).await?,
        "authorization_code" => return Err(unregistered("authorization codes")),
        "refresh_token" if client.refresh => refresh_token::redeem(app, caller, &params).await?,
        "refresh_token" => return Err(unregistered("refresh")),
        backchannel::GRANT if client.backchannel.is_some() => ciba::redeem(app, caller, &params).await?,
        backchannel::GRANT => return Err(unregistered("CIBA")),
        device::GRANT if client.device => device_code::redeem(app, caller, &params).await?,
        device::GRANT => return Err(unregistered("the device grant")),
        _ => return Err(OAuthError::new(ErrorCode::UnsupportedGrantType, "the grant type is not supported").into()),
    };
    Ok(tokens::respond(app, &client, issue).await?)
}

/// RFC 6749 §5.2 `unauthorized_client`.
fn unregistered(grant: &str) -> Refusal {
    OAuthError::new(ErrorCode::UnauthorizedClient, format!("the client is not registered for {grant}")).into()
}
