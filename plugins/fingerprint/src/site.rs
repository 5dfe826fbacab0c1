//! The provider as relying party: its RP ID is the issuer's host, its origin is the issuer, and no other is taken.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::Context;
use plugin_api::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use webauthn_rs_core::WebauthnCore;

/// What browsers show beside the RP ID.
const NAME: &str = "E-num";
/// Longest answer that is looked at, in bytes: attestation with its certificates stays well below.
const LONGEST: usize = 32 * 1024;

/// The verifier for this issuer. Subdomains and other ports are other sites.
///
/// This is the core of `webauthn-rs` and not its wrapper, since that takes no challenge but its own and would have keys
/// stay off the authenticator's list of accounts. What the wrapper makes sure of, the callers here do: user verification
/// is always required, and states never leave the server unsealed.
pub(crate) fn verifier(cx: &Context) -> Result<WebauthnCore> {
    let issuer = Url::parse(&cx.issuer).map_err(|error| Error::failed(format!("cx.issuer: {error}")))?;
    let id = issuer.host_str().ok_or_else(|| Error::failed("cx.issuer has no host"))?.to_owned();
    let left = u64::try_from(cx.expires_at.saturating_sub(cx.now)).unwrap_or(0);
    // Browsers take their own bounds; an hour fits the type.
    let timeout = Duration::from_millis(left.clamp(1_000, 3_600_000));
    Ok(WebauthnCore::new_unsafe_experts_only(NAME, &id, vec![issuer], timeout, Some(false), Some(false)))
}

/// The same state of the library with our challenge in the place of the one that it drew.
pub(crate) fn with_challenge<S: Serialize + DeserializeOwned>(state: &S, challenge: &[u8; 32]) -> Result<S> {
    let odd = |error: serde_json::Error| Error::failed(format!("a state of webauthn-rs: {error}"));
    let mut value = serde_json::to_value(state).map_err(odd)?;
    let place = value.get_mut("challenge").ok_or_else(|| Error::failed("a state of webauthn-rs has no challenge"))?;
    *place = Value::String(BASE64_URL_SAFE_NO_PAD.encode(challenge));
    serde_json::from_value(value).map_err(odd)
}

/// The options as the page holds them: JSON text of what is inside `publicKey`.
pub(crate) fn options(public_key: &impl Serialize) -> Result<String> {
    serde_json::to_string(public_key).map_err(|error| Error::failed(format!("options: {error}")))
}

/// An answer of the browser. `None` when it is none.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    if text.len() > LONGEST {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Whether client data (§5.8.1) was collected in a frame of another site. The core looks at this when somebody enrols, and
/// not when they log in.
pub(crate) fn is_framed(client_data: &[u8]) -> bool {
    let data: Value = serde_json::from_slice(client_data).unwrap_or_default();
    data.get("crossOrigin").is_some_and(|framed| framed != &Value::Bool(false)) || data.get("topOrigin").is_some()
}
