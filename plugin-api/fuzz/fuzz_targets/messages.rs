//! Whatever a plugin or a host sends is a message or an error, never a panic; and what was read is written and read again
//! as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plugin_api::message::{
    Answer, Approved, ApprovedReply, Begin, Decoy, DecoyReply, Description, EnrolAnswer, EnrolBegin, HeaderValue,
    HmacReply, HttpRequest, HttpResponse, LogLine, MapDetails, MappedDetails, Migrate, Migrated, Revealed, SecretHmac,
    SecretRef, Serve, Served, Step, StoreGot, StoreKey, StoreListed, StorePut, StoreQuery, StoreSwap, StoreSwapped, TextQuery,
    TextReply, Transaction,
};
use serde::{Serialize, de::DeserializeOwned};

fn round_trip<T: Serialize + DeserializeOwned>(json: &[u8]) {
    let Ok(message) = serde_json::from_slice::<T>(json) else { return };
    let written = serde_json::to_value(&message).expect("what was read can be written");
    let again: T = serde_json::from_value(written.clone()).expect("what was written can be read");
    assert_eq!(serde_json::to_value(&again).expect("and written again"), written);
}

fuzz_target!(|json: &[u8]| {
    if let Ok(description) = serde_json::from_slice::<Description>(json) {
        let _ = description.check();
    }
    round_trip::<Description>(json);
    round_trip::<Begin>(json);
    round_trip::<Answer>(json);
    round_trip::<EnrolBegin>(json);
    round_trip::<EnrolAnswer>(json);
    round_trip::<Decoy>(json);
    round_trip::<DecoyReply>(json);
    round_trip::<Step>(json);
    round_trip::<MapDetails>(json);
    round_trip::<MappedDetails>(json);
    round_trip::<Approved>(json);
    round_trip::<ApprovedReply>(json);
    round_trip::<LogLine>(json);
    round_trip::<Transaction>(json);
    round_trip::<HeaderValue>(json);
    round_trip::<HmacReply>(json);
    round_trip::<HttpRequest>(json);
    round_trip::<HttpResponse>(json);
    round_trip::<Migrate>(json);
    round_trip::<Migrated>(json);
    round_trip::<Revealed>(json);
    round_trip::<SecretHmac>(json);
    round_trip::<SecretRef>(json);
    round_trip::<Serve>(json);
    round_trip::<Served>(json);
    round_trip::<StoreGot>(json);
    round_trip::<StoreKey>(json);
    round_trip::<StoreListed>(json);
    round_trip::<StorePut>(json);
    round_trip::<StoreQuery>(json);
    round_trip::<StoreSwap>(json);
    round_trip::<StoreSwapped>(json);
    round_trip::<TextQuery>(json);
    round_trip::<TextReply>(json);
});
