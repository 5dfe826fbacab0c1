//! What the author of a service writes.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::abi::{Guest, Host};
use crate::error::{Error, Result};
use crate::factor::{described, migrated, parse_settings, reply, request};
use crate::message::{
    Approved, ApprovedReply, Description, Kind, MapDetails, MappedDetails, Migrating, Serve, Served, Site, method,
};

/// Serves relying parties: owns types of `authorization_details` (RFC 9396), or offers resources of its own, or both.
///
/// Its types and their JSON Schemas are part of the description ([`Description::details`]); the host validates every
/// object against them before it asks. Export it with [`crate::export_service!`].
pub trait Service: Send + Sync + Sized + 'static {
    /// Settings, as for a [`crate::Factor`].
    type Settings: DeserializeOwned + JsonSchema;
    /// One object of `authorization_details`; an enum tagged `type` if the service owns several types.
    type Details: DeserializeOwned;

    /// What the plugin is, with the schemas of its types. Must always return the same.
    ///
    /// # Errors
    /// When embedded texts do not parse.
    fn description() -> Result<Description>;

    /// An instance with these settings. Also used to try settings out: it must have no lasting effect.
    ///
    /// # Errors
    /// When the settings make no sense; the text names the setting and is shown to the administrator.
    fn start(settings: Self::Settings, host: Host) -> Result<Self>;

    /// From what the relying party sent to what the person will see and sign. What cannot be confirmed is
    /// [`MappedDetails::Refused`], not an error.
    ///
    /// # Errors
    /// When it cannot judge.
    fn map_details(&self, details: Self::Details, site: &Site) -> Result<MappedDetails>;

    /// The object for the token response, after approval: by default as the relying party sent it.
    ///
    /// # Errors
    /// When it cannot say.
    fn approved(&self, approved: Approved) -> Result<Value> {
        Ok(approved.details)
    }

    /// A request for one of the resources that the manifest names, after the host has held it against what the manifest says
    /// of it. The call is about the token's account.
    ///
    /// # Errors
    /// When it cannot say; what is wrong with the request is a reply. [`Error::Unsupported`] by default.
    fn serve(&self, _request: Serve) -> Result<Served> {
        Err(Error::Unsupported)
    }

    /// Whether these settings work out there, as for a [`crate::Factor`].
    ///
    /// # Errors
    /// When they do not; the text is shown to the administrator, so name the setting. By default they work.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// One value of the store from data version `from` to data version `to`, as for a [`crate::Factor`].
    ///
    /// # Errors
    /// When it cannot, and everything stays as it was. [`Error::Unsupported`] by default.
    fn migrate(&self, _from: u32, _to: u32, _value: Migrating) -> Result<Value> {
        Err(Error::Unsupported)
    }
}

/// A [`Service`] behind the C table. Made by [`crate::export_service!`].
#[doc(hidden)]
#[derive(Debug)]
pub struct ServiceGuest<S> {
    service: S,
    host: Host,
}

impl<S: Service> Guest for ServiceGuest<S> {
    fn describe() -> Result<Vec<u8>> {
        described::<S::Settings>(S::description()?, Kind::Service)
    }

    fn create(settings: &[u8], host: Host) -> Result<Self> {
        Ok(Self { service: S::start(parse_settings(settings)?, host)?, host })
    }

    fn call(&self, name: &str, json: &[u8]) -> Result<Vec<u8>> {
        match name {
            method::CHECK_SETTINGS => {
                S::start(parse_settings(json)?, self.host)?.check()?;
                reply(&())
            }
            method::MAP_DETAILS => {
                let MapDetails { details, site } = request(json)?;
                // The text goes back to the developer who wrote the object, so it may quote it.
                reply(&match serde_json::from_value(details) {
                    Ok(details) => self.service.map_details(details, &site)?,
                    Err(error) => MappedDetails::Refused { reason: error.to_string() },
                })
            }
            method::APPROVED => {
                let details = self.service.approved(request(json)?)?;
                reply(&ApprovedReply { details })
            }
            method::SERVE => reply(&self.service.serve(request(json)?)?),
            method::MIGRATE => migrated(json, |from, to, value| self.service.migrate(from, to, value)),
            _ => Err(Error::Unsupported),
        }
    }
}
