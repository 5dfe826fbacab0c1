//! Building a description, and what makes one acceptable.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::message::{ChallengeKind, Description, Enrols, Kind, Manifest, Purpose, Resource, SubjectKind, permission};

/// Locales that every plugin brings its texts in.
pub const LOCALES: [&str; 3] = ["en", "ru", "vi"];
/// Texts that every plugin has: shown where the person chooses a method.
pub const TEXTS: [&str; 2] = ["name", "description"];
/// Methods that a resource may have.
const METHODS: [&str; 4] = ["GET", "PUT", "POST", "DELETE"];
/// Most enrolments of one factor that a manifest may allow an account.
const MOST_ENROLMENTS: u32 = 100;

impl Manifest {
    /// A factor of this id and version (`env!("CARGO_PKG_VERSION")`), so far without purposes.
    pub fn factor(id: &str, version: &str) -> Self {
        Self::new(Kind::Factor, id, version)
    }

    /// A service of this id and version (`env!("CARGO_PKG_VERSION")`), so far without types.
    pub fn service(id: &str, version: &str) -> Self {
        Self::new(Kind::Service, id, version)
    }

    fn new(kind: Kind, id: &str, version: &str) -> Self {
        Self {
            id: id.to_owned(),
            version: version.to_owned(),
            kind,
            data_version: 0,
            purposes: Vec::new(),
            subjects: Vec::new(),
            amr: Vec::new(),
            acr: None,
            acr_most: None,
            unbound: false,
            challenge: ChallengeKind::Derived,
            challenge_seconds: None,
            enrols: Enrols::Device,
            per_account: 1,
            details_types: Vec::new(),
            resources: Vec::new(),
            permissions: Vec::new(),
        }
    }

