//! One visit of a person on behalf of a relying party, from the request to its answer.
//!
//! It travels sealed through the browser, bound to the browser's cookie, and writes nothing until something is proven.

use plugin_api::message::{Fee, Manifest, Purpose, Site, Transaction};
use serde::{Deserialize, Serialize};

use super::{ceremony::Issued, risk::Raised};
use crate::clock::{MINUTE, Millis};

/// How long a person may take in all.
pub const LIFETIME: Millis = 30 * MINUTE;

/// `prompt` values (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Show nothing.
    None,
    /// Prove it again.
    Login,
    /// Ask for consent again.
    Consent,
    /// Let the person choose another account.
    SelectAccount,
}

/// What a relying party asks of the person, in words that need no protocol.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Demand {
    /// Who asks, for the log.
    pub client_id: String,
    /// Who asks, for the person.
    pub site: Site,
    /// Prove who you are, or approve a payment.
    pub transaction: Option<Transaction>,
    /// Levels that would do, best liked first; empty when any will do.
    pub acr_values: Vec<String>,
    /// Whether a level that is not in the list is an error rather than second best.
    pub acr_essential: bool,
    /// Oldest acceptable proof, in seconds.
    pub max_age: Option<i64>,
    /// Prompts that the relying party asked for.
    pub prompt: Vec<Prompt>,
    /// E-mail that the person typed at the relying party.
    pub login_hint: Option<String>,
    /// What it wants to know or do.
    pub scope: Vec<String>,
    /// First-party clients are not asked about.
    pub trusted: bool,
    /// What this visit was raised to, because something about it is unusual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised: Option<Raised>,
}

impl Demand {
    /// What the ceremony will be for.
    pub fn purpose(&self) -> Purpose {
        if self.transaction.is_some() { Purpose::Payment } else { Purpose::Authorize }
    }

    /// Whether a factor can show and cover what is asked: old ones know only payments to one purse.
    pub fn is_shown_by(&self, manifest: &Manifest) -> bool {
        let kind = self.transaction.as_ref().and_then(Transaction::kind);
        kind.is_none_or(|kind| manifest.subjects.contains(&kind))
    }

    /// Whether something proven at this level will do, as far as risk goes.
    pub fn takes(&self, level: &str) -> bool {
        self.raised.as_ref().is_none_or(|raised| raised.takes(level))
    }

    /// SHA-256 over the canonical transaction; empty for a login.
    pub fn transaction_digest(&self) -> Vec<u8> {
        self.transaction.as_ref().map_or_else(Vec::new, |transaction| transaction.digest().to_vec())
    }

    pub(super) fn asks(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }
}

/// Where the person is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Asked for an e-mail.
    Identify,
    /// Asked which method.
    Choose {
        /// Address that was given; known or not.
        email: String,
    },
    /// Asked whether a message may be sent for this fee.
    Fee {
        /// Address that was given; known or not.
        email: String,
        /// Who would send it.
        factor: String,
        /// What it costs, as shown.
        fee: Fee,
    },
    /// Asked by a factor.
    Answer {
        /// Address that was given; known or not.
        email: String,
        /// The challenge.
        issued: Box<Issued>,
    },
    /// Signed in, asked whether the relying party may.
    Consent {
        /// Account that is asked; must still be the session's when the answer comes.
        account_id: String,
        /// When the proof was made that the relying party will be told of.
        proven_at: Millis,
    },
}

/// The whole state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interaction {
    /// Unguessable; part of what challenges are derived from.
    pub id: String,
    /// When it began.
    pub opened_at: Millis,
    /// Language of the person.
    pub locale: String,
    /// What is asked.
    pub demand: Demand,
    /// Where the person is.
    pub stage: Stage,
    /// Block of network addresses that the present request comes from; does not travel.
    #[serde(skip)]
    pub block: String,
}

impl Interaction {
    /// A new one, before anything is asked.
    pub fn open(id: String, now: Millis, locale: &str, demand: Demand) -> Self {
        Self { id, opened_at: now, locale: locale.to_owned(), demand, stage: Stage::Identify, block: String::new() }
    }

    /// When it ends.
    pub fn expires_at(&self) -> Millis {
        self.opened_at + LIFETIME
    }

    /// The same visit, one step on.
    #[must_use]
    pub fn at(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }
}
