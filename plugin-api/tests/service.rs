//! A small service, through the C table, under the conformance suite.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../examples/till.rs"]
mod till;

use plugin_api::ServiceGuest;
use plugin_api::abi::Plugin;
use plugin_api::prelude::*;
use plugin_api::testing::conformance::{self, ServiceSamples};
use plugin_api::testing::{Loaded, transaction};

fn samples() -> ServiceSamples {
    ServiceSamples {
        settings: json!({}),
        good: vec![json!({ "type": "sale", "purse": "Z123456789012", "cents": 1250 })],
        refused: vec![
            json!({ "type": "sale", "purse": "Z123456789012", "cents": 0 }),
            json!({ "type": "sale", "purse": "Z123456789012", "cents": -1 }),
        ],
    }
}

#[test]
fn a_sound_service_conforms() {
    conformance::service(till::enum_plugin_v1(), &samples()).unwrap();
}

#[test]
fn a_purse_that_is_none_is_noticed() {
    let mut samples = samples();
    samples.good[0]["purse"] = json!("Z12345678901");
    let broken = conformance::service(till::enum_plugin_v1(), &samples).unwrap_err();
    assert!(broken.to_string().starts_with("a transaction is canonical"), "{broken}");
}

/// Cannot imagine a host without its store.
struct Trusting(Host);

impl Service for Trusting {
    type Settings = NoSettings;
    type Details = Value;

    fn description() -> Result<Description> {
        let texts = r#"{"name": "Trusting", "description": "Maps nothing"}"#;
        Description::new(Manifest::service("trusting", "0.1.0").permissions(&["store"]))
            .details_schema("sale", json!({}))
            .texts("en", texts)?
            .texts("ru", texts)?
            .texts("vi", texts)
    }

    fn start(_: NoSettings, host: Host) -> Result<Self> {
        Ok(Self(host))
    }

    fn map_details(&self, details: Value, site: &Site) -> Result<MappedDetails> {
        self.0.store(Scope::Plugin).get::<Value>("prices").unwrap();
        if details["type"] != "sale" || details["cents"] == 0 || details["cents"] == -1 {
            return Ok(MappedDetails::Refused { reason: "no".to_owned() });
        }
        let transaction = Transaction { payee_name: site.name.clone(), ..transaction() };
        Ok(MappedDetails::Transaction { transaction })
    }
}

#[test]
fn a_service_that_panics_without_its_host_is_noticed() {
    static TABLE: Plugin = Plugin::new::<ServiceGuest<Trusting>>(true);
    let broken = conformance::service(&TABLE, &samples()).unwrap_err();
    assert!(broken.to_string().starts_with("a service that is denied is an error"), "{broken}");
}

#[test]
fn migration_reaches_a_service() {
    static TABLE: Plugin = Plugin::new::<ServiceGuest<Trusting>>(true);
    let loaded = Loaded::new(&TABLE, &json!({})).unwrap();
    let stored = Migrating::Stored { scope: Scope::Plugin, key: "prices".to_owned(), value: json!(1) };
    assert_eq!(loaded.migrate(0, 1, vec![stored]), Err(Error::Unsupported));
    assert_eq!(loaded.migrate(0, 1, Vec::new()), Ok(Vec::new()));
}
