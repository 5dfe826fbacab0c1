//! A relying party's own payments: which of them were confirmed, with their receipts, and what it has given back.
//!
//! Both endpoints are asked as `/par` is: a form, with the client's authentication.

mod amount;
pub mod list;
pub mod refund;

use axum::{body::Bytes, http::HeaderMap};
use std::sync::Arc;

use super::{
    client::Client,
    client_auth,
    error::{ErrorCode, OAuthError, Refusal},
    params::Params,
};
use crate::app::App;

/// The form, and the client that has sent it. What it authenticates with is used up.
async fn asked(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<(Arc<Client>, Params), Refusal> {
    let params = Params::form(headers, body)?;
    let caller = client_auth::authenticate(app, headers, &params).await?;
    // RFC 6749 §2.1: whoever has read a public client's id could ask in its name.
    if caller.client.is_public() {
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "a public client cannot prove who asks").into());
    }
    caller.spend(app).await?;
    Ok((caller.client, params))
}

fn invalid(text: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    OAuthError::new(ErrorCode::InvalidRequest, text).into()
}
