//! What all builds of the errand share: see `errand.rs`.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use plugin_api::message::StoreListed;
use plugin_api::prelude::*;
use serde::de::DeserializeOwned;

/// What one build differs in from another.
pub(crate) trait Build: Send + Sync + 'static {
    const VERSION: &'static str;
    const DATA_VERSION: u32;
    const PERMISSIONS: &'static [&'static str];
    /// Both an enrolment and what is kept while enrolling.
    type Kept: Kept;

    fn migrate(_from: u32, _to: u32, _value: Migrating) -> Result<Value> {
        Err(Error::Unsupported)
    }
}

/// A word, under one name or another.
pub(crate) trait Kept: Serialize + DeserializeOwned + Send + Sync + 'static {
    fn new(word: String) -> Self;
    fn word(&self) -> &str;
}

/// Beginning of the words that nobody has: nothing passes with them.
const DECOY: &str = "decoy-";

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// A secret that may be left out.
    #[serde(default)]
    token: Option<Secret>,
    /// One level down.
    #[serde(default)]
    gateway: Option<Gateway>,
    /// A secret of the old style: the plugin gets the text itself.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    word: Option<String>,
    /// An errand to run when the plugin starts, which it does not if that fails.
    #[serde(default)]
    on_start: Option<BTreeMap<String, String>>,
    /// An errand to run when the settings are checked.
    #[serde(default)]
    on_check: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Gateway {
    /// Where it is.
    url: String,
    /// A secret.
    password: Secret,
}

pub(crate) struct Errand<B> {
    settings: Settings,
    host: Host,
    build: PhantomData<B>,
}

impl<B: Build> Factor for Errand<B> {
    type Settings = Settings;
    type Enrolment = B::Kept;
    type State = ();
    type Enrolling = B::Kept;

