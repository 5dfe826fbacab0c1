//! Payments to a merchant's purse: owns the `authorization_details` type `payment_initiation` and turns each object
//! into the one canonical transaction that is shown, signed and put into the receipt.

#![forbid(unsafe_code)]

pub mod amount;
pub mod details;
pub mod plain;
pub mod purse;

use plugin_api::prelude::*;

use details::PaymentInitiation;

/// Name of the type that this plugin owns.
pub const TYPE: &str = "payment_initiation";

/// The service. It has no settings and keeps nothing.
#[derive(Debug)]
pub struct Merchant;

impl Service for Merchant {
    type Settings = NoSettings;
    type Details = PaymentInitiation;

    fn description() -> Result<Description> {
        Description::new(Manifest::service("merchant", env!("CARGO_PKG_VERSION")))
            .details::<PaymentInitiation>(TYPE)
            .texts("en", include_str!("../locales/en.json"))?
            .texts("ru", include_str!("../locales/ru.json"))?
            .texts("vi", include_str!("../locales/vi.json"))
    }

    fn start(_: NoSettings, _: Host) -> Result<Self> {
        Ok(Self)
    }

    fn map_details(&self, details: PaymentInitiation, _: &Site) -> Result<MappedDetails> {
        Ok(match details.transaction() {
            Ok(transaction) => MappedDetails::Transaction { transaction },
            Err(reason) => MappedDetails::Refused { reason },
        })
    }

    /// The object as it was sent, and `confirmation`: also the `jti` of the receipt, which the host adds.
    fn approved(&self, approved: Approved) -> Result<Value> {
        let Approved { mut details, transaction, confirmation } = approved;
        let sent: PaymentInitiation = serde_json::from_value(details.clone())
            .map_err(|e| Error::failed(format!("the approved object is no {TYPE}: {e}")))?;
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
