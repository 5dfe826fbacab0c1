//! The frozen messages of v1: each must parse for ever, and come out as it went in. Never change a fixture; add one when
//! a message gains a field.
#![forbid(unsafe_code)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use plugin_api::message::{
    Answer, Approved, ApprovedReply, Begin, BeginNameless, Claim, Claimed, Decoy, DecoyReply, Description, EnrolAnswer,
    EnrolBegin, HeaderValue, HmacReply, HttpRequest, HttpResponse, LogLine, MapDetails, MappedDetails, Migrate,
    Migrated, Price, PriceQuery, Revealed, SecretHmac, SecretRef, Serve, Served, Step, StoreGot, StoreKey, StoreListed,
    StorePut, StoreQuery, StoreSwap, StoreSwapped, TextQuery, TextReply,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1")
}

/// Part of settings, which refuse what they do not know.
fn there_and_back_unchanged<T: DeserializeOwned + Serialize>(name: &str) -> Value {
    let frozen: Value = serde_json::from_slice(&std::fs::read(folder().join(name)).unwrap()).unwrap();
    let parsed: T = serde_json::from_value(frozen.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(serde_json::to_value(parsed).unwrap(), frozen, "{name}");
    frozen
}

fn there_and_back<T: DeserializeOwned + Serialize>(name: &str) {
    let frozen = there_and_back_unchanged::<T>(name);
    let mut newer = frozen.clone();
    newer["x_later"] = Value::from("a field of tomorrow");
    let parsed: T = serde_json::from_value(newer).unwrap_or_else(|error| panic!("{name}, newer: {error}"));
    assert_eq!(serde_json::to_value(parsed).unwrap(), frozen, "{name}, newer");
}

type Check = fn(&str);

const FIXTURES: [(&str, Check); 70] = [
    ("answer.json", there_and_back::<Answer>),
    ("answer_others.json", there_and_back::<Answer>),
    ("approved.json", there_and_back::<Approved>),
    ("approved_reply.json", there_and_back::<ApprovedReply>),
    ("begin.json", there_and_back::<Begin>),
    ("begin_nameless.json", there_and_back::<BeginNameless>),
    ("begin_others.json", there_and_back::<Begin>),
    ("begin_summary.json", there_and_back::<Begin>),
    ("claim.json", there_and_back::<Claim>),
    ("claimed.json", there_and_back::<Claimed>),
    ("claimed_nobody.json", there_and_back::<Claimed>),
    ("decoy.json", there_and_back::<Decoy>),
    ("decoy_reply.json", there_and_back::<DecoyReply>),
    ("description_factor.json", there_and_back::<Description>),
    ("description_factor_assets.json", there_and_back::<Description>),
    ("description_factor_page.json", there_and_back::<Description>),
    ("description_factor_subjects.json", there_and_back::<Description>),
    ("description_service.json", there_and_back::<Description>),
    ("description_service_resources.json", there_and_back::<Description>),
    ("enrol_answer.json", there_and_back::<EnrolAnswer>),
    ("enrol_begin.json", there_and_back::<EnrolBegin>),
    ("enrol_begin_others.json", there_and_back::<EnrolBegin>),
    ("enrol_begin_replaces.json", there_and_back::<EnrolBegin>),
    ("hmac_reply.json", there_and_back::<HmacReply>),
    ("http_request.json", there_and_back::<HttpRequest>),
    ("http_response.json", there_and_back::<HttpResponse>),
    ("log_line.json", there_and_back::<LogLine>),
    ("map_details.json", there_and_back::<MapDetails>),
    ("mapped_batch.json", there_and_back::<MappedDetails>),
    ("mapped_card.json", there_and_back::<MappedDetails>),
    ("mapped_operation.json", there_and_back::<MappedDetails>),
    ("mapped_refused.json", there_and_back::<MappedDetails>),
    ("mapped_transaction.json", there_and_back::<MappedDetails>),
    ("migrate.json", there_and_back::<Migrate>),
    ("migrated.json", there_and_back::<Migrated>),
    ("price.json", there_and_back::<Price>),
    ("price_query.json", there_and_back::<PriceQuery>),
    ("price_list.json", there_and_back::<Price>),
    ("price_nothing.json", there_and_back::<Price>),
    ("revealed.json", there_and_back::<Revealed>),
    ("secret_hmac.json", there_and_back::<SecretHmac>),
    ("secret_ref.json", |name| drop(there_and_back_unchanged::<SecretRef>(name))),
    ("serve.json", there_and_back::<Serve>),
    ("served.json", there_and_back::<Served>),
    ("served_nothing.json", there_and_back::<Served>),
    ("served_octets.json", there_and_back::<Served>),
    ("step_ask.json", there_and_back::<Step>),
    ("step_ask_effects.json", there_and_back::<Step>),
    ("step_fail.json", there_and_back::<Step>),
    ("step_pass.json", there_and_back::<Step>),
    ("step_pass_enrolled.json", there_and_back::<Step>),
    ("step_pass_plain.json", there_and_back::<Step>),
    ("step_redirect.json", there_and_back::<Step>),
    ("step_wait.json", there_and_back::<Step>),
    ("step_wrong.json", there_and_back::<Step>),
    ("step_wrong_clone.json", there_and_back::<Step>),
    ("store_got.json", there_and_back::<StoreGot>),
    ("store_got_nothing.json", there_and_back::<StoreGot>),
    ("store_key.json", there_and_back::<StoreKey>),
    ("store_listed.json", there_and_back::<StoreListed>),
    ("store_put.json", there_and_back::<StorePut>),
    ("store_put_for_ever.json", there_and_back::<StorePut>),
    ("store_query.json", there_and_back::<StoreQuery>),
    ("store_query_all.json", there_and_back::<StoreQuery>),
    ("store_swap.json", there_and_back::<StoreSwap>),
    ("store_swap_forget.json", there_and_back::<StoreSwap>),
    ("store_swap_new.json", there_and_back::<StoreSwap>),
    ("store_swapped.json", there_and_back::<StoreSwapped>),
    ("text_query.json", there_and_back::<TextQuery>),
    ("text_reply.json", there_and_back::<TextReply>),
];

#[test]
fn every_frozen_message_parses_and_comes_out_as_it_went_in() {
    for (name, check) in FIXTURES {
        check(name);
    }
}

#[test]
fn every_fixture_is_checked() {
    let found: BTreeSet<String> =
        std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let checked: BTreeSet<String> = FIXTURES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, checked);
}