    fn description() -> Result<Description> {
        let manifest = Manifest::factor("errand", B::VERSION)
            .purposes(&[Purpose::Authorize])
            .amr(&["pin"])
            .acr("urn:enum:acr:1")
            .enrols(Enrols::Page)
            .data_version(B::DATA_VERSION)
            .permissions(B::PERMISSIONS);
        Description::new(manifest)
            .page("told", include_str!("told.html"))
            .page("set", include_str!("set.html"))
            .texts("en", r#"{"name": "Errand", "description": "Runs errands", "greeting": "Hello, {name}"}"#)?
            .texts(
                "ru",
                r#"{"name": "Поручение", "description": "Выполняет поручения", "greeting": "Привет, {name}"}"#,
            )?
            .texts("vi", r#"{"name": "Việc vặt", "description": "Làm việc vặt", "greeting": "Chào {name}"}"#)
    }

    fn start(settings: Settings, host: Host) -> Result<Self> {
        let errand = Self { settings, host, build: PhantomData };
        errand.run_of("on_start", errand.settings.on_start.as_ref())?;
        Ok(errand)
    }

    fn check(&self) -> Result<()> {
        self.run_of("on_check", self.settings.on_check.as_ref())
    }

    fn begin(&self, _: &Context, _: &B::Kept) -> Result<Step<(), B::Kept>> {
        Ok(told(&Value::Null))
    }

    fn answer(&self, _: &Context, enrolment: &B::Kept, (): (), input: &Input) -> Result<Step<(), B::Kept>> {
        if input.text("do") == "pass" {
            let nobody = enrolment.word().starts_with(DECOY);
            return Ok(if nobody { Step::wrong() } else { Step::pass(Facts::amr(&["pin"])) });
        }
        Ok(match self.run(input) {
            None => Step::wrong(),
            Some(Ok(reply)) => told(&reply),
            Some(Err(error)) => told(&json!({ "error": error.to_string(), "status": sort(&error) })),
        })
    }

    fn enrol_begin(&self, cx: &Context, _: Option<&B::Kept>) -> Result<Step<B::Kept, B::Kept>> {
        let offered = hex::encode(&cx.random_bytes()?[..4]);
        Ok(Step::ask("set", json!({ "offered": offered }), B::Kept::new(offered)))
    }

    fn enrol_answer(&self, _: &Context, offered: B::Kept, input: &Input) -> Result<Step<B::Kept, B::Kept>> {
        let enrolment = match input.text("answer") {
            "" => return Ok(Step::wrong()),
            "keep" => offered,
            word => B::Kept::new(word.to_owned()),
        };
        let nobody = enrolment.word().starts_with(DECOY);
        Ok(if nobody { Step::wrong() } else { Step::enrolled(Facts::amr(&["pin"]), enrolment) })
    }

    fn decoy(&self, cx: &Context) -> Result<DecoyReply<B::Kept, B::Kept>> {
        let word = format!("{DECOY}{}", hex::encode(&cx.random_bytes()?[..4]));
        Ok(DecoyReply { enrolment: B::Kept::new(word.clone()), enrolling: B::Kept::new(word) })
    }

    fn migrate(&self, from: u32, to: u32, value: Migrating) -> Result<Value> {
        B::migrate(from, to, value)
    }
}

impl<B: Build> Errand<B> {
    fn run_of(&self, setting: &str, errand: Option<&BTreeMap<String, String>>) -> Result<()> {
        let Some(fields) = errand else { return Ok(()) };
        match self.run(&Input(fields.clone())) {
            None => Err(Error::failed(format!("{setting}: there is no such errand"))),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Error::failed(format!("{setting}: {error}"))),
        }
    }

    /// What came back, or nothing if `do` names no errand.
    fn run(&self, input: &Input) -> Option<Result<Value>> {
        Some(match input.text("do") {
            "get" | "put" | "swap" | "delete" | "list" => self.store(input),
            "http" => self.http(input),
            "hmac" => secret(input.text("pointer")).and_then(|secret| {
                let mac = secret.hmac(&self.host, input.text("data").as_bytes())?;
                Ok(json!(hex::encode(mac)))
            }),
            "reveal" => secret(input.text("pointer")).and_then(|secret| Ok(json!(secret.reveal(&self.host)?))),
            "text" => {
                let text =
                    self.host.text(input.text("locale"), input.text("text_key"), &[("name", input.text("data"))]);
                text.map(Value::from)
            }
            "log" => {
                self.host.log("info", input.text("data"));
                Ok(Value::Null)
            }
            "settings" => Ok(json!(self.settings)),
            "fail" => Err(Error::failed(input.text("data"))),
            _ => return None,
        })
    }

    fn store(&self, input: &Input) -> Result<Value> {
        let scope = if input.text("scope") == "account" { Scope::Account } else { Scope::Plugin };
        let mut store = self.host.store(scope);
        if let Some(expires_at) = number(input, "expires_at")? {
            store = store.until(expires_at);
        }
        let (key, value) = (input.text("key"), input.text("value"));
        match input.text("do") {
            "get" => {
                let entry = store.get::<Value>(key)?;
                Ok(entry.map_or(Value::Null, |entry| json!({ "value": entry.value, "version": entry.version })))
            }
            "put" => store.put(key, &meant(value)).map(Value::from),
            "swap" => {
                let swapped = match (number(input, "version")?, value) {
                    (Some(version), "") => store.take(key, version)?,
                    (version, value) => store.swap(key, version, &meant(value))?,
                };
                Ok(json!(swapped))
            }
            "list" => {
                let after = Some(input.text("after")).filter(|after| !after.is_empty());
                let StoreListed { keys, more } = store.list(key, after)?;
                Ok(json!({ "keys": keys, "more": more }))
            }
            _ => store.delete(key).map(Value::from),
        }
    }

    fn http(&self, input: &Input) -> Result<Value> {
        let mut call = self.host.http(input.text("method"), input.text("url")).body(input.text("data"));
        let pointer = input.text("header_secret");
        if !pointer.is_empty() {
            call = call.header("authorization", secret(pointer)?.header_with_prefix("Bearer "));
        }
        let response = call.header("x-errand", "1").send()?;
        let body = String::from_utf8_lossy(&response.body);
        Ok(json!({ "status": response.status, "headers": response.headers, "body": body }))
    }
}

fn told<S: Default, E>(reply: &Value) -> Step<S, E> {
    Step::ask("told", json!({ "reply": reply, "json": reply.to_string() }), S::default())
}

/// Any pointer, so that tests can ask for what the settings do not have.
fn secret(pointer: &str) -> Result<Secret> {
    serde_json::from_value(json!({ "secret": pointer })).map_err(|error| Error::failed(error.to_string()))
}

fn number<T: std::str::FromStr>(input: &Input, field: &str) -> Result<Option<T>> {
    match input.text(field) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Error::failed(format!("{field}: must be a number"))),
    }
}

/// JSON, or else a text.
fn meant(value: &str) -> Value {
    serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))
}

fn sort(error: &Error) -> &'static str {
    match error {
        Error::Denied(_) => "denied",
        Error::Unsupported => "unsupported",
        Error::Failed(_) => "failed",
    }
}
