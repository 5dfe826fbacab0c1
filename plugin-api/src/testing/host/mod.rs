//! A host in memory.

mod store;
mod web;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use self::store::Entries;
use self::web::Answer;
use super::NOW;
use crate::abi::{Host, Services};
use crate::error::{Error, Result, Status};
use crate::factor::{reply, request};
use crate::message::{
    Description, HmacReply, HttpRequest, HttpResponse, LogLine, Revealed, Scope, SecretHmac, SecretRef, TextQuery,
    TextReply, host_method, permission,
};

/// A host with every service of the contract, in memory. It keeps what it is told, and writes down every call.
///
/// Made for a plugin by [`super::Loaded`]; on its own, [`FakeHost::handle`] gives a [`Host`] to try code with. The default
/// grants nothing.
pub struct FakeHost {
    state: Mutex<State>,
}

/// A call of the plugin's, as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// Name of the service, see [`host_method`].
    pub method: String,
    /// What was asked; [`Value::Null`] if it was no JSON. Secrets are in here as references only.
    pub request: Value,
    /// How it ended.
    pub status: Status,
}

struct State {
    /// Knows `log` alone, as the first hosts did.
    old: bool,
    now: i64,
    grants: BTreeSet<String>,
    secrets: BTreeMap<String, String>,
    texts: BTreeMap<String, BTreeMap<String, String>>,
    entries: Entries,
    web: Option<Arc<Answer>>,
    lines: Vec<LogLine>,
    calls: Vec<Called>,
}

thread_local! {
    /// The account that this thread's call is about.
    static ABOUT: RefCell<Option<String>> = const { RefCell::new(None) };
}

impl Default for FakeHost {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                old: false,
                now: NOW,
                grants: BTreeSet::new(),
                secrets: BTreeMap::new(),
                texts: BTreeMap::new(),
                entries: Entries::default(),
                web: None,
                lines: Vec::new(),
                calls: Vec::new(),
            }),
        }
    }
}

impl FakeHost {
    /// A host that grants what this plugin asks for, and has its texts.
    pub fn of(plugin: &Description) -> Self {
        let host = Self::granting(plugin.manifest.permissions.clone());
        host.state().texts.clone_from(&plugin.texts);
        host
    }

    /// A host that grants these permissions. A bare `http` is for any origin here.
    pub fn granting<P: Into<String>>(permissions: impl IntoIterator<Item = P>) -> Self {
        let host = Self::default();
        host.state().grants = permissions.into_iter().map(Into::into).collect();
        host
    }

    /// Grants one more permission, in the form of a manifest or of an administrator's grant.
    pub fn grant(&self, permission: &str) {
        self.state().grants.insert(permission.to_owned());
    }

    /// Takes a permission back: its services are denied from here on.
    pub fn withhold(&self, permission: &str) {
        self.state().grants.remove(permission);
    }

    /// Takes all permissions back.
    pub fn withhold_all(&self) {
        self.state().grants.clear();
    }

    /// Knows no service but the log from here on, as the first hosts did.
    pub fn grow_old(&self) {
        self.state().old = true;
    }

    /// Moves the clock by which entries expire, Unix milliseconds. It stands still otherwise, at the time of
    /// [`super::context`].
    pub fn set_now(&self, now: i64) {
        self.state().now = now;
    }

    /// Sets a secret of the settings, by its JSON pointer.
    pub fn set_secret(&self, pointer: &str, value: &str) {
        self.state().secrets.insert(pointer.to_owned(), value.to_owned());
    }

    /// Sets what the web answers. The request has its secret header fields filled in, and went to an origin that was
    /// granted. An error stands for a server that cannot be reached.
    pub fn set_web(&self, answer: impl Fn(&HttpRequest) -> Result<HttpResponse> + Send + Sync + 'static) {
        self.state().web = Some(Arc::new(answer));
    }

    /// Does `work` as a call about this account, or about nobody: on this thread, that is whose the account scope is.
    pub fn about<R>(account: Option<&str>, work: impl FnOnce() -> R) -> R {
        struct Before(Option<String>);
        impl Drop for Before {
            fn drop(&mut self) {
                ABOUT.set(self.0.take());
            }
        }
        let _before = Before(ABOUT.replace(account.map(str::to_owned)));
        work()
    }

    /// A way to this host, as a plugin has it. Never freed.
    pub fn handle(self: &Arc<Self>) -> Host {
        Host::over(Arc::clone(self) as _)
    }

