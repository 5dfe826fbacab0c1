//! A one-time code by text message to the account's number, for signing in and for payments.
//!
//! Whoever holds the SIM card, or has it re-issued, has the code: NIST SP 800-63B-4 §3.1.3.3 calls the telephone network
//! a restricted way. Hence `acr` 2 and not more. For a payment the message spells out amount, payee and account before
//! the code (RTS Art. 5), and the code is good for exactly that transaction.
#![forbid(unsafe_code)]

mod message;
mod price;

use std::collections::BTreeMap;

use plugin_api::prelude::*;
use sent_code::{Code, check_digits};

use crate::price::Prices;

export_factor!(Sms);

/// Id of the plugin, and of the factor in pages and URLs.
pub const ID: &str = "sms";
/// What an answer proves by RFC 8176.
const AMR: &[&str] = &["sms", "otp"];
/// Page that asks for the code of a login.
const CODE_PAGE: &str = "code";
/// Page that asks for the code of a payment.
const PAYMENT_PAGE: &str = "payment";
/// Page that asks for the code that turns the method on.
const PROVE_PAGE: &str = "prove";
/// Field of the forms.
const ANSWER: &str = "answer";
/// Most minutes that a code may work: what the manifest asks the host for.
const MOST_MINUTES: u8 = 5;
/// One minute in milliseconds.
const MINUTE: i64 = 60_000;
/// One day in milliseconds.
const DAY: i64 = 86_400_000;

/// Settings of the plugin.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many digits a code has: 6 to 10.
    #[schemars(range(min = 6, max = 10))]
    pub digits: u8,
    /// How many minutes a code works: 1 to 5. For a payment no longer than any other question of the server.
    #[schemars(range(min = 1, max = 5))]
    pub minutes: u8,
    /// What the message of a payment costs, by the currency of the payment and in it: a decimal such as `0.05`. Empty: nothing.
    pub fees: BTreeMap<String, String>,
    /// The currency of `fees` whose fee is taken for payments in any other currency. Empty: they cost nothing.
    pub default_currency: String,
    /// How many messages that are not for payments one account is sent in any 24 hours.
    #[schemars(range(min = 1))]
    pub free_per_day: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            digits: 6,
            minutes: MOST_MINUTES,
            fees: [("WMZ", "0.05"), ("WMR", "1.5")].map(|(key, fee)| (key.to_owned(), fee.to_owned())).into(),
            default_currency: "WMZ".to_owned(),
            free_per_day: 5,
        }
    }
}

/// The method, turned on for one account. Where messages go is the host's to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolment {
    /// When, in Unix milliseconds.
    since: i64,
    /// No answer is right: this belongs to an address without an account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    nobody: bool,
}

/// What was sent for a login or a payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    code: Code,
    /// From when on it is wrong, in Unix milliseconds.
    until: i64,
    /// What it approves; nothing for a login. An answer counts for exactly this.
    #[serde(default)]
    transaction: Option<Transaction>,
}

impl Asked {
    /// Whether it was sent for the ceremony that the answer is given in.
    fn is_for(&self, cx: &Context) -> bool {
        let purpose = if self.transaction.is_some() { Purpose::Payment } else { Purpose::Authorize };
        cx.purpose == purpose && cx.transaction == self.transaction && cx.now < self.until
    }
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
pub struct Sms {
    digits: usize,
    minutes: i64,
    prices: Prices,
}

impl Factor for Sms {
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
            .challenge(ChallengeKind::Stored)
            .challenge_seconds(u32::from(MOST_MINUTES) * 60)
            .enrols(Enrols::Page)
            .data_version(1);
        Description::new(manifest)
            .page(CODE_PAGE, include_str!("pages/code.html"))
            .page(PAYMENT_PAGE, include_str!("pages/payment.html"))
            .page(PROVE_PAGE, include_str!("pages/prove.html"))
            .texts("en", include_str!("texts/en.json"))?
            .texts("ru", include_str!("texts/ru.json"))?
            .texts("vi", include_str!("texts/vi.json"))
    }

