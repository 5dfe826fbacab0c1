//! What every service promises.

use serde_json::{Value, json};

use super::surroundings::{self, Harsh};
use super::{Checked, broken, greased, hold, plugin, works};
use crate::abi::Plugin;
use crate::error::Status;
use crate::message::{Approved, Kind, MapDetails, MappedDetails, Purpose, method};
use crate::testing::{FakeHost, Loaded, context};

/// What the suite feeds to a service.
#[derive(Clone, Debug)]
pub struct ServiceSamples {
    /// Settings to run the plugin with.
    pub settings: Value,
    /// Objects that can be confirmed, at least one of each type that the service owns.
    pub good: Vec<Value>,
    /// Objects that must be refused, whatever their schema says of them.
    pub refused: Vec<Value>,
}

/// Runs every check.
///
/// # Errors
/// The first rule that is broken, and how.
pub fn service(table: &'static Plugin, samples: &ServiceSamples) -> Checked {
    service_with(table, samples, &|_| ())
}

/// Runs every check, on hosts that are prepared before the plugin is created: secrets of the settings, what the web
/// answers.
///
/// # Errors
/// The first rule that is broken, and how.
pub fn service_with(table: &'static Plugin, samples: &ServiceSamples, prepare: &dyn Fn(&FakeHost)) -> Checked {
    let (loaded, description) = plugin(table, &samples.settings, &[method::MAP_DETAILS, method::APPROVED], prepare)?;
    hold("a service says that it is one", description.manifest.kind == Kind::Service, || "it is a factor".to_owned())?;
    for owned in &description.manifest.details_types {
        let has_sample = samples.good.iter().any(|details| details["type"] == json!(owned));
        hold("every owned type has a good sample", has_sample, || owned.clone())?;
    }
    maps(&loaded, samples)?;
    refuses(&loaded, samples)?;
    let factor = loaded.raw(method::BEGIN, b"{}");
    hold("a service has no factor methods", factor.status == Status::Unknown.code(), || factor.status.to_string())?;
    surroundings::fits_manifest(&loaded, &description)?;
    for harsh in surroundings::HARSH {
        on_a_harsh_host(table, samples, prepare, harsh)?;
    }
    Ok(())
}

fn maps(loaded: &Loaded, samples: &ServiceSamples) -> Checked {
    const MAPS: &str = "what can be confirmed is mapped to a transaction";
    let site = context(Purpose::Payment).site;
    for details in &samples.good {
        let request = MapDetails { details: details.clone(), site: site.clone() };
        let mapped: MappedDetails = works(MAPS, loaded.call(method::MAP_DETAILS, &greased(json!(request))))?;
        hold("mapping is always the same", works(MAPS, loaded.map_details(details, &site))? == mapped, || {
            details.to_string()
        })?;
        let MappedDetails::Transaction { transaction } = mapped else {
            return broken(MAPS, format!("{details} was refused"));
        };
        if let Err(why) = transaction.check() {
            return broken("a transaction is canonical", why);
        }
        let approved = Approved { details: details.clone(), transaction, confirmation: "conf_1".to_owned() };
        let returned = works("an approved object comes back", loaded.approved(&approved))?;
        hold("an approved object keeps its type", returned["type"] == details["type"], || returned.to_string())?;
    }
    Ok(())
}

fn refuses(loaded: &Loaded, samples: &ServiceSamples) -> Checked {
    const REFUSES: &str = "what cannot be confirmed is refused with a reason";
    let site = context(Purpose::Payment).site;
    let foreign = json!({ "type": "x_foreign" });
    for details in samples.refused.iter().chain([&foreign, &Value::Null, &json!([1])]) {
        let refused = works(REFUSES, loaded.map_details(details, &site))?;
        let explained = matches!(&refused, MappedDetails::Refused { reason } if !reason.is_empty());
        hold(REFUSES, explained, || format!("{details} gave {refused:?}"))?;
    }
    Ok(())
}

fn on_a_harsh_host(
    table: &'static Plugin,
    samples: &ServiceSamples,
    prepare: &dyn Fn(&FakeHost),
    harsh: Harsh,
) -> Checked {
    let made = Loaded::with(table, &samples.settings, |host| {
        prepare(host);
        harsh(host);
    });
    let Some(loaded) = surroundings::survives(made)? else { return Ok(()) };
    for details in samples.good.iter().chain(&samples.refused) {
        surroundings::survives(loaded.map_details(details, &context(Purpose::Payment).site))?;
    }
    Ok(())
}
