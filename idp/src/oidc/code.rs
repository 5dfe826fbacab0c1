//! Authorization codes: what is sealed behind one. Redeemed by [`super::token`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{claims::Wished, request::AuthorizationRequest};
use crate::{app::App, clock::SECOND, error::Internal, store};

/// What a person has proven and granted.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who.
    pub account_id: String,
    /// The `sid` of the browser's session, or one of its own.
    pub sid: String,
    /// When it was proven. Unix seconds.
    pub auth_time: i64,
    /// What was reached.
    pub acr: String,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// What was granted.
    pub scope: Vec<String>,
    /// The payment that was approved.
    pub confirmation: Option<Confirmed>,
}

/// An approved payment. A code's row keeps its receipt once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Identifier; also the receipt's `jti`.
    pub id: String,
    /// The `authorization_details` object as approved, with the receipt in it after [`Confirmed::with_receipt`].
    pub details: Value,
    /// The receipt.
    pub receipt: String,
    /// The charge for the message that it was approved with, if that cost something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
}

impl Confirmed {
    /// As the relying party sees it.
    pub(super) fn with_receipt(mut self) -> Self {
        if let Some(details) = self.details.as_object_mut() {
            details.insert("receipt".to_owned(), self.receipt.clone().into());
        }
        self
    }
}

/// What a token family stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Granted {
    pub(super) scope: Vec<String>,
    pub(super) auth_time: i64,
    pub(super) acr: String,
    pub(super) amr: Vec<String>,
    pub(super) claims: Wished,
    /// Thumbprint of the key that the family was opened with (RFC 9449 §5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jkt: Option<String>,
}

impl Granted {
    pub(super) fn has(&self, scope: &str) -> bool {
        self.scope.iter().any(|granted| granted == scope)
    }
}

/// What is sealed behind a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Authorized {
    pub(super) redirect_uri: String,
    pub(super) nonce: Option<String>,
    pub(super) code_challenge: Option<String>,
    /// Thumbprint of the key that it is bound to (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dpop_jkt: Option<String>,
    pub(super) account_id: String,
    pub(super) sid: String,
    pub(super) granted: Granted,
    pub(super) confirmation: Option<Confirmed>,
}

impl Authorized {
    pub(super) fn of(request: &AuthorizationRequest, proven: Authenticated) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            nonce: request.nonce.clone(),
            code_challenge: request.code_challenge.clone(),
            dpop_jkt: request.dpop_jkt.clone(),
            account_id: proven.account_id,
            sid: proven.sid,
            granted: Granted {
                scope: proven.scope,
                auth_time: proven.auth_time,
                acr: proven.acr,
                amr: proven.amr,
                claims: request.claims.clone(),
                jkt: None,
            },
            confirmation: proven.confirmation,
        }
    }
}

/// Makes a code and its row. The caller inserts the row in the transaction of the verdict that earned it.
///
/// # Errors
/// When randomness or sealing fails.
pub fn prepare(
    app: &App,
    request: &AuthorizationRequest,
    proven: Authenticated,
) -> Result<(String, store::code::Model), Internal> {
    let code = app.entropy.token()?;
    let hash = app.seal.hash("code", &code);
    let authorized = Authorized::of(request, proven);
    let row = store::code::Model {
        client_id: request.client_id.clone(),
        grant_id: app.entropy.id()?,
        sealed: app.seal.record_json("code", &hash, &authorized)?,
        expires_at: app.clock.now() + app.config.limits.code_seconds * SECOND,
        used_at: None,
        hash,
    };
    Ok((code, row))
}
