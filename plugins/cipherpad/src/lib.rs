//! The cipherpad: a number-question on the page, a number-answer from an app that needs no network.
//!
//! The protocol, the windows and the formats are in `cipherpad-core`, which the app uses too. This crate fits them
//! into the plugin contract.
#![forbid(unsafe_code)]

mod asking;
mod enrolling;

use cipherpad_core::{
    activation::{ServerPending, ServerStart},
    challenge::Digits,
    keys::Secret,
    question::{Question, Suites},
    verify::PadState,
};
use plugin_api::prelude::*;

export_factor!(Cipherpad);

/// Id of the plugin, and of the factor in pages and URLs.
pub const ID: &str = "cipherpad";
/// What an answer proves by RFC 8176. Not `pin`: the pad asks for one, and nobody but its owner can see that.
const AMR: &[&str] = &["otp"];

/// Settings of the plugin.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many digits the number-question of newly activated pads has: 6, 7 or 8. Answers to a login have as many.
    #[schemars(range(min = 6, max = 8))]
    pub challenge_digits: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { challenge_digits: Digits::default().into() }
    }
}

/// One activated pad. Holds K: the host seals it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolment {
    pad: PadState,
    /// Seed of the Ed25519 key that signs the QR codes for this pad.
    qr_seed: Secret,
    /// How many times a pad of this account has been activated.
    epoch: u64,
}

/// What was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    question: Question,
}

/// How far an activation is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Enrolling {
    /// The code is on its way.
    CodeSent(ServerStart),
    /// A pad has come with a public key.
    Offered(ServerPending),
}

/// The factor.
#[derive(Debug)]
pub struct Cipherpad {
    suites: Suites,
}

impl Factor for Cipherpad {
    type Settings = Settings;
    type Enrolment = Enrolment;
    type State = Asked;
    type Enrolling = Enrolling;

    fn description() -> Result<Description> {
        let manifest = Manifest::factor(ID, env!("CARGO_PKG_VERSION"))
            .purposes(&[Purpose::Authorize, Purpose::Payment])
            .subjects(&SubjectKind::ALL)
            .amr(AMR)
            .acr("urn:enum:acr:2")
            .challenge(ChallengeKind::Derived)
            .data_version(1);
        Description::new(manifest)
            .page(asking::PAGE, include_str!("pages/answer.html"))
            .page(enrolling::PAGE, include_str!("pages/activate.html"))
            .texts("en", include_str!("texts/en.json"))?
            .texts("ru", include_str!("texts/ru.json"))?
            .texts("vi", include_str!("texts/vi.json"))
    }

    fn start(settings: Settings, _host: Host) -> Result<Self> {
        let digits = Digits::try_from(settings.challenge_digits)
            .map_err(|error| Error::failed(format!("challenge_digits: {error}")))?;
        Ok(Self { suites: Suites::for_digits(digits).map_err(|error| Error::failed(error.to_string()))? })
    }

    fn begin(&self, cx: &Context, enrolment: &Enrolment) -> Result<Step<Asked, Enrolment>> {
        asking::begin(cx, enrolment)
    }

    fn answer(
        &self,
        cx: &Context,
        enrolment: &Enrolment,
        state: Asked,
        input: &Input,
    ) -> Result<Step<Asked, Enrolment>> {
        asking::answer(cx, enrolment, &state, input)
    }

    fn enrol_begin(&self, cx: &Context, replaces: Option<&Enrolment>) -> Result<Step<Enrolling, Enrolment>> {
        enrolling::begin(cx, &self.suites, replaces)
    }

    fn enrol_answer(&self, cx: &Context, state: Enrolling, input: &Input) -> Result<Step<Enrolling, Enrolment>> {
        enrolling::answer(cx, state, input)
    }

    fn decoy(&self, cx: &Context) -> Result<DecoyReply<Enrolment, Enrolling>> {
        enrolling::decoy(cx, &self.suites)
    }
}

/// The host's time in Unix seconds.
fn unix_seconds(milliseconds: i64) -> Result<u64> {
    u64::try_from(milliseconds / 1000).map_err(|_| Error::failed("cx.now lies before 1970"))
}
