//! What the author of a factor writes.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::abi::{Guest, Host};
use crate::error::{Error, Result};
use crate::message::{
    Answer, Begin, BeginNameless, Claim, Claimed, Context, Decoy, DecoyReply, Description, EnrolAnswer, EnrolBegin,
    Enrolled, Input, Kind, Migrate, Migrated, Migrating, Price, PriceQuery, Step, method,
};

/// Something that can prove who a person is, or what they agree to.
///
/// A factor is a pure function over what it is handed: time, randomness and its own former state come from the host, and
/// whatever should be kept is returned. The host seals states, counts wrong answers, enforces lifetimes and single use,
/// and carries out effects. One instance serves many threads at once.
///
/// Export it with [`crate::export_factor!`].
pub trait Factor: Send + Sync + Sized + 'static {
    /// Settings, from the server's configuration. Put `#[serde(deny_unknown_fields)]` on it, so that a mistyped key is
    /// reported; [`crate::NoSettings`] if there are none. Its JSON Schema becomes part of the description.
    type Settings: DeserializeOwned + JsonSchema;
    /// What is kept of one enrolment (this phone, this finger).
    type Enrolment: Serialize + DeserializeOwned;
    /// What is kept between a challenge and its answer.
    type State: Serialize + DeserializeOwned;
    /// What is kept between two steps of enrolling.
    type Enrolling: Serialize + DeserializeOwned;

    /// What the plugin is, with its pages and texts; the SDK adds the settings' schema. Must always return the same.
    ///
    /// # Errors
    /// When embedded texts do not parse.
    fn description() -> Result<Description>;

    /// An instance with these settings. Also used to try settings out: it must have no lasting effect.
    ///
    /// # Errors
    /// When the settings make no sense; the text names the setting and is shown to the administrator.
    fn start(settings: Self::Settings, host: Host) -> Result<Self>;

    /// Issues a challenge for one enrolment.
    ///
    /// # Errors
    /// When it cannot; the person is offered another factor.
    fn begin(&self, cx: &Context, enrolment: &Self::Enrolment) -> Result<Step<Self::State, Self::Enrolment>>;

    /// Judges an answer. A wrong one is [`Step::wrong`], not an error.
    ///
    /// # Errors
    /// When it cannot judge; the attempt does not count as an answer.
    fn answer(
        &self,
        cx: &Context,
        enrolment: &Self::Enrolment,
        state: Self::State,
        input: &Input,
    ) -> Result<Step<Self::State, Self::Enrolment>>;

    /// Starts to enrol something new, perhaps in the place of `replaces`.
    ///
    /// # Errors
    /// When it cannot.
    fn enrol_begin(
        &self,
        cx: &Context,
        replaces: Option<&Self::Enrolment>,
    ) -> Result<Step<Self::Enrolling, Self::Enrolment>>;

    /// Goes on enrolling, until [`Step::enrolled`].
    ///
    /// # Errors
    /// When it cannot.
    fn enrol_answer(
        &self,
        cx: &Context,
        state: Self::Enrolling,
        input: &Input,
    ) -> Result<Step<Self::Enrolling, Self::Enrolment>>;

    /// As [`Factor::begin`], for a manifest that allows an account several enrolments: any of `others` may answer as well.
    ///
    /// # Errors
    /// As [`Factor::begin`], which is what is asked by default.
    fn begin_among(
        &self,
        cx: &Context,
        enrolment: &Self::Enrolment,
        _others: &[Enrolled<Self::Enrolment>],
    ) -> Result<Step<Self::State, Self::Enrolment>> {
        self.begin(cx, enrolment)
    }

    /// As [`Factor::answer`], for a manifest that allows an account several enrolments. [`Step::pass_of`] says which of
    /// `others` has answered; naming one that is not among them is a failure.
    ///
    /// # Errors
    /// As [`Factor::answer`], which is what is asked by default.
    fn answer_among(
        &self,
        cx: &Context,
        enrolment: &Self::Enrolment,
        _others: &[Enrolled<Self::Enrolment>],
        state: Self::State,
        input: &Input,
    ) -> Result<Step<Self::State, Self::Enrolment>> {
        self.answer(cx, enrolment, state, input)
    }

    /// As [`Factor::enrol_begin`], for a manifest that allows an account several enrolments: `others` stay.
    ///
    /// # Errors
    /// As [`Factor::enrol_begin`], which is what is asked by default.
    fn enrol_begin_among(
        &self,
        cx: &Context,
        replaces: Option<&Self::Enrolment>,
        _others: &[Enrolled<Self::Enrolment>],
    ) -> Result<Step<Self::Enrolling, Self::Enrolment>> {
        self.enrol_begin(cx, replaces)
    }

    /// Asks whoever is there, on the page that asks people who they are: with the permission
    /// [`crate::message::permission::NAMELESS`], and for logins alone. The account in `cx` is empty. What is asked must be
    /// the same for everybody, and sends nothing; the page's data may say whatever a login page may say.
    ///
    /// # Errors
    /// [`Error::Unsupported`] by default, and where the settings do not want it: people then say who they are.
    fn begin_nameless(&self, _cx: &Context) -> Result<Step<Self::State, Self::Enrolment>> {
        Err(Error::Unsupported)
    }

    /// Whose an answer to [`Factor::begin_nameless`] says that it is: the account's id as it was in `cx` while enrolling; none
    /// if it names nobody. This believes nothing and proves nothing: [`Factor::answer_among`] judges the same input next, for
    /// that account and its enrolments, with the same randomness and state.
    ///
    /// # Errors
    /// When it cannot look; an answer that makes no sense names nobody.
    fn claim(&self, _cx: &Context, _state: Self::State, _input: &Input) -> Result<Option<String>> {
        Err(Error::Unsupported)
    }

    /// States that look real and that nobody can answer for: what an address without an account is shown.
    ///
    /// # Errors
    /// [`Error::Unsupported`] by default: the host then never shows this factor before the account is known to exist.
    fn decoy(&self, _cx: &Context) -> Result<DecoyReply<Self::Enrolment, Self::Enrolling>> {
        Err(Error::Unsupported)
    }

    /// What it costs to send a challenge, out of the settings and `cx`. Asked before anything is sent; the host shows the fee,
    /// sends only when the person has accepted exactly this one, counts what is free, and keeps the ledger. Only for
    /// factors whose challenges are [`crate::message::ChallengeKind::Stored`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] by default: sending costs nothing.
    fn price(&self, _cx: &Context) -> Result<Price> {
        Err(Error::Unsupported)
    }

    /// Whether these settings work out there, after [`Factor::start`] has found that they make sense: the gateway can be
    /// reached, and takes the password. Asked before settings take effect, by no login. It must have no lasting effect.
    ///
    /// # Errors
    /// When they do not; the text is shown to the administrator, so name the setting. By default they work.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// One value from data version `from` to data version `to` (see the manifest), one of which is this build's. The
    /// build with the higher version is asked, in both directions: on an upgrade, and when an administrator goes back.
    /// All values move in one transaction, or none.
    ///
    /// # Errors
    /// When it cannot, and everything stays as it was. [`Error::Unsupported`] by default: fits a factor whose data
    /// version never changed.
    fn migrate(&self, _from: u32, _to: u32, _value: Migrating) -> Result<Value> {
        Err(Error::Unsupported)
    }
}

