//! What every service promises that offers resources.

use serde_json::{Value, json};

use super::{Checked, garbage, greased, hold, plugin, surroundings, works};
use crate::abi::Plugin;
use crate::message::{Serve, Served, method};
use crate::testing::Loaded;

/// Runs every check of [`crate::Service::serve`], beside those of [`super::service`]: `requests` are at least one for each
/// resource. Any answer will do, as long as it is one.
///
/// # Errors
/// The first rule that is broken, and how.
pub fn resources(table: &'static Plugin, settings: &Value, requests: &[Serve]) -> Checked {
    const SERVES: &str = "a request for a resource is answered";
    let (loaded, description) = plugin(table, settings, &[method::SERVE], &|_| ())?;
    garbage(&loaded, &[method::SERVE])?;
    for resource in &description.manifest.resources {
        let has_sample = requests.iter().any(|request| request.resource == resource.path);
        hold("every resource has a sample request", has_sample, || resource.path.clone())?;
    }
    for request in requests {
        let served: Served = works(SERVES, loaded.call(method::SERVE, &greased(json!(request))))?;
        let sound = Served::STATUSES.contains(&served.status);
        hold("an answer has a status of the list", sound, || served.status.to_string())?;
        let foreign = Serve { resource: "x_foreign".to_owned(), ..request.clone() };
        let served = works("a resource that it does not name is no fault", loaded.serve(&foreign))?;
        hold("a resource that it does not name is not found", served.status == 404, || served.status.to_string())?;
    }
    surroundings::fits_manifest(&loaded, &description)?;
    for harsh in surroundings::HARSH {
        let made = Loaded::with(table, settings, harsh);
        let Some(loaded) = surroundings::survives(made)? else { continue };
        for request in requests {
            surroundings::survives(loaded.serve(request))?;
        }
    }
    Ok(())
}
