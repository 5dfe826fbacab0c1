//! What sending a challenge costs.

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
