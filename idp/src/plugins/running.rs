//! One plugin from its configuration to its replies.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use jsonschema::Validator;
use plugin_api::Status;
use plugin_api::abi::Reply;
use plugin_api::message::{Description, Manifest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Handle;

use super::breaker::Breaker;
use super::error::{CallError, LoadError};
use super::lane::{Lane, Limits, REPLY_LIMIT};
use super::room::{House, Rooms};
use super::services::grants::{Rights, is_known};
use super::services::{Held, HostServices, Means, Subject, secret};
use super::verify::Image;
use super::{Isolation, PluginConfig};

/// How long it may take to end a process that is late.
const ENDING: Duration = Duration::from_secs(2);

/// A plugin that was loaded and started.
pub(super) struct Running {
    sha256: String,
    description: Description,
    settings: Value,
    details: BTreeMap<String, Validator>,
    lane: Lane,
    breaker: Mutex<Breaker>,
    /// Its services work for as long as this is there.
    _held: Arc<Held>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("id", &self.id()).field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

impl Running {
    /// Reads the file of an entry, compares it with the pin, and starts it.
    pub(super) fn load(config: &PluginConfig, private_dir: &Path, means: &Means) -> Result<Self, LoadError> {
        let image = Image::read(&config.path)?;
        image.matches(&config.path, &config.sha256)?;
        Self::from_image(&config.path, &image, config, private_dir, Rights::Asked(&config.grants), means)
    }

    /// Starts what `image` holds, whose bytes the caller has verified. `name` is what errors call the plugin; path, pin
    /// and grants of `config` are not looked at.
    ///
    /// Blocks, and must not be called on a thread of the runtime: the plugin may use its services while it starts.
    pub(super) fn from_image(
        name: &Path,
        image: &Image,
        config: &PluginConfig,
        private_dir: &Path,
        rights: Rights<'_>,
        means: &Means,
    ) -> Result<Self, LoadError> {
        let limits = limits(name, config)?;
        let mut house = House::open(name, image, config.isolation, &config.program, private_dir)?;
        let description = described(name, &house.describe(name)?)?;
        let details = details_validators(name, &description)?;
        let (settings, secrets) = secret::split(&description.settings_schema, &config.settings);
        check_settings(name, &description, &settings)?;
        let grants = rights
            .grants(&description.manifest.permissions)
            .map_err(|why| LoadError::Grants { path: name.to_owned(), why })?;
        let held = Arc::new(Held { grants, secrets });
        let services = Arc::new(HostServices::new(&description, &image.sha256, &held, means));
        let created = create(name, house, services, &settings);
        means.settle_blocking();
        let lane = Lane::start(&description.manifest.id, created?, limits)
            .map_err(|source| LoadError::NoThreads { path: name.to_owned(), source })?;
        let (sha256, breaker) = (image.sha256.clone(), Mutex::new(Breaker::new()));
        Ok(Self { sha256, description, settings, details, lane, breaker, _held: held })
    }

    pub(super) fn id(&self) -> &str {
        &self.description.manifest.id
    }

    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.description.manifest
    }

    pub(super) fn description(&self) -> &Description {
        &self.description
    }

    /// Its settings, as it has them: with references in place of secrets.
    pub(super) fn settings(&self) -> &Value {
        &self.settings
    }

    /// The schema of an owned type of `authorization_details`.
    pub(super) fn details_validator(&self, name: &str) -> Option<&Validator> {
        self.details.get(name)
    }

    /// Sends a message about `subject` and judges the reply: well-formed, and `sound` besides. Faults are counted.
    ///
    /// Runs to its end even if the caller goes away, for somebody has to watch the deadline.
    pub(super) async fn ask<A: DeserializeOwned + Send + 'static>(
        self: &Arc<Self>,
        method: &'static str,
        subject: &Subject,
        request: &impl Serialize,
        sound: impl FnOnce(&Description, &A) -> Result<(), String> + Send + 'static,
    ) -> Result<A, CallError> {
        let json = serde_json::to_vec(request).map_err(|error| CallError::Failed(error.to_string()))?;
        let (plugin, subject) = (Arc::clone(self), subject.clone());
        let call = async move {
            if !plugin.breaker().allows(Instant::now()) {
                return Err(CallError::Quarantined);
            }
            let result = plugin.lane.call(method, subject, json).await.and_then(|reply| {
                let reply = decode(&reply)?;
                sound(&plugin.description, &reply).map_err(CallError::Malformed)?;
                Ok(reply)
            });
            plugin.record(method, result.as_ref().err());
            result
        };
        ToItsEnd(Some(Box::pin(call))).await
    }

    fn record(&self, method: &str, error: Option<&CallError>) {
        let plugin = self.id();
        let Some(error) = error else { return self.breaker().sound() };
        tracing::warn!(plugin, method, %error, "a call of the plugin failed");
        if error.is_fault() {
            if self.breaker().fault(Instant::now()) {
                tracing::error!(plugin, "the plugin is quarantined after repeated faults");
            }
        } else if !error.is_temporary() {
            // It said in good order that it cannot: that is a sound plugin.
            self.breaker().sound();
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that goes on by itself when whoever waited for it has gone away.
struct ToItsEnd<F: Future + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future + Send + 'static> Future for ToItsEnd<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        let done = future.as_mut().poll(context);
        if done.is_ready() {
            self.0 = None;
        }
        done
    }
}

impl<F: Future + Send + 'static> Drop for ToItsEnd<F> {
    fn drop(&mut self) {
        let Some(future) = self.0.take() else { return };
        // Without a runtime the process is ending, and the deadline matters no more.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { drop(future.await) });
        }
    }
}

