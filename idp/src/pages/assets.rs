//! Files that pages refer to, under addresses that change with their content.

use std::{
    collections::BTreeMap,
    num::NonZeroU16,
    sync::{Arc, LazyLock},
};

use axum::{
    extract::{Path, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use plugin_api::message::{Description, permission};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::headers::Scripts;
use crate::app::App;

const CSS: &str = include_str!("../../assets/enum.css");

/// The whole script of the form-post page.
pub(super) const SUBMIT_SCRIPT: &str = "document.forms[0].submit()";

static CSS_HASH: LazyLock<String> = LazyLock::new(|| hex::encode(&Sha256::digest(CSS)[..12]));
static CSS_PATH: LazyLock<String> = LazyLock::new(|| format!("/assets/{}/enum.css", *CSS_HASH));
static SUBMIT_SCRIPT_HASH: LazyLock<String> =
    LazyLock::new(|| format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(SUBMIT_SCRIPT))));

pub(super) fn css_path() -> &'static str {
    &CSS_PATH
}

pub(super) fn submit_script_hash() -> &'static str {
    &SUBMIT_SCRIPT_HASH
}

/// JavaScript modules of one plugin. They are served side by side, so that one can import another.
#[derive(Clone, Debug, Default)]
pub(super) struct Modules {
    /// By name; the paths change with the content of any of them.
    paths: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    loopback: bool,
}

impl Modules {
    /// Those of a plugin that runs. It only does with all permissions that it asks for, and without `script` it has none.
    pub(super) fn of(description: &Description) -> Self {
        let asks = |name: &str| description.manifest.permissions.iter().any(|asked| asked == name);
        if !asks(permission::SCRIPT) {
            return Self::default();
        }
        let mut hash = Sha256::new();
        for (name, file) in &description.assets {
            for part in [name, file] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        let folder = format!("/assets/{}/{}", hex::encode(&hash.finalize()[..12]), description.manifest.id);
        let path = |name: &String| (name.clone(), format!("{folder}/{name}"));
        Self {
            paths: description.assets.keys().map(path).collect(),
            files: description.assets.clone(),
            loopback: asks(permission::SCRIPT_LOOPBACK),
        }
    }

    /// Paths by name, for the plugin's templates.
    pub(super) fn paths(&self) -> &BTreeMap<String, String> {
        &self.paths
    }

    /// What a page that shows one of the plugin's may run. `data` is that page's: where the plugin may have its scripts
    /// talk to programs of the person's computer, `loopback_port` says to which, and without it there is none.
    pub(super) fn scripts(&self, origin: &str, data: &Value) -> Option<Scripts> {
        let addresses: Vec<String> = self.paths.values().map(|path| format!("{origin}{path}")).collect();
        let port = data.get("loopback_port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        let loopback = port.and_then(NonZeroU16::new).filter(|_| self.loopback);
        (!addresses.is_empty()).then_some(Scripts { addresses, loopback })
    }

    /// The module at a path.
    pub(super) fn at(&self, name: &str, path: &str) -> Option<&str> {
        let there = self.paths.get(name).is_some_and(|known| known == path);
        self.files.get(name).filter(|_| there).map(String::as_str)
    }
}

/// `GET /assets/{hash}/{name}`. Another hash than the present one is not found: its content is gone.
pub async fn get(Path((hash, name)): Path<(String, String)>) -> Response {
    if hash != *CSS_HASH || name != "enum.css" {
        return StatusCode::NOT_FOUND.into_response();
    }
    serve("text/css; charset=utf-8", CSS.to_owned())
}

/// `GET /assets/{hash}/{plugin}/{name}`: a module of a plugin that runs. Another hash than the present one is not found.
pub async fn of_plugin(
    State(app): State<Arc<App>>,
    Path((hash, plugin, name)): Path<(String, String, String)>,
) -> Response {
    let path = format!("/assets/{hash}/{plugin}/{name}");
    match app.pages.module(&plugin, &name, &path) {
        Some(module) => serve("text/javascript; charset=utf-8", module),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn serve(content_type: &'static str, content: String) -> Response {
    const FOREVER: &str = "public, max-age=31536000, immutable";
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, FOREVER),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content).into_response()
}
