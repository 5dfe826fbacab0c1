//! The messages of contract v1.
//!
//! Everything that crosses between host and plugin is one of these types as JSON. Messages ignore fields that they do
//! not know, so that either side may be newer; settings refuse them. A frozen copy of each message lives under
//! `tests/fixtures/v1` and must parse forever: add optional fields, never rename or remove one.
//!
//! Times are Unix milliseconds; binary values are base64url without padding; locales are `en`, `ru`, `vi`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod manifest;
mod nameless;
mod names;
mod price;
mod serve;
mod services;
mod subject;

pub use manifest::*;
pub use nameless::*;
pub use names::*;
pub use price::*;
pub use serve::*;
pub use services::*;
pub use subject::*;

/// The one canonical value behind everything that is shown and signed about a payment, or about anything else that a
/// person approves for a relying party: see [`Subject`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transaction {
    /// Purse: a capital letter (the currency) and 12 digits. With a `subject` its check number, which looks the same.
    pub payee_account: String,
    /// Whom the person believes to pay. Empty for a batch and for an operation.
    pub payee_name: String,
    /// Amount in minor units of the currency; zero only for an operation that has none.
    pub amount_minor: u64,
    /// How many digits of `amount_minor` stand behind the decimal point.
    pub minor_digits: u8,
    /// Currency code as the relying party named it, such as `WMZ`.
    pub currency: String,
    /// The relying party's own reference of the order.
    #[serde(default)]
    pub reference: String,
    /// What is paid for, in the relying party's words.
    #[serde(default)]
    pub description: String,
    /// What it is, where it is not one payment to one purse. Only factors whose manifest names its kind are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
}

/// What a plugin may know of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Stable, opaque.
    pub id: String,
    /// Main e-mail address.
    pub email: String,
    /// First and last name.
    #[serde(default)]
    pub name: String,
}

/// Who asks: shown to the person, and signed into QR codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Display name of the relying party.
    pub name: String,
    /// Origin that the person will return to, such as `https://shop.example`.
    pub origin: String,
}

/// What every factor call is handed. Time and randomness come from here, never from the plugin's own world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// What the ceremony is for.
    pub purpose: Purpose,
    /// Present when, and only when, the purpose is a payment.
    #[serde(default)]
    pub transaction: Option<Transaction>,
    /// Whose ceremony it is.
    pub account: AccountView,
    /// Who asks.
    pub site: Site,
    /// Language of the person.
    pub locale: String,
    /// Unix milliseconds.
    pub now: i64,
    /// When the challenge stops being accepted, Unix milliseconds.
    pub expires_at: i64,
    /// 32 bytes, base64url: see [`ChallengeKind`].
    pub random: String,
    /// Issuer of this provider, such as `https://id.example`.
    pub issuer: String,
    /// What the transaction is, in one line in the person's language: there when it has a `subject`. The host words it from
    /// the canonical value, for messages and devices that show it beside what they sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// One more enrolment of the same account, where the manifest allows several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled<E = Value> {
    /// The host's name for it: [`Step::Pass`] says by it which one answered.
    pub id: String,
    /// Its state, as the plugin last returned it.
    pub enrolment: E,
}

/// Request of [`method::BEGIN`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// Surroundings.
    pub cx: Context,
    /// The enrolment's state, as the plugin last returned it. Of several the oldest: it leads, and has the budgets.
    pub enrolment: Value,
    /// The account's others that may answer as well, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Enrolled>,
}

/// Request of [`method::ANSWER`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Surroundings.
    pub cx: Context,
    /// The enrolment's state, as the plugin last returned it.
    pub enrolment: Value,
    /// As in [`Begin`]; what was removed in between is not among them any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Enrolled>,
    /// State of the step that asked.
    pub state: Value,
    /// What the person or the device sent, by field name.
    pub input: Input,
}

/// Request of [`method::ENROL_BEGIN`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnrolBegin {
    /// Surroundings.
    pub cx: Context,
    /// State of the enrolment that this one replaces, if there is one.
    #[serde(default)]
    pub replaces: Option<Value>,
    /// What the account has already, and keeps, where the manifest allows several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Enrolled>,
}

/// Request of [`method::ENROL_ANSWER`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// Surroundings.
    pub cx: Context,
    /// State of the step that asked.
    pub state: Value,
    /// What the person or the device sent, by field name.
    pub input: Input,
}

/// Request of [`method::DECOY`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decoy {
    /// Surroundings; `random` is stable for one address for a while.
    pub cx: Context,
}

