//! The conformance suite finds what it says it finds: one small factor, and one fault at a time.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};

use plugin_api::FactorGuest;
use plugin_api::abi::{Guest, Plugin};
use plugin_api::message::{Input, method};
use plugin_api::prelude::*;
use plugin_api::testing::conformance::{self, Asked, Person};

/// What is wrong with it.
mod fault {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const OWN_RANDOMNESS: u8 = 1;
    pub(crate) const UNDECLARED_AMR: u8 = 2;
    pub(crate) const ANSWER_FITS_ALL: u8 = 3;
    pub(crate) const DECOY_CAN_BE_ANSWERED: u8 = 4;
    pub(crate) const FOREIGN_PAGE: u8 = 5;
    pub(crate) const ERROR_FOR_WRONG: u8 = 6;
    pub(crate) const PANICS_ON_ODD_INPUT: u8 = 7;
    pub(crate) const LOGS_TWO_LINES: u8 = 8;
    pub(crate) const ENROLS_ANYTHING: u8 = 9;
    pub(crate) const DECOY_LOOKS_DIFFERENT: u8 = 10;
    pub(crate) const FOREIGN_TEXT: u8 = 11;
    pub(crate) const NOT_THREAD_SAFE: u8 = 12;
    pub(crate) const NO_RUSSIAN: u8 = 13;
    pub(crate) const PANICS_WHEN_DENIED: u8 = 14;
    pub(crate) const PASSES_WHEN_DENIED: u8 = 15;
    pub(crate) const CALLS_UNASKED: u8 = 16;
    pub(crate) const LOSES_A_VALUE: u8 = 17;
    pub(crate) const KNOWS_NO_WAY_BACK: u8 = 18;
    pub(crate) const MIGRATES_TO_RUBBISH: u8 = 19;
    pub(crate) const CHECKS_LITTLE: u8 = 20;
    pub(crate) const STRICT_ABOUT_FIELDS: u8 = 21;
    pub(crate) const CLAIMS_FOR_ANOTHER: u8 = 22;
    pub(crate) const CLAIMS_FROM_NOTHING: u8 = 23;
    pub(crate) const ERROR_FOR_NO_CLAIM: u8 = 24;
    pub(crate) const CLAIM_IS_ENOUGH: u8 = 25;
    pub(crate) const SENDS_TO_NOBODY: u8 = 26;
    pub(crate) const OTHER_QUESTION_TO_NOBODY: u8 = 27;
    pub(crate) const STRICT_ABOUT_CLAIMS: u8 = 28;
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[expect(dead_code, reason = "only taken or refused")]
    size: Option<u8>,
}

/// What the SDK would not let a factor do wrong.
struct Warped<const FAULT: u8>(FactorGuest<Small<FAULT>>);

impl<const FAULT: u8> Guest for Warped<FAULT> {
    fn describe() -> Result<Vec<u8>> {
        FactorGuest::<Small<FAULT>>::describe()
    }

    fn create(settings: &[u8], host: Host) -> Result<Self> {
        FactorGuest::create(settings, host).map(Self)
    }

    fn call(&self, name: &str, json: &[u8]) -> Result<Vec<u8>> {
        let said = String::from_utf8_lossy(json);
        match (FAULT, name) {
            (fault::LOSES_A_VALUE, method::MIGRATE) if said.contains("enrolment") => Ok(br#"{"values": []}"#.to_vec()),
            (fault::CHECKS_LITTLE, method::CHECK_SETTINGS) if said.contains("size") => Ok(b"null".to_vec()),
            (fault::STRICT_ABOUT_FIELDS, method::BEGIN) | (fault::STRICT_ABOUT_CLAIMS, method::CLAIM)
                if said.contains("x_grease") =>
            {
                Err(Error::failed("a stray field"))
            }
            _ => self.0.call(name, json),
        }
    }
}

struct Small<const FAULT: u8> {
    host: Host,
    calls: AtomicU32,
}

impl<const FAULT: u8> Small<FAULT> {
    const TABLE: Plugin = Plugin::new::<Warped<FAULT>>(true);
}

impl<const FAULT: u8> Factor for Small<FAULT> {
    type Settings = Settings;
    /// The key. Data version 0 had it as a text.
    type Enrolment = u32;
    /// The challenge.
    type State = u32;
    type Enrolling = ();

