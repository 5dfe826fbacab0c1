//! Whatever a plugin or a host sends is a message or an error, never a panic; and what was read is written and read again
//! as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plugin_api::message::{
    Answer, Approved, ApprovedReply, Begin, Decoy, DecoyReply, Description, EnrolAnswer, EnrolBegin, LogLine, MapDetails,
    MappedDetails, Step, Transaction,
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
});