#[test]
fn only_the_required_fields_are_required() {
    let shortest: Description = serde_json::from_str(
        r#"{"manifest": {"id": "x", "version": "1.0.0", "kind": "factor"}, "settings_schema": {}}"#,
    )
    .unwrap();
    assert_eq!((shortest.manifest.data_version, shortest.manifest.per_account), (0, 1));
    let step: Step = serde_json::from_str(r#"{"step": "pass", "facts": {}}"#).unwrap();
    assert!(matches!(step, Step::Pass { enrolment: None, enrolled: None, .. }));
    let step: Step = serde_json::from_str(r#"{"step": "wrong"}"#).unwrap();
    assert_eq!(step, Step::wrong());
    serde_json::from_str::<Step>(r#"{"step": "passed", "facts": {}}"#).unwrap_err();
    let put: StorePut = serde_json::from_str(r#"{"scope": "plugin", "key": "k", "value": 1}"#).unwrap();
    assert_eq!(put.expires_at, None);
    let list: StoreQuery = serde_json::from_str(r#"{"scope": "account"}"#).unwrap();
    assert_eq!((list.prefix.as_str(), list.after), ("", None));
    let get: HttpRequest = serde_json::from_str(r#"{"method": "GET", "url": "https://api.example"}"#).unwrap();
    assert!(get.headers.is_empty() && get.body.is_empty());
    assert_eq!(serde_json::from_str::<Claimed>("{}").unwrap(), Claimed::default());
    assert_eq!(serde_json::from_str::<Price>("{}").unwrap(), Price::default());
    let secret: HeaderValue = serde_json::from_str(r#"{"secret": "/token"}"#).unwrap();
    assert_eq!(secret, HeaderValue::Secret { secret: "/token".to_owned(), prefix: String::new() });
}
