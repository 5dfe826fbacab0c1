//! Any method name and any bytes go through the C table of a plugin, and host calls come back the other way: under a
//! sanitizer this exercises every `unsafe` block of the boundary.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use plugin_api::{
    Status,
    abi::{Guest, Host, Instance, Plugin, Services},
};

/// Replies with what it was sent; asks its host along the way; fails or panics when told to.
struct Echo(Host);

impl Guest for Echo {
    fn describe() -> Result<Vec<u8>, plugin_api::Error> {
        Ok(b"{}".to_vec())
    }

    fn create(settings: &[u8], host: Host) -> Result<Self, plugin_api::Error> {
        if settings.first() == Some(&b'!') { Err(plugin_api::Error::failed("refused")) } else { Ok(Self(host)) }
    }

    fn call(&self, method: &str, json: &[u8]) -> Result<Vec<u8>, plugin_api::Error> {
        let said = self.0.call(method, json);
        match method {
            "fail" => Err(plugin_api::Error::failed("as told")),
            "unsupported" => Err(plugin_api::Error::Unsupported),
            _ => said,
        }
    }
}

static TABLE: Plugin = Plugin::new::<Echo>(true);

struct Ear;

impl Services for Ear {
    fn call(&self, method: &str, json: &[u8]) -> (Status, Vec<u8>) {
        if method.len() + json.len() > 3 { (Status::Ok, b"null".to_vec()) } else { (Status::Denied, Vec::new()) }
    }
}

static INSTANCE: LazyLock<Instance> =
    LazyLock::new(|| Instance::create(&TABLE, b"{}", Arc::new(Ear), 1 << 16).expect("it starts"));

fuzz_target!(|data: &[u8]| {
    let Some((&at, rest)) = data.split_first() else { return };
    let (method, json) = rest.split_at(rest.len().min(usize::from(at)));
    let method = String::from_utf8_lossy(method);
    let limit = if at % 2 == 0 { 1 << 16 } else { 16 };
    let reply = INSTANCE.call(&method, json, limit);
    assert!(reply.bytes.len() <= limit);
    if at % 16 == 0 {
        let _ = Instance::create(&TABLE, json, Arc::new(Ear), limit);
    }
});
