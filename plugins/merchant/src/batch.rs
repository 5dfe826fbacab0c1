//! The `payment_batch` object of `authorization_details`: several payments that are approved together. What is approved is
//! the total and every payee (RTS on strong customer authentication, Article 5(3)(b)).

use std::collections::BTreeSet;

use plugin_api::message::{Payee, Subject, Transaction};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    amount::{InstructedAmount, MINOR_DIGITS},
    details::{CreditorAccount, MOST_DESCRIPTION, MOST_NAME},
    plain,
};

/// Fewest payments of a batch.
pub const FEWEST: usize = 2;
/// Most payments of a batch: what a person can read before approving.
pub const MOST: usize = 20;

/// Several payments in one currency.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaymentBatch {
    /// Always `payment_batch`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The exact sum of the payments.
    pub total_amount: InstructedAmount,
    /// Whom to pay, in the order in which they are shown; each purse once.
    #[schemars(length(min = "FEWEST", max = "MOST"))]
    pub payments: Vec<Payment>,
    /// The relying party's own reference of the batch.
    #[serde(default)]
    #[schemars(length(max = "MOST_NAME"))]
    pub reference: String,
    /// What is paid for, in the relying party's words.
    #[serde(default)]
    #[schemars(length(max = "MOST_DESCRIPTION"))]
    pub remittance_information: String,
}

/// What it is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// Several payments to purses.
    #[serde(rename = "payment_batch")]
    PaymentBatch,
}

/// One payment of a batch.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payment {
    /// How much, in the currency of all.
    pub instructed_amount: InstructedAmount,
    /// Whom the person believes to pay.
    #[schemars(length(min = 1, max = "MOST_NAME"))]
    pub creditor_name: String,
    /// Where the money goes.
    pub creditor_account: CreditorAccount,
}

impl PaymentBatch {
    /// The canonical transaction.
    ///
    /// # Errors
    /// For the relying party's developer: which field, and what is wrong with it.
    pub fn transaction(self) -> Result<Transaction, String> {
        let Kind::PaymentBatch = self.kind;
        if !(FEWEST..=MOST).contains(&self.payments.len()) {
            return Err(format!("payments: must be {FEWEST} to {MOST}"));
        }
        let mut seen = BTreeSet::new();
        let mut payees = Vec::with_capacity(self.payments.len());
        let mut sum = 0_u64;
        for (number, payment) in self.payments.into_iter().enumerate() {
            let at = format!("payments[{number}]");
            let payee = payment.payee(&at, &self.total_amount.currency)?;
            sum = sum.checked_add(payee.amount_minor).ok_or("payments: their sum is too large")?;
            // One purse under two names, or twice in a long list, is easily misread.
            if !seen.insert(payee.account.clone()) {
                return Err(format!("{at}.creditorAccount.purse: is paid twice"));
            }
            payees.push(payee);
        }
        let currency = self.total_amount.currency.clone();
        let amount_minor = self.total_amount.minor_units_of(&currency, "totalAmount")?;
        if sum != amount_minor {
            return Err("totalAmount.amount: is not the sum of the payments".into());
        }
        plain::optional("reference", &self.reference, MOST_NAME)?;
        plain::optional("remittanceInformation", &self.remittance_information, MOST_DESCRIPTION)?;
        let transaction = Transaction {
            payee_account: String::new(),
            payee_name: String::new(),
            amount_minor,
            minor_digits: MINOR_DIGITS,
            currency,
            reference: self.reference,
            description: self.remittance_information,
            subject: Some(Subject::Batch { payees }),
        };
        Ok(transaction.numbered())
    }
}

impl Payment {
    fn payee(self, at: &str, total_in: &str) -> Result<Payee, String> {
        let currency = self.creditor_account.currency(&format!("{at}.creditorAccount"))?;
        let amount_minor = self.instructed_amount.minor_units_of(currency, &format!("{at}.instructedAmount"))?;
        if currency != total_in {
            return Err(format!("{at}.instructedAmount.currency: must be that of the total"));
        }
        plain::required(&format!("{at}.creditorName"), &self.creditor_name, MOST_NAME)?;
        Ok(Payee { account: self.creditor_account.purse, name: self.creditor_name, amount_minor })
    }
}
