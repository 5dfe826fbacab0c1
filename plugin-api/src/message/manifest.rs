//! What a plugin says of itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Resource, SubjectKind};

/// What kind of plugin this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Proves who somebody is, or what they agree to.
    Factor,
    /// Serves relying parties: owns `authorization_details` types.
    Service,
}

/// What a ceremony is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Prove that it is me.
    Authorize,
    /// Approve exactly this payee and amount.
    Payment,
}

/// How the randomness in [`super::Context::random`] comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeKind {
    /// Derived by the host from the enrolment, its durable challenge number, the purpose, the transaction and the
    /// interaction: asking again gives the same bytes, and issuing a challenge writes nothing.
    #[default]
    Derived,
    /// Fresh from the generator; the step's state is durable before its effects are carried out.
    Stored,
}

/// Who completes an enrolment of a factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enrols {
    /// A device, with a code that the plugin had sent: it calls the host's enrolment endpoint, from wherever it is.
    #[default]
    Device,
    /// The person, on the plugin's own pages, in the browser that the host has led there. No device is listened to.
    Page,
}

impl Enrols {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
    fn is_device(&self) -> bool {
        *self == Self::Device
    }
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

/// What a plugin says of itself: the host holds it to this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Lower-case letters, digits and `-`; also the factor's id in pages (`factor-<id>`) and URLs.
    pub id: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// Factor or service.
    pub kind: Kind,
    /// Version of the data that this build writes: states of enrolments and of enrolling, and entries of its store.
    #[serde(default)]
    pub data_version: u32,
    /// Purposes that a factor can serve. Empty for a service.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
    /// What a factor for payments can show and cover besides a payment to one purse. It is not asked about anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<SubjectKind>,
    /// Authentication method references (RFC 8176) that a `Pass` may name. The host drops any other.
    #[serde(default)]
    pub amr: Vec<String>,
    /// Highest `acr` that a `Pass` for [`Purpose::Authorize`] earns, such as `urn:enum:acr:2`.
    #[serde(default)]
    pub acr: Option<String>,
    /// Highest `acr` that a single enrolment may be worth, if that is more than `acr`: see [`super::Facts::acr`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr_most: Option<String>,
    /// An answer to a payment is not bound to it: it would be as right for another one, or what names the payment reaches
    /// the person by a way on which others can change it. Such a factor confirms payments only where an administrator's
    /// policy says so, and earns its `acr` there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unbound: bool,
    /// How challenges come about.
    #[serde(default)]
    pub challenge: ChallengeKind,
    /// How many seconds a challenge of [`ChallengeKind::Stored`] is accepted: a mail takes longer to arrive than a number
    /// takes to read. At most 600, which is what the host makes of more; as long as any other challenge where it is not
    /// said, and for payments. Without meaning for [`ChallengeKind::Derived`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge_seconds: Option<u32>,
    /// Who completes an enrolment.
    #[serde(default, skip_serializing_if = "Enrols::is_device")]
    pub enrols: Enrols,
    /// How many enrolments of a factor an account may have at a time, such as one for each finger: 1 to 100. With 1 a new
    /// one takes the place of the old.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub per_account: u32,
    /// `authorization_details` types that a service owns.
    #[serde(default)]
    pub details_types: Vec<String>,
    /// Resources that a service offers below `/services/{id}/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// Host services that the plugin asks to use.
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// Reply to [`super::method::DESCRIBE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// What the plugin is.
    pub manifest: Manifest,
    /// JSON Schema of the settings.
    pub settings_schema: Value,
    /// Tera templates by name. The host renders them inside its own layout, with autoescape.
    #[serde(default)]
    pub pages: BTreeMap<String, String>,
    /// Texts by locale, then key. `name` and `description` are shown where the person chooses a method.
    #[serde(default)]
    pub texts: BTreeMap<String, BTreeMap<String, String>>,
    /// JSON Schemas of the `authorization_details` types that a service owns, by type.
    #[serde(default)]
    pub details_schemas: BTreeMap<String, Value>,
    /// JavaScript modules by name (`name.js`), for the plugin's own pages. A template finds their addresses in `assets`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assets: BTreeMap<String, String>,
}
