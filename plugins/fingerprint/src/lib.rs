//! Fingerprints and passkeys: WebAuthn (W3C, Level 2), several authenticators an account.
//!
//! The person's authenticator signs a challenge after it has verified them, by finger, face or PIN of its own. The signature
//! also covers the site that the browser was at, so that a page that pretends to be ours gets nothing that we would take.
//! For a payment the challenge is derived from payee and amount. What `webauthn-rs` verifies, and what we verify besides,
//! is in [`site`], [`registering`] and [`asserting`].
#![forbid(unsafe_code)]

mod asserting;
mod challenge;
mod decoy;
mod key;
mod registering;
mod settings;
mod site;

use plugin_api::message::{Enrolled, permission};
use plugin_api::prelude::*;

pub use crate::key::Enrolment;
pub use crate::registering::Enrolling;
use crate::settings::Policy;
pub use crate::settings::{Attachment, Attestation, Settings};

export_factor!(Fingerprint);

/// Id of the plugin, and of the factor in pages and URLs.
pub const ID: &str = "fingerprint";
/// How many authenticators an account may have.
const PER_ACCOUNT: u32 = 10;
/// What passes may name (RFC 8176): a key in hardware or in software, presence, and that two sorts of proof came together.
/// Not `fpt`: the assertion says that the person was verified, and not how.
const AMR: &[&str] = &["hwk", "swk", "user", "mfa"];
/// What an authenticator is worth whose maker vouches for it, and that cannot be copied (OpenID EAP ACR Values 1.0: "phrh").
const ATTESTED: &str = "phrh";
/// Page that asks for an assertion.
const GET_PAGE: &str = "get";
/// What the page that asks people who they are shows besides: a button, and the offer of a passkey.
const NAMELESS_PAGE: &str = "nameless";
/// Page that asks for a new credential.
const CREATE_PAGE: &str = "create";

/// What is kept between question and answer: nothing, since the challenge is derived anew from what the host says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Asked {}

/// The factor.
#[derive(Debug)]
pub struct Fingerprint {
    policy: Policy,
}

impl Factor for Fingerprint {
    type Settings = Settings;
    type Enrolment = Enrolment;
    type State = Asked;
    type Enrolling = Enrolling;

    fn description() -> Result<Description> {
        let manifest = Manifest::factor(ID, env!("CARGO_PKG_VERSION"))
            .purposes(&[Purpose::Authorize, Purpose::Payment])
            .subjects(&SubjectKind::ALL)
            .amr(AMR)
            .acr("phr")
            .acr_most(ATTESTED)
            .challenge(ChallengeKind::Derived)
            .enrols(Enrols::Page)
            .per_account(PER_ACCOUNT)
            .permissions(&[permission::SCRIPT, permission::SCRIPT_LOOPBACK, permission::NAMELESS])
            .data_version(1);
        Description::new(manifest)
            .page(GET_PAGE, include_str!("pages/get.html"))
            .page(NAMELESS_PAGE, include_str!("pages/nameless.html"))
            .page(CREATE_PAGE, include_str!("pages/create.html"))
            .page("part", include_str!("pages/part.html"))
            .page("bridge", include_str!("pages/bridge.html"))
            .asset("webauthn.js", include_str!("assets/webauthn.js"))
            .asset("credential.js", include_str!("assets/credential.js"))
            .asset("nameless.js", include_str!("assets/nameless.js"))
            .asset("bridge.js", include_str!("assets/bridge.js"))
            .texts("en", include_str!("texts/en.json"))?
            .texts("ru", include_str!("texts/ru.json"))?
            .texts("vi", include_str!("texts/vi.json"))
    }

    fn start(settings: Settings, _: Host) -> Result<Self> {
        Ok(Self { policy: Policy::of(&settings)? })
    }

    fn begin(&self, cx: &Context, enrolment: &Enrolment) -> Result<Step<Asked, Enrolment>> {
        self.begin_among(cx, enrolment, &[])
    }

    fn answer(&self, cx: &Context, enrolment: &Enrolment, _: Asked, input: &Input) -> Result<Step<Asked, Enrolment>> {
        asserting::judge(cx, enrolment, &[], input)
    }

    fn begin_nameless(&self, cx: &Context) -> Result<Step<Asked, Enrolment>> {
        if self.policy.address_first {
            return Err(Error::Unsupported);
        }
        let data = json!({ "options": asserting::options_for_anybody(cx)? });
        Ok(Step::ask(NAMELESS_PAGE, data, Asked {}))
    }

    fn claim(&self, _: &Context, _: Asked, input: &Input) -> Result<Option<String>> {
        Ok(asserting::claimed(input))
    }

    fn enrol_begin(&self, cx: &Context, replaces: Option<&Enrolment>) -> Result<Step<Enrolling, Enrolment>> {
        self.enrol_begin_among(cx, replaces, &[])
    }

    fn enrol_answer(&self, cx: &Context, state: Enrolling, input: &Input) -> Result<Step<Enrolling, Enrolment>> {
        registering::judge(cx, &self.policy, state, input)
    }

    fn begin_among(
        &self,
        cx: &Context,
        enrolment: &Enrolment,
        others: &[Enrolled<Enrolment>],
    ) -> Result<Step<Asked, Enrolment>> {
        let options = asserting::options(cx, enrolment, others)?;
        let data = json!({
            "what": "get", "options": options, "pays": cx.purpose == Purpose::Payment, "loopback_port": self.policy.bridge,
        });
        Ok(Step::ask(GET_PAGE, data, Asked {}))
    }

    fn answer_among(
        &self,
        cx: &Context,
        enrolment: &Enrolment,
        others: &[Enrolled<Enrolment>],
        _: Asked,
        input: &Input,
    ) -> Result<Step<Asked, Enrolment>> {
        asserting::judge(cx, enrolment, others, input)
    }

    fn enrol_begin_among(
        &self,
        cx: &Context,
        _: Option<&Enrolment>,
        others: &[Enrolled<Enrolment>],
    ) -> Result<Step<Enrolling, Enrolment>> {
        registering::ask(cx, &self.policy, others)
    }

    fn decoy(&self, cx: &Context) -> Result<DecoyReply<Enrolment, Enrolling>> {
        let (_, enrolling) = registering::begin(cx, &self.policy, &[])?;
        Ok(DecoyReply { enrolment: decoy::enrolment(cx), enrolling })
    }
}