    /// Stores a value for this account, or for the plugin as a whole, for good: such as a call that broke off has left it.
    pub fn set_stored(&self, account: Option<&str>, key: &str, value: Value) {
        self.state().entries.put(account.map(str::to_owned), key.to_owned(), value, None);
    }

    /// What is stored under a key for this account, or for the plugin as a whole; past its time it is gone.
    pub fn stored(&self, account: Option<&str>, key: &str) -> Option<Value> {
        let state = self.state();
        state.entries.get(account, key, state.now).entry.map(|entry| entry.value)
    }

    /// All that was logged so far.
    pub fn lines(&self) -> Vec<LogLine> {
        self.state().lines.clone()
    }

    /// All calls so far, of every service and however they ended.
    pub fn calls(&self) -> Vec<Called> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, method: &str, json: &[u8]) -> Result<Vec<u8>> {
        let mut state = self.state();
        if state.old && method != host_method::LOG {
            return Err(Error::Unsupported);
        }
        match method {
            host_method::LOG => {
                state.lines.push(request(json)?);
                reply(&())
            }
            host_method::TEXT => reply(&state.text(&request(json)?)?),
            host_method::SECRET_HMAC => reply(&state.hmac(&request(json)?)?),
            host_method::SECRET_REVEAL => {
                state.permitted(permission::SECRET_REVEAL)?;
                let SecretRef { secret } = request(json)?;
                reply(&Revealed { value: state.secret(&secret)?.to_owned() })
            }
            host_method::HTTP_SEND => {
                let request = state.outgoing(request(json)?)?;
                let web = state.web.clone();
                // The answer is the test's own code, which may look at this host.
                drop(state);
                reply(&web::answered(web.as_deref(), &request)?)
            }
            _ => state.store(method, json),
        }
    }
}

impl Services for FakeHost {
    fn call(&self, method: &str, json: &[u8]) -> (Status, Vec<u8>) {
        let answer = self.serve(method, json);
        let status = answer.as_ref().map_or_else(Error::status, |_| Status::Ok);
        let request = serde_json::from_slice(json).unwrap_or_default();
        self.state().calls.push(Called { method: method.to_owned(), request, status });
        (status, answer.unwrap_or_else(|error| error.to_string().into_bytes()))
    }
}

impl fmt::Debug for FakeHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeHost").field("grants", &self.state().grants).finish_non_exhaustive()
    }
}

impl State {
    fn permitted(&self, permission: &str) -> Result<()> {
        if self.grants.contains(permission) {
            return Ok(());
        }
        Err(Error::Denied(format!("the permission `{permission}` was not granted")))
    }

    fn text(&self, query: &TextQuery) -> Result<TextReply> {
        let of = |locale: &str| self.texts.get(locale).and_then(|texts| texts.get(&query.key));
        let text = of(&query.locale).or_else(|| of("en"));
        let text = text.ok_or_else(|| Error::failed(format!("there is no text `{}`", query.key)))?;
        let text = query.args.iter().fold(text.clone(), |text, (name, arg)| text.replace(&format!("{{{name}}}"), arg));
        Ok(TextReply { text })
    }

    fn secret(&self, pointer: &str) -> Result<&str> {
        let secret = self.secrets.get(pointer).map(String::as_str);
        secret.ok_or_else(|| Error::failed(format!("the settings have no secret `{pointer}`")))
    }

    fn hmac(&self, asked: &SecretHmac) -> Result<HmacReply> {
        self.permitted(permission::SECRET)?;
        let data = URL_SAFE_NO_PAD.decode(&asked.data).map_err(|_| Error::failed("data is not base64url"))?;
        let key = self.secret(&asked.secret)?;
        let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| Error::failed("the secret is no key"))?;
        Ok(HmacReply { mac: URL_SAFE_NO_PAD.encode(mac.chain_update(data).finalize().into_bytes()) })
    }

    /// Whose data is meant, by the call that is under way.
    fn owner(scope: Scope) -> Result<Option<String>> {
        match (scope, ABOUT.with_borrow(Clone::clone)) {
            (Scope::Plugin, _) => Ok(None),
            (Scope::Account, Some(account)) => Ok(Some(account)),
            (Scope::Account, None) => Err(Error::Denied("this call is about no account".to_owned())),
        }
    }
}
