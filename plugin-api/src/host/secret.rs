//! Secrets of the settings, which stay with the host.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::abi::Host;
use crate::error::{Error, Result};
use crate::message::{HeaderValue, HmacReply, Revealed, SecretHmac, SecretRef, host_method};

/// A field of the settings that is a secret, such as a gateway's password.
///
/// The administrator sets a text; what the plugin gets is a reference, and the host uses the secret for it. So nothing
/// secret is in the plugin's memory, and [`Debug`] has nothing to hide. An optional one is an `Option<Secret>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(SecretRef);

impl Secret {
    /// HMAC-SHA-256 (RFC 2104) of `data` under the secret's UTF-8 bytes. Permission `secret`.
    ///
    /// # Errors
    /// [`Error::Denied`] without the permission.
    pub fn hmac(&self, host: &Host, data: &[u8]) -> Result<[u8; 32]> {
        let request = SecretHmac { secret: self.0.secret.clone(), data: URL_SAFE_NO_PAD.encode(data) };
        let HmacReply { mac } = host.ask(host_method::SECRET_HMAC, &request)?;
        URL_SAFE_NO_PAD
            .decode(mac)
            .ok()
            .and_then(|mac| mac.try_into().ok())
            .ok_or_else(|| Error::failed("the host's MAC is not 32 bytes in base64url"))
    }

    /// The secret itself, for what [`Secret::hmac`] and header fields cannot do. Permission `secret.reveal`. Neither log
    /// it nor put it into a step.
    ///
    /// # Errors
    /// [`Error::Denied`] without the permission.
    pub fn reveal(&self, host: &Host) -> Result<String> {
        let Revealed { value } = host.ask(host_method::SECRET_REVEAL, &self.0)?;
        Ok(value)
    }

    /// The secret as a header field of a [`crate::HttpCall`]. Permission `secret`, when it is sent.
    pub fn header(&self) -> HeaderValue {
        self.header_with_prefix("")
    }

    /// The secret as a header field, behind a prefix such as `Bearer `. Permission `secret`, when it is sent.
    pub fn header_with_prefix(&self, prefix: &str) -> HeaderValue {
        HeaderValue::Secret { secret: self.0.secret.clone(), prefix: prefix.to_owned() }
    }
}

/// The schema of the reference, marked `writeOnly`: by that mark a host knows the field for a secret. It stands at the
/// field itself, not behind a `$ref`.
impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Secret").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "writeOnly": true,
            "properties": { "secret": { "type": "string" } },
            "required": ["secret"],
            "additionalProperties": false
        })
    }
}
