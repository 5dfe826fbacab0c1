//! A plugin, created through its C table.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::FakeHost;
use crate::abi::{Instance, Plugin, Reply};
use crate::error::{Error, Result, Status};
use crate::message::{
    Answer, Approved, ApprovedReply, Begin, BeginNameless, Claim, Claimed, Context, Decoy, DecoyReply, Description,
    EnrolAnswer, EnrolBegin, Enrolled, Input, MapDetails, MappedDetails, Migrate, Migrated, Migrating, Price,
    PriceQuery, Serve, Served, Site, Step, method,
};

/// Longest reply that the kit takes, as a server does.
pub(super) const REPLY_LIMIT: usize = 1 << 20;

/// What stands for a panic.
pub(super) const PANICKED: &str = "the plugin panicked";

/// A plugin in this process, called as a server calls it.
#[derive(Debug)]
pub struct Loaded {
    table: &'static Plugin,
    instance: Instance,
    host: Arc<FakeHost>,
}

impl Loaded {
    /// Creates the plugin behind `table`, which is what its `enum_plugin_v1()` returns.
    ///
    /// Its host grants what its manifest asks for. The settings are what the plugin gets: a secret is
    /// `{"secret": "/pointer"}` here, and [`Loaded::with`] tells the host its value.
    ///
    /// # Errors
    /// When the plugin refuses the settings.
    pub fn new(table: &'static Plugin, settings: &Value) -> Result<Self> {
        Self::with(table, settings, |_| ())
    }

    /// As [`Loaded::new`], on a host that is prepared before the plugin is created: secrets, the web, grants withheld.
    ///
    /// # Errors
    /// When the plugin refuses the settings.
    pub fn with(table: &'static Plugin, settings: &Value, prepare: impl FnOnce(&FakeHost)) -> Result<Self> {
        // One that cannot describe itself asks for nothing; whether it can is for `describe` to tell.
        let described = typed::<Description>(&table.describe(REPLY_LIMIT)).ok();
        let host = Arc::new(described.as_ref().map(FakeHost::of).unwrap_or_default());
        prepare(&host);
        Instance::create(table, settings.to_string().as_bytes(), Arc::clone(&host) as _, REPLY_LIMIT)
            .map(|instance| Self { table, instance, host })
            .map_err(|reply| failure(&reply))
    }

    /// What the plugin told its host.
    pub fn host(&self) -> &FakeHost {
        &self.host
    }

    /// What the plugin says of itself.
    ///
    /// # Errors
    /// As the plugin says, or when the reply does not parse.
    pub fn describe(&self) -> Result<Description> {
        typed(&self.table.describe(REPLY_LIMIT))
    }

    /// Any message, unparsed. While it is answered, the account scope is that of the account in its context.
    pub fn raw(&self, method: &str, json: &[u8]) -> Reply {
        let request: Value = serde_json::from_slice(json).unwrap_or_default();
        let account = request.pointer("/cx/account/id").and_then(Value::as_str);
        FakeHost::about(account, || self.instance.call(method, json, REPLY_LIMIT))
    }

    /// Any message.
    ///
    /// # Errors
    /// As the plugin says, or when the reply does not parse.
    pub fn call<Q: Serialize, A: DeserializeOwned>(&self, method: &str, request: &Q) -> Result<A> {
        let json = serde_json::to_vec(request).map_err(|error| Error::malformed("the request", &error))?;
        typed(&self.raw(method, &json))
    }

    /// [`method::BEGIN`].
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn begin(&self, cx: &Context, enrolment: &Value) -> Result<Step> {
        self.begin_among(cx, enrolment, &[])
    }

    /// [`method::BEGIN`] with others beside the enrolment that leads.
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn begin_among(&self, cx: &Context, enrolment: &Value, others: &[Enrolled]) -> Result<Step> {
        let request = Begin { cx: cx.clone(), enrolment: enrolment.clone(), others: others.to_vec() };
        self.call(method::BEGIN, &request)
    }

    /// [`method::ANSWER`].
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn answer(&self, cx: &Context, enrolment: &Value, state: &Value, input: &Input) -> Result<Step> {
        self.answer_among(cx, enrolment, &[], state, input)
    }

    /// [`method::ANSWER`] with others beside the enrolment that leads.
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn answer_among(
        &self,
        cx: &Context,
        enrolment: &Value,
        others: &[Enrolled],
        state: &Value,
        input: &Input,
    ) -> Result<Step> {
        let request = Answer {
            cx: cx.clone(),
            enrolment: enrolment.clone(),
            others: others.to_vec(),
            state: state.clone(),
            input: input.clone(),
        };
        self.call(method::ANSWER, &request)
    }

