//! The `payment_initiation` object of `authorization_details` (RFC 9396 §2), as a shop sends it.

use plugin_api::message::Transaction;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    amount::{InstructedAmount, MINOR_DIGITS},
    plain, purse,
};

/// Longest `creditorName` and `reference`, in characters.
pub const MOST_NAME: usize = 64;
/// Longest `remittanceInformation`, in characters.
pub const MOST_DESCRIPTION: usize = 140;

/// A payment that a shop asks somebody to approve.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaymentInitiation {
    /// Always `payment_initiation`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// How much.
    pub instructed_amount: InstructedAmount,
    /// Whom the person believes to pay.
    #[schemars(length(min = 1, max = "MOST_NAME"))]
    pub creditor_name: String,
    /// Where the money goes.
    pub creditor_account: CreditorAccount,
    /// The shop's own reference of the order.
    #[serde(default)]
    #[schemars(length(max = "MOST_NAME"))]
    pub reference: String,
    /// What is paid for, in the shop's words.
    #[serde(default)]
    #[schemars(length(max = "MOST_DESCRIPTION"))]
    pub remittance_information: String,
}

/// What it is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// A payment to a purse.
    #[serde(rename = "payment_initiation")]
    PaymentInitiation,
}

/// The account to be credited.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditorAccount {
    /// Purse: a capital letter (the currency) and 12 digits.
    #[schemars(regex(pattern = purse::PATTERN))]
    pub purse: String,
}

impl PaymentInitiation {
    /// The canonical transaction: what is shown, signed and put into the receipt.
    ///
    /// # Errors
    /// For the shop's developer: which field, and what is wrong with it.
    pub fn transaction(self) -> Result<Transaction, String> {
        let Kind::PaymentInitiation = self.kind;
        let Self { creditor_name, creditor_account, reference, remittance_information, .. } = self;
        let currency = creditor_account.currency("creditorAccount")?;
        let amount_minor = self.instructed_amount.minor_units_of(currency, "instructedAmount")?;
        plain::required("creditorName", &creditor_name, MOST_NAME)?;
        plain::optional("reference", &reference, MOST_NAME)?;
        plain::optional("remittanceInformation", &remittance_information, MOST_DESCRIPTION)?;
        Ok(Transaction {
            payee_account: creditor_account.purse,
            payee_name: creditor_name,
            amount_minor,
            minor_digits: MINOR_DIGITS,
            currency: currency.to_owned(),
            reference,
            description: remittance_information,
            subject: None,
        })
    }
}

impl CreditorAccount {
    /// What the purse holds; `field` is where it stands.
    ///
    /// # Errors
    /// For the developer who sent it.
    pub fn currency(&self, field: &str) -> Result<&'static str, String> {
        purse::currency_of(&self.purse).map_err(|e| format!("{field}.purse: {e}"))
    }
}