    fn description() -> Result<Description> {
        let texts = r#"{ "name": "Small", "description": "Adds" }"#;
        let described = Description::new(
            Manifest::factor("small", "1.0.0")
                .purposes(&[Purpose::Authorize])
                .amr(&["otp"])
                .acr("urn:enum:acr:1")
                .data_version(1)
                .permissions(if FAULT == fault::CALLS_UNASKED { &["nameless"] } else { &["store", "nameless"] }),
        );
        let described = described.page("ask.html", "").texts("en", texts)?.texts("vi", texts)?;
        if FAULT == fault::NO_RUSSIAN { Ok(described) } else { described.texts("ru", texts) }
    }

    fn start(_: Settings, host: Host) -> Result<Self> {
        Ok(Self { host, calls: AtomicU32::new(0) })
    }

    fn begin(&self, cx: &Context, &key: &u32) -> Result<Step<u32, u32>> {
        let stored = self.host.store(Scope::Account).get::<u32>("k");
        if FAULT == fault::PANICS_WHEN_DENIED {
            stored.unwrap();
        }
        let mut challenge = u32::from(cx.random_bytes()?[0]);
        if FAULT == fault::OWN_RANDOMNESS {
            challenge = self.calls.fetch_add(1, Ordering::Relaxed);
        }
        let mut data = json!({ "challenge": challenge });
        if FAULT == fault::DECOY_LOOKS_DIFFERENT && key > 1_000_000 {
            data["challenge"] = json!("none");
        }
        let effects = if FAULT == fault::FOREIGN_TEXT {
            vec![Effect::Sms { text: "code".to_owned(), args: [].into() }]
        } else {
            Vec::new()
        };
        let page = if FAULT == fault::FOREIGN_PAGE { "other.html" } else { "ask.html" };
        Ok(Step::ask_with(page, data, challenge, effects))
    }

    fn answer(&self, cx: &Context, &key: &u32, challenge: u32, input: &Input) -> Result<Step<u32, u32>> {
        let typed = input.text("answer");
        assert!(FAULT != fault::PANICS_ON_ODD_INPUT || typed.len() < 20, "too long");
        if FAULT == fault::PASSES_WHEN_DENIED && self.host.store(Scope::Account).get::<u32>("k").is_err() {
            return Ok(Step::pass(Facts::amr(&["otp"])));
        }
        if FAULT == fault::CLAIM_IS_ENOUGH && input.text("account") == cx.account.id {
            return Ok(Step::pass(Facts::amr(&["otp"])));
        }
        let mut expected = key + challenge;
        if FAULT == fault::ANSWER_FITS_ALL {
            expected = key;
        }
        if FAULT == fault::NOT_THREAD_SAFE && self.calls.fetch_add(1, Ordering::Relaxed) > 200 {
            return Ok(Step::wrong());
        }
        if FAULT == fault::LOGS_TWO_LINES {
            self.host.log("info", "one\ntwo");
        }
        match typed.parse::<u32>() {
            Ok(number) if number == expected => {
                Ok(Step::pass(Facts::amr(if FAULT == fault::UNDECLARED_AMR { &["hwk"] } else { &["otp"] })))
            }
            _ if FAULT == fault::ERROR_FOR_WRONG => Err(Error::failed("wrong")),
            _ => Ok(Step::wrong()),
        }
    }

    fn begin_nameless(&self, cx: &Context) -> Result<Step<u32, u32>> {
        let mut challenge = u32::from(cx.random_bytes()?[0]);
        if FAULT == fault::OTHER_QUESTION_TO_NOBODY {
            challenge = self.calls.fetch_add(1, Ordering::Relaxed);
        }
        let mut effects = Vec::new();
        if FAULT == fault::SENDS_TO_NOBODY {
            effects.push(Effect::Sms { text: "name".to_owned(), args: [].into() });
        }
        Ok(Step::ask_with("ask.html", json!({ "challenge": challenge }), challenge, effects))
    }

