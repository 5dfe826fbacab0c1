//! Errors of the protocol: a registered code and a sentence for the relying party's developer, and apart from it what
//! our own log should know.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::error::Internal;

/// Registered error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidRequest,
    /// RFC 6749 §5.2.
    InvalidClient,
    /// RFC 6749 §5.2.
    InvalidGrant,
    /// RFC 6749 §4.1.2.1, §5.2.
    UnauthorizedClient,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidScope,
    /// RFC 6749 §4.1.2.1.
    AccessDenied,
    /// RFC 6749 §4.1.2.1.
    ServerError,
    /// RFC 6749 §4.1.2.1.
    TemporarilyUnavailable,
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core §3.1.2.6.
    InteractionRequired,
    /// OpenID Connect Core §3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core §3.1.2.6.
    AccountSelectionRequired,
    /// OpenID Connect Core §3.1.2.6.
    RequestNotSupported,
    /// OpenID Connect Core §3.1.2.6.
    RequestUriNotSupported,
    /// RFC 9101 §7: the `request_uri` of a pushed request that is unknown, used or expired.
    InvalidRequestUri,
    /// OpenID Connect Core §3.1.2.6.
    RegistrationNotSupported,
    /// OpenID Connect Core Unmet Authentication Requirements 1.0.
    UnmetAuthenticationRequirements,
    /// RFC 9396 §5.
    InvalidAuthorizationDetails,
    /// RFC 8628 §3.5, CIBA Core 1.0 §11.
    AuthorizationPending,
    /// RFC 8628 §3.5, CIBA Core 1.0 §11.
    SlowDown,
    /// RFC 8628 §3.5, CIBA Core 1.0 §11.
    ExpiredToken,
    /// CIBA Core 1.0 §13.
    UnknownUserId,
    /// CIBA Core 1.0 §13.
    InvalidBindingMessage,
    /// RFC 6750 §3.1.
    InvalidToken,
    /// RFC 6750 §3.1.
    InsufficientScope,
    /// RFC 9470 §3.
    InsufficientUserAuthentication,
    /// RFC 9449 §5, §7.1.
    InvalidDpopProof,
    /// RFC 9449 §8, §9.
    UseDpopNonce,
}

impl ErrorCode {
    /// As it stands in `error`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::UnknownUserId => "unknown_user_id",
            Self::InvalidBindingMessage => "invalid_binding_message",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
        }
    }

    /// Status of a direct answer (not a redirect).
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient | Self::InvalidToken | Self::InsufficientUserAuthentication => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// What kind.
    pub code: ErrorCode,
    /// For the relying party's developer. Never a secret, never somebody else's business.
    pub description: Cow<'static, str>,
    log: Option<String>,
}

impl OAuthError {
    /// A refusal.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: printable(description.into()), log: None }
    }

    /// What only our log should know.
    #[must_use]
    pub fn logged(mut self, reason: impl Into<String>) -> Self {
        self.log = Some(reason.into());
        self
    }

    /// Writes the refusal into our log.
    pub fn trace(&self) {
        let reason = self.log.as_deref().unwrap_or_default();
        tracing::info!(error = self.code.name(), description = %self.description, reason, "request refused");
    }
}

/// RFC 6749 §5.2: `error_description` has printable ASCII only, without `"` and `\`.
fn printable(text: Cow<'static, str>) -> Cow<'static, str> {
    let fits = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    if text.chars().all(fits) {
        return text;
    }
    text.chars().map(|c| if fits(c) { c } else { '\'' }).collect::<String>().into()
}

impl IntoResponse for OAuthError {
    /// RFC 6749 §5.2; the challenge that RFC 9110 §15.5.2 wants with every 401.
    fn into_response(self) -> Response {
        self.trace();
        let body = json!({ "error": self.code.name(), "error_description": self.description });
        let mut response = (self.code.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"E-num\""));
        }
        response
    }
}

/// Why a back-channel request got no answer of the wished kind: theirs or ours.
#[derive(Debug)]
pub enum Refusal {
    /// Theirs.
    OAuth(OAuthError),
    /// Ours.
    Internal(Internal),
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl<E: Into<Internal>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::OAuth(error) => error.into_response(),
            Self::Internal(error) => server_error(&error).into_response(),
        }
    }
}

/// Ours, as the protocol says it: the log gets the reason, the outside does not.
pub fn server_error(error: &Internal) -> OAuthError {
    tracing::error!(%error, "internal error");
    OAuthError::new(ErrorCode::ServerError, "something went wrong here; try again later")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_printable_ascii() {
        let error = OAuthError::new(ErrorCode::InvalidRequest, "a \"b\" \\ сумма\r\nX: y".to_owned());
        assert_eq!(error.description, "a 'b' ' '''''''X: y");
    }
}