    /// Offers one more resource. Implement [`crate::Service::serve`].
    #[must_use]
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resources.push(resource);
        self
    }

    /// Purposes that the factor serves.
    #[must_use]
    pub fn purposes(mut self, purposes: &[Purpose]) -> Self {
        self.purposes = purposes.to_vec();
        self
    }

    /// What the factor can show and cover besides a payment to one purse.
    #[must_use]
    pub fn subjects(mut self, subjects: &[SubjectKind]) -> Self {
        self.subjects = subjects.to_vec();
        self
    }

    /// RFC 8176 values that a pass may name.
    #[must_use]
    pub fn amr(mut self, amr: &[&str]) -> Self {
        self.amr = amr.iter().map(|&value| value.to_owned()).collect();
        self
    }

    /// Highest `acr` that a pass earns.
    #[must_use]
    pub fn acr(mut self, acr: &str) -> Self {
        self.acr = Some(acr.to_owned());
        self
    }

    /// Highest `acr` that a single enrolment may be worth: [`crate::message::Facts::acr`].
    #[must_use]
    pub fn acr_most(mut self, acr: &str) -> Self {
        self.acr_most = Some(acr.to_owned());
        self
    }

    /// Says that an answer to a payment is not bound to it.
    #[must_use]
    pub fn unbound(mut self) -> Self {
        self.unbound = true;
        self
    }

    /// How challenges come about.
    #[must_use]
    pub fn challenge(mut self, challenge: ChallengeKind) -> Self {
        self.challenge = challenge;
        self
    }

    /// How many seconds a stored challenge is accepted, up to 600.
    #[must_use]
    pub fn challenge_seconds(mut self, seconds: u32) -> Self {
        self.challenge_seconds = Some(seconds);
        self
    }

    /// Who completes an enrolment.
    #[must_use]
    pub fn enrols(mut self, enrols: Enrols) -> Self {
        self.enrols = enrols;
        self
    }

    /// How many enrolments an account may have at a time, 1 to 100. For more than one implement
    /// [`crate::Factor::begin_among`] and [`crate::Factor::answer_among`].
    #[must_use]
    pub fn per_account(mut self, count: u32) -> Self {
        self.per_account = count;
        self
    }

    /// Version of the data that this build writes: states of enrolments and of enrolling, and entries of its store. Raise
    /// it when an older build could not read them, and implement [`crate::Factor::migrate`].
    #[must_use]
    pub fn data_version(mut self, version: u32) -> Self {
        self.data_version = version;
        self
    }

    /// Host services that the plugin asks to use, see [`crate::message::permission`].
    #[must_use]
    pub fn permissions(mut self, permissions: &[&str]) -> Self {
        self.permissions = permissions.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Whether it may be shown to people who have not said who they are, see [`permission::NAMELESS`].
    pub fn is_nameless(&self) -> bool {
        self.permissions.iter().any(|asked| asked == permission::NAMELESS)
    }

    /// # Errors
    /// A sentence that names the field and what is wrong with it.
    fn check(&self) -> Result<(), String> {
        if !is_id(&self.id) {
            return Err(format!(
                "manifest.id `{}` must be 1 to 32 lower-case letters, digits and `-`, beginning with a letter",
                self.id
            ));
        }
        if !is_version(&self.version) {
            return Err(format!("manifest.version `{}` must be three numbers, such as 1.0.0", self.version));
        }
        if !(1..=MOST_ENROLMENTS).contains(&self.per_account) {
            return Err(format!("manifest.per_account must be 1 to {MOST_ENROLMENTS}, not {}", self.per_account));
        }
        match self.kind {
            Kind::Factor if self.purposes.is_empty() => {
                Err("manifest.purposes must name what the factor serves".into())
            }
            Kind::Factor if self.amr.is_empty() => Err("manifest.amr must name at least one method (RFC 8176)".into()),
            Kind::Factor if self.purposes.contains(&Purpose::Authorize) && self.acr.is_none() => {
                Err("manifest.acr must say what an authorization earns".into())
            }
            _ if !self.subjects.is_empty() && !self.purposes.contains(&Purpose::Payment) => {
                Err("manifest.subjects are for a factor that serves `payment`".into())
            }
            Kind::Factor if self.acr.is_none() && self.acr_most.is_some() => {
                Err("manifest.acr_most is for a factor with an acr".into())
            }
            Kind::Factor if !self.details_types.is_empty() => {
                Err("manifest.details_types belong to a service, and this is a factor".into())
            }
            Kind::Factor if !self.resources.is_empty() => {
                Err("manifest.resources belong to a service, and this is a factor".into())
            }
            Kind::Service if self.details_types.is_empty() && self.resources.is_empty() => {
                Err("manifest.details_types must name what the service owns, or manifest.resources what it offers"
                    .into())
            }
            Kind::Service if !self.purposes.is_empty() => {
                Err("manifest.purposes belong to a factor, and this is a service".into())
            }
            _ => self.resources.iter().try_for_each(|resource| self.check_resource(resource)),
        }
    }

    fn check_resource(&self, resource: &Resource) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("manifest.resources: `{}` {why}", resource.path));
        if !resource.path.split('/').all(is_segment) {
            return wrong("must be segments of lower-case letters, digits, `-` and `_`, or `{name}`, between slashes");
        }
        if resource.methods.is_empty() || !resource.methods.iter().all(|method| METHODS.contains(&method.as_str())) {
            return wrong("must name methods out of GET, PUT, POST, DELETE");
        }
        let own = format!("enum:{}", self.id);
        let behind = resource.scope.strip_prefix(&own);
        let more = |behind: &str| behind.strip_prefix(':').is_some_and(is_id);
        if !behind.is_some_and(|behind| behind.is_empty() || more(behind)) {
            return wrong("must have a scope that begins with `enum:` and the plugin's id");
        }
        if resource.per_minute == 0 || resource.max_age == Some(0) {
            return wrong("must allow some requests, and proofs of some age");
        }
        Ok(())
    }
}