    fn start(settings: Settings, _: Host) -> Result<Self> {
        let minutes = settings.minutes;
        if !(1..=MOST_MINUTES).contains(&minutes) {
            return Err(Error::failed(format!("minutes: a code works for 1 to {MOST_MINUTES} minutes, not {minutes}")));
        }
        let prices = Prices::new(&settings.fees, &settings.default_currency, settings.free_per_day)?;
        Ok(Self { digits: check_digits(settings.digits)?, minutes: minutes.into(), prices })
    }

    fn begin(&self, cx: &Context, _: &Enrolment) -> Result<Step<Asked, Enrolment>> {
        let code = self.code(cx)?;
        let until = cx.expires_at.min(cx.now.saturating_add(self.minutes * MINUTE));
        let (page, transaction) = match cx.purpose {
            Purpose::Authorize => (CODE_PAGE, None),
            Purpose::Payment => (PAYMENT_PAGE, Some(cx.payment()?.clone())),
        };
        let message = match &transaction {
            None => message::of_login(cx, &code, until),
            Some(transaction) if transaction.subject.is_none() => message::of_payment(cx, transaction, &code, until),
            Some(transaction) => {
                // A message that does not say what its code approves is not sent.
                let Some(summary) = &cx.summary else { return Ok(Step::fail("no_summary")) };
                message::of_subject(cx, (transaction, summary), &code, until)
            }
        };
        let mut data = shown(&code);
        if transaction.as_ref().is_some_and(|transaction| transaction.subject.is_some()) {
            data["worded"] = true.into();
        }
        Ok(Step::ask_with(page, data, Asked { code, until, transaction }, vec![message]))
    }

    fn answer(
        &self,
        cx: &Context,
        enrolment: &Enrolment,
        asked: Asked,
        input: &Input,
    ) -> Result<Step<Asked, Enrolment>> {
        let right = asked.code.is(input.text(ANSWER));
        let passes = right && !enrolment.nobody && asked.is_for(cx);
        Ok(if passes { Step::pass(Facts::amr(AMR)) } else { Step::wrong() })
    }

    fn enrol_begin(&self, cx: &Context, _: Option<&Enrolment>) -> Result<Step<Enrolling, Enrolment>> {
        let code = self.code(cx)?;
        let message = message::of_enrolment(cx, &code);
        Ok(Step::ask_with(PROVE_PAGE, shown(&code), Enrolling { code, nobody: false }, vec![message]))
    }

    /// A slip that cannot be a code is pointed out and costs nothing. A wrong code is for the host to count.
    fn enrol_answer(&self, cx: &Context, state: Enrolling, input: &Input) -> Result<Step<Enrolling, Enrolment>> {
        let typed = input.text(ANSWER);
        if !state.code.has_form(typed) {
            let mut data = shown(&state.code);
            data["problem"] = "problem_form".into();
            return Ok(Step::ask(PROVE_PAGE, data, state));
        }
        if state.code.is(typed) && !state.nobody {
            return Ok(Step::enrolled(Facts::amr(AMR), Enrolment { since: cx.now, nobody: false }));
        }
        Ok(Step::wrong())
    }

    fn price(&self, cx: &Context) -> Result<Price> {
        Ok(self.prices.of(cx))
    }

    /// Asks as any other does; the host sends nothing, and no answer is right. Stays the same for a day.
    fn decoy(&self, cx: &Context) -> Result<DecoyReply<Enrolment, Enrolling>> {
        let since = cx.now - cx.now.rem_euclid(DAY);
        let enrolling = Enrolling { code: self.code(cx)?, nobody: true };
        Ok(DecoyReply { enrolment: Enrolment { since, nobody: true }, enrolling })
    }
}

impl Sms {
    fn code(&self, cx: &Context) -> Result<Code> {
        Code::from_random(&cx.random_bytes()?, self.digits)
    }
}

/// What a page is given: how long the code is. Not where it went, since whoever types an address would learn a part of its
/// owner's number.
fn shown(code: &Code) -> Value {
    json!({ "digits": code.digits() })
}
