//! One authenticator of an account, as it is kept.

use serde::{Deserialize, Serialize};
use webauthn_rs_core::proto::{AuthenticatorTransport, Credential};

/// One authenticator's credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolment {
    /// Public key, counter and flags, as `webauthn-rs` keeps them.
    pub(crate) credential: Credential,
    /// How browsers may reach it: hints, as they told them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) transports: Vec<AuthenticatorTransport>,
    /// The user handle that it was made for: the account's opaque id.
    pub(crate) user: String,
    /// What the person calls it.
    pub(crate) name: String,
    /// No answer is right: this belongs to an address without an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nobody: Option<Nobody>,
}

/// What stands beside a made-up credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Nobody {
    /// Others that the made-up account seems to have.
    pub(crate) others: Vec<(String, AuthenticatorTransport)>,
}