    fn claim(&self, _: &Context, _: u32, input: &Input) -> Result<Option<String>> {
        let named = input.text("account");
        match named.starts_with("acc_") {
            true if FAULT == fault::CLAIMS_FOR_ANOTHER => Ok(Some("acc_other".to_owned())),
            true => Ok(Some(named.to_owned())),
            false if FAULT == fault::CLAIMS_FROM_NOTHING => Ok(Some(named.to_owned())),
            false if FAULT == fault::ERROR_FOR_NO_CLAIM => Err(Error::failed("no account")),
            false => Ok(None),
        }
    }

    fn enrol_begin(&self, _: &Context, _: Option<&u32>) -> Result<Step<(), u32>> {
        Ok(Step::ask("ask.html", json!({}), ()))
    }

    fn enrol_answer(&self, _: &Context, (): (), input: &Input) -> Result<Step<(), u32>> {
        match input.text("answer").parse() {
            Ok(key) => Ok(Step::enrolled(Facts::amr(&["otp"]), key)),
            Err(_) if FAULT == fault::ENROLS_ANYTHING => Ok(Step::enrolled(Facts::amr(&["otp"]), 1000)),
            Err(_) => Ok(Step::wrong()),
        }
    }

    fn decoy(&self, _: &Context) -> Result<DecoyReply<u32, ()>> {
        let enrolment = if FAULT == fault::DECOY_CAN_BE_ANSWERED { 1000 } else { 9_000_000 };
        Ok(DecoyReply { enrolment, enrolling: () })
    }

    fn migrate(&self, from: u32, to: u32, value: Migrating) -> Result<Value> {
        let Migrating::Enrolment { value } = value else { return Err(Error::Unsupported) };
        match (from, to) {
            (0, 1) if FAULT == fault::MIGRATES_TO_RUBBISH => Ok(json!("rubbish")),
            (0, 1) => {
                let key = value.as_str().and_then(|key| key.parse::<u32>().ok());
                key.map(Value::from).ok_or_else(|| Error::failed("no key"))
            }
            (1, 0) if FAULT != fault::KNOWS_NO_WAY_BACK => Ok(json!(value.to_string())),
            _ => Err(Error::Unsupported),
        }
    }
}

/// Her key is 1000.
struct Ann;

impl Person for Ann {
    fn older(&self) -> Vec<(u32, Migrating)> {
        vec![(0, Migrating::Enrolment { value: json!("1000") })]
    }

    fn enrol(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "1000")])
    }

    fn answer(&mut self, _: &Context, asked: &Asked) -> Input {
        let challenge = asked.data["challenge"].as_u64().unwrap_or_default();
        Input::from_iter([("answer", (1000 + challenge).to_string())])
    }

    fn answer_nameless(&mut self, cx: &Context, asked: &Asked) -> Input {
        let mut input = self.answer(cx, asked);
        input.0.insert("account".to_owned(), cx.account.id.clone());
        input
    }

    fn wrong(&mut self, _: &Context, _: &Asked) -> Input {
        Input::from_iter([("answer", "3")])
    }
}

/// Answers with the key alone.
struct Lazy;

impl Person for Lazy {
    fn enrol(&mut self, cx: &Context, asked: &Asked) -> Input {
        Ann.enrol(cx, asked)
    }

    fn answer(&mut self, cx: &Context, asked: &Asked) -> Input {
        Ann.enrol(cx, asked)
    }

    fn wrong(&mut self, cx: &Context, asked: &Asked) -> Input {
        Ann.wrong(cx, asked)
    }
}

fn finding<const FAULT: u8>(person: &mut dyn Person) -> String {
    let table: &'static Plugin = Box::leak(Box::new(Small::<FAULT>::TABLE));
    conformance::factor(table, person).unwrap_err().to_string()
}

#[test]
fn without_a_fault_it_conforms() {
    static TABLE: Plugin = Small::<{ fault::NONE }>::TABLE;
    conformance::factor(&TABLE, &mut Ann).unwrap();
}

