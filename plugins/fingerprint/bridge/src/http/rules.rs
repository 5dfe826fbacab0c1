//! Who is heard. Everything in a head is judged before a byte of a body is read.

use hyper::{HeaderMap, Method, StatusCode, header, http::request::Parts};

use crate::{ceremony::Kind, settings::Origin};

/// The header that only a page's own `fetch` can set, after a preflight.
pub(crate) const HEADER: &str = "x-enum-bridge";
/// Its one value: the version of this protocol.
const HEADER_VALUE: &str = "1";
/// Longest body, in bytes: options with the names of a hundred credentials fit.
pub(crate) const LONGEST_BODY: usize = 32 * 1024;

/// A head that was let through.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    /// A browser asks whether the page may ask.
    Preflight(&'a Origin),
    /// A page asks.
    Asked(&'a Origin, Kind),
}

/// Why a head was not let through. Until the origin is known to be listed the answer is unreadable for the page.
#[derive(Debug)]
pub(crate) struct Denied<'a> {
    /// HTTP status.
    pub status: StatusCode,
    /// Its name, for programs.
    pub code: &'static str,
    /// The listed origin that is told.
    pub origin: Option<&'a Origin>,
}

/// Judges a head. `port` is where the bridge listens.
pub(crate) fn hear<'a>(head: &Parts, port: u16, origins: &'a [Origin]) -> Result<Heard<'a>, Denied<'a>> {
    let deny = |status, code, origin| Err(Denied { status, code, origin });
    // A foreign name that was made to resolve to this computer (DNS rebinding) makes the page's origin the bridge's own.
    if head.uri.authority().is_some() || !one(&head.headers, header::HOST).is_some_and(|host| is_here(host, port)) {
        return deny(StatusCode::MISDIRECTED_REQUEST, "foreign-host", None);
    }
    let asking = one(&head.headers, header::ORIGIN);
    let Some(origin) = origins.iter().find(|origin| asking == Some(origin.text())) else {
        return deny(StatusCode::FORBIDDEN, "foreign-origin", None);
    };
    let kind = match head.uri.path() {
        "/v1/create" => Kind::Create,
        "/v1/get" => Kind::Get,
        _ => return deny(StatusCode::NOT_FOUND, "no-such-path", Some(origin)),
    };
    if head.method == Method::OPTIONS {
        return Ok(Heard::Preflight(origin));
    }
    if head.method != Method::POST {
        return deny(StatusCode::METHOD_NOT_ALLOWED, "post-only", Some(origin));
    }
    if one(&head.headers, header::CONTENT_TYPE) != Some("application/json") {
        return deny(StatusCode::UNSUPPORTED_MEDIA_TYPE, "json-only", Some(origin));
    }
    if one(&head.headers, HEADER) != Some(HEADER_VALUE) {
        return deny(StatusCode::FORBIDDEN, "header-missing", Some(origin));
    }
    let length = one(&head.headers, header::CONTENT_LENGTH).map(str::parse::<usize>);
    match length {
        Some(Ok(length)) if length <= LONGEST_BODY => Ok(Heard::Asked(origin, kind)),
        Some(Ok(_)) => deny(StatusCode::PAYLOAD_TOO_LARGE, "too-long", Some(origin)),
        _ => deny(StatusCode::LENGTH_REQUIRED, "length-missing", Some(origin)),
    }
}

fn is_here(host: &str, port: u16) -> bool {
    ["127.0.0.1", "[::1]", "localhost"].iter().any(|name| host == format!("{name}:{port}"))
}

/// The value of a header that stands there exactly once.
fn one(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?;
    if all.next().is_some() { None } else { value.to_str().ok() }
}