/// Settings of a plugin that has none.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// A [`Factor`] behind the C table. Made by [`crate::export_factor!`].
#[doc(hidden)]
#[derive(Debug)]
pub struct FactorGuest<F> {
    factor: F,
    host: Host,
}

impl<F: Factor> Guest for FactorGuest<F> {
    fn describe() -> Result<Vec<u8>> {
        described::<F::Settings>(F::description()?, Kind::Factor)
    }

    fn create(settings: &[u8], host: Host) -> Result<Self> {
        Ok(Self { factor: F::start(parse_settings(settings)?, host)?, host })
    }

    fn call(&self, name: &str, json: &[u8]) -> Result<Vec<u8>> {
        let factor = &self.factor;
        match name {
            method::CHECK_SETTINGS => {
                F::start(parse_settings(json)?, self.host)?.check()?;
                reply(&())
            }
            method::BEGIN => {
                let Begin { cx, enrolment, others } = request(json)?;
                reply(&factor.begin_among(&cx, &state("enrolment", enrolment)?, &states(others)?)?)
            }
            method::ANSWER => {
                let Answer { cx, enrolment, others, state: asked, input } = request(json)?;
                let (enrolment, others) = (state("enrolment", enrolment)?, states(others)?);
                reply(&factor.answer_among(&cx, &enrolment, &others, state("state", asked)?, &input)?)
            }
            method::BEGIN_NAMELESS => {
                let BeginNameless { cx } = request(json)?;
                reply(&factor.begin_nameless(&cx)?)
            }
            method::CLAIM => {
                let Claim { cx, state: asked, input } = request(json)?;
                reply(&Claimed { account: factor.claim(&cx, state("state", asked)?, &input)? })
            }
            method::ENROL_BEGIN => {
                let EnrolBegin { cx, replaces, others } = request(json)?;
                let replaces = replaces.map(|old| state("enrolment", old)).transpose()?;
                reply(&factor.enrol_begin_among(&cx, replaces.as_ref(), &states(others)?)?)
            }
            method::ENROL_ANSWER => {
                let EnrolAnswer { cx, state: asked, input } = request(json)?;
                reply(&factor.enrol_answer(&cx, state("state", asked)?, &input)?)
            }
            method::DECOY => {
                let Decoy { cx } = request(json)?;
                reply(&factor.decoy(&cx)?)
            }
            method::PRICE => {
                let PriceQuery { cx } = request(json)?;
                reply(&factor.price(&cx)?)
            }
            method::MIGRATE => migrated(json, |from, to, value| factor.migrate(from, to, value)),
            _ => Err(Error::Unsupported),
        }
    }
}

