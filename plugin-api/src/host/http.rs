//! Requests to other servers. Permission `http`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::abi::Host;
use crate::error::{Error, Result};
use crate::message::{HeaderValue, HttpRequest, HttpResponse, host_method};

/// A request that is being put together. Made by [`Host::http`], carried out by [`HttpCall::send`].
#[derive(Clone, Debug)]
#[must_use = "nothing goes out before `send`"]
pub struct HttpCall {
    host: Host,
    request: HttpRequest,
    body: Vec<u8>,
}

/// What came back, whatever the status. Redirects are not followed: they are here as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header fields in lower case; the values of one that came several times are joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// At most 256 KiB.
    pub body: Vec<u8>,
}

impl Host {
    /// A request: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`, and an absolute URL whose origin was granted.
    pub fn http(&self, method: &str, url: impl Into<String>) -> HttpCall {
        let request =
            HttpRequest { method: method.to_owned(), url: url.into(), headers: BTreeMap::new(), body: String::new() };
        HttpCall { host: *self, request, body: Vec::new() }
    }
}

impl HttpCall {
    /// Sets a header field: to a text, or to [`crate::Secret::header`], which the host fills in.
    pub fn header(mut self, name: &str, value: impl Into<HeaderValue>) -> Self {
        self.request.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to a value as JSON, and the content type with it.
    ///
    /// # Errors
    /// When `value` cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self> {
        let body = serde_json::to_vec(value).map_err(|error| Error::malformed("the body", &error))?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Sends it and waits for the response.
    ///
    /// # Errors
    /// [`Error::Denied`] for an origin that was not granted, or for a secret header field without the permission
    /// `secret`; [`Error::Failed`] when no response came in time. A response with any status is none.
    pub fn send(self) -> Result<Response> {
        let request = HttpRequest { body: URL_SAFE_NO_PAD.encode(self.body), ..self.request };
        let HttpResponse { status, headers, body } = self.host.ask(host_method::HTTP_SEND, &request)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| Error::failed("the host's body is not base64url"))?;
        Ok(Response { status, headers, body })
    }
}

impl Response {
    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header field, whatever the case of `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The body, as JSON.
    ///
    /// # Errors
    /// When it is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| Error::malformed("the response", &error))
    }
}

impl From<&str> for HeaderValue {
    fn from(value: &str) -> Self {
        Self::Plain(value.to_owned())
    }
}

impl From<String> for HeaderValue {
    fn from(value: String) -> Self {
        Self::Plain(value)
    }
}
