//! A website that verifies with webauthn-rs, which knows nothing of the bridge.

use serde_json::{Value, json};
use webauthn_rs::prelude::{AuthenticationResult, Passkey, Url, Uuid, Webauthn, WebauthnBuilder};

use crate::{bridge::Bridge, desktop::Desktop};

pub(crate) const ORIGIN: &str = "http://localhost:8080";
const USER: Uuid = Uuid::from_u128(7);

pub(crate) struct Site {
    webauthn: Webauthn,
    pub(crate) keys: Vec<Passkey>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let origin = Url::parse(ORIGIN).unwrap();
        Self { webauthn: WebauthnBuilder::new("localhost", &origin).unwrap().build().unwrap(), keys: Vec::new() }
    }

    /// One with a key of the finger that the reader knows as `mine`.
    pub(crate) fn registered(desktop: &Desktop, bridge: &Bridge) -> Self {
        let mut site = Self::new();
        site.register(desktop, bridge, None, "mine");
        site
    }

    /// Registers a key, with the finger whose print is `print`.
    pub(crate) fn register(&mut self, desktop: &Desktop, bridge: &Bridge, finger: Option<&str>, print: &str) -> Value {
        let known = self.keys.iter().map(|key| key.cred_id().clone()).collect();
        let (options, state) =
            self.webauthn.start_passkey_registration(USER, "ann@example.com", "Ann", Some(known)).unwrap();
        let asking = bridge.asks("/v1/create", &order(&options, finger));
        desktop.touch(print);
        let credential = asking.join().unwrap().credential();
        let answer = serde_json::from_value(credential.clone()).unwrap();
        self.keys.push(self.webauthn.finish_passkey_registration(&answer, &state).unwrap());
        credential
    }

    /// Options for a registration that a test does not finish.
    pub(crate) fn wants_key(&self) -> Value {
        let (options, _) = self.webauthn.start_passkey_registration(USER, "ann@example.com", "Ann", None).unwrap();
        order(&options, None)
    }

    /// Options for a login that a test does not finish.
    pub(crate) fn wants_proof(&self) -> Value {
        order(&self.webauthn.start_passkey_authentication(&self.keys).unwrap().0, None)
    }

    /// Logs in with the finger whose print is `print`; what webauthn-rs says, and the credential.
    pub(crate) fn login(
        &self,
        desktop: &Desktop,
        bridge: &Bridge,
        finger: Option<&str>,
        print: &str,
    ) -> (AuthenticationResult, Value) {
        let (options, state) = self.webauthn.start_passkey_authentication(&self.keys).unwrap();
        let asking = bridge.asks("/v1/get", &order(&options, finger));
        desktop.touch(print);
        let credential = asking.join().unwrap().credential();
        let answer = serde_json::from_value(credential.clone()).unwrap();
        (self.webauthn.finish_passkey_authentication(&answer, &state).unwrap(), credential)
    }
}

fn order(options: &impl serde::Serialize, finger: Option<&str>) -> Value {
    let mut order = json!(options);
    if let Some(finger) = finger {
        order["finger"] = json!(finger);
    }
    order
}
