//! The `payment_initiation` object of `authorization_details` (RFC 9396 §2), as a shop sends it.

use plugin_api::message::Transaction;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::{amount, plain, purse};

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

/// The one type that this plugin owns.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// A payment to a purse.
    #[serde(rename = "payment_initiation")]
    PaymentInitiation,
}

/// An amount in a currency.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstructedAmount {
    /// Code such as `WMZ`.
    #[schemars(schema_with = "currency_codes")]
    pub currency: String,
    /// Exact decimal such as `10.50`, as a string: JSON numbers are not exact everywhere.
    #[schemars(regex(pattern = amount::PATTERN))]
    pub amount: String,
}

/// The account to be credited.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditorAccount {
    /// Purse: a capital letter (the currency) and 12 digits.
    #[schemars(regex(pattern = purse::PATTERN))]
    pub purse: String,
}

fn currency_codes(_: &mut SchemaGenerator) -> Schema {
    let codes: Vec<&str> = purse::CURRENCIES.iter().map(|(_, code)| *code).collect();
    json_schema!({ "type": "string", "enum": codes, "description": "Code such as `WMZ`." })
}

impl PaymentInitiation {
    /// The canonical transaction: what is shown, signed and put into the receipt.
    ///
    /// # Errors
    /// For the shop's developer: which field, and what is wrong with it.
    pub fn transaction(self) -> Result<Transaction, String> {
        let Kind::PaymentInitiation = self.kind;
        let amount_minor =
            amount::minor_units(&self.instructed_amount.amount).map_err(|e| format!("instructedAmount.amount: {e}"))?;
        let currency =
            purse::currency_of(&self.creditor_account.purse).map_err(|e| format!("creditorAccount.purse: {e}"))?;
        // An exact comparison: letters of another alphabet that look alike are not the currency.
        if self.instructed_amount.currency != currency {
            return Err(format!("instructedAmount.currency: this purse holds {currency} and nothing else"));
        }
        if self.creditor_name.is_empty() {
            return Err("creditorName: must not be empty".into());
        }
        for (field, text, most) in [
            ("creditorName", &self.creditor_name, MOST_NAME),
            ("reference", &self.reference, MOST_NAME),
            ("remittanceInformation", &self.remittance_information, MOST_DESCRIPTION),
        ] {
            plain::check(text, most).map_err(|e| format!("{field}: {e}"))?;
        }
        Ok(Transaction {
            payee_account: self.creditor_account.purse,
            payee_name: self.creditor_name,
            amount_minor,
            minor_digits: amount::MINOR_DIGITS,
            currency: currency.to_owned(),
            reference: self.reference,
            description: self.remittance_information,
        })
    }
}
