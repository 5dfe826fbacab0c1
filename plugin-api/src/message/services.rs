//! Messages of the host's services: what a plugin sends to its host while it is being called.
//!
//! Every service but [`LOG`](super::host_method::LOG) and [`TEXT`](super::host_method::TEXT) is a permission: the
//! manifest asks for it, an administrator grants it, and the host refuses and writes down what goes beyond.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whose data is meant. A plugin never names an account: the host knows whom the call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All of the plugin's.
    Plugin,
    /// Of the account that the present call is about; it goes when the account goes. Denied when the call is about none.
    Account,
}

/// Request of [`STORE_GET`](super::host_method::STORE_GET) and [`STORE_DELETE`](super::host_method::STORE_DELETE).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreKey {
    /// Whose.
    pub scope: Scope,
    /// 1 to 128 bytes.
    pub key: String,
}

/// Reply to [`STORE_GET`](super::host_method::STORE_GET).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreGot {
    /// `null` when there is nothing, or no longer.
    pub entry: Option<StoreEntry>,
}

/// What is kept under one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreEntry {
    /// As it was put.
    pub value: Value,
    /// Rises with every change of this key: what [`StoreSwap`] compares.
    pub version: u64,
}

/// Request of [`STORE_PUT`](super::host_method::STORE_PUT). The reply is `null`, when the value is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorePut {
    /// Whose.
    pub scope: Scope,
    /// 1 to 128 bytes.
    pub key: String,
    /// At most 64 KiB as JSON.
    pub value: Value,
    /// When it is forgotten, Unix milliseconds; never, if left out.
    #[serde(default)]
    pub expires_at: Option<i64>,
}

/// Request of [`STORE_SWAP`](super::host_method::STORE_SWAP): puts a value only if nobody else did in between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreSwap {
    /// Whose.
    pub scope: Scope,
    /// 1 to 128 bytes.
    pub key: String,
    /// Version that was read; `null` when there must be nothing yet.
    pub version: Option<u64>,
    /// The next value; `null` forgets the key.
    pub value: Option<Value>,
    /// When it is forgotten, Unix milliseconds; never, if left out.
    #[serde(default)]
    pub expires_at: Option<i64>,
}

/// Reply to [`STORE_SWAP`](super::host_method::STORE_SWAP).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSwapped {
    /// Whether the version was still the one that was read, and the value is durable.
    pub swapped: bool,
}

/// Request of [`STORE_LIST`](super::host_method::STORE_LIST).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreQuery {
    /// Whose.
    pub scope: Scope,
    /// What keys begin with.
    #[serde(default)]
    pub prefix: String,
    /// Go on behind this key, to page.
    #[serde(default)]
    pub after: Option<String>,
}

/// Reply to [`STORE_LIST`](super::host_method::STORE_LIST).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreListed {
    /// At most 100, in the order of their bytes.
    pub keys: Vec<String>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Request of [`HTTP_SEND`](super::host_method::HTTP_SEND). Redirects are not followed: they come back as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Absolute; its origin must have been granted.
    pub url: String,
    /// Header fields by name.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderValue>,
    /// Body, base64url; empty if left out.
    #[serde(default)]
    pub body: String,
}

/// Value of a header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeaderValue {
    /// As it is.
    Plain(String),
    /// A secret of the settings, which the host fills in: the plugin never sees it.
    Secret {
        /// Its reference, as it stands in the settings.
        secret: String,
        /// What comes before it, such as `Bearer `.
        #[serde(default)]
        prefix: String,
    },
}

/// Reply to [`HTTP_SEND`](super::host_method::HTTP_SEND), whatever the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Header fields in lower case; the values of one that comes several times are joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// Body, base64url; at most 256 KiB.
    pub body: String,
}

/// A secret as the plugin's settings hold it: `{"secret": "<reference>"}`. The value stays with the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRef {
    /// JSON pointer of the field in the settings, such as `/gateway/password`.
    pub secret: String,
}

/// Reply to [`SECRET_REVEAL`](super::host_method::SECRET_REVEAL).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revealed {
    /// The secret. Neither log it nor put it into a step.
    pub value: String,
}

impl std::fmt::Debug for Revealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revealed").finish_non_exhaustive()
    }
}

/// Request of [`SECRET_HMAC`](super::host_method::SECRET_HMAC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretHmac {
    /// Reference of the secret, as in [`SecretRef`].
    pub secret: String,
    /// What to authenticate, base64url.
    pub data: String,
}

/// Reply to [`SECRET_HMAC`](super::host_method::SECRET_HMAC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacReply {
    /// HMAC-SHA-256 (RFC 2104) under the secret's UTF-8 bytes, base64url.
    pub mac: String,
}

/// Request of [`TEXT`](super::host_method::TEXT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextQuery {
    /// Language of the person.
    pub locale: String,
    /// Key of one of the plugin's texts.
    pub key: String,
    /// What `{name}` in the text is replaced by.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
}

/// Reply to [`TEXT`](super::host_method::TEXT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextReply {
    /// In that language, or in English.
    pub text: String,
}

/// Request of [`MIGRATE`](super::method::MIGRATE): values that a build of another data version has written.
///
/// The build with the higher data version is asked in both directions, since it is the one that knows both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Migrate {
    /// Data version that the values have.
    pub from: u32,
    /// Data version that they shall have.
    pub to: u32,
    /// At most 256 of them.
    pub values: Vec<Migrating>,
}

/// One value to be migrated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Migrating {
    /// State of an enrolment that is in use.
    Enrolment {
        /// As the plugin last returned it.
        value: Value,
    },
    /// State of a step of enrolling that waits for its answer.
    Enrolling {
        /// As the plugin last returned it.
        value: Value,
    },
    /// An entry of the plugin's store.
    Stored {
        /// Whose.
        scope: Scope,
        /// Its key.
        key: String,
        /// As it was put.
        value: Value,
    },
}

/// Reply to [`MIGRATE`](super::method::MIGRATE).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Migrated {
    /// The new values, in the order of the request.
    pub values: Vec<Value>,
}
