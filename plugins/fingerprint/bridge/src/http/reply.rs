//! Answers, with exactly the CORS headers that the page needs, and none for anybody else.

use http_body_util::Full;
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};
use serde_json::json;

use super::rules::{self, Denied};
use crate::{keystore::Locked, refusal::Refusal, settings::Origin};

/// What is sent.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Seconds that a browser may remember a preflight.
const PREFLIGHT_SECONDS: u64 = 600;

/// Yes, this page may ask.
pub(crate) fn preflight(origin: &Origin) -> Reply {
    let mut reply = answer(StatusCode::NO_CONTENT, Some(origin), Vec::new());
    let headers = reply.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let allowed = format!("content-type, {}", rules::HEADER);
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS.into());
    reply
}

/// The credential.
pub(crate) fn credential(origin: &Origin, json: Vec<u8>) -> Reply {
    answer(StatusCode::OK, Some(origin), json)
}

/// No, for a reason in the head.
pub(crate) fn denied(denied: &Denied<'_>) -> Reply {
    problem(denied.status, denied.code, denied.code, denied.origin)
}

/// No, for a reason in the ceremony.
pub(crate) fn refused(origin: &Origin, refusal: &Refusal) -> Reply {
    let mut reply = problem(refusal.status(), refusal.code(), &refusal.text(), Some(origin));
    if let Refusal::Locked(Locked::Paused(seconds)) = refusal {
        reply.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
    }
    reply
}

/// A reason that has no ceremony behind it.
pub(crate) fn problem(status: StatusCode, code: &str, text: &str, origin: Option<&Origin>) -> Reply {
    answer(status, origin, json!({ "error": code, "text": text }).to_string().into_bytes())
}

fn answer(status: StatusCode, origin: Option<&Origin>, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    let headers: &mut HeaderMap = reply.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    // Listed origins were parsed as URLs, so they are header values.
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin.text()).ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    reply
}
