//! The `3ds:payment_authorisation` object of `authorization_details`, as ConnectID Australia defines it for payments by card
//! and as the FAPI-CIBA tests of the OpenID Foundation send it: every member is required.

use std::borrow::Cow;

use plugin_api::message::{Subject, Transaction};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Number;

use crate::{
    amount, currency,
    details::{MOST_DESCRIPTION, MOST_NAME},
    plain,
};

/// What a card's number looks like (ISO/IEC 7812-1).
pub const CARD_NUMBER: &str = "^[0-9]{12,19}$";
/// A decimal with at most 12 digits before the point and at most three behind it; its currency may want fewer.
const DECIMAL: &str = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?$";
/// A decimal with no more digits than this is the same after a journey through a 64-bit floating point number.
const EXACT_DIGITS: usize = 15;

/// A card payment that somebody is asked to approve.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentAuthorisation {
    /// Always `3ds:payment_authorisation`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// How much.
    pub instructed_amount: CardAmount,
    /// The number of the payer's card. Nothing but its last four digits is shown, logged or put into the receipt.
    #[schemars(regex(pattern = CARD_NUMBER))]
    pub source_account: String,
    /// Whom the person believes to pay.
    #[schemars(length(min = 1, max = "MOST_NAME"))]
    pub beneficiary_name: String,
    /// What is paid for, in the relying party's words.
    #[schemars(length(min = 1, max = "MOST_DESCRIPTION"))]
    pub payment_desc: String,
}

/// What it is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// A payment by card.
    #[serde(rename = "3ds:payment_authorisation")]
    PaymentAuthorisation,
}

/// An amount in a currency of ISO 4217.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CardAmount {
    /// Code such as `AUD`.
    #[schemars(schema_with = "currency_codes")]
    pub currency: String,
    /// As a number, which is what ConnectID says, or as an exact decimal in a string.
    pub amount: Decimal,
}

/// A decimal in either of its spellings.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Decimal {
    /// `"222.22"`.
    Text(String),
    /// `222.22`.
    Number(Number),
}

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1_000_000_000_000_u64 },
            { "type": "string", "pattern": DECIMAL },
        ] })
    }
}

impl Decimal {
    /// # Errors
    /// For the developer who sent it.
    fn minor_units(&self, digits: u8) -> Result<u64, String> {
        match self {
            Self::Text(text) => amount::minor_units(text, digits),
            // The shortest decimal that means this number: the one that was sent, as long as it has few enough digits.
            Self::Number(number) => {
                let text = number.to_string();
                // Where only floating point is at hand a whole number comes with `.0`.
                let text = text.strip_suffix(".0").unwrap_or(&text);
                if text.bytes().filter(u8::is_ascii_digit).count() > EXACT_DIGITS {
                    return Err("has more digits than a number keeps: send it as a string".into());
                }
                amount::minor_units(text, digits)
            }
        }
    }
}

fn currency_codes(_: &mut SchemaGenerator) -> Schema {
    let codes = currency::CURRENCIES.map(|(code, _)| code);
    json_schema!({ "type": "string", "enum": codes.as_slice(), "description": "Code of ISO 4217 such as `AUD`." })
}

impl PaymentAuthorisation {
    /// The canonical transaction.
    ///
    /// # Errors
    /// For the relying party's developer: which field, and what is wrong with it.
    pub fn transaction(self) -> Result<Transaction, String> {
        let Kind::PaymentAuthorisation = self.kind;
        let CardAmount { currency, amount } = self.instructed_amount;
        let digits =
            currency::minor_digits(&currency).ok_or("instructed_amount.currency: is none that is taken here")?;
        let amount_minor = amount.minor_units(digits).map_err(|e| format!("instructed_amount.amount: {e}"))?;
        let number = self.source_account;
        let is_card = (12..=19).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        let last = number.len().checked_sub(4).and_then(|at| number.get(at..)).filter(|_| is_card);
        let source = last.ok_or("source_account: must be the number of a card, 12 to 19 digits")?.to_owned();
        plain::required("beneficiary_name", &self.beneficiary_name, MOST_NAME)?;
        plain::required("payment_desc", &self.payment_desc, MOST_DESCRIPTION)?;
        let transaction = Transaction {
            payee_account: String::new(),
            payee_name: self.beneficiary_name,
            amount_minor,
            minor_digits: digits,
            currency,
            reference: String::new(),
            description: self.payment_desc,
            subject: Some(Subject::Card { source }),
        };
        Ok(transaction.numbered())
    }
}