impl Description {
    /// A description without pages and texts.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            settings_schema: Value::Null,
            pages: BTreeMap::new(),
            texts: BTreeMap::new(),
            details_schemas: BTreeMap::new(),
            assets: BTreeMap::new(),
        }
    }

    /// Adds a JavaScript module for the plugin's pages, usually by `include_str!`. Ask for [`permission::SCRIPT`].
    #[must_use]
    pub fn asset(mut self, name: &str, script: &str) -> Self {
        self.assets.insert(name.to_owned(), script.to_owned());
        self
    }

    /// Adds a Tera template, usually by `include_str!`.
    #[must_use]
    pub fn page(mut self, name: &str, template: &str) -> Self {
        self.pages.insert(name.to_owned(), template.to_owned());
        self
    }

    /// Adds the texts of one locale: a JSON object from key to text, usually by `include_str!`.
    ///
    /// # Errors
    /// When it is not such an object.
    pub fn texts(mut self, locale: &str, json: &str) -> Result<Self> {
        let texts = serde_json::from_str(json)
            .map_err(|error| Error::failed(format!("the texts of locale `{locale}` do not parse: {error}")))?;
        self.texts.insert(locale.to_owned(), texts);
        Ok(self)
    }

    /// Adds a type of `authorization_details` with the JSON Schema of `T`, and declares it in the manifest.
    #[must_use]
    pub fn details<T: JsonSchema>(self, name: &str) -> Self {
        let schema = schemars::SchemaGenerator::default().into_root_schema_for::<T>().to_value();
        self.details_schema(name, schema)
    }

    /// Adds a type of `authorization_details` with its JSON Schema, and declares it in the manifest.
    #[must_use]
    pub fn details_schema(mut self, name: &str, schema: Value) -> Self {
        self.manifest.details_types.push(name.to_owned());
        self.details_schemas.insert(name.to_owned(), schema);
        self
    }

    /// Whether a host can take it. The SDK asks before it replies, and the host asks again.
    ///
    /// # Errors
    /// A sentence that names the field and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.manifest.check()?;
        if !self.settings_schema.is_object() {
            return Err("settings_schema must be a JSON Schema object".into());
        }
        for owned in &self.manifest.details_types {
            if !self.details_schemas.get(owned).is_some_and(Value::is_object) {
                return Err(format!("details_schemas has no JSON Schema for `{owned}`"));
            }
        }
        if let Some(stray) = self.details_schemas.keys().find(|name| !self.manifest.details_types.contains(name)) {
            return Err(format!("details_schemas has `{stray}`, which manifest.details_types does not name"));
        }
        self.check_nameless()?;
        self.check_assets()?;
        self.check_texts()
    }

    fn check_nameless(&self) -> Result<(), String> {
        let Manifest { purposes, challenge, .. } = &self.manifest;
        if self.manifest.is_nameless()
            && !(purposes.contains(&Purpose::Authorize) && *challenge == ChallengeKind::Derived)
        {
            return Err("manifest.permissions names `nameless`, which is for factors that serve `authorize` with \
                        challenges that are derived"
                .into());
        }
        Ok(())
    }

    fn check_assets(&self) -> Result<(), String> {
        let asks = |name: &str| self.manifest.permissions.iter().any(|asked| asked == name);
        if let Some(odd) = self.assets.keys().find(|name| !is_asset(name)) {
            return Err(format!("assets has `{odd}`, which must be lower-case letters, digits and `-` before `.js`"));
        }
        if !self.assets.is_empty() && !asks(permission::SCRIPT) {
            return Err("assets need the permission `script`, which manifest.permissions does not name".into());
        }
        if asks(permission::SCRIPT_LOOPBACK) && self.assets.is_empty() {
            return Err("manifest.permissions names `script.loopback`, and there are no assets".into());
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), String> {
        let locale = |name: &str| self.texts.get(name).ok_or_else(|| format!("texts has no locale `{name}`"));
        let english = locale("en")?;
        if let Some(missing) = TEXTS.iter().find(|&&key| !english.contains_key(key)) {
            return Err(format!("texts.en has no `{missing}`"));
        }
        for name in LOCALES {
            let texts = locale(name)?;
            if let Some(missing) = english.keys().find(|&key| !texts.contains_key(key)) {
                return Err(format!("texts.{name} has no `{missing}`, which texts.en has"));
            }
            if let Some(stray) = texts.keys().find(|&key| !english.contains_key(key)) {
                return Err(format!("texts.{name} has `{stray}`, which texts.en has not"));
            }
        }
        Ok(())
    }
}

fn is_id(id: &str) -> bool {
    (1..=32).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A word of a path, or a name for one in braces.
fn is_segment(segment: &str) -> bool {
    let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(segment);
    (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn is_asset(name: &str) -> bool {
    name.len() <= 64
        && name.strip_suffix(".js").is_some_and(|stem| {
            !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

fn is_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<_> = core.split('.').collect();
    numbers.len() == 3 && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
