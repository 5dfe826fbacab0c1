//! What relying parties have approved: owns the `authorization_details` types for payments to purses, for payments by card
//! and for operations, and turns each object into the one canonical transaction that is shown, signed and put into the
//! receipt.
//!
//! Operations are here and not in a plugin of their own because they rest on the same amounts, purses and plain texts; which
//! relying party may ask for which type is said where it is registered.

#![forbid(unsafe_code)]

pub mod amount;
pub mod batch;
pub mod card;
pub mod currency;
pub mod details;
pub mod operation;
pub mod plain;
pub mod purse;

use plugin_api::prelude::*;
use serde::de::{self, Deserializer};

use batch::PaymentBatch;
use card::PaymentAuthorisation;
use details::PaymentInitiation;
use operation::EnumOperation;

/// The type of one payment to a purse.
pub const PAYMENT: &str = "payment_initiation";
/// The type of several payments to purses.
pub const BATCH: &str = "payment_batch";
/// The type of a payment by card.
pub const CARD: &str = "3ds:payment_authorisation";
/// The type of what is no payment.
pub const OPERATION: &str = "enum_operation";

/// The service. It has no settings and keeps nothing.
#[derive(Debug)]
pub struct Merchant;

/// An object of one of the types.
#[derive(Clone, Debug)]
pub enum Details {
    /// [`PAYMENT`].
    Payment(PaymentInitiation),
    /// [`BATCH`].
    Batch(PaymentBatch),
    /// [`CARD`].
    Card(PaymentAuthorisation),
    /// [`OPERATION`].
    Operation(EnumOperation),
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let read = match object.get("type").and_then(Value::as_str).unwrap_or_default() {
            PAYMENT => serde_json::from_value(object).map(Self::Payment),
            BATCH => serde_json::from_value(object).map(Self::Batch),
            CARD => serde_json::from_value(object).map(Self::Card),
            OPERATION => serde_json::from_value(object).map(Self::Operation),
            _ => return Err(de::Error::custom("type: is none of this service")),
        };
        read.map_err(de::Error::custom)
    }
}

impl Details {
    /// The canonical transaction: what is shown, signed and put into the receipt.
    ///
    /// # Errors
    /// For the relying party's developer: which field, and what is wrong with it.
    pub fn transaction(self) -> std::result::Result<Transaction, String> {
        match self {
            Self::Payment(payment) => payment.transaction(),
            Self::Batch(batch) => batch.transaction(),
            Self::Card(card) => card.transaction(),
            Self::Operation(operation) => operation.transaction(),
        }
    }
}

impl Service for Merchant {
    type Settings = NoSettings;
    type Details = Details;

    fn description() -> Result<Description> {
        Description::new(Manifest::service("merchant", env!("CARGO_PKG_VERSION")))
            .details::<PaymentInitiation>(PAYMENT)
            .details::<PaymentBatch>(BATCH)
            .details::<PaymentAuthorisation>(CARD)
            .details::<EnumOperation>(OPERATION)
            .texts("en", include_str!("../locales/en.json"))?
            .texts("ru", include_str!("../locales/ru.json"))?
            .texts("vi", include_str!("../locales/vi.json"))
    }

    fn start(_: NoSettings, _: Host) -> Result<Self> {
        Ok(Self)
    }

    fn map_details(&self, details: Details, _: &Site) -> Result<MappedDetails> {
        Ok(match details.transaction() {
            Ok(transaction) => MappedDetails::Transaction { transaction },
            Err(reason) => MappedDetails::Refused { reason },
        })
    }

    /// The object as it was sent, and `confirmation`: also the `jti` of the receipt, which the host adds.
    fn approved(&self, approved: Approved) -> Result<Value> {
        let Approved { mut details, transaction, confirmation } = approved;
        let sent: Details = serde_json::from_value(details.clone())
            .map_err(|e| Error::failed(format!("the approved object is none of this service: {e}")))?;
        // Nobody is told that something was approved which the person was not shown.
        if sent.transaction().as_ref() != Ok(&transaction) {
            return Err(Error::failed("the approved transaction is not the one that the object asks for"));
        }
        if let Some(members) = details.as_object_mut() {
            members.insert("confirmation".into(), confirmation.into());
        }
        Ok(details)
    }
}

plugin_api::export_service!(Merchant);