fn limits(path: &Path, config: &PluginConfig) -> Result<Limits, LoadError> {
    let bad = |key, found, allowed| LoadError::BadLimit { path: path.to_owned(), key, found, allowed };
    if !(1..=64).contains(&config.threads) {
        return Err(bad("threads", config.threads as u64, "1 to 64"));
    }
    if !(1..=10_000).contains(&config.queue) {
        return Err(bad("queue", config.queue as u64, "1 to 10000"));
    }
    if !(1..=60_000).contains(&config.deadline_ms) {
        return Err(bad("deadline_ms", config.deadline_ms, "1 to 60000"));
    }
    let deadline = Duration::from_millis(config.deadline_ms);
    // To end a process takes a moment, and must not make its thread look lost.
    let grace = if config.isolation == Isolation::Process { ENDING } else { Duration::ZERO };
    Ok(Limits { threads: config.threads, queue: config.queue, deadline, grace })
}

/// What a plugin says of itself, checked.
pub(super) fn described(path: &Path, reply: &Reply) -> Result<Description, LoadError> {
    let bad = |why: String| LoadError::BadDescription { path: path.to_owned(), why };
    let description: Description = decode(reply).map_err(|error| bad(error.to_string()))?;
    description.check().map_err(bad)?;
    match description.manifest.permissions.iter().find(|name| !is_known(name)) {
        Some(service) => Err(LoadError::UnknownService { path: path.to_owned(), service: service.clone() }),
        None => Ok(description),
    }
}

fn details_validators(path: &Path, description: &Description) -> Result<BTreeMap<String, Validator>, LoadError> {
    let compile = |(name, schema): (&String, &Value)| {
        let validator = jsonschema::validator_for(schema).map_err(|error| LoadError::BadDescription {
            path: path.to_owned(),
            why: format!("details_schemas.{name} is no JSON Schema: {error}"),
        })?;
        Ok((name.clone(), validator))
    };
    description.details_schemas.iter().map(compile).collect()
}

fn check_settings(path: &Path, description: &Description, settings: &Value) -> Result<(), LoadError> {
    let validator = jsonschema::validator_for(&description.settings_schema).map_err(|error| {
        LoadError::BadDescription { path: path.to_owned(), why: format!("settings_schema is no JSON Schema: {error}") }
    })?;
    unknown_setting(&description.settings_schema, settings)
        .map_or_else(|| violation(&validator, settings), |key| Err(format!("there is no setting `{key}`")))
        .map_err(|why| LoadError::Settings { path: path.to_owned(), why })
}

/// The most frequent mistake is a mistyped key, and the validator does not always name it.
fn unknown_setting<'a>(schema: &Value, settings: &'a Value) -> Option<&'a String> {
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let mut keys = settings.as_object().into_iter().flat_map(|settings| settings.keys());
    keys.find(|&key| closed && schema.pointer("/properties").and_then(|known| known.get(key)).is_none())
}

/// # Errors
/// The first violation and its place, without the offending value.
pub(super) fn violation(validator: &Validator, value: &Value) -> Result<(), String> {
    validator.validate(value).map_err(|error| {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "/" } else { &place };
        format!("{place}: {}", error.masked())
    })
}

fn create(path: &Path, house: House, services: Arc<HostServices>, settings: &Value) -> Result<Rooms, LoadError> {
    house.create(path, services, settings)?.map_err(|reply| {
        let why = match decode::<Value>(&reply) {
            Err(CallError::Failed(why)) if !why.is_empty() => why,
            Err(error) => error.to_string(),
            Ok(_) => "it reported success without an instance".to_owned(),
        };
        LoadError::Settings { path: path.to_owned(), why }
    })
}

fn decode<A: DeserializeOwned>(reply: &Reply) -> Result<A, CallError> {
    let malformed = |why: String| Err(CallError::Malformed(why));
    if reply.overflowed {
        return malformed(format!("its reply is longer than {REPLY_LIMIT} bytes"));
    }
    let text = |bytes: &[u8]| super::services::one_line(&String::from_utf8_lossy(bytes));
    match Status::from_code(reply.status) {
        Some(Status::Ok) => serde_json::from_slice(&reply.bytes).or_else(|error| {
            // The error's own text may quote the reply, which may hold secrets.
            let sort = if error.is_data() { "does not have the expected shape" } else { "is not JSON" };
            malformed(format!("its reply {sort} (line {}, column {})", error.line(), error.column()))
        }),
        Some(Status::Error) => Err(CallError::Failed(text(&reply.bytes))),
        Some(Status::Unknown) => Err(CallError::Unsupported),
        Some(Status::Panicked) => Err(CallError::Panicked),
        Some(Status::Denied) => Err(CallError::Denied(text(&reply.bytes))),
        None => malformed(format!("it returned the status {}, which has no meaning", reply.status)),
    }
}

/// Two plugins must not claim one id or one type of `authorization_details`.
pub(super) fn no_clash(path: &Path, plugin: &Running, others: &[Arc<Running>]) -> Result<(), LoadError> {
    let taken = |what: String| Err(LoadError::Taken { path: path.to_owned(), what });
    for other in others {
        if other.id() == plugin.id() {
            return taken(format!("the id `{}`", plugin.id()));
        }
        let mut owned = plugin.manifest().details_types.iter();
        if let Some(name) = owned.find(|name| other.manifest().details_types.contains(name)) {
            return taken(format!("the type `{name}`"));
        }
    }
    Ok(())
}
