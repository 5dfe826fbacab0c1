//! The files of one account, for one request.
//!
//! A new version is put, and only then named in the index: whatever the index names is there. A request that ends in between
//! leaves a blob that nobody names; its name begins with the time, and the next request that puts something sweeps it away.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::Store;
use plugin_api::prelude::*;

use crate::index::{Full, Index, Version};
use crate::links::{self, Link, Linked};
use crate::{Settings, name};

const INDEX: &str = "index";
/// How often a change is begun again after another one was faster.
const ATTEMPTS: usize = 8;
/// After so many milliseconds no request is under way any more that could still name its blob.
const HALF_WAY: i64 = 600_000;
/// Digits of the time that a blob's name begins with: Unix milliseconds, until the year 2286.
const TIME_DIGITS: usize = 13;

pub(crate) struct Storage<'a> {
    settings: &'a Settings,
    store: Store,
    request: &'a Serve,
}

/// What a change of the index leads to.
enum Change<T> {
    /// It is put, and this is the answer.
    Done(T),
    /// Nothing is put.
    Refused(Served),
}

impl<'a> Storage<'a> {
    pub(crate) fn new(settings: &'a Settings, store: Store, request: &'a Serve) -> Self {
        Self { settings, store, request }
    }

    pub(crate) fn list(&self) -> Result<Served> {
        self.reads(|index| Served::json(200, index.shown()))
    }

    pub(crate) fn links(&self) -> Result<Served> {
        self.reads(|index| Served::json(200, json!({ "links": index.links })))
    }

    pub(crate) fn fetch(&self) -> Result<Served> {
        let wanted = match self.version() {
            Ok(wanted) => wanted,
            Err(refusal) => return Ok(refusal),
        };
        let name = self.name();
        let mut blob = None;
        let mut served = self.reads(|index| {
            let versions = index.files.get(name).map(|file| file.versions.as_slice()).unwrap_or_default();
            let fits = |version: &&Version| wanted.is_none_or(|wanted| version.number == wanted);
            blob = versions.iter().rev().find(fits).map(|version| blob_key(&version.blob));
            Served::nothing(200)
        })?;
        let kept = blob.map(|key| self.store.get::<String>(&key)).transpose()?.flatten();
        match kept {
            Some(kept) => served.content = Content::Octets(kept.value),
            None => served = Served { new_key: served.new_key, ..not_found() },
        }
        Ok(served)
    }

    pub(crate) fn put(&self) -> Result<Served> {
        let expected = match self.version() {
            Ok(expected) => expected,
            Err(refusal) => return Ok(refusal),
        };
        let name = self.name();
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(&self.request.body) else {
            return Err(Error::failed("the body is not base64url"));
        };
        if !name::is_legal(name) {
            return Ok(invalid("the name must be a line of 1 to 100 bytes without slashes and quotes"));
        }
        if bytes.is_empty() {
            return Ok(invalid("there is nothing to keep"));
        }
        if bytes.len() > self.settings.file_bytes {
            return Ok(Served::refusal(413, "too_large", "the file is larger than this server keeps"));
        }
        let blob = self.fresh()?;
        let key = blob_key(&blob);
        self.store.put(&key, &self.request.body)?;
        let changed = self.changes(|index| {
            let latest = index.files.get(name).map_or(0, crate::index::File::latest);
            if expected.is_some_and(|expected| expected != latest) {
                return Change::Refused(of_another_version());
            }
            let version =
                Version { number: latest + 1, size: bytes.len(), at: self.request.cx.now, blob: blob.clone() };
            match index.put(name, self.settings, version) {
                Ok(dropped) => Change::Done((latest + 1, dropped)),
                Err(Full::Files) => Change::Refused(full("as many files as an account can keep are there")),
                Err(Full::Bytes) => Change::Refused(full("the account keeps as much as it can")),
            }
        })?;
        let ((number, dropped), new_key) = match changed {
            Ok(done) => done,
            Err(refusal) => {
                self.store.delete(&key)?;
                return Ok(refusal);
            }
        };
        self.forget(&dropped)?;
        self.sweep()?;
        let status = if number == 1 { 201 } else { 200 };
        Ok(Served { new_key, ..Served::json(status, json!({ "name": name, "version": number, "size": bytes.len() })) })
    }

    pub(crate) fn delete(&self) -> Result<Served> {
        let expected = match self.version() {
            Ok(expected) => expected,
            Err(refusal) => return Ok(refusal),
        };
        let changed = self.changes(|index| match index.files.get(self.name()) {
            None => Change::Refused(not_found()),
            Some(file) if expected.is_some_and(|expected| expected != file.latest()) => {
                Change::Refused(of_another_version())
            }
            Some(_) => Change::Done(index.files.remove(self.name()).unwrap_or_default().versions),
        })?;
        match changed {
            Ok((versions, new_key)) => {
                let blobs: Vec<String> = versions.into_iter().map(|version| version.blob).collect();
                self.forget(&blobs)?;
                Ok(Served { new_key, ..Served::nothing(204) })
            }
            Err(refusal) => Ok(refusal),
        }
    }

