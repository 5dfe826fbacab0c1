//! The authorization request, once it has passed its checks.

use plugin_api::message::Transaction;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    claims::Wished,
    client::Client,
    error::{ErrorCode, OAuthError},
    response::ReturnTo,
    subject,
};
use crate::app::App;
pub use crate::login::Prompt;

/// How the answer travels to the relying party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// As a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// # Errors
    /// `invalid_request` for `fragment` (a code does not belong there) and for unknown modes.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, OAuthError> {
        match text {
            None | Some("query") => Ok(Self::Query),
            Some("form_post") => Ok(Self::FormPost),
            Some(_) => Err(OAuthError::new(ErrorCode::InvalidRequest, "response_mode must be query or form_post")),
        }
    }
}

/// A payment that the person is to approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRequest {
    /// The `authorization_details` object as the relying party pushed it.
    pub details: Value,
    /// What is shown and signed.
    pub transaction: Transaction,
    /// Id of the service plugin that owns the type.
    pub service: String,
}

/// A request that came without a browser (CIBA Core 1.0): its answer goes into its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackchannelRequest {
    /// Names the row.
    pub id: String,
    /// The only account that may answer.
    pub account_id: String,
    /// Shown here and at the relying party, so that the person can tell that both are about the same.
    pub binding_message: Option<String>,
}

/// A request that has passed every check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the answer goes: registered, byte for byte.
    pub redirect_uri: String,
    /// How it goes there.
    pub response_mode: ResponseMode,
    /// Returned as it came.
    pub state: Option<String>,
    /// Goes into the ID token as it came.
    pub nonce: Option<String>,
    /// What the client can get of what it wished.
    pub scope: Vec<String>,
    /// SHA-256 of the code verifier.
    pub code_challenge: Option<String>,
    /// Thumbprint of the key that the code is bound to (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// What to show.
    pub prompt: Vec<Prompt>,
    /// Oldest proof that will do, in seconds.
    pub max_age: Option<i64>,
    /// E-mail to fill in.
    pub login_hint: Option<String>,
    /// The only `sub` that will do, from `id_token_hint` or the `claims` parameter.
    pub expected_sub: Option<String>,
    /// Wished languages, the best first.
    pub ui_locales: Vec<String>,
    /// Wished authentication contexts, the best first.
    pub acr_values: Vec<String>,
    /// Whether the login has failed without one of `acr_values`.
    pub essential_acr: bool,
    /// Single claims wished for.
    pub claims: Wished,
    /// A payment to approve.
    pub payment: Option<PaymentRequest>,
    /// Keyed hash of the `request_uri` of a pushed request: to be used up with the verdict.
    pub pushed: Option<String>,
    /// The backchannel request that is answered, instead of a redirect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel: Option<BackchannelRequest>,
    /// Keyed hash of the device code whose request this is (RFC 8628): its row is answered, instead of a redirect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

impl AuthorizationRequest {
    /// A request that asks for nothing yet.
    pub(super) fn new(client_id: &str, redirect_uri: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            response_mode: ResponseMode::Query,
            state: None,
            nonce: None,
            scope: Vec::new(),
            code_challenge: None,
            dpop_jkt: None,
            prompt: Vec::new(),
            max_age: None,
            login_hint: None,
            expected_sub: None,
            ui_locales: Vec::new(),
            acr_values: Vec::new(),
            essential_acr: false,
            claims: Wished::default(),
            payment: None,
            pushed: None,
            backchannel: None,
            device: None,
        }
    }

    /// Where and how the answer goes.
    pub fn return_to(&self) -> ReturnTo {
        ReturnTo {
            redirect_uri: self.redirect_uri.clone(),
            response_mode: self.response_mode,
            state: self.state.clone(),
        }
    }

    /// Whether `prompt` has this value.
    pub fn asks(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }

    /// Whether this account may answer the request: `true` unless the request names another `sub`.
    pub fn is_for(&self, app: &App, client: &Client, account_id: &str) -> bool {
        self.expected_sub.as_ref().is_none_or(|sub| *sub == subject::subject(&app.seal, client, account_id))
    }

    /// Whether this account may confirm what is asked: a payment, or whatever came without a browser, is for one person.
    pub fn may_be_confirmed_by(&self, app: &App, client: &Client, account_id: &str) -> bool {
        match &self.backchannel {
            Some(backchannel) => backchannel.account_id == account_id,
            None => self.payment.is_none() || self.is_for(app, client, account_id),
        }
    }

    /// The scopes that the person is asked about: those wished, and those that single claims amount to.
    pub fn consent_scope(&self) -> Vec<String> {
        let mut scope = self.scope.clone();
        for implied in self.claims.scopes() {
            if !scope.iter().any(|known| known == implied) {
                scope.push(implied.to_owned());
            }
        }
        scope
    }
}
