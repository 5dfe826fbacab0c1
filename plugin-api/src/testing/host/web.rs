//! The web of the host in memory: a closure of the test's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::State;
use crate::error::{Error, Result};
use crate::message::{HeaderValue, HttpRequest, HttpResponse, permission};

/// Longest body of a response, in bytes.
const BODY_LIMIT: usize = 256 << 10;
/// Methods that a host sends.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

pub(super) type Answer = dyn Fn(&HttpRequest) -> Result<HttpResponse> + Send + Sync;

pub(super) fn answered(web: Option<&Answer>, request: &HttpRequest) -> Result<HttpResponse> {
    let web = web.ok_or_else(|| Error::failed("nobody answers: the test has set no web"))?;
    let response = web(request)?;
    let body = URL_SAFE_NO_PAD.decode(&response.body).map_err(|_| Error::failed("the body is not base64url"))?;
    if body.len() > BODY_LIMIT {
        return Err(Error::failed(format!("the response has more than {BODY_LIMIT} bytes")));
    }
    Ok(response)
}

impl State {
    /// The request as it goes out, if it may.
    pub(super) fn outgoing(&self, mut request: HttpRequest) -> Result<HttpRequest> {
        let origin = origin(&request.url).ok_or_else(|| Error::failed("url: must be absolute, by http or https"))?;
        self.reaches(&origin)?;
        if !METHODS.contains(&request.method.as_str()) {
            return Err(Error::failed(format!("method: one of {}", METHODS.join(", "))));
        }
        URL_SAFE_NO_PAD.decode(&request.body).map_err(|_| Error::failed("body: must be base64url"))?;
        for value in request.headers.values_mut() {
            if let HeaderValue::Secret { secret, prefix } = value {
                self.permitted(permission::SECRET)?;
                *value = HeaderValue::Plain(format!("{prefix}{}", self.secret(secret)?));
            }
        }
        Ok(request)
    }

    fn reaches(&self, origin: &str) -> Result<()> {
        let granted = |grant: &String| {
            grant == permission::HTTP
                || grant.strip_prefix("http:").is_some_and(|to| to == origin && to.starts_with("https://"))
                || grant.strip_prefix("http-private:").is_some_and(|to| to == origin)
        };
        if self.grants.iter().any(granted) {
            return Ok(());
        }
        Err(Error::Denied(format!("the origin `{origin}` was not granted")))
    }
}

/// Scheme, host and port as written, in lower case; none for a URL with a user in it.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#', '\\']).next()?;
    let scheme = scheme.to_ascii_lowercase();
    let fits = matches!(scheme.as_str(), "http" | "https") && !host.is_empty() && !host.contains('@');
    fits.then(|| format!("{scheme}://{}", host.to_ascii_lowercase()))
}
