//! One HTTP/1.1 connection that stays open.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;

use crate::Error;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body, if the status is the expected one; else an error that shows what came.
    pub(crate) fn expect(self, status: StatusCode) -> Result<Bytes, Error> {
        if self.status == status {
            return Ok(self.body);
        }
        Err(self.unexpected(&format!("expected {status}")))
    }

    /// An error that shows what came instead of what was `expected`.
    pub(crate) fn unexpected(&self, expected: &str) -> Error {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(400).collect();
        format!("{expected}, got {}: {body}", self.status).into()
    }

    /// The `Location` header.
    pub(crate) fn location(&self) -> Option<&str> {
        self.headers.get(header::LOCATION)?.to_str().ok()
    }
}

/// A connection to one server; opened at the first request, and again when the server has closed it.
pub(crate) struct Connection {
    server: SocketAddr,
    host: String,
    source: Ipv4Addr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// `host`: what the `Host` header says.
    pub(crate) fn new(server: SocketAddr, host: &str) -> Self {
        Self { server, host: host.to_owned(), source: Ipv4Addr::LOCALHOST, sender: None }
    }

    /// The same from another loopback address: limits count each address for itself.
    pub(crate) fn from(self, source: Ipv4Addr) -> Self {
        Self { source, ..self }
    }

    /// Sends one request and reads the whole answer. `path` starts with `/`.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(header::HeaderName, &str)],
        body: String,
    ) -> Result<Reply, Error> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let response = self.sender().await?.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Error> {
        let open = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !open {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(IpAddr::V4(self.source), 0))?;
            let stream = socket.connect(self.server).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // Its errors reach whoever waits for an answer on it.
            tokio::spawn(async move { drop(connection.await) });
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| "no connection".into())
    }
}