/// Reply to [`method::DECOY`]. `E` and `S` are the plugin's own types; a host leaves them as [`Value`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecoyReply<E = Value, S = Value> {
    /// State of an enrolment that looks real and that nobody can answer for.
    pub enrolment: E,
    /// State of an enrolling step that looks real and that nobody can complete.
    pub enrolling: S,
}

/// Fields of a form, or of a device's message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Input(pub BTreeMap<String, String>);

impl Input {
    /// The named field, or an empty string.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// What a factor decides. The host counts, seals, stores, delivers and logs.
///
/// `S` is the state of a step and `E` that of an enrolment: a plugin puts its own types, a host leaves them as [`Value`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", bound(deserialize = "S: Deserialize<'de>, E: Deserialize<'de>"))]
pub enum Step<S = Value, E = Value> {
    /// Show a page (or answer a device) and wait for input.
    Ask {
        /// Name of the template.
        page: String,
        /// What the template, or the device, is given. Public: never put a secret here.
        data: Value,
        /// Sealed by the host until the answer comes.
        state: S,
        /// Carried out by the host's outbox when this step commits.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        effects: Vec<Effect>,
    },
    /// Send the browser elsewhere.
    Redirect {
        /// Where to.
        url: String,
        /// Sealed by the host until the browser is back.
        state: S,
    },
    /// Nothing to decide yet: ask again later.
    Wait {
        /// Milliseconds until the next look.
        poll_after: u32,
        /// Sealed by the host until then.
        state: S,
    },
    /// The answer is wrong. The host counts it.
    Wrong {
        /// Something that the host should know, such as a clone.
        #[serde(default)]
        signal: Option<Signal>,
    },
    /// Proven.
    Pass {
        /// What was proven.
        facts: Facts,
        /// New state of the enrolment; committed together with the verdict.
        #[serde(default)]
        enrolment: Option<E>,
        /// Which of [`Answer::others`] answered, by its id; the one that leads if nothing is said. The new state is its.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enrolled: Option<String>,
    },
    /// It cannot go on.
    Fail {
        /// Short machine-readable word, such as `not_enrolled`; for the log, not for the person.
        reason: String,
    },
}

/// What a `Pass` rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// RFC 8176 values; clipped by the host to what the manifest declares.
    #[serde(default)]
    pub amr: Vec<String>,
    /// What a receipt may later be checked against: its hash goes into the receipt.
    #[serde(default)]
    pub evidence: Value,
    /// Things to say in the receipt when the transaction is a payment, by name.
    #[serde(default)]
    pub device: Option<String>,
    /// When enrolling is complete: the `acr` that passes of this enrolment are worth, such as `phrh` for a key whose maker
    /// vouches for it. The host keeps it, and clips it to the manifest's `acr_most` and to the policy. Where it is not said
    /// they are worth the manifest's `acr`; in any other pass it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
}

/// Something that the host should act on although the answer was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The answer is right for a counter that was already used: two devices hold one key.
    Clone,
}

/// Something to be carried out exactly when the step commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A text message to the account's number.
    Sms {
        /// Key of one of the plugin's texts; `{name}` in it is replaced by the argument of that name.
        text: String,
        /// Arguments of the text.
        #[serde(default)]
        args: BTreeMap<String, String>,
    },
    /// A mail to the account's main address.
    Mail {
        /// Key of the subject among the plugin's texts.
        subject: String,
        /// Key of the body among the plugin's texts.
        text: String,
        /// Arguments of both.
        #[serde(default)]
        args: BTreeMap<String, String>,
    },
}

/// Request of [`method::MAP_DETAILS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapDetails {
    /// One object of `authorization_details` (RFC 9396 §2), already valid under the type's schema.
    pub details: Value,
    /// Who asks.
    pub site: Site,
}

/// Reply to [`method::MAP_DETAILS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mapped", rename_all = "snake_case")]
pub enum MappedDetails {
    /// What the person will be shown and will sign.
    Transaction {
        /// The canonical value.
        transaction: Transaction,
    },
    /// The object cannot be confirmed.
    Refused {
        /// For the relying party's developer: which field, and what is wrong with it.
        reason: String,
    },
}

/// Request of [`method::APPROVED`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approved {
    /// The object as the relying party sent it.
    pub details: Value,
    /// What was approved.
    pub transaction: Transaction,
    /// Identifier of the confirmation; also the receipt's `jti`.
    pub confirmation: String,
}

/// Reply to [`method::APPROVED`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovedReply {
    /// The object for the token response (RFC 9396 §7).
    pub details: Value,
}

/// Request of [`host_method::LOG`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `error`, `warn`, `info` or `debug`.
    pub level: String,
    /// One line, without secrets.
    pub message: String,
}