#[test]
fn each_fault_is_found_and_named() {
    let ann = &mut Ann;
    for (finding, rule) in [
        (finding::<{ fault::OWN_RANDOMNESS }>(ann), "the same surroundings give the same challenge"),
        (finding::<{ fault::UNDECLARED_AMR }>(ann), "a pass names only declared amr values, and at least one"),
        (finding::<{ fault::ANSWER_FITS_ALL }>(&mut Lazy), "an answer is good for its own ceremony only"),
        (finding::<{ fault::DECOY_CAN_BE_ANSWERED }>(ann), "a decoy looks real and cannot be answered"),
        (finding::<{ fault::DECOY_LOOKS_DIFFERENT }>(ann), "a decoy looks real and cannot be answered"),
        (finding::<{ fault::FOREIGN_PAGE }>(ann), "every page that is asked for is embedded"),
        (finding::<{ fault::FOREIGN_TEXT }>(ann), "every text that an effect names is embedded"),
        (finding::<{ fault::ERROR_FOR_WRONG }>(ann), "a wrong answer is not an error"),
        (finding::<{ fault::PANICS_ON_ODD_INPUT }>(ann), "a wrong answer is not an error: the plugin panicked"),
        (finding::<{ fault::LOGS_TWO_LINES }>(ann), "a log line is one line with a known level"),
        (finding::<{ fault::ENROLS_ANYTHING }>(ann), "an empty input enrols nothing"),
        (finding::<{ fault::NOT_THREAD_SAFE }>(ann), "many threads may call at once"),
        (finding::<{ fault::PANICS_WHEN_DENIED }>(ann), "a service that is denied is an error, and no reason to panic"),
        (finding::<{ fault::PASSES_WHEN_DENIED }>(ann), "a wrong answer never passes"),
        (finding::<{ fault::CALLS_UNASKED }>(ann), "it calls only services that its manifest asks for: store.get"),
        (
            finding::<{ fault::LOSES_A_VALUE }>(ann),
            "as many values come back from data.migrate as were sent: 0 instead of 1",
        ),
        (
            finding::<{ fault::KNOWS_NO_WAY_BACK }>(ann),
            "what an older build has written is migrated, and back: unknown method",
        ),
        (finding::<{ fault::MIGRATES_TO_RUBBISH }>(ann), "an enrolment can be used after its migration"),
        (
            finding::<{ fault::CHECKS_LITTLE }>(ann),
            "settings.check finds what create would refuse: with `size` as [[]]",
        ),
        (finding::<{ fault::STRICT_ABOUT_FIELDS }>(ann), "messages ignore fields that they do not know"),
        (finding::<{ fault::CLAIMS_FOR_ANOTHER }>(ann), "an answer names the account that it is for"),
        (finding::<{ fault::STRICT_ABOUT_CLAIMS }>(ann), "an answer names the account that it is for: a stray field"),
        (finding::<{ fault::CLAIMS_FROM_NOTHING }>(ann), "what makes no sense names nobody, and is no error"),
        (finding::<{ fault::ERROR_FOR_NO_CLAIM }>(ann), "what makes no sense names nobody, and is no error"),
        (finding::<{ fault::CLAIM_IS_ENOUGH }>(ann), "a claim alone proves nothing"),
        (finding::<{ fault::SENDS_TO_NOBODY }>(ann), "whoever is there is shown a page, and sent nothing"),
        (
            finding::<{ fault::OTHER_QUESTION_TO_NOBODY }>(ann),
            "the same surroundings give the same challenge: two equal questions to whoever is there differ",
        ),
        (
            finding::<{ fault::NO_RUSSIAN }>(ann),
            "the description is valid and always the same: texts has no locale `ru`",
        ),
    ] {
        assert!(finding.starts_with(rule), "{finding}");
    }
}

#[test]
fn a_build_that_aborts_is_found() {
    static TABLE: Plugin = Plugin::new::<FactorGuest<Small<{ fault::NONE }>>>(false);
    let finding = conformance::factor(&TABLE, &mut Ann).unwrap_err().to_string();
    assert!(finding.starts_with("a panic must be contained"), "{finding}");
}
