//! What a transaction is, where it is not one payment to one purse.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is approved, in machine form: every surface words it in the person's language by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// Several payments at once, in one currency. The transaction's amount is their sum.
    Batch {
        /// Who gets how much: 2 to 20, in the relying party's order.
        payees: Vec<Payee>,
    },
    /// A payment by the payer's card, to a payee who has no purse.
    Card {
        /// The last four digits of the card's number. No more of it is shown, so no more of it is approved.
        source: String,
    },
    /// Something else than a payment, such as `take_loan`. What it is about is in its fields; its amount, if it has one, is
    /// the transaction's.
    Operation {
        /// Lower-case letters and `_`. The host refuses those that it has no words for.
        name: String,
        /// By name, such as `wmid`; at most 12.
        fields: BTreeMap<String, String>,
    },
}

/// One payee of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Payee {
    /// Purse: a capital letter (the currency) and 12 digits.
    pub account: String,
    /// Whom the person believes to pay.
    pub name: String,
    /// How much, in minor units of the transaction's currency; never zero.
    pub amount_minor: u64,
}

/// The kinds of [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// [`Subject::Batch`].
    Batch,
    /// [`Subject::Card`].
    Card,
    /// [`Subject::Operation`].
    Operation,
    /// One that this build does not know.
    #[serde(other)]
    Unknown,
}

impl SubjectKind {
    /// All that this build knows.
    pub const ALL: [Self; 3] = [Self::Batch, Self::Card, Self::Operation];

    /// The first character of check numbers: none of them is the letter of a currency, so that no check number is a purse.
    pub fn letter(self) -> char {
        match self {
            Self::Batch => 'M',
            Self::Card => 'C',
            Self::Operation | Self::Unknown => 'A',
        }
    }
}

impl Subject {
    /// Which kind it is.
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Batch { .. } => SubjectKind::Batch,
            Self::Card { .. } => SubjectKind::Card,
            Self::Operation { .. } => SubjectKind::Operation,
        }
    }
}
