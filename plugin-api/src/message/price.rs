//! What sending a challenge costs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Context;

/// Request of [`super::method::PRICE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceQuery {
    /// Surroundings of the challenge that would be sent.
    pub cx: Context,
}

/// Reply to [`super::method::PRICE`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// What the person has to accept before anything is sent. Charged once for a visit, however often something is sent in
    /// it, and only when the message was handed over.
    #[serde(default)]
    pub fee: Option<Fee>,
    /// How many challenges without a fee one account is sent in any 24 hours, by all its enrolments of this factor together.
    /// Without a value only the server's own limits hold.
    #[serde(default)]
    pub free_per_day: Option<u32>,
    /// For people to read before they pay, whatever was asked about: the fee of a payment by its currency. What is charged
    /// is what the query about that payment is answered with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fees: BTreeMap<String, Fee>,
    /// The same, of a payment in any currency that `fees` does not name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_fee: Option<Fee>,
}

/// An amount of money that is taken for sending.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fee {
    /// In minor units of the currency; above zero.
    pub amount_minor: u64,
    /// How many digits of `amount_minor` stand behind the decimal point. Always the same for one currency.
    pub minor_digits: u8,
    /// Currency code, such as `WMZ`.
    pub currency: String,
}
