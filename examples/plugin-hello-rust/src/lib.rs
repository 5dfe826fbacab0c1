//! A passphrase, kept as Argon2id: a whole factor, small enough to read at a sitting.
#![forbid(unsafe_code)]

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{ARGON2ID_IDENT, Argon2, Params, Version};
use plugin_api::prelude::*;
use unicode_normalization::UnicodeNormalization;

export_factor!(Passphrase);

/// Fewest and most characters. The upper bound keeps a hash from being made of a whole book.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// One person's passphrase: Argon2id with 19 MiB and two passes (OWASP's least), as a PHC string.
#[derive(Serialize, Deserialize)]
pub struct Enrolment {
    phc: String,
}

/// What the person chooses now must differ from this.
#[derive(Serialize, Deserialize)]
pub struct Enrolling {
    replaces: Option<Enrolment>,
}

/// The factor. It keeps nothing: whatever it knows of a person comes with each call.
#[derive(Debug)]
pub struct Passphrase;

impl Factor for Passphrase {
    type Settings = NoSettings;
    type Enrolment = Enrolment;
    type State = ();
    type Enrolling = Enrolling;

    fn description() -> Result<Description> {
        let manifest = Manifest::factor("hello", env!("CARGO_PKG_VERSION"))
            .purposes(&[Purpose::Authorize])
            .amr(&["pwd"])
            .acr("urn:enum:acr:1")
            .enrols(Enrols::Page)
            .data_version(1);
        Description::new(manifest)
            .page("ask.html", include_str!("../pages/ask.html"))
            .page("set.html", include_str!("../pages/set.html"))
            .texts("en", include_str!("../locales/en.json"))?
            .texts("ru", include_str!("../locales/ru.json"))?
            .texts("vi", include_str!("../locales/vi.json"))
    }

    fn start(_: NoSettings, _: Host) -> Result<Self> {
        Ok(Self)
    }

    fn begin(&self, _: &Context, _: &Enrolment) -> Result<Step<(), Enrolment>> {
        Ok(Step::ask("ask.html", json!({}), ()))
    }

    fn answer(&self, _: &Context, enrolment: &Enrolment, (): (), input: &Input) -> Result<Step<(), Enrolment>> {
        let typed = normal(input.text("answer"));
        Ok(if is(enrolment, &typed)? { Step::pass(Facts::amr(&["pwd"])) } else { Step::wrong() })
    }

    fn enrol_begin(&self, _: &Context, replaces: Option<&Enrolment>) -> Result<Step<Enrolling, Enrolment>> {
        let replaces = replaces.map(|old| Enrolment { phc: old.phc.clone() });
        Ok(Step::ask("set.html", json!({}), Enrolling { replaces }))
    }

    fn enrol_answer(&self, cx: &Context, state: Enrolling, input: &Input) -> Result<Step<Enrolling, Enrolment>> {
        let (chosen, again) = (normal(input.text("answer")), normal(input.text("again")));
        let problem = if !LENGTH.contains(&chosen.chars().count()) {
            "problem_length"
        } else if chosen != again {
            "problem_again"
        } else if state.replaces.as_ref().map_or(Ok(false), |old| is(old, &chosen))? {
            "problem_same"
        } else {
            let salt = &cx.random_bytes()?[..16];
            let phc = Argon2::default().hash_password_with_salt(chosen.as_bytes(), salt).map_err(failed)?;
            return Ok(Step::enrolled(Facts::amr(&["pwd"]), Enrolment { phc: phc.to_string() }));
        };
        Ok(Step::ask("set.html", json!({ "problem": problem }), state))
    }

    /// A hash that was made of nothing: checking against it takes as long as against a real one, and nothing fits it.
    fn decoy(&self, cx: &Context) -> Result<DecoyReply<Enrolment, Enrolling>> {
        let random = cx.random_bytes()?;
        let phc = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::default().into()),
            params: (&Params::default()).try_into().map_err(failed)?,
            salt: Some(Salt::new(&random[..16]).map_err(failed)?),
            hash: Some(Output::new(&random).map_err(failed)?),
        };
        let enrolling = Enrolling { replaces: None };
        Ok(DecoyReply { enrolment: Enrolment { phc: phc.to_string() }, enrolling })
    }
}

/// One passphrase is one, whatever keyboard it is typed on (NFKC).
fn normal(typed: &str) -> String {
    typed.nfkc().collect()
}

/// Whether `typed` is the passphrase; compared in constant time.
fn is(enrolment: &Enrolment, typed: &str) -> Result<bool> {
    if !LENGTH.contains(&typed.chars().count()) {
        return Ok(false);
    }
    match Argon2::default().verify_password(typed.as_bytes(), enrolment.phc.as_str()) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::failed(format!("Argon2: {error}"))
}
