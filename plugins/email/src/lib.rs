//! A one-time code by mail to the account's address: the method of the lowest level.
//!
//! Whoever reads the mailbox has the code, and a mail is readable on its way: NIST SP 800-63B-4 §3.1.3 does not count it
//! as out-of-band. Hence `acr` 1, which an administrator may still want for sites with little to lose. On
//! its way it can be changed as well, hence `unbound`: no payment is confirmed by it unless an administrator's policy says
//! so. The mail then spells the payment out.
#![forbid(unsafe_code)]

mod letter;

use plugin_api::prelude::*;
use sent_code::{Code, check_digits};

export_factor!(Email);

/// Id of the plugin, and of the factor in pages and URLs.
pub const ID: &str = "email";
/// What an answer proves by RFC 8176.
const AMR: &[&str] = &["otp"];
/// Page that asks for the code of a login.
const CODE_PAGE: &str = "code";
/// Page that asks for the code that turns the method on.
const PROVE_PAGE: &str = "prove";
/// Field of the forms.
const ANSWER: &str = "answer";
/// How long a code of a login works, in seconds: a mail may be held up on its way.
const CHALLENGE_SECONDS: u32 = 600;
/// One day in milliseconds.
const DAY: i64 = 86_400_000;

/// Settings of the plugin.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many digits a code has: 6 to 10.
    #[schemars(range(min = 6, max = 10))]
    pub digits: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { digits: 6 }
    }
}

/// The method, turned on for one account. Where mail goes is the host's to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolment {
    /// When, in Unix milliseconds.
    since: i64,
    /// No answer is right: this belongs to an address without an account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    nobody: bool,
}

/// What was sent for a login. As long for an address without an account as for any other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    code: Code,
    /// It was asked for a payment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pays: bool,
}

/// What was sent to turn the method on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolling {
    code: Code,
    /// As in [`Enrolment`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    nobody: bool,
}

/// The factor.
#[derive(Debug)]
pub struct Email {
    digits: usize,
}

impl Factor for Email {
    type Settings = Settings;
    type Enrolment = Enrolment;
    type State = Asked;
    type Enrolling = Enrolling;

    fn description() -> Result<Description> {
        let manifest = Manifest::factor(ID, env!("CARGO_PKG_VERSION"))
            .purposes(&[Purpose::Authorize, Purpose::Payment])
            .unbound()
            .amr(AMR)
            .acr("urn:enum:acr:1")
            .challenge(ChallengeKind::Stored)
            .challenge_seconds(CHALLENGE_SECONDS)
            .enrols(Enrols::Page)
            .data_version(1);
        Description::new(manifest)
            .page(CODE_PAGE, include_str!("pages/code.html"))
            .page(PROVE_PAGE, include_str!("pages/prove.html"))
            .texts("en", include_str!("texts/en.json"))?
            .texts("ru", include_str!("texts/ru.json"))?
            .texts("vi", include_str!("texts/vi.json"))
    }

    fn start(settings: Settings, _: Host) -> Result<Self> {
        Ok(Self { digits: check_digits(settings.digits)? })
    }

    fn begin(&self, cx: &Context, _: &Enrolment) -> Result<Step<Asked, Enrolment>> {
        let code = self.code(cx)?;
        let (mail, pays) = match (cx.purpose, &cx.transaction) {
            (Purpose::Authorize, _) => (letter::of_login(cx, &code), false),
            (Purpose::Payment, Some(transaction)) => (letter::of_payment(cx, transaction, &code), true),
            (Purpose::Payment, None) => return Ok(Step::fail("no_transaction")),
        };
        Ok(Step::ask_with(CODE_PAGE, shown(cx, &code), Asked { code, pays }, vec![mail]))
    }

    fn answer(
        &self,
        cx: &Context,
        enrolment: &Enrolment,
        asked: Asked,
        input: &Input,
    ) -> Result<Step<Asked, Enrolment>> {
        let right = asked.code.is(input.text(ANSWER));
        let passes = right && !enrolment.nobody && asked.pays == (cx.purpose == Purpose::Payment);
        Ok(if passes { Step::pass(Facts::amr(AMR)) } else { Step::wrong() })
    }

    fn enrol_begin(&self, cx: &Context, _: Option<&Enrolment>) -> Result<Step<Enrolling, Enrolment>> {
        let code = self.code(cx)?;
        let mail = letter::of_enrolment(cx, &code);
        Ok(Step::ask_with(PROVE_PAGE, shown(cx, &code), Enrolling { code, nobody: false }, vec![mail]))
    }

    /// A slip that cannot be a code is pointed out and costs nothing. A wrong code is for the host to count: were the
    /// tries counted in the state, the last of them would leave the code as good as it was.
    fn enrol_answer(&self, cx: &Context, state: Enrolling, input: &Input) -> Result<Step<Enrolling, Enrolment>> {
        let typed = input.text(ANSWER);
        if !state.code.has_form(typed) {
            let mut data = shown(cx, &state.code);
            data["problem"] = "problem_form".into();
            return Ok(Step::ask(PROVE_PAGE, data, state));
        }
        if state.code.is(typed) && !state.nobody {
            return Ok(Step::enrolled(Facts::amr(AMR), Enrolment { since: cx.now, nobody: false }));
        }
        Ok(Step::wrong())
    }

    /// Asks as any other does; the host sends nothing, and no answer is right. Stays the same for a day.
    fn decoy(&self, cx: &Context) -> Result<DecoyReply<Enrolment, Enrolling>> {
        let since = cx.now - cx.now.rem_euclid(DAY);
        let enrolling = Enrolling { code: self.code(cx)?, nobody: true };
        Ok(DecoyReply { enrolment: Enrolment { since, nobody: true }, enrolling })
    }
}

impl Email {
    fn code(&self, cx: &Context) -> Result<Code> {
        Code::from_random(&cx.random_bytes()?, self.digits)
    }
}

/// What a page is given: where the code went, and how long it is.
fn shown(cx: &Context, code: &Code) -> Value {
    json!({ "address": letter::masked(&cx.account.email), "digits": code.digits() })
}
