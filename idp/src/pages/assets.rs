//! Files that pages refer to, under addresses that change with their content.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

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

/// `GET /assets/{hash}/{name}`. Another hash than the present one is not found: its content is gone.
pub async fn get(Path((hash, name)): Path<(String, String)>) -> Response {
    const FOREVER: &str = "public, max-age=31536000, immutable";
    if hash != *CSS_HASH || name != "enum.css" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, FOREVER),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, CSS).into_response()
}
