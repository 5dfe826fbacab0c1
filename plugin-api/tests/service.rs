//! A small service, through the C table, under the conformance suite.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../examples/till.rs"]
mod till;

use plugin_api::testing::conformance::{self, ServiceSamples};
use serde_json::json;

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
