//! Resources of a service's own: what lies below `/services/{plugin}/`, behind an access token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AccountView;

const fn per_minute() -> u32 {
    60
}

/// One resource, and what a token has to be worth there. The host holds every request against it before it asks the plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Path below `/services/{plugin}/`: segments between slashes, of which `{name}` stands for any one, such as
    /// `files/{name}/move`. Of two that fit a path the first is meant.
    pub path: String,
    /// Methods: `GET`, `PUT`, `POST`, `DELETE`.
    pub methods: Vec<String>,
    /// Scope that the token must have: `enum:` and the plugin's id, perhaps with more behind another colon.
    pub scope: String,
    /// Least `acr` of the proof that the token stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// How old that proof may be, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// Whether the token must be bound to a key (RFC 9449), and be shown with a proof of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bound: bool,
    /// Requests of one account in a minute, on each node.
    #[serde(default = "per_minute")]
    pub per_minute: u32,
}

/// Which program asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientView {
    /// Its `client_id`.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// For whom a request speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServeContext {
    /// Whose token it is.
    pub account: AccountView,
    /// All confirmed e-mail addresses of the account, the main one first. Only for a plugin with the permission `addresses`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Who shows it.
    pub client: ClientView,
    /// Thumbprint (RFC 7638) of the key that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Level of the proof that it stands on.
    pub acr: String,
    /// When that was made. Unix milliseconds.
    pub proven_at: i64,
    /// Unix milliseconds.
    pub now: i64,
    /// 32 fresh bytes, base64url.
    pub random: String,
}

/// Request of [`super::method::SERVE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serve {
    /// Surroundings.
    pub cx: ServeContext,
    /// The [`Resource::path`] that fits.
    pub resource: String,
    /// One of its methods.
    pub method: String,
    /// What stands in the path for each `{name}`, decoded: never empty, `.` or `..`, without slashes and control characters.
    #[serde(default)]
    pub segments: BTreeMap<String, String>,
    /// Parameters of the query.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Base64url.
    #[serde(default)]
    pub body: String,
}

/// What a reply carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Nothing.
    #[default]
    Nothing,
    /// `application/json`.
    Json(Value),
    /// `application/octet-stream`, as base64url.
    Octets(String),
}

/// Reply to [`super::method::SERVE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// One of [`Served::STATUSES`].
    pub status: u16,
    /// The body.
    #[serde(default)]
    pub content: Content,
    /// The key has not been seen at this account before: the host tells every address of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_key: bool,
}

impl Served {
    /// What a service may answer with; a host takes any other for a fault.
    pub const STATUSES: [u16; 10] = [200, 201, 204, 400, 403, 404, 409, 412, 413, 422];

    /// A reply without a body.
    pub fn nothing(status: u16) -> Self {
        Self { status, content: Content::Nothing, new_key: false }
    }

    /// A reply in JSON.
    pub fn json(status: u16, body: Value) -> Self {
        Self { content: Content::Json(body), ..Self::nothing(status) }
    }

    /// A refusal: an error code and a sentence for the developer, as RFC 6749 §5.2 has them.
    pub fn refusal(status: u16, code: &str, description: &str) -> Self {
        Self::json(status, serde_json::json!({ "error": code, "error_description": description }))
    }
}
