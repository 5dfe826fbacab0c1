//! One request over one connection, and its whole answer.

use std::net::{Ipv4Addr, SocketAddr};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::handshake,
    header::{self, HeaderName},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use url::{Position, Url, form_urlencoded};

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).expect("a UTF-8 body")
    }

    /// The body as JSON; shows what came instead if it is none.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text()))
    }

    /// The body as JSON of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// Expects a protocol error and returns its code.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        assert!(self.status.is_client_error(), "expected a refusal, got {} {}", self.status, self.text());
        self.json()["error"].as_str().expect("an error code").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("an ASCII header"))
    }
}

/// Where connections come from.
pub(crate) const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Why there is no answer.
pub(crate) type Lost = Box<dyn std::error::Error + Send + Sync>;

/// Sends a request and reads the whole answer. The connection is closed afterwards.
///
/// # Errors
/// When the server cannot be reached, or goes away before it has answered.
pub(crate) async fn try_send(
    method: Method,
    url: &Url,
    headers: &[(HeaderName, &str)],
    body: String,
) -> Result<Reply, Lost> {
    try_send_from(LOOPBACK, method, url, headers, body).await
}

/// As [`try_send`], over a connection from this address of our own.
///
/// # Errors
/// As [`try_send`].
pub(crate) async fn try_send_from(
    from: Ipv4Addr,
    method: Method,
    url: &Url,
    headers: &[(HeaderName, &str)],
    body: String,
) -> Result<Reply, Lost> {
    let server: SocketAddr = url.socket_addrs(|| None)?[0];
    let mut request = Request::builder()
        .method(method)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(header::CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body)))?;
    // The kernel chooses the port when it knows both ends, so that it does not run out of them.
    let stream = if from == LOOPBACK {
        TcpStream::connect(server).await?
    } else {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(server).await?
    };
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let carried = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    drop(sender);
    drop(carried.await);
    Ok(Reply { status: head.status, headers: head.headers, body })
}

/// As [`try_send`], for a server that is up.
pub(crate) async fn send(method: Method, url: &Url, headers: &[(HeaderName, &str)], body: String) -> Reply {
    try_send(method, url, headers, body).await.unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Posts a form.
///
/// # Errors
/// As [`try_send`].
pub(crate) async fn try_post_form(
    url: &Url,
    headers: &[(HeaderName, &str)],
    fields: &[(&str, &str)],
) -> Result<Reply, Lost> {
    let mut all = vec![(header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
    all.extend_from_slice(headers);
    try_send(Method::POST, url, &all, encoded(fields)).await
}

/// As [`try_post_form`], for a server that is up.
pub(crate) async fn post_form(url: &Url, headers: &[(HeaderName, &str)], fields: &[(&str, &str)]) -> Reply {
    try_post_form(url, headers, fields).await.unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Posts JSON.
pub(crate) async fn post_json(url: &Url, body: &Value) -> Reply {
    send(Method::POST, url, &[(header::CONTENT_TYPE, "application/json")], body.to_string()).await
}

/// Fields as `application/x-www-form-urlencoded`.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