    /// [`method::BEGIN_NAMELESS`].
    ///
    /// # Errors
    /// As [`Loaded::call`]; [`Error::Unsupported`] when the plugin asks nobody before it knows whom.
    pub fn begin_nameless(&self, cx: &Context) -> Result<Step> {
        self.call(method::BEGIN_NAMELESS, &BeginNameless { cx: cx.clone() })
    }

    /// [`method::CLAIM`].
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn claim(&self, cx: &Context, state: &Value, input: &Input) -> Result<Option<String>> {
        let request = Claim { cx: cx.clone(), state: state.clone(), input: input.clone() };
        self.call(method::CLAIM, &request).map(|Claimed { account }| account)
    }

    /// [`method::ENROL_BEGIN`].
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn enrol_begin(&self, cx: &Context, replaces: Option<&Value>) -> Result<Step> {
        self.enrol_begin_among(cx, replaces, &[])
    }

    /// [`method::ENROL_BEGIN`] for an account that has others, which stay.
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn enrol_begin_among(&self, cx: &Context, replaces: Option<&Value>, others: &[Enrolled]) -> Result<Step> {
        let request = EnrolBegin { cx: cx.clone(), replaces: replaces.cloned(), others: others.to_vec() };
        self.call(method::ENROL_BEGIN, &request)
    }

    /// [`method::ENROL_ANSWER`].
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn enrol_answer(&self, cx: &Context, state: &Value, input: &Input) -> Result<Step> {
        let request = EnrolAnswer { cx: cx.clone(), state: state.clone(), input: input.clone() };
        self.call(method::ENROL_ANSWER, &request)
    }

    /// [`method::DECOY`].
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn decoy(&self, cx: &Context) -> Result<DecoyReply> {
        self.call(method::DECOY, &Decoy { cx: cx.clone() })
    }

    /// [`method::PRICE`].
    ///
    /// # Errors
    /// As [`Loaded::call`]; [`Error::Unsupported`] when sending costs nothing.
    pub fn price(&self, cx: &Context) -> Result<Price> {
        self.call(method::PRICE, &PriceQuery { cx: cx.clone() })
    }

    /// [`method::MIGRATE`].
    ///
    /// # Errors
    /// As [`Loaded::call`]; [`Error::Unsupported`] when the plugin knows of no other data version.
    pub fn migrate(&self, from: u32, to: u32, values: Vec<Migrating>) -> Result<Vec<Value>> {
        self.call(method::MIGRATE, &Migrate { from, to, values }).map(|Migrated { values }| values)
    }

    /// [`method::CHECK_SETTINGS`].
    ///
    /// # Errors
    /// What is wrong with these settings.
    pub fn check_settings(&self, settings: &Value) -> Result<()> {
        self.call(method::CHECK_SETTINGS, settings)
    }

    /// [`method::MAP_DETAILS`].
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn map_details(&self, details: &Value, site: &Site) -> Result<MappedDetails> {
        self.call(method::MAP_DETAILS, &MapDetails { details: details.clone(), site: site.clone() })
    }

    /// [`method::SERVE`], about the account in its context.
    ///
    /// # Errors
    /// As [`Loaded::call`]; [`Error::Unsupported`] when the service has no resources.
    pub fn serve(&self, request: &Serve) -> Result<Served> {
        self.call(method::SERVE, request)
    }

    /// [`method::APPROVED`].
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn approved(&self, approved: &Approved) -> Result<Value> {
        self.call(method::APPROVED, approved).map(|ApprovedReply { details }| details)
    }
}

fn typed<A: DeserializeOwned>(reply: &Reply) -> Result<A> {
    if reply.status != 0 || reply.overflowed {
        return Err(failure(reply));
    }
    serde_json::from_slice(&reply.bytes).map_err(|error| Error::malformed("the reply", &error))
}

fn failure(reply: &Reply) -> Error {
    let text = String::from_utf8_lossy(&reply.bytes).into_owned();
    match Status::from_code(reply.status) {
        Some(Status::Ok) => Error::failed("the reply is too long"),
        Some(Status::Error) => Error::Failed(text),
        Some(Status::Unknown) => Error::Unsupported,
        Some(Status::Panicked) => Error::failed(PANICKED),
        Some(Status::Denied) => Error::Denied(text),
        None => Error::Failed(format!("the plugin returned status {}", reply.status)),
    }
}