/// A description as JSON, with the schema of `S` filled in.
pub(crate) fn described<S: JsonSchema>(mut description: Description, kind: Kind) -> Result<Vec<u8>> {
    if description.manifest.kind != kind {
        return Err(Error::failed("the manifest names another kind of plugin than the one that was exported"));
    }
    description.settings_schema = schemars::SchemaGenerator::default().into_root_schema_for::<S>().to_value();
    description.check().map_err(Error::Failed)?;
    reply(&description)
}

/// Reply to [`method::MIGRATE`], value by value.
pub(crate) fn migrated(json: &[u8], one: impl Fn(u32, u32, Migrating) -> Result<Value>) -> Result<Vec<u8>> {
    let Migrate { from, to, values } = request(json)?;
    let values = values.into_iter().map(|value| one(from, to, value)).collect::<Result<_>>()?;
    reply(&Migrated { values })
}

/// Settings out of JSON. The error names the offending key for the administrator who wrote it.
pub(crate) fn parse_settings<S: DeserializeOwned>(json: &[u8]) -> Result<S> {
    serde_json::from_slice(json).map_err(|error| Error::Failed(format!("settings: {error}")))
}

pub(crate) fn request<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| Error::malformed("the request", &error))
}

fn state<T: DeserializeOwned>(what: &str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| Error::malformed(what, &error))
}

fn states<E: DeserializeOwned>(others: Vec<Enrolled>) -> Result<Vec<Enrolled<E>>> {
    let typed = |Enrolled { id, enrolment }| Ok(Enrolled { id, enrolment: state("enrolment", enrolment)? });
    others.into_iter().map(typed).collect()
}

pub(crate) fn reply<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::malformed("the reply", &error))
}
