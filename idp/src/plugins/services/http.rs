//! Requests of plugins, to origins that were granted, and no further than [`crate::outbound`] reaches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::{HeaderValue, HttpRequest, HttpResponse, permission};
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Method, Response};
use url::Url;

use super::Refusal;
use super::call::Call;
use super::words::one_line;
use crate::outbound::address;

/// Longest that a request takes, if the call leaves it so long.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Longest body of a request, in bytes.
const REQUEST_LIMIT: usize = 64 << 10;
/// Longest body of a response, in bytes.
const RESPONSE_LIMIT: usize = 256 << 10;
/// Longest names and values of header fields of a response in all, in bytes.
const RESPONSE_HEADERS_LIMIT: usize = 32 << 10;
/// Header fields of a request.
const HEADERS_LIMIT: usize = 32;

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What belongs to the connection, or decides where a request ends, is not for plugins to say.
const RESERVED: [HeaderName; 11] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

pub(super) fn send(call: &mut Call<'_>, request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let url = Url::parse(&request.url).map_err(|error| Refusal::failed(format!("url: {error}")))?;
    let origin = url.origin().ascii_serialization();
    call.is_about(&format!("{origin}{}", url.path()));
    let reach = call.held.grants.reach(&origin);
    let reach = reach.ok_or_else(|| Refusal::denied(format!("the origin {} was not granted", one_line(&origin))))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::failed("url: a name or password does not belong there; send a header field"));
    }
    reach.takes(&url).map_err(|error| Refusal::denied(error.to_string()))?;
    let method = METHODS.into_iter().find(|method| method.as_str() == request.method);
    let method = method.ok_or_else(|| Refusal::failed("method: GET, POST, PUT, PATCH or DELETE"))?;
    let headers = headers(call, request.headers)?;
    let body =
        BASE64_URL_SAFE_NO_PAD.decode(request.body).map_err(|_| Refusal::failed("body: this is not base64url"))?;
    if body.len() > REQUEST_LIMIT {
        return Err(Refusal::failed(format!("body: it has {} bytes, and may have {REQUEST_LIMIT}", body.len())));
    }
    let means = Arc::clone(&call.means);
    let client = means.clients().map_err(|error| {
        tracing::error!(%error, "requests of plugins cannot be sent");
        Refusal::failed("the server cannot send requests")
    })?;
    let mut ready = client.of(reach).request(method, url).headers(headers);
    if !body.is_empty() {
        ready = ready.body(body);
    }
    call.begins()?;
    let within = call.left().min(TIME_LIMIT);
    let exchange = async {
        let response = ready.send().await.map_err(|error| failure(&error))?;
        received(response).await
    };
    let began = Instant::now();
    let late = |_| Refusal::failed(format!("there was no whole response within {} ms", began.elapsed().as_millis()));
    means.runtime.block_on(async { tokio::time::timeout(within, exchange).await }).map_err(late)?
}

fn headers(call: &Call<'_>, wanted: BTreeMap<String, HeaderValue>) -> Result<HeaderMap, Refusal> {
    if wanted.len() > HEADERS_LIMIT {
        return Err(Refusal::failed(format!("headers: {} fields, and there may be {HEADERS_LIMIT}", wanted.len())));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in wanted {
        let shown = one_line(&name);
        let name = HeaderName::try_from(name)
            .map_err(|_| Refusal::failed(format!("headers: `{shown}` is no name of a field")))?;
        if RESERVED.contains(&name) {
            return Err(Refusal::failed(format!("headers: `{name}` is the server's own")));
        }
        let value = match value {
            HeaderValue::Plain(text) => header::HeaderValue::try_from(text),
            HeaderValue::Secret { secret, prefix } => {
                call.needs(permission::SECRET)?;
                let secret = call.held.secrets.get(&secret)?;
                header::HeaderValue::try_from(format!("{prefix}{secret}")).map(|mut value| {
                    value.set_sensitive(true);
                    value
                })
            }
        };
        let value = value.map_err(|_| Refusal::failed(format!("headers: `{name}` cannot have this value")))?;
        if headers.insert(&name, value).is_some() {
            return Err(Refusal::failed(format!("headers: `{name}` comes twice")));
        }
    }
    Ok(headers)
}

/// What went wrong, without the URL, whose query may hold what is not for logs.
fn failure(error: &reqwest::Error) -> Refusal {
    match address::not_public(error) {
        Some(why) => Refusal::denied(why),
        None => Refusal::failed(format!("the request failed: {}", one_line(&address::innermost(error).to_string()))),
    }
}

async fn received(mut response: Response) -> Result<HttpResponse, Refusal> {
    let status = response.status().as_u16();
    let mut headers = BTreeMap::<String, String>::new();
    let mut length = 0;
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        length += name.as_str().len() + value.len();
        let field = headers.entry(name.as_str().to_owned()).or_default();
        if !field.is_empty() {
            field.push_str(", ");
        }
        field.push_str(&value);
    }
    if length > RESPONSE_HEADERS_LIMIT {
        return Err(Refusal::failed(format!("the response has more than {RESPONSE_HEADERS_LIMIT} bytes of headers")));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + part.len() > RESPONSE_LIMIT {
            return Err(Refusal::failed(format!("the response has more than {RESPONSE_LIMIT} bytes")));
        }
        body.extend_from_slice(&part);
    }
    Ok(HttpResponse { status, headers, body: BASE64_URL_SAFE_NO_PAD.encode(body) })
}