    pub(crate) fn rename(&self) -> Result<Served> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wish {
            to: String,
        }
        let Some(Wish { to }) = self.body::<Wish>() else { return Ok(invalid("the body must be {\"to\": NAME}")) };
        if !name::is_legal(&to) {
            return Ok(invalid("the name must be a line of 1 to 100 bytes without slashes and quotes"));
        }
        let changed = self.changes(|index| {
            if index.files.contains_key(&to) {
                return Change::Refused(Served::refusal(409, "exists", "there is a file of that name"));
            }
            let Some(file) = index.files.remove(self.name()) else { return Change::Refused(not_found()) };
            let shown = file.shown(&to);
            index.files.insert(to.clone(), file);
            Change::Done(shown)
        })?;
        Ok(match changed {
            Ok((shown, new_key)) => Served { new_key, ..Served::json(200, shown) },
            Err(refusal) => refusal,
        })
    }

    pub(crate) fn link(&self) -> Result<Served> {
        let Some(link) = self.body::<Link>() else {
            return Ok(invalid("the body must be {\"kind\", \"wmid\", \"email\"}, with the kind classic or light"));
        };
        let changed =
            self.changes(|index| match links::add(&mut index.links, link.clone(), &self.request.cx.addresses) {
                Linked::New => Change::Done(201),
                Linked::Already => Change::Done(200),
                Linked::Refused(status, why) => Change::Refused(Served::refusal(status, "not_linked", why)),
            })?;
        Ok(match changed {
            Ok((status, new_key)) => Served { new_key, ..Served::json(status, json!(link)) },
            Err(refusal) => refusal,
        })
    }

    /// What a look at the index gives. A key that was not seen before is remembered even then.
    fn reads(&self, look: impl FnOnce(&Index) -> Served) -> Result<Served> {
        let (index, _) = self.index()?;
        let is_known = self.request.cx.key.as_ref().is_none_or(|key| index.keys.contains_key(key));
        let served = look(&index);
        if is_known {
            return Ok(served);
        }
        match self.changes(|_| Change::Done(()))? {
            Ok(((), new_key)) => Ok(Served { new_key, ..served }),
            Err(refusal) => Ok(refusal),
        }
    }

    /// Changes the index, over what anybody else has changed in the meantime; with whether the program's key is new.
    fn changes<T>(&self, mut change: impl FnMut(&mut Index) -> Change<T>) -> Result<Result<(T, bool), Served>> {
        for _ in 0..ATTEMPTS {
            let (mut index, version) = self.index()?;
            let done = match change(&mut index) {
                Change::Done(done) => done,
                Change::Refused(refusal) => return Ok(Err(refusal)),
            };
            let is_new = self.request.cx.key.as_ref().is_some_and(|key| index.meets(key, self.request.cx.now));
            if self.store.swap(INDEX, version, &index)? {
                return Ok(Ok((done, is_new)));
            }
        }
        Ok(Err(Served::refusal(409, "busy", "other programs change this account's files: try again")))
    }

    fn index(&self) -> Result<(Index, Option<u64>)> {
        let found = self.store.get::<Index>(INDEX)?;
        Ok(found.map_or_else(|| (Index::default(), None), |entry| (entry.value, Some(entry.version))))
    }

    fn forget(&self, blobs: &[String]) -> Result<()> {
        blobs.iter().try_for_each(|blob| self.store.delete(&blob_key(blob)))
    }

    /// Forgets blobs that no index names and no request can name any more.
    fn sweep(&self) -> Result<()> {
        let (index, _) = self.index()?;
        let is_named = |key: &str| {
            let mut versions = index.files.values().flat_map(|file| &file.versions);
            versions.any(|version| blob_key(&version.blob) == key)
        };
        let young = blob_key(&time(self.request.cx.now - HALF_WAY));
        let mut after = None;
        loop {
            let listed = self.store.list(BLOB, after.as_deref())?;
            let old = listed.keys.iter().take_while(|key| **key < young);
            old.filter(|key| !is_named(key)).try_for_each(|key| self.store.delete(key))?;
            match listed.keys.into_iter().next_back() {
                Some(last) if listed.more && last < young => after = Some(last),
                _ => return Ok(()),
            }
        }
    }

    fn name(&self) -> &str {
        self.request.segments.get("name").map_or("", String::as_str)
    }

    /// The version that the query names.
    fn version(&self) -> Result<Option<u64>, Served> {
        let named = self.request.query.get("version").map(|text| text.parse::<u64>());
        named.transpose().map_err(|_| invalid("version must be a number"))
    }

    fn body<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&self.request.body).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// A name that no blob has had: the time, and 22 random characters.
    fn fresh(&self) -> Result<String> {
        let random = self.request.cx.random.get(..22).ok_or_else(|| Error::failed("too little randomness"))?;
        Ok(format!("{}{random}", time(self.request.cx.now)))
    }
}

const BLOB: &str = "blob:";

fn blob_key(blob: &str) -> String {
    format!("{BLOB}{blob}")
}

fn time(now: i64) -> String {
    format!("{:0TIME_DIGITS$}", now.max(0))
}

fn invalid(why: &str) -> Served {
    Served::refusal(422, "invalid_request", why)
}

fn not_found() -> Served {
    Served::refusal(404, "not_found", "there is no such file, or no such version of it")
}

fn of_another_version() -> Served {
    Served::refusal(412, "changed", "the file has another version by now")
}

fn full(why: &str) -> Served {
    Served::refusal(409, "full", why)
}
