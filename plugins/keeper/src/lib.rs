//! Key storage for keepers (wallet programs): their key files, with earlier versions, for the account whose token they show.
//!
//! The program has encrypted a file before it arrives here, and the host seals it again; what this plugin can see of it is a
//! name, a size and a time. README.md says who can read what.

#![forbid(unsafe_code)]

pub mod index;
pub mod links;
pub mod name;
mod storage;

use plugin_api::message::{MappedDetails, permission};
use plugin_api::prelude::*;

use storage::Storage;

/// Scope of everything here.
pub const SCOPE: &str = "enum:keeper";
/// Least level of a proof: possession.
const ACR: &str = "urn:enum:acr:2";
/// How old the proof may be that a program works on, in seconds.
const MAX_AGE: u32 = 900;

/// How much an account may keep.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many versions of a file are kept: 1 to 10. The oldest goes first.
    #[schemars(range(min = 1, max = 10))]
    pub versions: usize,
    /// How many bytes a file may have, encrypted: 1024 to 45000.
    #[schemars(range(min = 1024, max = 45000))]
    pub file_bytes: usize,
    /// How many files an account may keep: 1 to 100; with all their versions not more than 400.
    #[schemars(range(min = 1, max = 100))]
    pub files: usize,
    /// How many bytes an account may keep in all, earlier versions included.
    #[schemars(range(min = 1024))]
    pub total_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { versions: 5, file_bytes: 32 * 1024, files: 60, total_bytes: 2 * 1024 * 1024 }
    }
}

/// Most versions of all files, so that the index of an account fits into one value of the store.
const MOST_VERSIONS: usize = 400;

/// The service.
#[derive(Debug)]
pub struct Keeper {
    settings: Settings,
    host: Host,
}

fn resource(path: &str, methods: &[&str]) -> Resource {
    Resource {
        path: path.to_owned(),
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        scope: SCOPE.to_owned(),
        acr: Some(ACR.to_owned()),
        max_age: Some(MAX_AGE),
        bound: true,
        per_minute: 60,
    }
}

impl Service for Keeper {
    type Settings = Settings;
    type Details = Value;

    fn description() -> Result<Description> {
        let manifest = Manifest::service("keeper", env!("CARGO_PKG_VERSION"))
            .permissions(&[permission::STORE, permission::ADDRESSES])
            .resource(resource("files", &["GET"]))
            .resource(resource("files/{name}", &["GET", "PUT", "DELETE"]))
            .resource(resource("files/{name}/move", &["POST"]))
            .resource(resource("links", &["GET", "POST"]));
        Description::new(manifest)
            .texts("en", include_str!("../locales/en.json"))?
            .texts("ru", include_str!("../locales/ru.json"))?
            .texts("vi", include_str!("../locales/vi.json"))
    }

    fn start(settings: Settings, host: Host) -> Result<Self> {
        if settings.files * settings.versions > MOST_VERSIONS {
            return Err(Error::failed(format!("files times versions must be at most {MOST_VERSIONS}")));
        }
        Ok(Self { settings, host })
    }

    fn map_details(&self, _: Value, _: &Site) -> Result<MappedDetails> {
        Ok(MappedDetails::Refused { reason: "the keeper owns no types of authorization_details".to_owned() })
    }

    fn serve(&self, request: Serve) -> Result<Served> {
        let storage = Storage::new(&self.settings, self.host.store(Scope::Account), &request);
        match (request.resource.as_str(), request.method.as_str()) {
            ("files", "GET") => storage.list(),
            ("files/{name}", "GET") => storage.fetch(),
            ("files/{name}", "PUT") => storage.put(),
            ("files/{name}", "DELETE") => storage.delete(),
            ("files/{name}/move", "POST") => storage.rename(),
            ("links", "GET") => storage.links(),
            ("links", "POST") => storage.link(),
            _ => Ok(Served::refusal(404, "not_found", "there is no such resource")),
        }
    }
}

plugin_api::export_service!(Keeper);
