//! The document as it is written: read, checked, and what an administrator may have meant otherwise.

use std::fmt::Display;

use plugin_api::message::Manifest;
use serde_json::Value;

use super::Policy;
use crate::login::acr;

/// Why a document cannot be a policy: what is wrong with it, and where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the policy cannot be used: {0}")]
pub struct BadPolicy(String);

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, BadPolicy> {
        let wrong = |what: &dyn Display| BadPolicy(what.to_string());
        let document: Value = serde_json::from_str(text).map_err(|error| wrong(&error))?;
        let validator = jsonschema::validator_for(&Self::schema()).map_err(|error| wrong(&error))?;
        if let Err(error) = validator.validate(&document) {
            return Err(BadPolicy(format!("{error} (at \"{}\")", error.instance_path())));
        }
        serde_json::from_value(document).map_err(|error| wrong(&error))
    }

    /// The JSON Schema of the document.
    pub fn schema() -> Value {
        schemars::SchemaGenerator::default().into_root_schema_for::<Self>().to_value()
    }

    /// What is allowed and has no effect, or a surprising one, with these factors running, these clients known, and with or
    /// without an address database; one sentence each.
    pub fn doubts(&self, running: &[Manifest], is_known: impl Fn(&str) -> bool, has_places: bool) -> Vec<String> {
        let mut doubts = Vec::new();
        let mentioned = self.clients.values().flat_map(|rule| rule.authorize.iter().chain(&rule.payment).flatten());
        let mut ids: Vec<&String> = self.factors.keys().chain(mentioned).collect();
        ids.sort();
        ids.dedup();
        for id in ids {
            if !running.iter().any(|manifest| manifest.id == *id) {
                doubts.push(format!("no factor {id} is running"));
            }
        }
        for id in self.clients.keys().filter(|id| !is_known(id)) {
            doubts.push(format!("there is no client {id}"));
        }
        for manifest in running {
            doubts.extend(self.beyond(manifest));
        }
        if !running.is_empty() && self.reachable(running.iter()).iter().all(|acr| *acr == acr::PAYMENT) {
            doubts.push("no factor that runs may sign anybody in".to_owned());
        }
        doubts.extend(self.risk.doubts(running, has_places));
        doubts
    }

    /// Rules that grant a factor more than its manifest declares, which it does not get.
    fn beyond(&self, manifest: &Manifest) -> Vec<String> {
        let Some(rule) = self.factors.get(&manifest.id) else { return Vec::new() };
        let id = &manifest.id;
        let declared = super::most(manifest);
        let higher = rule.acr.as_deref().filter(|level| !acr::satisfies(declared, level));
        let higher = higher.map(|level| format!("{id} declares {declared}, so {level} gives it no more than that"));
        let purposes = rule.purposes.iter().flatten().filter(|purpose| !manifest.purposes.contains(purpose));
        higher.into_iter().chain(purposes.map(|purpose| format!("{id} does not serve {purpose:?}"))).collect()
    }
}
